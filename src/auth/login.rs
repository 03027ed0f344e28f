//! Sign-in and renewed proof of the password. Every try is counted before its password is verified, so that concurrent
//! guesses can't exceed the limit. A refusal does not say whether the name or the password was wrong.

mod throttle;

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use self::throttle::Throttle;
pub use self::throttle::{ACCOUNT_FAILURES_MAX, ADDRESS_FAILURES_MAX, FAILURES_WITHIN};
use super::{
    operators::{Operator, Operators},
    passwords::Passwords,
    records::Records,
    totp,
};
use crate::{
    domain::access::{OperatorName, Secret},
    event_log::Unavailable,
};

/// How long a code is remembered as used. This is longer than the code is valid.
const CODE_TTL: Duration = Duration::from_mins(5);

/// Why a sign-in fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("the name or the password is wrong")]
    Refused,
    /// The password was right, but the code of the authenticator is missing.
    #[error("enter the code of your authenticator as well")]
    CodeNeeded,
    /// The password was right, but the code is wrong or was used before.
    #[error("the code is wrong or was already used; wait for the next one")]
    CodeRefused,
    #[error("too many failed tries; try again in {retry_after_seconds} s")]
    Throttled { retry_after_seconds: u64 },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

pub struct Logins {
    operators: Arc<Operators>,
    passwords: Arc<Passwords>,
    records: Arc<dyn Records>,
    throttle: Throttle,
}

impl Logins {
    pub(super) fn new(operators: Arc<Operators>, passwords: Arc<Passwords>, records: Arc<dyn Records>) -> Self {
        Self {
            operators,
            passwords,
            throttle: Throttle::new(Arc::clone(&records)),
            records,
        }
    }

    /// Verifies name, password and code, and returns the operator. `name` is the text that was typed; `code` is empty
    /// if none was given.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &Secret,
        code: &Secret,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Operator, SignInError> {
        let attempt = self.throttle.begin(name, from).await?;
        let operator = match name.parse::<OperatorName>() {
            Ok(name) => self.operators.find(&name).await?,
            Err(_) => None,
        };
        let hashed = operator.as_ref().map(|operator| &operator.password_hash);
        let right = self.passwords.verify(hashed, password).await?;
        let Some(operator) = operator.filter(|operator| right && !operator.disabled) else {
            return Err(SignInError::Refused);
        };
        if let Some(secret) = &operator.totp_secret {
            if code.0.trim().is_empty() {
                // Neither a failure nor a success: this try is not counted, and earlier failures stay.
                self.throttle.take_back(attempt).await?;
                return Err(SignInError::CodeNeeded);
            }
            self.use_code(&operator.name, secret, code, now).await?;
        }
        self.throttle.succeeded(attempt).await?;
        Ok(operator)
    }

    /// Verifies the password (and code) of `operator` again. Refuses if the operator's epoch has changed. Tries are
    /// counted together with those of sign-ins.
    pub async fn prove(
        &self,
        operator: &Operator,
        password: &Secret,
        code: &Secret,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Operator, SignInError> {
        let proven = self.sign_in(operator.name.as_str(), password, code, from, now).await?;
        if proven.epoch != operator.epoch {
            return Err(SignInError::Refused);
        }
        Ok(proven)
    }

    /// Uses a code. A code can be used once over all processes.
    async fn use_code(
        &self,
        name: &OperatorName,
        secret: &Secret,
        code: &Secret,
        now: DateTime<Utc>,
    ) -> Result<(), SignInError> {
        let step = totp::step(secret, code, now).ok_or(SignInError::CodeRefused)?;
        let key = totp::used_key(name, secret, step);
        if self.records.put_new(&key, b"used", CODE_TTL).await? {
            Ok(())
        } else {
            Err(SignInError::CodeRefused)
        }
    }
}
