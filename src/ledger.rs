//! Answers for pages. The page of a wallet, an order, an event or a refund is replayed from the logs at each request.
//! Lists, totals and findings are queries of the read model. Nothing here writes.

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
        compensation::decide::{KnownCredits, Uncertain},
        event::Entry,
        ids::{Domain, EntityId, Position},
        wallet::WalletState,
    },
    event_log::ReadError,
    read_model::{
        Counts, ReadModel, ReadModelError, Rows, Settings, Store, Stores,
        cases::Cases,
        changes::{Changed, Changes, Topic},
        lists::{self as rows, ListError, orders_naming_refund, wallet_named_by, wallets_credited},
        snapshots::Histories,
    },
    views::health::{StoreHealth, StoreState},
};

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("{what} does not exist{}", if *.filtered { " as of the chosen moment" } else { "" })]
    NotFound { what: String, filtered: bool },
    #[error("{0}")]
    Invalid(String),
    #[error("the {domain} store can't be read: {source}")]
    Store { domain: Domain, source: ReadError },
    /// The text says what to do about it.
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

/// Reads the stores and the read model of all domains.
pub struct Ledger {
    model: Arc<ReadModel>,
}

impl Ledger {
    /// Opens the read model and starts to follow the stores. Must be called in a Tokio runtime.
    pub fn start(stores: Stores, settings: Settings) -> Result<Arc<Self>, ReadModelError> {
        let model = ReadModel::start(stores, settings)?;
        Ok(Arc::new(Self { model }))
    }

    /// Stops following the stores.
    pub fn stop(&self) {
        self.model.stop();
    }

    /// Waits until every store was read to its end once.
    pub async fn loaded(&self) {
        self.model.loaded().await;
    }

    /// When the read model that this process resumed from was written; `None` if the read model was filled anew.
    pub fn resumed_from(&self) -> Option<DateTime<Utc>> {
        self.model.resumed_from()
    }

    /// Every row of the read model as text.
    pub fn rows(&self) -> Result<Rows, LedgerError> {
        Ok(self.model.rows()?)
    }

    /// Counts the rows and entries of the read model.
    pub fn counts(&self) -> Result<Counts, LedgerError> {
        Ok(self.model.counts()?)
    }

    /// Requests a comparison of every row of a domain with its store, at full speed.
    pub fn request_pass(&self, domain: Domain) {
        self.model.request_pass(domain);
    }

    /// When every row of a domain was last compared with its store.
    pub fn checked_at(&self, domain: Domain) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(self.model.checked_at(domain)?)
    }

    /// How many times a store was found to have lost or changed entries that were read before.
    pub fn losses(&self) -> Result<u64, LedgerError> {
        Ok(self.model.losses()?)
    }

    /// How many streams are skipped because they can't be read.
    pub fn unreadable(&self) -> Result<u64, LedgerError> {
        Ok(self.model.unreadable()?)
    }

    /// Size in bytes of the folds that are cached in memory.
    pub fn kept_bytes(&self) -> u64 {
        self.model.kept_bytes()
    }

    /// Whether a store's feed has entries that were not read yet; `None` if that can't be determined.
    pub async fn is_behind(&self, domain: Domain) -> Option<bool> {
        self.model.is_behind(domain).await
    }

    /// Starts to keep the rows of the cases of a compensation store.
    pub fn follow_cases(&self, store: Store) -> Arc<Cases> {
        self.model.follow_cases(store)
    }

    /// The snapshots of long wallets.
    pub fn wallet_histories(&self) -> Arc<Histories<WalletState>> {
        Arc::clone(self.model.wallet_histories())
    }

    /// The state of each store.
    pub fn health(&self) -> Vec<StoreHealth> {
        self.model.health()
    }

    /// The changes of entities, as they happen.
    pub fn changes(&self) -> &Arc<Changes> {
        self.model.changes()
    }

    /// The state of a store, as it changes.
    pub fn watch_state(&self, domain: Domain) -> watch::Receiver<StoreState> {
        self.model.watch_state(domain)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.model.moment().now
    }

    /// The wallets that were ever credited for a refund id, whichever order has it, as far as the read model knows.
    pub fn credited_for(&self, refund: &str) -> Result<Vec<EntityId>, LedgerError> {
        if !self.model.is_filled(Domain::Wallet) {
            return Ok(Vec::new());
        }
        Ok(self.model.read(|connection| wallets_credited(connection, refund))?)
    }

    /// The wallets that were ever credited for a refund id, with everything that the wallet store has now. Waits a few seconds
    /// at most until newer events are read. The answer says if it is not certain.
    pub async fn known_credits(&self, refund: &str) -> KnownCredits {
        let up_to_date = self.model.catch_up(Domain::Wallet).await;
        match self.credited_for(refund) {
            Ok(wallets) => KnownCredits {
                wallets,
                uncertain: up_to_date.err(),
            },
            Err(_) => KnownCredits {
                wallets: Vec::new(),
                uncertain: Some(Uncertain::ReadModel),
            },
        }
    }

    /// The changes that concern a topic, each once. If the read model does not answer, all changes.
    pub fn concerned(&self, topic: &Topic, mut changed: Vec<Changed>) -> Vec<Changed> {
        changed.sort_unstable();
        changed.dedup();
        let named = self.named_by(topic).unwrap_or_else(|error| {
            tracing::warn!(%error, "the streams of a live topic can't be read; all changes are sent");
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

    /// The entities that a topic names; `None` means all entities.
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
                orders: self.model.read(|connection| orders_naming_refund(connection, refund))?,
            },
            Topic::All | Topic::Refund(_) => return Ok(None),
        }))
    }

    /// The number of events of a topic's timeline; `None` if it has no timeline.
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
        // Compares the rows of the lists with the store in the background.
        self.model.check(domain, id);
        entries.map_err(|source| {
            tracing::warn!(%domain, %id, %source, "a stream can't be read");
            LedgerError::Store { domain, source }
        })
    }
}

/// The entities of a topic.
struct Named {
    wallets: Vec<EntityId>,
    orders: Vec<EntityId>,
}

#[cfg(test)]
mod tests;
