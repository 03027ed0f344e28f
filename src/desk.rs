//! The write side: what a compensation would do, issuing it or asking for a second person, and finishing what a crash
//! interrupted. The case in the compensation log is the only memory: every step can be repeated by anybody, at any time,
//! and changes nothing the second time. Nothing is written that the audit trail has not taken first.

mod append;
mod books;
mod cases;
mod error;
mod form;
mod hash;
mod issue;
mod judge;
mod open_cases;
pub mod outcomes;
mod ports;
mod recover;
mod saga;
mod trail;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
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
pub use error::DeskError;
pub use ports::{DayLimits, ReserveError, Trail, TrailEntry, TrailError};
pub use recover::Recovered;

/// The logs that compensations are written to.
#[derive(Clone)]
pub struct DeskStores {
    pub wallet: Arc<dyn EventLog>,
    pub order: Arc<dyn EventLog>,
    pub compensation: Arc<dyn EventLog>,
}

impl DeskStores {
    fn of(&self, domain: Domain) -> &dyn EventLog {
        match domain {
            Domain::Wallet => &*self.wallet,
            Domain::Order => &*self.order,
        }
    }
}

/// What the desk is told from outside.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a proposal waits for its approval.
    pub approval_time: TimeDelta,
    /// A case that is being issued is left to who began it for so long; then others finish it. Clocks of the processes that
    /// share the stores may differ by less than half of this.
    pub grace: TimeDelta,
    /// How long an append whose outcome is not known is asked for again before a person is told that it is in doubt.
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

/// Who asks. What is in here has been verified; the desk decides what it allows.
#[derive(Clone, Debug)]
pub struct Who {
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
pub struct Desk {
    stores: DeskStores,
    limits: Arc<dyn DayLimits>,
    trail: Arc<dyn Trail>,
    credited_for: Arc<CreditedFor>,
    settings: Settings,
    /// Where long wallets are known from; without, they are read whole.
    histories: Option<Arc<Histories<WalletState>>>,
    /// The rows of cases, for lists.
    cases: Arc<Cases>,
    open_cases: OpenCases,
    /// Cases that this desk began and could not end: taken up again without grace.
    doubts: Mutex<BTreeSet<EntityId>>,
    doubtful: Notify,
}

impl Desk {
    pub fn new(
        stores: DeskStores,
        limits: Arc<dyn DayLimits>,
        trail: Arc<dyn Trail>,
        credited_for: Arc<CreditedFor>,
        cases: Arc<Cases>,
        settings: Settings,
    ) -> Self {
        let open_cases = OpenCases::new(Arc::clone(&stores.compensation));
        Self {
            stores,
            limits,
            trail,
            credited_for,
            settings,
            histories: None,
            cases,
            open_cases,
            doubts: Mutex::default(),
            doubtful: Notify::new(),
        }
    }

    /// Reads long wallets from their snapshots, which have to be of the desk's own wallet log.
    #[must_use]
    pub fn with_histories(mut self, wallets: Arc<Histories<WalletState>>) -> Self {
        self.histories = Some(wallets);
        self
    }

    fn now(&self) -> DateTime<Utc> {
        (self.settings.clock)()
    }

    fn doubts(&self) -> MutexGuard<'_, BTreeSet<EntityId>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave_in_doubt(&self, case: &EntityId) {
        tracing::warn!(%case, "a case is left in doubt; it will be finished or refused");
        self.doubts().insert(case.clone());
        self.doubtful.notify_one();
    }
}
