//! The read model: every wallet, order and refund folded and indexed in memory, kept up with the stores by one projector
//! each. Lists, totals and findings come from the index; timelines are read from the logs when somebody opens them. It can
//! be thrown away at any time; it never writes to a log.

mod index;
mod listing;
mod overview;
mod projector;
mod story;
mod timeline;

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId, Position},
        listing::{StoreHealth, StoreState},
        order::OrderState,
        refund::Limits,
        wallet::WalletState,
    },
    event_log::{EventLog, READ_MAX, ReadError},
};

pub use listing::Search;

use index::Index;
use projector::Projector;

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
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When pending refunds are overdue.
    pub limits: Limits,
    /// How often stores that foreign producers write to without a feed are scanned.
    pub rescan: Duration,
    /// What the time is.
    pub clock: fn() -> DateTime<Utc>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rescan: Duration::from_secs(30),
            clock: Utc::now,
        }
    }
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
    projectors: Vec<JoinHandle<()>>,
}

/// What projectors write and questions read.
struct Shared {
    index: RwLock<Index>,
    wallet: watch::Sender<StoreState>,
    order: watch::Sender<StoreState>,
}

impl Shared {
    fn new() -> Self {
        let loading = || watch::Sender::new(StoreState::Loading { events: 0 });
        Self {
            index: RwLock::default(),
            wallet: loading(),
            order: loading(),
        }
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
        let wallet = Projector::<WalletState>::new(&stores.wallet, settings, &shared);
        let order = Projector::<OrderState>::new(&stores.order, settings, &shared);
        Arc::new(Self {
            stores,
            settings,
            shared,
            findings: overview::FindingsCache::default(),
            projectors: vec![tokio::spawn(wallet.run()), tokio::spawn(order.run())],
        })
    }

    /// Waits until every store was read to its end once.
    pub async fn loaded(&self) {
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            // An error would mean that the sender is gone; it lives as long as `self`.
            let _ = state.wait_for(|state| *state == StoreState::Live).await;
        }
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

    fn now(&self) -> DateTime<Utc> {
        (self.settings.clock)()
    }

    async fn read_all(&self, domain: Domain, id: &EntityId) -> Result<Vec<Entry>, LedgerError> {
        read_all(&*self.stores.of(domain).log, id).await.map_err(|source| {
            tracing::warn!(%domain, %id, %source, "a stream can't be read");
            LedgerError::Store { domain, source }
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        for projector in &self.projectors {
            projector.abort();
        }
    }
}

/// Every entry of a stream, in the stream's order.
async fn read_all(log: &dyn EventLog, id: &EntityId) -> Result<Vec<Entry>, ReadError> {
    let mut all = Vec::new();
    let mut after = Position::START;
    loop {
        let page = log.read(id, after, READ_MAX).await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = last.position;
        all.extend(page);
    }
}

#[cfg(test)]
mod tests;
