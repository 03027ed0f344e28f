//! Compensations: previews a command, issues it or proposes it to a second person, and finishes what a crash interrupted. All state is
//! in the case, a stream of the compensation store. Every step can be repeated by any process at any time; the second time it changes
//! nothing. An act is written to the audit trail before it is done.

mod append;
mod approve;
mod audit;
mod cases;
mod error;
mod form;
mod hash;
mod issue;
mod load;
mod open_cases;
pub mod outcomes;
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
pub use ports::{AuditLog, AuditLogError, DayLimits, ReserveError};
pub use recover::Recovered;

/// The stores that compensations are written to.
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
    /// A case that is being issued is left to who began it for so long; then others finish it. Clocks of the processes that
    /// share the stores may differ by less than half of this.
    pub grace: TimeDelta,
    /// How long an append whose outcome is not known is asked for again before the answer is that it is unknown.
    pub patience: Duration,
    /// How often cases that nobody finished are looked for.
    pub round: Duration,
    /// What the time is.
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

/// Which wallets are credited for a refund, as far as somebody knows.
pub type CreditedFor = dyn Fn(&str) -> Result<Vec<EntityId>, String> + Send + Sync;

/// Who asks for something. Everything in here has been verified.
#[derive(Clone, Debug)]
pub struct Requester {
    pub name: OperatorName,
    pub role: Role,
    /// By currency; one that is missing always needs a second person.
    pub limits: Vec<Limit>,
    /// The password was given within the last minutes (with the code, where there is an authenticator).
    pub proved: bool,
    /// Has an authenticator.
    pub totp: bool,
    /// The address that the request came from.
    pub from: Option<String>,
    /// Tells sessions apart without giving them away.
    pub session: Option<String>,
}

/// Where compensations are previewed, proposed, approved, issued and recovered. Several may work on the same stores.
pub struct Compensations {
    stores: CompensationStores,
    limits: Arc<dyn DayLimits>,
    audit: Arc<dyn AuditLog>,
    credited_for: Arc<CreditedFor>,
    settings: Settings,
    /// Where long wallets are known from; without, they are read whole.
    histories: Option<Arc<Histories<WalletState>>>,
    /// The rows of cases, for lists.
    cases: Arc<Cases>,
    open_cases: OpenCases,
    /// Cases that this process began and could not end. They are taken up again without grace.
    unknown_cases: Mutex<BTreeSet<EntityId>>,
    unknown_noted: Notify,
}

impl Compensations {
    pub fn new(
        stores: CompensationStores,
        limits: Arc<dyn DayLimits>,
        audit: Arc<dyn AuditLog>,
        credited_for: Arc<CreditedFor>,
        cases: Arc<Cases>,
        settings: Settings,
    ) -> Self {
        let open_cases = OpenCases::new(Arc::clone(&stores.compensation));
        Self {
            stores,
            limits,
            audit,
            credited_for,
            settings,
            histories: None,
            cases,
            open_cases,
            unknown_cases: Mutex::default(),
            unknown_noted: Notify::new(),
        }
    }

    /// Reads long wallets from their snapshots, which have to be of the same wallet log.
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
        tracing::warn!(%case, "the outcome of a case is unknown; it will be finished or refused");
        self.unknown_cases().insert(case.clone());
        self.unknown_noted.notify_one();
    }
}
