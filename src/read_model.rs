//! The read model: one SQLite database with a row for every wallet, order and refund, kept up with the stores by one projector
//! a domain. Lists, totals and findings are queries of it. It is disposable (it can be deleted and filled again at any time)
//! and durable (a start goes on from where it stands). It never writes to a store, and timelines are not read from it.

mod batch;
pub mod cases;
pub mod changes;
mod columns;
mod compare;
mod database;
mod due;
mod entity;
pub mod lists;
mod overview;
mod projector;
mod recent;
mod schema;
mod search_index;
pub mod snapshots;
mod sources;
mod time_slots;
mod up_to_date;
pub mod whole_ids;
mod witness;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval, sleep},
};

use self::{
    cases::Cases,
    changes::Changes,
    database::{Database, StoreNames},
    projector::{Check, Projector, pass_forever},
    snapshots::{Histories, LONG, SnapshotStore},
};
use crate::{
    domain::{
        ids::{Domain, EntityId, Position},
        order::OrderState,
        refund::Limits,
        wallet::WalletState,
    },
    event_log::{EventLog, FeedPosition},
    views::{
        health::{Progress, StoreHealth, StoreState},
        overview::Overview,
    },
};

pub use self::{
    compare::Rows, database::ReadModelError, lists::refunds::Moment, overview::Counts, projector::ProjectError,
    up_to_date::UpToDate,
};

/// Entities that wait to be compared with their store at most.
const CHECKS_MAX: usize = 1_024;
/// How often it is looked for what became overdue or expired.
const LOOK_FOR_DUE: Duration = Duration::from_secs(2);
/// How often wallets are looked for that have become long.
const LOOK_FOR_LONG: Duration = Duration::from_mins(1);
/// The pause after a step of the search index could not be written.
const RETRY: Duration = Duration::from_secs(1);

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
    /// `embedded` or `redis`, as people are told.
    pub adapter: &'static str,
    /// Its URL without user and password, which names it: see [`store_name`](crate::event_log::store_name).
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
    /// How often stores are scanned that producers write to without telling the feed.
    pub rescan: Duration,
    /// The current time.
    pub clock: fn() -> DateTime<Utc>,
    /// The directory of the database; without one it is temporary.
    pub dir: Option<PathBuf>,
    /// The share of the time, in percent (1 to 100), that comparing every row with the stores may take.
    pub check_share: u32,
    /// Whether snapshots of long wallets are kept. Without them, such wallets are read whole.
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

/// What projectors write and others read.
struct Shared {
    wallet: watch::Sender<StoreState>,
    order: watch::Sender<StoreState>,
    /// Of each domain, whether every stream was read to its end once, so that its indexes are there.
    filled: [AtomicBool; 2],
    /// Where the feeds were read to; `None` until a domain was read to its end.
    places: Mutex<[Option<FeedPosition>; 2]>,
    /// When the database was written that this process went on from.
    resumed: Mutex<[Option<DateTime<Utc>>; 2]>,
    changes: Arc<Changes>,
    /// Of each domain, entities that its projector is asked to compare with the store.
    checks: [mpsc::Sender<Check>; 2],
    /// Of each domain, whether a pass at full speed is asked for.
    passes: [(AtomicBool, Notify); 2],
}

/// What the projectors receive.
type Checks = [mpsc::Receiver<Check>; 2];

impl Shared {
    fn new() -> (Self, Checks) {
        let loading = || watch::Sender::new(StoreState::Loading(Progress::default()));
        let (wallet_checks, of_wallets) = mpsc::channel(CHECKS_MAX);
        let (order_checks, of_orders) = mpsc::channel(CHECKS_MAX);
        let shared = Self {
            wallet: loading(),
            order: loading(),
            filled: [const { AtomicBool::new(false) }; 2],
            places: Mutex::default(),
            resumed: Mutex::default(),
            changes: Changes::new(),
            checks: [wallet_checks, order_checks],
            passes: Default::default(),
        };
        (shared, [of_wallets, of_orders])
    }

    fn state(&self, domain: Domain) -> &watch::Sender<StoreState> {
        match domain {
            Domain::Wallet => &self.wallet,
            Domain::Order => &self.order,
        }
    }

    /// Waits until a store is read to its end.
    async fn live(&self, domain: Domain) {
        let mut state = self.state(domain).subscribe();
        let _ = state.wait_for(|state| *state == StoreState::Live).await;
    }

    /// Asks for an entity to be compared, and waits while many are.
    async fn check(&self, domain: Domain, check: Check) {
        let _ = self.checks[domain as usize].send(check).await;
    }

    /// Asks for a pass at full speed.
    fn request_pass(&self, domain: Domain) {
        let (requested, notify) = &self.passes[domain as usize];
        requested.store(true, Ordering::Release);
        notify.notify_one();
    }

    fn is_pass_requested(&self, domain: Domain) -> bool {
        self.passes[domain as usize].0.load(Ordering::Acquire)
    }

    fn take_pass_request(&self, domain: Domain) -> bool {
        self.passes[domain as usize].0.swap(false, Ordering::AcqRel)
    }

    async fn pass_requested(&self, domain: Domain) {
        self.passes[domain as usize].1.notified().await;
    }

    fn set_filled(&self, domain: Domain, filled: bool) {
        self.filled[domain as usize].store(filled, Ordering::Release);
    }

    fn is_filled(&self, domain: Domain) -> bool {
        self.filled[domain as usize].load(Ordering::Acquire)
    }

    fn set_place(&self, domain: Domain, place: FeedPosition) {
        self.places()[domain as usize] = Some(place);
    }

    fn places(&self) -> MutexGuard<'_, [Option<FeedPosition>; 2]> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_resumed(&self, domain: Domain, at: Option<DateTime<Utc>>) {
        self.resumed()[domain as usize] = at;
    }

    fn resumed(&self) -> MutexGuard<'_, [Option<DateTime<Utc>>; 2]> {
        self.resumed.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Opens the database and starts to follow the stores. Must be called in a Tokio runtime.
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

    /// Copies the database in `dir` to `to`. `false`: there is none of these stores that this version of the program can use.
    pub fn copy(dir: &Path, to: &Path, stores: &Stores) -> Result<bool, ReadModelError> {
        Database::copy_to(dir, to, &stores.names())
    }

    /// Stops following. What was written stays.
    pub fn stop(&self) {
        self.running.abort();
    }

    /// Waits until every store was read to its end once.
    pub async fn loaded(&self) {
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            // An error would mean that the sender is gone; it lives as long as `self`.
            let _ = state.wait_for(|state| *state == StoreState::Live).await;
        }
    }

    /// When the database was written that this process went on from; `None` where a domain was filled anew.
    pub fn resumed_from(&self) -> Option<DateTime<Utc>> {
        let [wallet, order] = *self.shared.resumed();
        Some(wallet?.min(order?))
    }

    /// Runs queries on one state of the database. Blocks.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadModelError> {
        self.database.read(work)
    }

    /// Whether the lists of a domain can be asked: every stream was read to its end once.
    pub fn is_filled(&self, domain: Domain) -> bool {
        self.shared.is_filled(domain)
    }

    /// The time and the limits that lists are made for.
    pub fn moment(&self) -> Moment {
        Moment {
            now: (self.settings.clock)(),
            limits: self.settings.limits,
        }
    }

    /// The figures of the first page. Of a domain that is still being filled there are none.
    pub fn overview(&self) -> Result<Overview, ReadModelError> {
        let filled = self.is_filled(Domain::Order);
        self.read(|connection| overview::overview(connection, &self.moment(), filled))
    }

    /// How many rows and entries there are.
    pub fn counts(&self) -> Result<Counts, ReadModelError> {
        self.read(|connection| overview::counts(connection, self.moment().now))
    }

    /// Every row as text, to be compared with those of another read model of the same stores.
    pub fn rows(&self) -> Result<Rows, ReadModelError> {
        self.read(compare::rows)
    }

    /// Asks for an entity to be compared with its store, which was just looked at. Where many wait already, a pass finds it.
    pub fn check(&self, domain: Domain, id: &EntityId) {
        let check = Check {
            id: id.clone(),
            differs: None,
        };
        let _ = self.shared.checks[domain as usize].try_send(check);
    }

    /// Asks for every row of a domain to be compared with its store at full speed.
    pub fn request_pass(&self, domain: Domain) {
        self.shared.request_pass(domain);
    }

    /// When every row of a domain was last compared with its store.
    pub fn checked_at(&self, domain: Domain) -> Result<Option<DateTime<Utc>>, ReadModelError> {
        self.read(|connection| Ok(sources::read(connection, domain)?.checked_at))
    }

    /// How many times a store was found not to have what was read of it before.
    pub fn losses(&self) -> Result<u64, ReadModelError> {
        self.read(witness::losses)
    }

    /// How many streams are set aside because they can't be read.
    pub fn unreadable(&self) -> Result<u64, ReadModelError> {
        self.read(sources::count_stale)
    }

    /// Bytes of the folds that are kept in memory.
    pub fn kept_bytes(&self) -> u64 {
        (self.wallets.kept_bytes() + self.orders.kept_bytes()) as u64
    }

    /// Whether a store's feed goes further than it was read; `None` where that can't be known.
    pub async fn is_behind(&self, domain: Domain) -> Option<bool> {
        let end = self.stores.of(domain).log.feed_end().await.ok()?;
        let place = self.shared.places()[domain as usize].clone()?;
        let at = |partition: usize| place.0.get(partition).copied().unwrap_or(Position::START);
        Some(end.0.iter().enumerate().any(|(partition, end)| at(partition) < *end))
    }

    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts to keep the rows of the cases in a compensation store.
    pub fn follow_cases(&self, store: Store) -> Arc<Cases> {
        Cases::start(store, Arc::clone(&self.database), self.settings.rescan)
    }

    /// The histories of wallets, for whoever reads long ones.
    pub fn wallet_histories(&self) -> &Arc<Histories<WalletState>> {
        &self.wallets
    }

    /// How the stores are doing.
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

    /// What changes, as it changes.
    pub fn changes(&self) -> &Arc<Changes> {
        &self.shared.changes
    }

    /// How a store is doing, as it changes.
    pub fn watch_state(&self, domain: Domain) -> watch::Receiver<StoreState> {
        self.shared.state(domain).subscribe()
    }
}

impl Drop for ReadModel {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// What runs beside the pages.
struct Tasks {
    stores: Stores,
    settings: Settings,
    database: Arc<Database>,
    shared: Arc<Shared>,
    wallets: Arc<Histories<WalletState>>,
    orders: Arc<Histories<OrderState>>,
}

impl Tasks {
    /// Runs until dropped.
    async fn run(self, checks: Checks) {
        let [wallet_checks, order_checks] = checks;
        let this = Arc::new(self);
        let mut tasks = JoinSet::new();
        let (database, settings, shared) = (&this.database, &this.settings, &this.shared);
        tasks.spawn(
            Projector::new(
                &this.stores.wallet,
                database,
                &this.wallets,
                settings,
                shared,
                wallet_checks,
            )
            .run(),
        );
        tasks.spawn(
            Projector::new(
                &this.stores.order,
                database,
                &this.orders,
                settings,
                shared,
                order_checks,
            )
            .run(),
        );
        tasks.spawn(Arc::clone(&this).track_long_wallets());
        tasks.spawn(Arc::clone(&this).watch_the_time());
        tasks.spawn(Arc::clone(&this).index_ids());
        for domain in Domain::ALL {
            tasks.spawn(Arc::clone(&this).build_search(domain));
            let log = Arc::clone(&this.stores.of(domain).log);
            let (share, clock) = (settings.check_share, settings.clock);
            tasks.spawn(pass_forever(
                log,
                Arc::clone(database),
                Arc::clone(shared),
                domain,
                share,
                clock,
            ));
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Waits while a domain is filled: that comes first.
    async fn while_filling(&self) {
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            let _ = state.wait_for(|state| !matches!(state, StoreState::Loading(_))).await;
        }
    }

    /// Moves the ids that a filling has gathered to their index, a step at a time, so that changes are written between the steps.
    async fn index_ids(self: Arc<Self>) {
        loop {
            self.while_filling().await;
            let database = Arc::clone(&self.database);
            match spawn_blocking(move || database.write(|connection| whole_ids::extend(connection))).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => sleep(LOOK_FOR_LONG).await,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the index of ids is not written");
                    sleep(RETRY).await;
                }
                Err(_) => return,
            }
        }
    }

    /// Builds the search index of a domain, a step at a time, so that changes are written between the steps.
    async fn build_search(self: Arc<Self>, domain: Domain) {
        loop {
            self.shared.live(domain).await;
            self.while_filling().await;
            let database = Arc::clone(&self.database);
            let step = spawn_blocking(move || database.write(|connection| search_index::extend(connection, domain)));
            match step.await {
                Ok(Ok(true)) => {}
                // A domain that is filled anew begins its index anew.
                Ok(Ok(false)) => sleep(LOOK_FOR_LONG).await,
                Ok(Err(error)) => {
                    tracing::warn!(%domain, %error, "the search index is not written");
                    sleep(RETRY).await;
                }
                Err(_) => return,
            }
        }
    }

    /// Tells of what only the time changes.
    async fn watch_the_time(self: Arc<Self>) {
        let moment = || Moment {
            now: (self.settings.clock)(),
            limits: self.settings.limits,
        };
        let mut from = moment();
        let mut ticks = interval(LOOK_FOR_DUE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let to = moment();
            let filled = Domain::ALL.map(|domain| self.shared.is_filled(domain));
            let database = Arc::clone(&self.database);
            let due = spawn_blocking(move || {
                database.read(|connection| {
                    let mut due = Vec::new();
                    if filled[Domain::Order as usize] {
                        due.extend(due::overdue(connection, &from, &to)?);
                    }
                    if filled[Domain::Wallet as usize] {
                        due.extend(due::expired(connection, from.now, to.now)?);
                    }
                    Ok(due)
                })
            });
            let Ok(Ok(due)) = due.await else { continue };
            for domain in Domain::ALL {
                let of_domain: Vec<_> = due.iter().filter(|changed| changed.domain == domain).cloned().collect();
                if !of_domain.is_empty() {
                    self.shared.changes.publish_due(domain, of_domain);
                }
            }
            from = to;
        }
    }

    /// Makes snapshots of long wallets that have none yet, one wallet after the other, the longest first: it is the slowest until
    /// then.
    async fn track_long_wallets(self: Arc<Self>) {
        self.shared.live(Domain::Wallet).await;
        let mut ticks = interval(LOOK_FOR_LONG);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let database = Arc::clone(&self.database);
            let long = spawn_blocking(move || database.read(|connection| lists::long_wallets(connection, LONG)));
            let Ok(Ok(long)) = long.await else { continue };
            for (id, entries) in long {
                self.track(&id, entries).await;
            }
        }
    }

    async fn track(&self, id: &EntityId, entries: u64) {
        if let Err(error) = self.wallets.track(id, entries).await {
            tracing::debug!(%id, %error, "a long wallet is tracked later");
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
