//! Hashes and verifies passwords with argon2id. Hashing takes time and memory by design, so it runs on threads for
//! blocking calls, a few at a time. Verifying the password of an unknown operator takes as long as that of a known one.

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

/// The shortest password that a person can choose, in characters.
pub const PASSWORD_MIN: usize = 12;
/// The longest password in characters. Longer ones never match.
pub const PASSWORD_MAX: usize = 128;
/// The limit of concurrent hashes. Each one uses a core and 19 MiB.
const AT_ONCE: usize = 2;
/// How long a hash waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cost parameters of argon2id.
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
    /// Low cost, for tests of other things.
    #[cfg(test)]
    pub(super) const LIGHT: Self = Self {
        memory_kib: 8,
        rounds: 1,
    };
}

pub(super) struct Passwords {
    cost: Cost,
    turns: Arc<Semaphore>,
    /// The hash of a random password, which is verified for unknown operators.
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

    /// The hash of a password in PHC format, with a new salt.
    pub(super) async fn hash(&self, password: &Secret) -> Result<Secret, Unavailable> {
        let (cost, password) = (self.cost, password.clone());
        self.run(move || hash(cost, &password).map(Secret)).await?
    }

    /// Whether the password matches the hash. `None` is the hash of an unknown operator: the answer is `false` and
    /// takes as long.
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
            // The cost parameters are read from the hash, so `cost` does not matter.
            let same = argon2(cost)?.verify_password(password.0.as_bytes(), &hashed).is_ok();
            Ok(known && fits && same)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unavailable> {
        let closing = || Unavailable("the program is shutting down".into());
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Unavailable("too many sign-ins at once".into()))?
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
    async fn a_hash_matches_only_its_password() {
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
    async fn too_long_passwords_never_match() {
        let passwords = Passwords::new(Cost::LIGHT);
        let long = secret(&"x".repeat(PASSWORD_MAX + 1));
        let hashed = passwords.hash(&long).await.unwrap();
        assert_eq!(passwords.verify(Some(&hashed), &long).await, Ok(false));
    }

    #[tokio::test]
    async fn production_hashes_have_the_owasp_parameters() {
        let hashed = Passwords::new(Cost::OWASP)
            .hash(&secret("correct horse"))
            .await
            .unwrap();
        assert!(hashed.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.0);
    }
}
