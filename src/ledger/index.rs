//! The index: folded entities by id, and the few cross references that lists and stories need. Pure bookkeeping in memory;
//! who reads the logs and when is the projector's business.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::{
    event::Entry,
    fold::Fold,
    ids::{Domain, EntityId, Position},
    listing::Recent,
    order::OrderState,
    replay::{Replayable, in_sequence_order},
    wallet::WalletState,
};

/// Entries that are kept to show what was just recorded.
const RECENT_KEPT: usize = 20;

/// An entity as far as its stream was read.
#[derive(Clone, Debug)]
pub struct Indexed<S> {
    pub fold: Fold<S>,
    /// Where its stream was read to.
    pub last: Position,
    /// When the ledger learnt of its last event.
    pub last_recorded: DateTime<Utc>,
}

impl<S: Replayable> Indexed<S> {
    pub fn new() -> Self {
        Self {
            fold: Fold::new(),
            last: Position::START,
            last_recorded: DateTime::<Utc>::MIN_UTC,
        }
    }

    /// Goes on with entries that follow in the stream. `false`: they are not next in sequence, nothing was changed, and only
    /// folding the whole stream again in sequence order gives the right answer.
    pub fn push(&mut self, entries: &[Entry]) -> bool {
        if !self.fold.continues_with(entries) {
            return false;
        }
        for entry in entries {
            self.push_one(entry);
        }
        true
    }

    /// Folds a whole stream in sequence order, whatever its state.
    pub fn refold(entries: Vec<Entry>) -> Self {
        let mut indexed = Self::new();
        for (_, entry) in in_sequence_order(entries) {
            indexed.push_one(&entry);
        }
        indexed
    }

    fn push_one(&mut self, entry: &Entry) {
        self.fold.push(entry, |_| {});
        self.last = self.last.max(entry.position);
        self.last_recorded = self.last_recorded.max(entry.recorded);
    }
}

/// Every wallet and order, folded.
#[derive(Debug, Default)]
pub struct Index {
    pub wallets: BTreeMap<EntityId, Indexed<WalletState>>,
    pub orders: BTreeMap<EntityId, Indexed<OrderState>>,
    /// Refund id to the orders that use it: one, unless somebody made a mistake.
    pub orders_by_refund: HashMap<String, BTreeSet<EntityId>>,
    /// Refund id to the wallets that were credited for it.
    pub wallets_by_refund: HashMap<String, BTreeSet<EntityId>>,
    /// Wallet id to the orders that name it.
    pub orders_by_wallet: HashMap<String, BTreeSet<EntityId>>,
    /// Orders with pending refunds.
    pub pending: BTreeSet<EntityId>,
    recent: BTreeMap<(DateTime<Utc>, Domain, EntityId, Position), Entry>,
    pub events: u64,
    /// Changes with every change.
    pub generation: u64,
}

impl Index {
    /// The last recorded entries, newest first.
    pub fn recent(&self) -> Vec<Recent> {
        let newest_first = self.recent.iter().rev();
        newest_first
            .map(|((_, domain, subject, _), entry)| Recent {
                domain: *domain,
                subject: subject.clone(),
                entry: entry.clone(),
            })
            .collect()
    }

    /// Remembers entries as just recorded, if they are among the newest.
    pub fn note_recent(&mut self, domain: Domain, id: &EntityId, entries: &[Entry]) {
        for entry in entries.iter().rev().take(RECENT_KEPT) {
            let full = self.recent.len() >= RECENT_KEPT;
            let oldest = self.recent.first_key_value().map(|(key, _)| key.0);
            if full && oldest.is_some_and(|oldest| entry.recorded < oldest) {
                break;
            }
            let key = (entry.recorded, domain, id.clone(), entry.position);
            self.recent.insert(key, entry.clone());
            if self.recent.len() > RECENT_KEPT {
                self.recent.pop_first();
            }
        }
    }
}

/// A state that has a place in the index.
pub trait Entity: Replayable + Send + Sync + 'static {
    const DOMAIN: Domain;

    fn all(index: &Index) -> &BTreeMap<EntityId, Indexed<Self>>;
    fn all_mut(index: &mut Index) -> &mut BTreeMap<EntityId, Indexed<Self>>;
    /// Adds the cross references of an entity that is in the index, or takes those away that no longer hold.
    fn refer(index: &mut Index, id: &EntityId);
    /// Takes all cross references of an entity away, before it is folded anew.
    fn forget(index: &mut Index, id: &EntityId);
}

impl Index {
    /// Goes on with a stream. `false`: nothing was changed, the whole stream has to be put in.
    pub fn push<S: Entity>(&mut self, id: &EntityId, entries: &[Entry]) -> bool {
        let Some(indexed) = S::all_mut(self).get_mut(id) else {
            return false;
        };
        if !indexed.push(entries) {
            return false;
        }
        self.events += entries.len() as u64;
        self.changed::<S>(id, entries);
        true
    }

    /// Puts a stream in that was folded whole, in place of what was known of it.
    pub fn put<S: Entity>(&mut self, id: &EntityId, indexed: Indexed<S>, newest: &[Entry]) {
        if let Some(old) = S::all(self).get(id) {
            self.events -= old.fold.events;
            S::forget(self, id);
        }
        self.events += indexed.fold.events;
        S::all_mut(self).insert(id.clone(), indexed);
        self.changed::<S>(id, newest);
    }

    fn changed<S: Entity>(&mut self, id: &EntityId, newest: &[Entry]) {
        S::refer(self, id);
        self.note_recent(S::DOMAIN, id, newest);
        self.generation += 1;
    }
}

impl Entity for WalletState {
    const DOMAIN: Domain = Domain::Wallet;

    fn all(index: &Index) -> &BTreeMap<EntityId, Indexed<Self>> {
        &index.wallets
    }

    fn all_mut(index: &mut Index) -> &mut BTreeMap<EntityId, Indexed<Self>> {
        &mut index.wallets
    }

    fn refer(index: &mut Index, id: &EntityId) {
        let Some(wallet) = index.wallets.get(id) else { return };
        for posting in wallet.fold.state.postings.values() {
            if let Some(refund) = &posting.refund {
                add(&mut index.wallets_by_refund, refund, id);
            }
        }
    }

    fn forget(index: &mut Index, id: &EntityId) {
        let Some(wallet) = index.wallets.get(id) else { return };
        for posting in wallet.fold.state.postings.values() {
            if let Some(refund) = &posting.refund {
                remove(&mut index.wallets_by_refund, refund, id);
            }
        }
    }
}

impl Entity for OrderState {
    const DOMAIN: Domain = Domain::Order;

    fn all(index: &Index) -> &BTreeMap<EntityId, Indexed<Self>> {
        &index.orders
    }

    fn all_mut(index: &mut Index) -> &mut BTreeMap<EntityId, Indexed<Self>> {
        &mut index.orders
    }

    fn refer(index: &mut Index, id: &EntityId) {
        let Some(order) = index.orders.get(id) else { return };
        let state = &order.fold.state;
        for refund in state.refunds.keys() {
            add(&mut index.orders_by_refund, refund, id);
        }
        if let Some(wallet) = &state.wallet {
            add(&mut index.orders_by_wallet, wallet, id);
        }
        if state.refunds.values().any(|refund| refund.state.is_pending()) {
            index.pending.insert(id.clone());
        } else {
            index.pending.remove(id);
        }
    }

    fn forget(index: &mut Index, id: &EntityId) {
        let Some(order) = index.orders.get(id) else { return };
        for refund in order.fold.state.refunds.keys() {
            remove(&mut index.orders_by_refund, refund, id);
        }
        if let Some(wallet) = &order.fold.state.wallet {
            remove(&mut index.orders_by_wallet, wallet, id);
        }
        index.pending.remove(id);
    }
}

fn add(references: &mut HashMap<String, BTreeSet<EntityId>>, key: &str, id: &EntityId) {
    if let Some(ids) = references.get_mut(key) {
        ids.insert(id.clone());
    } else {
        references.insert(key.to_owned(), BTreeSet::from([id.clone()]));
    }
}

fn remove(references: &mut HashMap<String, BTreeSet<EntityId>>, key: &str, id: &EntityId) {
    if let Some(ids) = references.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            references.remove(key);
        }
    }
}
