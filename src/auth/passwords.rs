//! Passwords: made, hashed and verified by argon2id. Hashing is meant to be slow and to take memory, so it happens on
//! threads that may block, a few at a time; an operator that does not exist costs as much as one that does.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::secrets;
use crate::{domain::access::Secret, event_log::Unavailable};

/// Characters of a password that somebody chooses.
pub const PASSWORD_MIN: usize = 12;
/// Characters of any password; what is longer is not looked at.
pub const PASSWORD_MAX: usize = 128;
/// Hashes at once; each takes a core and its memory.
const AT_ONCE: usize = 2;
/// How long a hash waits for those before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one hash costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    memory_kib: u32,
    rounds: u32,
}

impl Cost {
    /// OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two rounds, one lane.
    pub(super) const OWASP: Self = Self {
        memory_kib: 19_456,
        rounds: 2,
    };
    /// For tests that are about something else.
    #[cfg(test)]
    pub(super) const LIGHT: Self = Self {
        memory_kib: 8,
        rounds: 1,
    };
}

pub(super) struct Passwords {
    cost: Cost,
    turns: Arc<Semaphore>,
    /// A hash of a password that nobody has.
    nobody: Arc<OnceLock<String>>,
}

impl Passwords {
    pub(super) fn new(cost: Cost) -> Self {
        Self {
            cost,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: Arc::default(),
        }
    }

    /// A hash in PHC format with a salt of its own.
    pub(super) async fn hash(&self, password: &Secret) -> Result<Secret, Unavailable> {
        let (cost, password) = (self.cost, password.clone());
        self.run(move || hash(cost, &password).map(Secret)).await?
    }

    /// Whether the password is the one that was hashed. `None` is an operator that does not exist: no password is theirs, and
    /// finding out takes as long.
    pub(super) async fn verify(&self, hashed: Option<&Secret>, password: &Secret) -> Result<bool, Unavailable> {
        let (cost, password, hashed) = (self.cost, password.clone(), hashed.cloned());
        let nobody = Arc::clone(&self.nobody);
        self.run(move || {
            let known = hashed.is_some();
            let hashed = match hashed {
                Some(hashed) => hashed.0,
                None => nobody_hash(&nobody, cost)?,
            };
            let hashed = PasswordHash::new(&hashed).map_err(|error| unable(&error))?;
            let fits = password.0.chars().count() <= PASSWORD_MAX;
            // The cost is that of the hash, not of this program.
            let same = argon2(cost)?.verify_password(password.0.as_bytes(), &hashed).is_ok();
            Ok(known && fits && same)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unavailable> {
        let closing = || Unavailable("the program is shutting down".into());
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Unavailable("too many passwords wait to be verified".into()))?
            .map_err(|_| closing())?;
        let task = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        task.await.map_err(|_| closing())
    }
}

fn nobody_hash(nobody: &OnceLock<String>, cost: Cost) -> Result<String, Unavailable> {
    if let Some(hashed) = nobody.get() {
        return Ok(hashed.clone());
    }
    let hashed = hash(cost, &Secret(secrets::random_password()))?;
    Ok(nobody.get_or_init(|| hashed).clone())
}

fn hash(cost: Cost, password: &Secret) -> Result<String, Unavailable> {
    let hashed = argon2(cost)?
        .hash_password(password.0.as_bytes())
        .map_err(|error| unable(&error))?;
    Ok(hashed.to_string())
}

fn argon2(cost: Cost) -> Result<Argon2<'static>, Unavailable> {
    let params = Params::new(cost.memory_kib, cost.rounds, 1, None).map_err(|error| unable(&error))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn unable(error: &impl std::fmt::Display) -> Unavailable {
    Unavailable(format!("a password can't be verified: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let passwords = Passwords::new(Cost::LIGHT);
        let hashed = passwords.hash(&secret("correct horse")).await.unwrap();
        assert!(hashed.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", hashed.0);
        assert_ne!(hashed, passwords.hash(&secret("correct horse")).await.unwrap());
        assert_eq!(
            passwords.verify(Some(&hashed), &secret("correct horse")).await,
            Ok(true)
        );
        assert_eq!(
            passwords.verify(Some(&hashed), &secret("Correct horse")).await,
            Ok(false)
        );
        assert_eq!(passwords.verify(Some(&hashed), &secret("")).await, Ok(false));
        assert_eq!(passwords.verify(None, &secret("correct horse")).await, Ok(false));
        assert!(passwords.verify(Some(&secret("no hash")), &secret("x")).await.is_err());
    }

    #[tokio::test]
    async fn what_is_too_long_is_nobodys_password() {
        let passwords = Passwords::new(Cost::LIGHT);
        let long = secret(&"x".repeat(PASSWORD_MAX + 1));
        let hashed = passwords.hash(&long).await.unwrap();
        assert_eq!(passwords.verify(Some(&hashed), &long).await, Ok(false));
    }

    #[tokio::test]
    async fn the_product_pays_what_owasp_asks() {
        let hashed = Passwords::new(Cost::OWASP)
            .hash(&secret("correct horse"))
            .await
            .unwrap();
        assert!(hashed.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.0);
    }
}
