//! The state that all requests share, and the access store, which the server and the command line open.

mod adapters;

use std::sync::Arc;

use crate::{
    audit::Audit,
    auth::{Auth, Principal, Rules},
    compensations::{Compensations, Requester},
    domain::ids::LogName,
    event_log::{self, Clock, OpenError},
    ledger::Ledger,
    views::operators::Me,
};

/// The shared state. A clone is cheap, because each field is a handle. Server functions get it with
/// `use_context::<AppState>()`.
#[derive(Clone)]
pub struct AppState {
    pub ledger: Arc<Ledger>,
    pub compensations: Arc<Compensations>,
    pub auth: Arc<Auth>,
    pub audit: Arc<Audit>,
}

impl AppState {
    /// The requester of compensations for a principal.
    pub fn requester(&self, principal: &Principal) -> Requester {
        Requester {
            name: principal.operator.name.clone(),
            role: principal.operator.role,
            limits: principal.operator.limits.clone(),
            proved: principal.session.is_proven(self.auth.now()),
            totp: principal.operator.has_totp(),
            from: Some(principal.from.to_string()),
            session: Some(principal.session.mark.clone()),
        }
    }
}

/// The data about a principal that pages use.
pub fn me(principal: &Principal) -> Me {
    Me {
        name: principal.operator.name.clone(),
        role: principal.operator.role,
        form_token: principal.session.form_token.clone(),
        demo: principal.operator.demo,
        totp: principal.operator.has_totp(),
        limits: principal.operator.limits.clone(),
    }
}

/// Operators, sessions and the audit trail, which are in one store.
#[derive(Clone)]
pub struct AccessStore {
    pub auth: Arc<Auth>,
    pub audit: Arc<Audit>,
}

impl AccessStore {
    /// Opens the store at a URL (`embedded:DIR`, `redis://…`, `rediss://…`). Checks the URL, and connects on first use.
    pub fn open(url: &str, clock: Clock, rules: Rules) -> Result<Self, OpenError> {
        let log = event_log::open(LogName::Access, url)?;
        Ok(Self {
            auth: Arc::new(Auth::new(Arc::clone(&log), url, Arc::clone(&clock), rules)?),
            audit: Arc::new(Audit::new(log, clock)),
        })
    }
}
