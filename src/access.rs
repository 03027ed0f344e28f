//! Who people are and what they did: operators, passwords and codes, sessions, throttled logins, what was issued in a day,
//! and the audit trail. What must stay is appended to the access log, what must expire is kept in [`records`]; several
//! processes may use one store at once. Who may do what is the domain's, cookies and headers are the server's.

pub mod audit;
pub mod day_limits;
mod lines;
pub mod login;
pub mod look_ups;
pub mod operators;
mod passwords;
pub mod records;
mod secrets;
pub mod session;
mod totp;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::{
    audit::Audit,
    day_limits::DayLimits,
    login::Logins,
    look_ups::LookUps,
    operators::Operators,
    passwords::{Cost, Passwords},
    session::Sessions,
};
use crate::{
    domain::ids::LogName,
    event_log::{self, AppendError, OpenError, ReadError},
};

/// What time it is. Tests bring their own.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The time of this machine.
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// The access store did not do what it was asked, in words that hold no address and no secret. Whether a change was made
/// in spite of it is not known where the words say so; everything here may be asked again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl From<ReadError> for Unavailable {
    fn from(error: ReadError) -> Self {
        Self(error.to_string())
    }
}

impl From<AppendError> for Unavailable {
    fn from(error: AppendError) -> Self {
        Self(error.to_string())
    }
}

/// Everything about people, on one store.
pub struct Access {
    operators: Arc<Operators>,
    logins: Logins,
    look_ups: LookUps,
    sessions: Sessions,
    day_limits: DayLimits,
    audit: Audit,
}

impl Access {
    /// Checks the URL, which is that of a log (`embedded:DIR`, `redis://…`, `rediss://…`); connects on first use.
    pub fn open(url: &str, clock: Clock) -> Result<Arc<Self>, OpenError> {
        Self::open_with(url, clock, Cost::OWASP)
    }

    fn open_with(url: &str, clock: Clock, cost: Cost) -> Result<Arc<Self>, OpenError> {
        let log = event_log::open(LogName::Access, url)?;
        let records = records::open(url, Arc::clone(&clock))?;
        let passwords = Arc::new(Passwords::new(cost));
        let operators = Arc::new(Operators::new(
            Arc::clone(&log),
            Arc::clone(&passwords),
            Arc::clone(&clock),
        ));
        Ok(Arc::new(Self {
            logins: Logins::new(Arc::clone(&operators), passwords, Arc::clone(&records)),
            look_ups: LookUps::new(Arc::clone(&records)),
            sessions: Sessions::new(Arc::clone(&operators), records),
            day_limits: DayLimits::new(Arc::clone(&log)),
            audit: Audit::new(log, clock),
            operators,
        }))
    }

    pub fn operators(&self) -> &Operators {
        &self.operators
    }

    pub const fn logins(&self) -> &Logins {
        &self.logins
    }

    pub const fn look_ups(&self) -> &LookUps {
        &self.look_ups
    }

    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub const fn day_limits(&self) -> &DayLimits {
        &self.day_limits
    }

    pub const fn audit(&self) -> &Audit {
        &self.audit
    }
}
