//! The index: one small row for each wallet, order and refund, and the few chains between them that lists, stories and
//! findings need. It holds no event and no fold, so its size follows the number of entities and not their age. Pure
//! bookkeeping in memory; who reads the logs and when is the projector's business.

mod credits;
mod names;
mod oddities;
mod orders;
mod queries;
mod recent;
mod rows;
pub mod saved;
mod totals;
mod wallets;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};

pub use self::{
    names::Slot,
    rows::{ClaimRow, OrderRow, WalletRow},
    wallets::Credits,
};

use self::{
    names::Names,
    recent::Recently,
    rows::{CreditRow, CurrencyNo, HeldRow},
    totals::Running,
};
use crate::{
    domain::{
        event::Entry,
        fold::Fold,
        ids::{Domain, EntityId, Position},
        money::Currency,
        order::OrderState,
        wallet::WalletState,
    },
    history::Remembered,
};

/// Every wallet, order and refund. A row stands at the slot of its id.
#[derive(Clone, Debug, Default)]
pub struct Index {
    wallet_ids: Names,
    wallets: Vec<WalletRow>,
    order_ids: Names,
    orders: Vec<OrderRow>,
    refund_ids: Names,
    refunds: Vec<Chains>,
    /// Orders' refunds, and the slots of those that are no more.
    claims: Vec<Option<ClaimRow>>,
    free_claims: Vec<Slot>,
    credits: Vec<Option<CreditRow>>,
    free_credits: Vec<Slot>,
    /// Owners, customers, reasons, destinations, holds.
    texts: Names,
    currencies: Vec<Currency>,
    /// The slots of the claims that are pending, in no order.
    pending: Vec<Slot>,
    holds: HashMap<Slot, Vec<HeldRow>>,
    expiries: BTreeSet<(DateTime<Utc>, Slot)>,
    /// Of refunds, orders and wallets, those that something does not fit about.
    odd_refunds: BTreeSet<Slot>,
    odd_orders: BTreeSet<Slot>,
    odd_wallets: BTreeSet<Slot>,
    totals: Running,
    /// How many claims there are of each currency.
    claimed: BTreeMap<Currency, u64>,
    recent: Recently,
    counts: Counts,
    /// Changes with every change.
    generation: u64,
    /// Changes when findings may have.
    odd_generation: u64,
    claims_generation: u64,
}

/// A number that no other change of claims in this process has.
fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Who claims and who was credited for the refund of one id.
#[derive(Clone, Copy, Debug, Default)]
struct Chains {
    claims: Option<Slot>,
    credits: Option<Slot>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub events: u64,
}

/// An entity at the end of its stream, with what its row can't be made from: see [`Entity::gather`].
#[derive(Debug)]
pub struct Update<S: Entity> {
    /// It was read from its beginning: what the index knew of it is no longer true.
    pub anew: bool,
    pub fold: std::sync::Arc<Fold<S>>,
    /// Entries of its stream.
    pub events: u64,
    pub last: Position,
    pub gathered: S::Gathered,
    pub newest: Vec<Entry>,
}

/// A state that has a place in the index.
pub trait Entity: Remembered {
    const DOMAIN: Domain;
    /// What is collected while entries are folded, because the fold at their end need not hold it.
    type Gathered: Default + Send + std::fmt::Debug + 'static;

    /// Collects from the fold as it is after these entries.
    fn gather(state: &Self, entries: &[Entry], gathered: &mut Self::Gathered);
    /// How far the index knows its stream.
    fn known(index: &Index, id: &EntityId) -> Option<Position>;
    /// Puts it in, in place of what was known of it.
    fn put(index: &mut Index, id: &EntityId, update: &Update<Self>);
}

impl Index {
    /// Puts an entity in as it is now.
    pub fn put<S: Entity>(&mut self, id: &EntityId, update: &Update<S>) {
        S::put(self, id, update);
        self.recent.note(S::DOMAIN, id, &update.newest);
        self.generation += 1;
    }

    fn currency_no(&mut self, currency: Currency) -> CurrencyNo {
        let known = self.currencies.iter().position(|known| *known == currency);
        let at = known.unwrap_or_else(|| {
            self.currencies.push(currency);
            self.currencies.len() - 1
        });
        // ISO 4217 has fewer than 255 currencies.
        let number = u8::try_from(at).unwrap_or(u8::MAX).saturating_add(1);
        CurrencyNo(std::num::NonZeroU8::new(number).unwrap_or(std::num::NonZeroU8::MAX))
    }

    fn currency(&self, number: CurrencyNo) -> Option<Currency> {
        self.currencies.get(usize::from(number.0.get()) - 1).copied()
    }

    /// The slot of a wallet's id; a row without events where it is named for the first time.
    fn wallet_slot(&mut self, id: &str) -> Slot {
        let slot = self.wallet_ids.intern(id);
        grow(&mut self.wallets, slot);
        slot
    }

    fn order_slot(&mut self, id: &str) -> Slot {
        let slot = self.order_ids.intern(id);
        grow(&mut self.orders, slot);
        slot
    }

    fn refund_slot(&mut self, id: &str) -> Slot {
        let slot = self.refund_ids.intern(id);
        grow(&mut self.refunds, slot);
        slot
    }
}

fn grow<Row: Default>(rows: &mut Vec<Row>, slot: Slot) {
    if rows.len() <= slot.index() {
        rows.resize_with(slot.index() + 1, Row::default);
    }
}

/// Keeps a row at a free slot.
fn keep<Row>(rows: &mut Vec<Option<Row>>, free: &mut Vec<Slot>, row: Row) -> Slot {
    if let Some(slot) = free.pop() {
        rows[slot.index()] = Some(row);
        return slot;
    }
    rows.push(Some(row));
    Slot::at(rows.len() - 1)
}

impl Entity for WalletState {
    const DOMAIN: Domain = Domain::Wallet;
    type Gathered = Credits;

    fn gather(state: &Self, entries: &[Entry], gathered: &mut Credits) {
        gathered.gather(state, entries);
    }

    fn known(index: &Index, id: &EntityId) -> Option<Position> {
        index.wallet_row(id.as_str()).map(|(_, row)| row.last)
    }

    fn put(index: &mut Index, id: &EntityId, update: &Update<Self>) {
        index.put_wallet(id, update);
    }
}

impl Entity for OrderState {
    const DOMAIN: Domain = Domain::Order;
    type Gathered = ();

    fn gather(_: &Self, _: &[Entry], (): &mut ()) {}

    fn known(index: &Index, id: &EntityId) -> Option<Position> {
        index.order_row(id.as_str()).map(|(_, row)| row.last)
    }

    fn put(index: &mut Index, id: &EntityId, update: &Update<Self>) {
        index.put_order(id, update);
    }
}
