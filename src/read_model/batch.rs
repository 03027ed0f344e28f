//! Writes a batch of entities in one transaction: their rows, and what these change in totals, ages, findings, customers and
//! indexes. Changes of totals are added up in memory and written once, at the end of the batch.

mod findings;
mod orders;
mod wallets;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    columns::{MinorUnits, Sortable, currency_code},
    customers::CustomerChanges,
    entity::{Entity, RowWriter, Update},
    recent::Newest,
    search_index::{self, Texts},
    time_slots::UNITS,
    totals::{Clock, List, SUMS, Sign, Tally, tally},
    whole_ids::NewIds,
    witness,
};
use crate::domain::{
    ids::{Domain, EntityId},
    money::Currency,
    order::OrderState,
    wallet::WalletState,
};

/// What the writing of findings has to consider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upkeep {
    /// The subject has no findings yet.
    pub new: bool,
    /// The findings are in the search index.
    pub searched: bool,
}

type TotalKey = (List, i64, Option<Currency>);
/// Clock, state, currency, unit and slot.
type AgeKey = (Clock, i64, Option<Currency>, usize, i64);

impl RowWriter for Batch<'_> {
    fn put_wallet(&mut self, id: &EntityId, update: &Update<WalletState>) -> rusqlite::Result<()> {
        self.put_wallet_rows(id, update)
    }

    fn put_order(&mut self, id: &EntityId, update: &Update<OrderState>) -> rusqlite::Result<()> {
        self.put_order_rows(id, update)
    }
}

/// A batch being written.
pub struct Batch<'t> {
    connection: &'t Connection,
    domain: Domain,
    /// The domain is being filled: every row is new, and there are no indexes yet.
    filling: bool,
    /// Both domains are filled, so findings between them can be evaluated.
    evaluates: bool,
    /// Rows up to this number are in the search index, which the batch updates. The others are indexed later.
    searchable: i64,
    totals: BTreeMap<TotalKey, Tally>,
    ages: BTreeMap<AgeKey, Tally>,
    events: i64,
    /// Refunds whose findings may have changed.
    refunds: BTreeSet<String>,
    newest: Newest,
    ids: NewIds,
    /// Stays empty while filling: at its end the customers are made from all rows.
    customers: CustomerChanges,
}

impl<'t> Batch<'t> {
    pub fn new(connection: &'t Connection, domain: Domain) -> rusqlite::Result<Self> {
        let source = |domain: Domain| {
            let mut select = connection.prepare_cached("SELECT filled, searchable FROM source WHERE domain = ?1")?;
            select.query_row([domain.as_str()], |row| {
                Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?))
            })
        };
        let (filled, searchable) = source(domain)?;
        let other = match domain {
            Domain::Wallet => Domain::Order,
            Domain::Order => Domain::Wallet,
        };
        Ok(Self {
            connection,
            domain,
            filling: !filled,
            evaluates: filled && source(other)?.0,
            searchable,
            totals: BTreeMap::new(),
            ages: BTreeMap::new(),
            events: 0,
            refunds: BTreeSet::new(),
            newest: Newest::new(connection)?,
            ids: NewIds::default(),
            customers: CustomerChanges::default(),
        })
    }

    /// Writes the present state of an entity.
    pub fn put<S: Entity>(&mut self, id: &EntityId, update: &Update<S>) -> rusqlite::Result<()> {
        S::put(self, id, update)?;
        self.newest.note(id, &update.newest);
        Ok(())
    }

    /// Records that a stream can't be read, and why. Its row keeps the last figures and is marked as incomplete. A stream that
    /// was never read gets a row without figures.
    pub fn put_unreadable<S: Entity>(
        &mut self,
        id: &EntityId,
        reason: &str,
        since: DateTime<Utc>,
    ) -> rusqlite::Result<()> {
        let mut mark = self.connection.prepare_cached(match self.domain {
            Domain::Wallet => "UPDATE wallet SET complete = 0 WHERE id = ?1",
            Domain::Order => "UPDATE orders SET complete = 0 WHERE id = ?1",
        })?;
        if mark.execute([id.as_str()])? == 0 {
            self.put(id, &Update::<S>::unread())?;
        } else {
            findings::add_incomplete(self.connection, self.domain, id, self.upkeep())?;
        }
        self.set_stale(id, reason, since)
    }

    /// Writes a stream that no longer exists. Its row stays, without figures and marked as incomplete. The row of a stream that
    /// could never be read is removed.
    pub fn put_absent<S: Entity>(&mut self, id: &EntityId) -> rusqlite::Result<()> {
        match witness::of(self.connection, self.domain, id)? {
            Some(known) if known.entries > 0 => self.put(id, &Update::<S>::unread())?,
            Some(known) if self.is_stale(id)? => self.remove_unread(id, known.n)?,
            _ => {}
        }
        self.unset_stale(id)
    }

    fn is_stale(&self, id: &EntityId) -> rusqlite::Result<bool> {
        let mut select = self
            .connection
            .prepare_cached("SELECT 1 FROM stale WHERE domain = ?1 AND id = ?2")?;
        select.exists([self.domain.as_str(), id.as_str()])
    }

    /// Removes a row without figures.
    fn remove_unread(&mut self, id: &EntityId, n: i64) -> rusqlite::Result<()> {
        let (list, table, texts, scope) = match self.domain {
            Domain::Wallet => (List::Wallets, "wallet", Texts::Wallet, findings::Scope::Wallet),
            Domain::Order => (List::Orders, "orders", Texts::Orders, findings::Scope::Order),
        };
        // A row without figures has state 0, unopened or unknown.
        self.count(list, 0, None, [0; SUMS], Sign::Out);
        self.connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE n = ?1"))?
            .execute([n])?;
        if self.has_text(n) {
            search_index::remove(self.connection, texts, n)?;
        }
        findings::set(self.connection, scope, id.as_str(), &[], self.upkeep())
    }

    /// The [`Upkeep`] of this batch.
    const fn upkeep(&self) -> Upkeep {
        Upkeep {
            new: self.filling,
            searched: self.evaluates,
        }
    }

    /// Records that a stream has to be read again, and why.
    pub fn set_stale(&self, id: &EntityId, reason: &str, since: DateTime<Utc>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO stale VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET reason = excluded.reason",
            )?
            .execute(params![
                self.domain.as_str(),
                id.as_str(),
                reason,
                Sortable::time(since)
            ])
            .map(drop)
    }

    /// Removes the record that a stream has to be read again.
    pub fn unset_stale(&self, id: &EntityId) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM stale WHERE domain = ?1 AND id = ?2")?
            .execute([self.domain.as_str(), id.as_str()])
            .map(drop)
    }

    /// Writes everything that was added up.
    pub fn finish(mut self) -> rusqlite::Result<()> {
        if self.evaluates {
            for refund in std::mem::take(&mut self.refunds) {
                findings::evaluate_refund(self.connection, &refund, self.upkeep())?;
            }
        }
        for ((list, state, currency), change) in &self.totals {
            add_total(self.connection, *list, *state, currency.as_ref(), change)?;
        }
        for (key, change) in &self.ages {
            add_age(self.connection, key, change)?;
        }
        self.newest.write(self.connection, self.domain)?;
        self.ids.write(self.connection, self.domain, self.filling)?;
        self.customers.write(self.connection, self.domain)?;
        self.connection
            .prepare_cached("UPDATE source SET events = events + ?2 WHERE domain = ?1")?
            .execute(params![self.domain.as_str(), self.events])?;
        Ok(())
    }

    fn count(&mut self, list: List, state: i64, currency: Option<Currency>, sums: [i128; SUMS], sign: Sign) {
        let total = self.totals.entry((list, state, currency)).or_default();
        total.add(sums, sign);
    }

    fn count_age(&mut self, clock: Clock, refund: (i64, Option<Currency>, i128), minute: i64, sign: Sign) {
        let (state, currency, amount) = refund;
        for (unit, minutes) in UNITS.into_iter().enumerate() {
            let tally = self
                .ages
                .entry((clock, state, currency, unit, minute / minutes))
                .or_default();
            tally.add([amount, 0, 0, 0], sign);
        }
    }

    /// Whether the search index has the row of this number and has to be updated with it.
    const fn has_text(&self, n: i64) -> bool {
        n <= self.searchable
    }
}

fn add_total(
    connection: &Connection,
    list: List,
    state: i64,
    currency: Option<&Currency>,
    change: &Tally,
) -> rusqlite::Result<()> {
    if *change == Tally::default() {
        return Ok(());
    }
    let key = (list as i64, state, currency_code(currency));
    let mut select = connection.prepare_cached(
        "SELECT rows, sum_1, sum_2, sum_3, sum_4 FROM total WHERE list = ?1 AND state = ?2 AND currency = ?3",
    )?;
    let mut total = select
        .query_row(key, |row| tally(row, 0))
        .optional()?
        .unwrap_or_default();
    total.rows += change.rows;
    for (sum, more) in total.sums.iter_mut().zip(change.sums) {
        *sum += more;
    }
    let [a, b, c, d] = total.sums.map(Sortable::minor_units);
    connection
        .prepare_cached("INSERT OR REPLACE INTO total VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![key.0, key.1, key.2, total.rows, a, b, c, d])
        .map(drop)
}

fn add_age(
    connection: &Connection,
    (clock, state, currency, unit, slot): &AgeKey,
    change: &Tally,
) -> rusqlite::Result<()> {
    if *change == Tally::default() {
        return Ok(());
    }
    let unit = i64::try_from(*unit).unwrap_or_default();
    let key = (*clock as i64, *state, currency_code(currency.as_ref()), unit, *slot);
    let mut select = connection.prepare_cached(
        "SELECT rows, sum FROM age WHERE clock = ?1 AND state = ?2 AND currency = ?3 AND unit = ?4 AND slot = ?5",
    )?;
    let read = select.query_row(key, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, MinorUnits>(1)?.0)));
    let (rows, sum) = read.optional()?.unwrap_or_default();
    let (rows, sum) = (rows + change.rows, sum + change.sums[0]);
    if rows == 0 {
        connection
            .prepare_cached(
                "DELETE FROM age WHERE clock = ?1 AND state = ?2 AND currency = ?3 AND unit = ?4 AND slot = ?5",
            )?
            .execute(key)
            .map(drop)
    } else {
        connection
            .prepare_cached("INSERT OR REPLACE INTO age VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                key.0,
                key.1,
                key.2,
                key.3,
                key.4,
                rows,
                Sortable::minor_units(sum)
            ])
            .map(drop)
    }
}

pub use findings::evaluate_all;
