//! Authentication: operators, passwords, codes, sessions, throttled sign-ins, daily limits, and the principal of a
//! request. Permanent data are events in the access log. Expiring data are in [`records`]. Several processes may share
//! one store.

pub mod client;
mod cookie;
pub mod day_limits;
pub mod login;
pub mod look_ups;
pub mod operators;
mod passwords;
mod principal;
pub mod records;
mod secrets;
pub mod session;
mod totp;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::{
    client::{Client, Visitor},
    cookie::SessionCookie,
    principal::Principal,
};
use self::{
    day_limits::DayLimits,
    login::Logins,
    look_ups::LookUps,
    operators::{Operator, Operators},
    passwords::{Cost, Passwords},
    session::Sessions,
};
use crate::event_log::{Clock, EventLog, OpenError, Unavailable};

/// Settings of sign-in and session cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether browsers reach the server by TLS.
    pub by_tls: bool,
    /// Whether demo operators may sign in.
    pub allows_demo: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            by_tls: true,
            allows_demo: false,
        }
    }
}

/// Operators, their sessions and their limits, in one access store.
pub struct Auth {
    operators: Arc<Operators>,
    logins: Logins,
    look_ups: LookUps,
    sessions: Sessions,
    day_limits: DayLimits,
    clock: Clock,
    rules: Rules,
}

impl Auth {
    /// `log` is the access log at `url` (`embedded:DIR`, `redis://…`, `rediss://…`), which also stores the sessions.
    /// Connects on first use.
    pub fn new(log: Arc<dyn EventLog>, url: &str, clock: Clock, rules: Rules) -> Result<Self, OpenError> {
        Self::with_cost(log, url, clock, rules, Cost::OWASP)
    }

    fn with_cost(log: Arc<dyn EventLog>, url: &str, clock: Clock, rules: Rules, cost: Cost) -> Result<Self, OpenError> {
        let records = records::open(url, Arc::clone(&clock))?;
        let passwords = Arc::new(Passwords::new(cost));
        let operators = Arc::new(Operators::new(
            Arc::clone(&log),
            Arc::clone(&passwords),
            Arc::clone(&clock),
        ));
        Ok(Self {
            logins: Logins::new(Arc::clone(&operators), passwords, Arc::clone(&records)),
            look_ups: LookUps::new(Arc::clone(&records)),
            sessions: Sessions::new(Arc::clone(&operators), records),
            day_limits: DayLimits::new(log),
            operators,
            clock,
            rules,
        })
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    pub const fn cookie(&self) -> SessionCookie {
        SessionCookie::new(self.rules.by_tls)
    }

    /// Whether the operator may sign in: not disabled, and no demo operator unless [`Rules`] allow it.
    pub const fn admits(&self, operator: &Operator) -> bool {
        !operator.disabled && (self.rules.allows_demo || !operator.demo)
    }

    /// Whether the principal's session is still valid.
    pub async fn still_admits(&self, principal: &Principal) -> Result<bool, Unavailable> {
        self.sessions.lives(&principal.token.0, self.now()).await
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
}
