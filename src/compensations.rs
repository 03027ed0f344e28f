//! Compensations: previews a command, issues it or proposes it to a second person, and finishes cases that a crash
//! interrupted (contract §6, §7). All state is in the case, a stream of the compensation store. Any process can repeat
//! any step at any time; a repeat changes nothing. An act is recorded in the audit trail before it is done.

mod append;
pub mod append_outcome;
mod approve;
mod audit;
mod cases;
mod error;
mod form;
mod hash;
mod issue;
mod load;
mod open_cases;
mod ports;
mod recover;
mod saga;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::{
    domain::{
        access::{Limit, OperatorName, Role},
        ids::{Domain, EntityId},
        wallet::WalletState,
    },
    event_log::EventLog,
    read_model::{cases::Cases, snapshots::Histories},
};

use self::open_cases::OpenCases;
pub use error::CompensationError;
pub use ports::{AuditLog, AuditLogError, Credits, DayLimits, ReserveError};
pub use recover::Recovered;

/// The stores to which compensations append.
#[derive(Clone)]
pub struct CompensationStores {
    pub wallet: Arc<dyn EventLog>,
    pub order: Arc<dyn EventLog>,
    pub compensation: Arc<dyn EventLog>,
}

impl CompensationStores {
    fn of(&self, domain: Domain) -> &dyn EventLog {
        match domain {
            Domain::Wallet => &*self.wallet,
            Domain::Order => &*self.order,
        }
    }
}

/// Settings of a process.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a proposal waits for its approval.
    pub approval_time: TimeDelta,
    /// For how long only the process that began to issue a case works on it; then recovery in any process may finish
    /// it. The clocks of processes that share the stores must differ by less than half of this.
    pub grace: TimeDelta,
    /// How long an append with an unknown outcome is retried before the outcome is returned as unknown.
    pub patience: Duration,
    /// The interval of recovery rounds.
    pub round: Duration,
    /// The source of the current time.
    pub clock: fn() -> DateTime<Utc>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            approval_time: TimeDelta::hours(72),
            grace: TimeDelta::seconds(10),
            patience: Duration::from_secs(20),
            round: Duration::from_secs(30),
            clock: Utc::now,
        }
    }
}

/// The person who requests an act. All fields were verified by the caller.
#[derive(Clone, Debug)]
pub struct Requester {
    pub name: OperatorName,
    pub role: Role,
    /// The limits by currency. Without a limit in a currency, a second person has to approve.
    pub limits: Vec<Limit>,
    /// Whether the password was verified recently, and the code if there is an authenticator.
    pub proved: bool,
    /// Whether the person has an authenticator.
    pub totp: bool,
    /// The address that the request came from.
    pub from: Option<String>,
    /// The id of the session in the audit trail. It is not the session token.
    pub session: Option<String>,
}

/// Previews, proposes, approves, issues and recovers compensations. Several processes may work on the same stores.
pub struct Compensations {
    stores: CompensationStores,
    limits: Arc<dyn DayLimits>,
    audit: Arc<dyn AuditLog>,
    credits: Arc<dyn Credits>,
    settings: Settings,
    /// The snapshots of long wallets. Without them, whole streams are read.
    histories: Option<Arc<Histories<WalletState>>>,
    /// The rows of cases in the read model, for lists.
    cases: Arc<Cases>,
    open_cases: OpenCases,
    /// Cases that this process began and could not end. Recovery works on them without waiting for the grace time.
    unknown_cases: Mutex<BTreeSet<EntityId>>,
    unknown_noted: Notify,
}

impl Compensations {
    pub fn new(
        stores: CompensationStores,
        limits: Arc<dyn DayLimits>,
        audit: Arc<dyn AuditLog>,
        credits: Arc<dyn Credits>,
        cases: Arc<Cases>,
        settings: Settings,
    ) -> Self {
        let open_cases = OpenCases::new(Arc::clone(&stores.compensation));
        Self {
            stores,
            limits,
            audit,
            credits,
            settings,
            histories: None,
            cases,
            open_cases,
            unknown_cases: Mutex::default(),
            unknown_noted: Notify::new(),
        }
    }

    /// Loads long wallets from their snapshots, which must be of the same wallet log.
    #[must_use]
    pub fn with_histories(mut self, wallets: Arc<Histories<WalletState>>) -> Self {
        self.histories = Some(wallets);
        self
    }

    fn now(&self) -> DateTime<Utc> {
        (self.settings.clock)()
    }

    fn unknown_cases(&self) -> MutexGuard<'_, BTreeSet<EntityId>> {
        self.unknown_cases.lock()
    }

    fn leave_unknown(&self, case: &EntityId) {
        tracing::warn!(%case, "the outcome of a case is unknown; recovery will issue or refuse it");
        self.unknown_cases().insert(case.clone());
        self.unknown_noted.notify_one();
    }
}
