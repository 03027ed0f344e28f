//! The read model: one SQLite database with a row for every wallet, order and refund. One projector per domain keeps it up to
//! date with the store. Lists, totals and findings are queries of it.
//!
//! The read model is disposable: it can be deleted and filled again from the stores at any time. It is durable: a restart
//! continues from the position of the last transaction. It never writes to a store. Timelines are read from the log, not from the
//! read model.

mod batch;
pub mod cases;
pub mod changes;
mod columns;
mod compare;
mod customers;
mod database;
mod due;
mod entity;
mod folding;
mod functions;
pub mod lists;
pub mod look_up;
mod overview;
mod projector;
mod recent;
mod schema;
pub mod search;
pub mod search_index;
mod shared;
pub mod snapshots;
mod sources;
mod tasks;
mod time_slots;
mod totals;
mod up_to_date;
pub mod whole_ids;
mod witness;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

use self::{
    cases::Cases,
    changes::Changes,
    database::{Database, StoreNames},
    projector::Check,
    shared::Shared,
    snapshots::{Histories, SnapshotStore},
    tasks::Tasks,
};
use crate::{
    domain::{
        compensation::decide::Uncertain,
        ids::{Domain, EntityId},
        order::OrderState,
        refund::Limits,
        wallet::WalletState,
    },
    event_log::EventLog,
    views::{
        health::{StoreHealth, StoreState},
        overview::Overview,
    },
};

pub use self::{
    compare::Rows,
    database::ReadModelError,
    lists::{ListRow, Moment},
    overview::Counts,
    projector::ProjectError,
    up_to_date::UpToDate,
};

/// How long a decision waits for the projector to read the events that a store has now.
const CATCH_UP: Duration = Duration::from_secs(3);
const CATCH_UP_PAUSE: Duration = Duration::from_millis(10);

/// The stores of the domains.
#[derive(Clone)]
pub struct Stores {
    pub wallet: Store,
    pub order: Store,
}

/// One domain's store.
#[derive(Clone)]
pub struct Store {
    pub log: Arc<dyn EventLog>,
    /// `embedded` or `redis`, as shown to users.
    pub adapter: &'static str,
    /// The URL without user and password. It names the store: see [`store_name`](crate::event_log::store_name).
    pub url: String,
}

impl Stores {
    pub fn of(&self, domain: Domain) -> &Store {
        match domain {
            Domain::Wallet => &self.wallet,
            Domain::Order => &self.order,
        }
    }

    fn names(&self) -> StoreNames {
        StoreNames {
            wallet: self.wallet.url.clone(),
            order: self.order.url.clone(),
        }
    }
}

/// Settings of the read model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When pending refunds are overdue.
    pub limits: Limits,
    /// The pause between two rescans. A rescan retries unreadable streams, and scans a store to which producers may append
    /// without a feed entry.
    pub rescan: Duration,
    /// The current time.
    pub clock: fn() -> DateTime<Utc>,
    /// The directory of the database. `None`: a temporary directory, which is removed at the end.
    pub dir: Option<PathBuf>,
    /// The share of the time, in percent (1 to 100), that the comparison of every row with the stores may take.
    pub check_share: u32,
    /// Whether snapshots of long wallets are kept. Without snapshots, long wallets are loaded whole.
    pub snapshots: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rescan: Duration::from_secs(30),
            clock: Utc::now,
            dir: None,
            check_share: 5,
            snapshots: true,
        }
    }
}

/// The read model of all domains.
pub struct ReadModel {
    stores: Stores,
    settings: Settings,
    database: Arc<Database>,
    shared: Arc<Shared>,
    wallets: Arc<Histories<WalletState>>,
    orders: Arc<Histories<OrderState>>,
    running: JoinHandle<()>,
}

impl ReadModel {
    /// Opens the database and starts the projectors. Must be called in a Tokio runtime.
    pub fn start(stores: Stores, settings: Settings) -> Result<Arc<Self>, ReadModelError> {
        let database = Arc::new(Database::open(settings.dir.as_deref(), &stores.names())?);
        let (shared, checks) = Shared::new();
        let shared = Arc::new(shared);
        let wallets = Arc::new(Histories::new(
            Arc::clone(&stores.wallet.log),
            settings.snapshots.then(|| SnapshotStore::new(Arc::clone(&database))),
        ));
        let orders = Arc::new(Histories::new(Arc::clone(&stores.order.log), None));
        let tasks = Tasks {
            stores: stores.clone(),
            settings: settings.clone(),
            database: Arc::clone(&database),
            shared: Arc::clone(&shared),
            wallets: Arc::clone(&wallets),
            orders: Arc::clone(&orders),
        };
        let running = tokio::spawn(tasks.run(checks));
        Ok(Arc::new(Self {
            stores,
            settings,
            database,
            shared,
            wallets,
            orders,
            running,
        }))
    }

    /// Copies the database in `dir` to `to`. Returns `false` if `dir` has no database of these stores that this version of the
    /// program can use.
    pub fn copy(dir: &Path, to: &Path, stores: &Stores) -> Result<bool, ReadModelError> {
        Database::copy_to(dir, to, &stores.names())
    }

    /// Stops the projectors. Rows that were written stay.
    pub fn stop(&self) {
        self.running.abort();
    }

    /// Waits until each projector has read its store to the end.
    pub async fn loaded(&self) {
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            // The only error is a dropped sender, and the sender lives as long as `self`.
            let _ = state.wait_for(|state| *state == StoreState::Live).await;
        }
    }

    /// When the read model was last written before this process resumed it: the earlier time of both domains. `None` if a domain
    /// was filled anew.
    pub fn resumed_from(&self) -> Option<DateTime<Utc>> {
        let [wallet, order] = *self.shared.resumed();
        Some(wallet?.min(order?))
    }

    /// Runs queries in one read transaction, on one consistent state of the database. Blocks the thread.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadModelError> {
        self.database.read(work)
    }

    /// Whether the lists of a domain can be queried: every stream was read to its end once.
    pub fn is_filled(&self, domain: Domain) -> bool {
        self.shared.is_filled(domain)
    }

    /// The current time and the limits, for which lists are made.
    pub fn moment(&self) -> Moment {
        Moment {
            now: (self.settings.clock)(),
            limits: self.settings.limits,
        }
    }

    /// The figures of the overview page. While orders are being filled, there are no figures of refunds.
    pub fn overview(&self) -> Result<Overview, ReadModelError> {
        let filled = self.is_filled(Domain::Order);
        self.read(|connection| overview::overview(connection, &self.moment(), filled))
    }

    /// The numbers of rows and of entries.
    pub fn counts(&self) -> Result<Counts, ReadModelError> {
        self.read(|connection| overview::counts(connection, self.moment().now))
    }

    /// Every row as text, for comparison with another read model of the same stores.
    pub fn rows(&self) -> Result<Rows, ReadModelError> {
        self.read(compare::rows)
    }

    /// Queues a comparison of an entity with its store. If the queue is full, the request is dropped, and the next pass compares
    /// the entity.
    pub fn check(&self, domain: Domain, id: &EntityId) {
        let check = Check {
            id: id.clone(),
            differs: None,
        };
        let _ = self.shared.checks[domain as usize].try_send(check);
    }

    /// Requests a pass at full speed, which compares every row of a domain with its store.
    pub fn request_pass(&self, domain: Domain) {
        self.shared.request_pass(domain);
    }

    /// When every row of a domain was last compared with its store.
    pub fn checked_at(&self, domain: Domain) -> Result<Option<DateTime<Utc>>, ReadModelError> {
        self.read(|connection| Ok(sources::read(connection, domain)?.checked_at))
    }

    /// The number of recorded losses: rows whose entries the store no longer had.
    pub fn losses(&self) -> Result<u64, ReadModelError> {
        self.read(witness::losses)
    }

    /// The number of streams that are set aside because they can't be read.
    pub fn unreadable(&self) -> Result<u64, ReadModelError> {
        self.read(sources::count_stale)
    }

    /// Bytes of the folds that are cached in memory.
    pub fn kept_bytes(&self) -> u64 {
        (self.wallets.kept_bytes() + self.orders.kept_bytes()) as u64
    }

    /// Whether a store's feed goes beyond the position up to which it was read. `None` if the store does not answer or the domain
    /// is not filled.
    pub async fn is_behind(&self, domain: Domain) -> Option<bool> {
        let end = self.stores.of(domain).log.feed_end().await.ok()?;
        let place = self.shared.places()[domain as usize].clone()?;
        Some(!place.reaches(&end))
    }

    /// Waits at most [`CATCH_UP`] until the rows of a domain reflect everything that the store's feed has now. The error says why
    /// the rows may lack something.
    pub async fn catch_up(&self, domain: Domain) -> Result<(), Uncertain> {
        let log = &self.stores.of(domain).log;
        let deadline = Instant::now() + CATCH_UP;
        let Ok(Ok(end)) = timeout_at(deadline, log.feed_end()).await else {
            return Err(Uncertain::Down);
        };
        loop {
            let state = self.shared.state(domain).borrow().clone();
            let reached = self.shared.places()[domain as usize]
                .as_ref()
                .is_some_and(|place| place.reaches(&end));
            let lacks = match state {
                StoreState::Live if reached => break,
                StoreState::Live => Uncertain::Behind,
                StoreState::Loading(_) => Uncertain::Loading,
                StoreState::Down { .. } => Uncertain::Down,
                StoreState::Halted { .. } => Uncertain::ReadModel,
            };
            if Instant::now() >= deadline {
                return Err(lacks);
            }
            sleep(CATCH_UP_PAUSE).await;
        }
        if self.shared.is_unchecked(domain) {
            return Err(Uncertain::Unchecked);
        }
        let known = self.read(|connection| {
            let unfed = sources::read(connection, domain)?.unfed;
            Ok((unfed, sources::has_stale(connection, domain)?))
        });
        match known {
            Err(_) => Err(Uncertain::ReadModel),
            Ok((true, _)) if !log.feed_is_complete() => Err(Uncertain::Unfed),
            Ok((_, true)) => Err(Uncertain::Unreadable),
            Ok(_) => Ok(()),
        }
    }

    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts the projector of the cases in a compensation store.
    pub fn follow_cases(&self, store: Store) -> Arc<Cases> {
        Cases::start(store, Arc::clone(&self.database), self.settings.rescan)
    }

    /// The states of wallets, with snapshots of long ones.
    pub fn wallet_histories(&self) -> &Arc<Histories<WalletState>> {
        &self.wallets
    }

    /// The state of each store.
    pub fn health(&self) -> Vec<StoreHealth> {
        Domain::ALL
            .into_iter()
            .map(|domain| StoreHealth {
                domain,
                adapter: self.stores.of(domain).adapter.to_owned(),
                state: self.shared.state(domain).borrow().clone(),
            })
            .collect()
    }

    /// The changes of entities, for subscribers.
    pub fn changes(&self) -> &Arc<Changes> {
        &self.shared.changes
    }

    /// The state of a store, as a channel that reports each change.
    pub fn watch_state(&self, domain: Domain) -> watch::Receiver<StoreState> {
        self.shared.state(domain).subscribe()
    }
}

impl Drop for ReadModel {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[cfg(test)]
pub(crate) mod tests;
