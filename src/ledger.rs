//! The read model: a small row in memory for every wallet, order and refund, kept up with the stores by one projector each.
//! Lists, totals and findings come from the index; timelines are read from the logs when somebody opens them. Checkpoints
//! save a start from replaying everything. It can be thrown away at any time; it never writes to a log.

pub mod changes;
mod checkpoint;
mod index;
mod keeper;
mod listing;
mod overview;
mod projector;
mod refunds;
mod story;
mod timeline;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId, Position},
        refund::Limits,
        wallet::WalletState,
    },
    event_log::{EventLog, FeedPosition, ReadError},
    history::Histories,
    views::health::{Progress, StoreHealth, StoreState},
};

pub use index::saved::Plain;
pub use listing::Search;

use changes::Changes;
use index::Index;
use keeper::Keeper;

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
    /// `embedded` or `redis`: what people are told of it.
    pub adapter: &'static str,
}

impl Stores {
    fn of(&self, domain: Domain) -> &Store {
        match domain {
            Domain::Wallet => &self.wallet,
            Domain::Order => &self.order,
        }
    }
}

/// What the read model is told from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When pending refunds are overdue.
    pub limits: Limits,
    /// How often stores that foreign producers write to without a feed are scanned.
    pub rescan: Duration,
    /// What the time is.
    pub clock: fn() -> DateTime<Utc>,
    /// Where checkpoints are kept; without, every start replays everything.
    pub checkpoints: Option<PathBuf>,
    /// How often a checkpoint is written; `None`: never, they are only read.
    pub checkpoint_every: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rescan: Duration::from_secs(30),
            clock: Utc::now,
            checkpoints: None,
            checkpoint_every: Some(Duration::from_mins(5)),
        }
    }
}

/// How much the index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub events: u64,
    pub pending: u64,
    pub findings: u64,
    /// Bytes, as far as they are weighed, of what is kept of the entities that changed last: bounded.
    pub heads: u64,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("{what} does not exist{}", if *.filtered { " as of the chosen moment" } else { "" })]
    NotFound { what: String, filtered: bool },
    #[error("{0}")]
    Invalid(String),
    #[error("the {domain} store can't be read: {source}")]
    Store { domain: Domain, source: ReadError },
}

/// The read model of all domains.
pub struct Ledger {
    stores: Stores,
    settings: Settings,
    shared: Arc<Shared>,
    findings: overview::FindingsCache,
    refund_pages: refunds::RefundPages,
    keeper: Keeper,
    running: JoinHandle<()>,
}

/// What projectors write and questions read.
struct Shared {
    index: RwLock<Index>,
    wallet: watch::Sender<StoreState>,
    order: watch::Sender<StoreState>,
    /// Where the index stands in the feeds; a domain that was not read to its end has none.
    places: Mutex<[Option<FeedPosition>; 2]>,
    /// Of the domains, whether somebody wrote to it without telling the feed.
    unfed: Mutex<[bool; 2]>,
    /// When the checkpoint was made that was gone on from, if one was.
    resumed: Mutex<Option<DateTime<Utc>>>,
    changes: Arc<Changes>,
}

impl Shared {
    fn new() -> Self {
        let loading = || watch::Sender::new(StoreState::Loading(Progress::default()));
        Self {
            index: RwLock::default(),
            wallet: loading(),
            order: loading(),
            places: Mutex::default(),
            unfed: Mutex::default(),
            resumed: Mutex::default(),
            changes: Changes::new(),
        }
    }

    fn set_resumed(&self, made_at: Option<DateTime<Utc>>) {
        *self.resumed.lock().unwrap_or_else(PoisonError::into_inner) = made_at;
    }

    fn set_place(&self, domain: Domain, place: FeedPosition) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places[domain as usize] = Some(place);
    }

    fn forget_places(&self) {
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
    }

    fn places(&self) -> [Option<FeedPosition>; 2] {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn unfed(&self) -> [bool; 2] {
        *self.unfed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_unfed(&self, domain: Domain) -> bool {
        self.unfed()[domain as usize]
    }

    fn note_unfed(&self, domain: Domain) {
        self.set_unfed(domain, true);
    }

    fn set_unfed(&self, domain: Domain, unfed: bool) {
        let mut all = self.unfed.lock().unwrap_or_else(PoisonError::into_inner);
        all[domain as usize] |= unfed;
    }

    // A panic while the index was being changed would leave it half done in memory only; going on with it beats refusing
    // every page, and the next replay makes it whole.
    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, domain: Domain) -> &watch::Sender<StoreState> {
        match domain {
            Domain::Wallet => &self.wallet,
            Domain::Order => &self.order,
        }
    }
}

impl Ledger {
    /// Starts to load the stores and to follow them, and answers with what it has so far. Must be called in a Tokio runtime.
    pub fn start(stores: Stores, settings: Settings) -> Arc<Self> {
        let shared = Arc::new(Shared::new());
        let keeper = Keeper::new(&stores, &settings, &shared);
        let running = tokio::spawn(keeper.clone().run());
        Arc::new(Self {
            stores,
            settings,
            shared,
            findings: overview::FindingsCache::default(),
            refund_pages: refunds::RefundPages::default(),
            keeper,
            running,
        })
    }

    /// Stops following, and keeps a checkpoint of what is known, so that the next start goes on from there.
    pub async fn stop(&self) {
        self.running.abort();
        self.keeper.save().await;
    }

    /// Waits until every store was read to its end once.
    pub async fn loaded(&self) {
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            // An error would mean that the sender is gone; it lives as long as `self`.
            let _ = state.wait_for(|state| *state == StoreState::Live).await;
        }
    }

    /// When the checkpoint was made that this start went on from; `None` where everything was replayed.
    pub fn resumed_from(&self) -> Option<DateTime<Utc>> {
        *self.shared.resumed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index as it can be compared with that of another ledger of the same stores.
    pub fn plain(&self) -> Plain {
        self.shared.index().plain()
    }

    /// How much the index holds.
    pub fn sizes(&self) -> Sizes {
        let findings = self.findings().all.len() as u64;
        let index = self.shared.index();
        let counts = index.counts();
        Sizes {
            wallets: counts.wallets,
            orders: counts.orders,
            refunds: counts.refunds,
            events: counts.events,
            pending: index.pending().len() as u64,
            findings,
            heads: self.keeper.kept_bytes() as u64,
        }
    }

    /// Whether a store's feed goes further than it was read; `None` where that can't be known.
    pub async fn is_behind(&self, domain: Domain) -> Option<bool> {
        let end = self.stores.of(domain).log.feed_end().await.ok()?;
        let place = self.shared.places()[domain as usize].clone()?;
        let at = |partition: usize| place.0.get(partition).copied().unwrap_or(Position::START);
        Some(end.0.iter().enumerate().any(|(partition, end)| at(partition) < *end))
    }

    /// The histories of wallets, for who reads long ones beside the read model.
    pub fn wallet_histories(&self) -> Arc<Histories<WalletState>> {
        self.keeper.share_wallets()
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

    /// What changes in the index, as it changes.
    pub fn changes(&self) -> &Arc<Changes> {
        &self.shared.changes
    }

    /// How a store is doing, as it changes.
    pub fn watch_state(&self, domain: Domain) -> watch::Receiver<StoreState> {
        self.shared.state(domain).subscribe()
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.settings.clock)()
    }

    async fn read_all(&self, domain: Domain, id: &EntityId) -> Result<Vec<Entry>, LedgerError> {
        let entries = self.stores.of(domain).log.read_all(id, Position::START).await;
        entries.map_err(|source| {
            tracing::warn!(%domain, %id, %source, "a stream can't be read");
            LedgerError::Store { domain, source }
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[cfg(test)]
mod tests;
