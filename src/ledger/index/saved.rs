//! The index as bytes and back: tables in chunks, so that a checkpoint is written and read piece by piece. What follows from
//! the tables (sums, counts, what is pending, what is odd) is not saved but worked out again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Chains, ClaimRow, Index, OrderRow, Slot, WalletRow,
    names::Names,
    next_generation,
    rows::{CreditRow, HeldRow},
    totals::Turn,
};
use crate::{domain::money::Currency, views::events::Recent};

/// Rows in one chunk: what is read of a checkpoint is twice in memory, one chunk at a time.
const ROWS: usize = 4_096;
/// Rows that room is made for at the most before they are there.
const ROOM_MAX: u32 = 10_000_000;

/// The tables, by the number that stands for them in a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    WalletIds = 1,
    Wallets,
    OrderIds,
    Orders,
    RefundIds,
    Claims,
    Credits,
    Texts,
    Currencies,
    Holds,
    Recent,
    Sizes,
}

/// How many rows the tables have. Said first, so that a load makes room once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Sizes {
    wallets: u32,
    orders: u32,
    refunds: u32,
    claims: u32,
    credits: u32,
    texts: u32,
}

impl Sizes {
    fn of(index: &Index) -> Self {
        let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            wallets: size(index.wallets.len()),
            orders: size(index.orders.len()),
            refunds: size(index.refund_ids.len()),
            claims: size(index.claims.len()),
            credits: size(index.credits.len()),
            texts: size(index.texts.len()),
        }
    }

    fn make_room(self) -> Index {
        let room = |rows: u32| rows.min(ROOM_MAX) as usize;
        Index {
            wallet_ids: Names::with_capacity(room(self.wallets)),
            wallets: Vec::with_capacity(room(self.wallets)),
            order_ids: Names::with_capacity(room(self.orders)),
            orders: Vec::with_capacity(room(self.orders)),
            refund_ids: Names::with_capacity(room(self.refunds)),
            refunds: Vec::with_capacity(room(self.refunds)),
            claims: Vec::with_capacity(room(self.claims)),
            credits: Vec::with_capacity(room(self.credits)),
            texts: Names::with_capacity(room(self.texts)),
            ..Index::default()
        }
    }
}

/// A piece of a table: which table, and its rows.
pub type Chunk = (u8, Vec<u8>);

/// Why bytes are no index.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    #[error("a chunk can't be read: {0}")]
    Chunk(#[from] postcard::Error),
    #[error("there is no table {0}")]
    Table(u8),
    #[error("a row names what is not there")]
    Dangling,
}

/// Hands every chunk of the index to `write`.
pub fn save<E: From<postcard::Error>>(index: &Index, mut write: impl FnMut(Chunk) -> Result<(), E>) -> Result<(), E> {
    rows(&[Sizes::of(index)], Table::Sizes, &mut write)?;
    names(&index.wallet_ids, Table::WalletIds, &mut write)?;
    rows(&index.wallets, Table::Wallets, &mut write)?;
    names(&index.order_ids, Table::OrderIds, &mut write)?;
    rows(&index.orders, Table::Orders, &mut write)?;
    names(&index.refund_ids, Table::RefundIds, &mut write)?;
    rows(&index.claims, Table::Claims, &mut write)?;
    rows(&index.credits, Table::Credits, &mut write)?;
    names(&index.texts, Table::Texts, &mut write)?;
    rows(&index.currencies, Table::Currencies, &mut write)?;
    let holds: Vec<(&Slot, &Vec<HeldRow>)> = index.holds.iter().collect();
    rows(&holds, Table::Holds, &mut write)?;
    // As JSON: entries leave fields out that they do not have, which postcard can't.
    let recent: Vec<_> = index.recent.newest_first().iter().map(recent_text).collect();
    rows(&recent, Table::Recent, &mut write)
}

fn recent_text(recent: &Recent) -> String {
    serde_json::to_string(recent).unwrap_or_default()
}

fn names<E: From<postcard::Error>>(
    names: &Names,
    table: Table,
    write: &mut impl FnMut(Chunk) -> Result<(), E>,
) -> Result<(), E> {
    let all: Vec<&str> = names.iter().collect();
    rows(&all, table, write)
}

fn rows<R: Serialize, E: From<postcard::Error>>(
    rows: &[R],
    table: Table,
    write: &mut impl FnMut(Chunk) -> Result<(), E>,
) -> Result<(), E> {
    for chunk in rows.chunks(ROWS) {
        write((table as u8, postcard::to_stdvec(chunk)?))?;
    }
    Ok(())
}

/// Puts an index together from its chunks, in the order in which they were saved.
#[derive(Debug, Default)]
pub struct Loading {
    index: Index,
    recent: Vec<Recent>,
}

impl Loading {
    pub fn take(&mut self, table: u8, bytes: &[u8]) -> Result<(), SavedError> {
        let index = &mut self.index;
        match table {
            1 => intern(&mut index.wallet_ids, bytes),
            2 => extend(&mut index.wallets, bytes),
            3 => intern(&mut index.order_ids, bytes),
            4 => extend(&mut index.orders, bytes),
            5 => intern(&mut index.refund_ids, bytes),
            6 => extend(&mut index.claims, bytes),
            7 => extend(&mut index.credits, bytes),
            8 => intern(&mut index.texts, bytes),
            9 => extend(&mut index.currencies, bytes),
            10 => {
                let holds: Vec<(Slot, Vec<HeldRow>)> = postcard::from_bytes(bytes)?;
                index.holds.extend(holds);
                Ok(())
            }
            11 => {
                let texts: Vec<String> = postcard::from_bytes(bytes)?;
                let read = texts.iter().map(|text| serde_json::from_str(text));
                self.recent = read.collect::<Result<_, _>>().map_err(|_| SavedError::Dangling)?;
                Ok(())
            }
            12 => {
                let sizes: Vec<Sizes> = postcard::from_bytes(bytes)?;
                let at_start = index.wallet_ids.len() == 0 && index.order_ids.len() == 0;
                match sizes[..] {
                    [sizes] if at_start => self.index = sizes.make_room(),
                    _ => return Err(SavedError::Dangling),
                }
                Ok(())
            }
            other => Err(SavedError::Table(other)),
        }
    }

    /// Checks that nothing dangles and works out what was not saved.
    pub fn finish(mut self) -> Result<Index, SavedError> {
        let index = &mut self.index;
        let whole = index.wallets.len() == index.wallet_ids.len() && index.orders.len() == index.order_ids.len();
        if !whole || !index.is_sound() {
            return Err(SavedError::Dangling);
        }
        index.refunds.resize(index.refund_ids.len(), Chains::default());
        index.work_out();
        index.claims_generation = next_generation();
        for recent in self.recent.iter().rev() {
            let entry = std::slice::from_ref(&recent.entry);
            index.recent.note(recent.domain, &recent.subject, entry);
        }
        Ok(self.index)
    }
}

fn intern(names: &mut Names, bytes: &[u8]) -> Result<(), SavedError> {
    let texts: Vec<&str> = postcard::from_bytes(bytes)?;
    for text in texts {
        let next = names.len();
        if names.intern(text) != Slot::at(next) {
            // A name twice: every slot after it would mean another.
            return Err(SavedError::Dangling);
        }
    }
    Ok(())
}

fn extend<R: DeserializeOwned>(rows: &mut Vec<R>, bytes: &[u8]) -> Result<(), SavedError> {
    let more: Vec<R> = postcard::from_bytes(bytes)?;
    rows.extend(more);
    Ok(())
}

impl Index {
    /// Whether every slot in every row is one that there is.
    fn is_sound(&self) -> bool {
        let within = |slot: Option<Slot>, length: usize| slot.is_none_or(|slot| slot.index() < length);
        let is = |slot: Slot, length: usize| slot.index() < length;
        let (wallets, orders, refunds) = (self.wallets.len(), self.orders.len(), self.refund_ids.len());
        let (claims, credits, texts) = (self.claims.len(), self.credits.len(), self.texts.len());
        let currency = |number: super::CurrencyNo| self.currency(number).is_some();
        let wallet = |row: &WalletRow| {
            within(row.owner, texts)
                && within(row.owner_name, texts)
                && within(row.credits, credits)
                && within(row.orders, orders)
                && row.currency.is_none_or(currency)
        };
        let order = |row: &OrderRow| {
            within(row.customer, texts)
                && within(row.customer_name, texts)
                && within(row.wallet, wallets)
                && within(row.next_of_wallet, orders)
                && within(row.claims, claims)
                && row.currency.is_none_or(currency)
        };
        let claim = |row: &ClaimRow| {
            is(row.refund, refunds)
                && is(row.order, orders)
                && is(row.reason, texts)
                && is(row.destination, texts)
                && currency(row.currency)
                && within(row.next_of_refund, claims)
                && within(row.next_of_order, claims)
        };
        let credit = |row: &CreditRow| {
            is(row.refund, refunds)
                && is(row.wallet, wallets)
                && within(row.order, orders)
                && within(row.next_of_refund, credits)
                && within(row.next_of_wallet, credits)
        };
        let held = |row: &HeldRow| is(row.hold, texts) && within(row.order, texts);
        self.wallets.iter().all(wallet)
            && self.orders.iter().all(order)
            && self.claims.iter().flatten().all(claim)
            && self.credits.iter().flatten().all(credit)
            && self
                .holds
                .iter()
                .all(|(slot, rows)| is(*slot, wallets) && rows.iter().all(held))
    }

    /// Chains of refunds, counts, sums, what is pending and what is odd.
    fn work_out(&mut self) {
        self.counts = super::Counts::default();
        self.claimed = BTreeMap::<Currency, u64>::new();
        self.pending.clear();
        self.chain_refunds();
        let wallets = std::mem::take(&mut self.wallets);
        for row in wallets.iter().filter(|row| row.events > 0) {
            self.counts.wallets += 1;
            self.count_wallet(row, Turn::In);
        }
        self.wallets = wallets;
        let orders = std::mem::take(&mut self.orders);
        for row in orders.iter().filter(|row| row.events > 0) {
            self.counts.orders += 1;
            self.count_order(row, Turn::In);
        }
        self.orders = orders;
        let expiries = self.holds.iter();
        self.expiries = expiries
            .flat_map(|(wallet, rows)| rows.iter().map(|row| (row.expires_at, *wallet)))
            .collect::<BTreeSet<_>>();
        self.judge_all();
    }

    /// Slots are given away in the order in which chains grew, so walking them in that order chains them as they were.
    fn chain_refunds(&mut self) {
        for index in 0..self.claims.len() {
            let slot = Slot::at(index);
            let Some(row) = self.claims[index].as_mut() else {
                self.free_claims.push(slot);
                continue;
            };
            row.pending_at = None;
            let (refund, currency, pending) = (row.refund, row.currency, row.state.is_pending());
            row.next_of_refund = self.refunds[refund.index()].claims;
            self.refunds[refund.index()].claims = Some(slot);
            self.counts.refunds += 1;
            self.count_claim(currency, true);
            if pending {
                self.enter_pending(slot);
            }
        }
        for index in 0..self.credits.len() {
            let slot = Slot::at(index);
            let Some(row) = self.credits[index].as_mut() else {
                self.free_credits.push(slot);
                continue;
            };
            let chains = &mut self.refunds[row.refund.index()];
            row.next_of_refund = chains.credits;
            chains.credits = Some(slot);
        }
    }

    fn judge_all(&mut self) {
        for index in 0..self.refunds.len() {
            self.judge_refund(Slot::at(index));
        }
        for index in 0..self.orders.len() {
            self.judge_order(Slot::at(index));
        }
        for index in 0..self.wallets.len() {
            self.judge_wallet(Slot::at(index));
        }
    }
}

/// An index as it can be compared with another: by ids, whatever the order in which things came.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plain(pub BTreeMap<String, String>);

impl Index {
    /// One line a wallet, order, refund and credit; two indexes of the same ledger have the same.
    pub fn plain(&self) -> Plain {
        let mut lines = BTreeMap::new();
        for (slot, row) in self.wallets() {
            let line = format!("{:?} {:?} {}", self.show_wallet(slot), row.last, row.events);
            lines.insert(format!("wallet {}", self.wallet_id(slot)), line);
        }
        for (slot, row) in self.orders() {
            let line = format!("{:?} {:?} {}", self.show_order(slot), row.last, row.events);
            lines.insert(format!("order {}", self.order_id(slot)), line);
        }
        for row in self.claims.iter().flatten() {
            let key = format!(
                "refund {} of order {}",
                self.refund_id(row.refund),
                self.order_id(row.order)
            );
            let texts = (
                self.text(row.reason),
                self.text(row.destination),
                self.currency(row.currency),
            );
            let line = format!(
                "{texts:?} {} {} {} {} {}",
                row.amount, row.state, row.requested_at, row.state_since, row.ever_approved
            );
            lines.insert(key, line);
        }
        for row in self.credits.iter().flatten() {
            let key = format!(
                "credit {:016x} of wallet {} for refund {}",
                row.event,
                self.wallet_id(row.wallet),
                self.refund_id(row.refund)
            );
            let order = row.order.map(|order| self.order_id(order));
            lines.insert(key, format!("{order:?} {} {} {}", row.amount, row.time, row.reversed));
        }
        let holds: HashMap<_, _> = self.holds.iter().collect();
        for (wallet, rows) in holds {
            for row in rows {
                let key = format!("hold {} of wallet {}", self.text(row.hold), self.wallet_id(*wallet));
                let order = row.order.map(|order| self.text(order));
                lines.insert(key, format!("{order:?} {} {}", row.amount, row.expires_at));
            }
        }
        Plain(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk<T: Serialize>(table: Table, rows: &[T]) -> (u8, Vec<u8>) {
        (table as u8, postcard::to_stdvec(rows).unwrap())
    }

    #[test]
    fn sizes_make_room_and_are_said_before_anything_else() {
        let sizes = Sizes {
            wallets: 3,
            ..Sizes::of(&Index::default())
        };
        let ((table, sizes), (names, wallets)) = (chunk(Table::Sizes, &[sizes]), chunk(Table::WalletIds, &["W-1"]));
        let mut loading = Loading::default();
        loading.take(table, &sizes).unwrap();
        assert!(loading.index.wallets.capacity() >= 3);
        loading.take(names, &wallets).unwrap();
        // By now they would take away what was loaded.
        assert!(matches!(loading.take(table, &sizes), Err(SavedError::Dangling)));
        assert_eq!(loading.index.wallet_ids.len(), 1);
        let (_, twice) = chunk(Table::Sizes, &[Sizes::of(&Index::default()); 2]);
        assert!(matches!(
            Loading::default().take(table, &twice),
            Err(SavedError::Dangling)
        ));
    }
}
