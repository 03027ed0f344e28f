//! Answers for pages: a wallet, an order, an event and a refund's story are replayed from the logs when somebody looks at
//! them; lists, totals and findings are queries of the read model. Nothing here writes.

mod customer;
mod lists;
mod look_up;
mod pages;
pub mod search;
mod story;
mod timeline;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId, Position},
        wallet::WalletState,
    },
    event_log::ReadError,
    read_model::{
        Counts, ReadModel, ReadModelError, Rows, Settings, Store, Stores,
        cases::Cases,
        changes::{Changed, Changes, Topic},
        lists::{self as rows, ListError, orders_claiming, wallet_named_by, wallets_credited},
        snapshots::Histories,
    },
    views::health::{StoreHealth, StoreState},
};

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("{what} does not exist{}", if *.filtered { " as of the chosen moment" } else { "" })]
    NotFound { what: String, filtered: bool },
    #[error("{0}")]
    Invalid(String),
    #[error("the {domain} store can't be read: {source}")]
    Store { domain: Domain, source: ReadError },
    /// The text says what to do.
    #[error("{0}")]
    ReadModel(String),
}

impl From<ReadModelError> for LedgerError {
    fn from(error: ReadModelError) -> Self {
        tracing::error!(%error, "the read model does not answer");
        Self::ReadModel(error.to_string())
    }
}

impl From<ListError> for LedgerError {
    fn from(error: ListError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Answers about all domains.
pub struct Ledger {
    model: Arc<ReadModel>,
}

impl Ledger {
    /// Opens the read model and starts to follow the stores. Must be called in a Tokio runtime.
    pub fn start(stores: Stores, settings: Settings) -> Result<Arc<Self>, ReadModelError> {
        let model = ReadModel::start(stores, settings)?;
        Ok(Arc::new(Self { model }))
    }

    /// Stops following.
    pub fn stop(&self) {
        self.model.stop();
    }

    /// Waits until every store was read to its end once.
    pub async fn loaded(&self) {
        self.model.loaded().await;
    }

    /// When the read model was written that this process went on from; `None` where it was filled anew.
    pub fn resumed_from(&self) -> Option<DateTime<Utc>> {
        self.model.resumed_from()
    }

    /// Every row of the read model as text.
    pub fn rows(&self) -> Result<Rows, LedgerError> {
        Ok(self.model.rows()?)
    }

    /// How many rows and entries there are.
    pub fn counts(&self) -> Result<Counts, LedgerError> {
        Ok(self.model.counts()?)
    }

    /// Asks for every row of a domain to be compared with its store at full speed.
    pub fn request_pass(&self, domain: Domain) {
        self.model.request_pass(domain);
    }

    /// When every row of a domain was last compared with its store.
    pub fn checked_at(&self, domain: Domain) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(self.model.checked_at(domain)?)
    }

    /// How many times a store was found not to have what was read of it before.
    pub fn losses(&self) -> Result<u64, LedgerError> {
        Ok(self.model.losses()?)
    }

    /// How many streams are set aside because they can't be read.
    pub fn unreadable(&self) -> Result<u64, LedgerError> {
        Ok(self.model.unreadable()?)
    }

    /// Bytes of the folds that are kept in memory.
    pub fn kept_bytes(&self) -> u64 {
        self.model.kept_bytes()
    }

    /// Whether a store's feed goes further than it was read; `None` where that can't be known.
    pub async fn is_behind(&self, domain: Domain) -> Option<bool> {
        self.model.is_behind(domain).await
    }

    /// Starts to keep the rows of the cases in a compensation store.
    pub fn follow_cases(&self, store: Store) -> Arc<Cases> {
        self.model.follow_cases(store)
    }

    /// The histories of wallets, for whoever reads long ones.
    pub fn wallet_histories(&self) -> Arc<Histories<WalletState>> {
        Arc::clone(self.model.wallet_histories())
    }

    /// How the stores are doing.
    pub fn health(&self) -> Vec<StoreHealth> {
        self.model.health()
    }

    /// What changes, as it changes.
    pub fn changes(&self) -> &Arc<Changes> {
        self.model.changes()
    }

    /// How a store is doing, as it changes.
    pub fn watch_state(&self, domain: Domain) -> watch::Receiver<StoreState> {
        self.model.watch_state(domain)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.model.moment().now
    }

    /// The wallets that were ever credited for a refund, by whichever order.
    pub fn credited_for(&self, refund: &str) -> Result<Vec<EntityId>, LedgerError> {
        if !self.model.is_filled(Domain::Wallet) {
            return Ok(Vec::new());
        }
        Ok(self.model.read(|connection| wallets_credited(connection, refund))?)
    }

    /// Those of `changed` that a topic is about, each once. Where the read model does not answer, all are.
    pub fn concerned(&self, topic: &Topic, mut changed: Vec<Changed>) -> Vec<Changed> {
        changed.sort_unstable();
        changed.dedup();
        let named = self.named_by(topic).unwrap_or_else(|error| {
            tracing::warn!(%error, "what a reader listens to is not known");
            None
        });
        let Some(named) = named else { return changed };
        changed.retain(|changed| match (topic, changed.domain) {
            (Topic::Wallet(wallet), Domain::Order) => {
                changed.wallet.as_deref() == Some(wallet.as_str()) || named.orders.contains(&changed.id)
            }
            (_, Domain::Wallet) => named.wallets.contains(&changed.id),
            (_, Domain::Order) => named.orders.contains(&changed.id),
        });
        changed
    }

    /// The entities that a topic names; `None`: every one.
    fn named_by(&self, topic: &Topic) -> Result<Option<Named>, LedgerError> {
        let filled = self.model.is_filled(Domain::Order);
        Ok(Some(match topic {
            Topic::Wallet(wallet) => Named {
                wallets: vec![wallet.clone()],
                orders: Vec::new(),
            },
            Topic::Order(order) => {
                let wallet = if filled {
                    self.model
                        .read(|connection| wallet_named_by(connection, order.as_str()))?
                } else {
                    None
                };
                Named {
                    wallets: wallet
                        .and_then(|wallet| EntityId::new(wallet).ok())
                        .into_iter()
                        .collect(),
                    orders: vec![order.clone()],
                }
            }
            Topic::Refund(refund) if filled => Named {
                wallets: self.credited_for(refund)?,
                orders: self.model.read(|connection| orders_claiming(connection, refund))?,
            },
            Topic::All | Topic::Refund(_) => return Ok(None),
        }))
    }

    /// How many events the timeline of a topic has; `None` where it has none.
    pub fn events_of(&self, topic: &Topic) -> Option<u64> {
        let (domain, id) = match topic {
            Topic::Wallet(id) => (Domain::Wallet, id),
            Topic::Order(id) => (Domain::Order, id),
            Topic::All | Topic::Refund(_) => return None,
        };
        if !self.model.is_filled(domain) {
            return None;
        }
        self.model
            .read(|connection| rows::entries(connection, domain, id))
            .ok()
            .flatten()
    }

    async fn read_all(&self, domain: Domain, id: &EntityId) -> Result<Vec<Entry>, LedgerError> {
        let entries = self.model.stores().of(domain).log.read_all(id, Position::START).await;
        // What the lists say of it is compared with the store behind the page.
        self.model.check(domain, id);
        entries.map_err(|source| {
            tracing::warn!(%domain, %id, %source, "a stream can't be read");
            LedgerError::Store { domain, source }
        })
    }
}

/// Entities.
struct Named {
    wallets: Vec<EntityId>,
    orders: Vec<EntityId>,
}

#[cfg(test)]
mod tests;
