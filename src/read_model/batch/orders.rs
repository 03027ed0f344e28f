//! Rows of orders and of their refunds.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, params};

use super::{
    Batch, Clock, List, Sign,
    findings::{self, Scope},
};
use crate::{
    domain::{
        event::RawDigest,
        findings::{Finding, OrderFacts, OrderSums, of_order},
        ids::EntityId,
        money::Currency,
        order::OrderState,
        refund::{Refund, RefundState},
    },
    read_model::{
        columns::{
            MinorUnits, Number, Numbered as _, OptionalMinorUnits, ReadCurrency, Sortable, Time, currency_code,
            to_minor_units,
        },
        customers::Counts,
        entity::Update,
        search_index::{self, Texts},
        time_slots::minute,
    },
};

/// The values of a row before it is written again.
struct Known {
    n: i64,
    digest: RawDigest,
    entries: i64,
    status: i64,
    currency: Option<Currency>,
    sums: [i128; 4],
    wallet: Option<String>,
    customer: Option<String>,
    customer_name: Option<String>,
    refunds: i64,
    pending_refunds: i64,
}

struct KnownRefund {
    n: i64,
    state: RefundState,
    currency: Option<Currency>,
    amount: i128,
    /// The minutes of `requested_at` and `state_since`: see [`minute`].
    requested: i64,
    since: i64,
    reason: String,
}

fn pending_refunds(order: &OrderState) -> i64 {
    let pending = order.refunds.values().filter(|refund| refund.state.is_pending());
    i64::try_from(pending.count()).unwrap_or(i64::MAX)
}

impl Batch<'_> {
    pub(super) fn put_order_rows(&mut self, id: &EntityId, update: &Update<OrderState>) -> rusqlite::Result<()> {
        let known = if self.filling { None } else { self.known_order(id)? };
        let state = &update.fold.state;
        let n = self.write_order(id, update, known.as_ref())?;
        self.ids.note(self.domain, n, &update.ids);
        if let Some(known) = &known {
            self.events -= known.entries;
            self.count(List::Orders, known.status, known.currency, known.sums, Sign::Out);
        }
        self.events += i64::try_from(update.entries).unwrap_or(i64::MAX);
        let minor = |amount| to_minor_units(amount, state.currency);
        let sums = [
            minor(state.total.unwrap_or_default()),
            minor(state.paid),
            minor(state.refunded),
            minor(state.pending),
        ];
        self.count(List::Orders, state.status.number(), state.currency, sums, Sign::In);
        let other_refunds = self.put_refunds(id, update, known.is_some())?;
        self.put_payments(n, update, known.is_some())?;
        let wallet_changed = known.as_ref().is_some_and(|known| known.wallet != state.wallet);
        if wallet_changed {
            // Findings about a refund contain the wallet of its order.
            self.refunds.extend(state.refunds.keys().cloned());
        }
        self.find_order(id, update)?;
        let customer = state.customer.as_ref();
        let same = known.as_ref().is_some_and(|known| {
            !wallet_changed
                && known.customer.as_ref() == customer.map(|party| &party.id)
                && known.customer_name.as_ref() == customer.and_then(|party| party.name.as_ref())
        });
        if !self.filling {
            if let Some(known) = &known {
                let counts = Counts {
                    orders: 1,
                    refunds: known.refunds,
                    pending: known.pending_refunds,
                    wallets: 0,
                };
                self.customers
                    .note(known.customer.as_deref(), known.customer_name.as_deref(), counts, -1);
            }
            let counts = Counts {
                orders: 1,
                refunds: i64::try_from(state.refunds.len()).unwrap_or(i64::MAX),
                pending: pending_refunds(state),
                wallets: 0,
            };
            self.customers.come(customer, counts);
        }
        if self.has_text(n) && (!same || other_refunds) {
            search_index::put(self.connection, Texts::Orders, n, known.is_some())?;
        }
        if known.is_some() && !same {
            self.refresh_refund_texts(id)?;
        }
        if self.evaluates && !same {
            findings::refresh_texts(self.connection, self.domain, id)?;
        }
        Ok(())
    }

    /// Indexes again the texts of an order's refunds, which contain its wallet and its customer.
    fn refresh_refund_texts(&self, order: &EntityId) -> rusqlite::Result<()> {
        let mut select = self.connection.prepare_cached("SELECT n FROM refund WHERE ord = ?1")?;
        let numbers: rusqlite::Result<Vec<i64>> = select.query_map([order.as_str()], |row| row.get(0))?.collect();
        for n in numbers? {
            if self.has_text(n) {
                search_index::put(self.connection, Texts::Refund, n, true)?;
            }
        }
        Ok(())
    }

    fn known_order(&self, id: &EntityId) -> rusqlite::Result<Option<Known>> {
        let mut select = self.connection.prepare_cached(
            "SELECT n, entries, status, currency, total, paid, refunded, pending, wallet, customer, customer_name, digest,
                 refunds, pending_refunds
             FROM orders WHERE id = ?1",
        )?;
        select
            .query_row([id.as_str()], |row| {
                let sum = |at: usize| row.get::<_, MinorUnits>(at).map(|sum| sum.0);
                let total = row.get::<_, OptionalMinorUnits>(4)?.0;
                Ok(Known {
                    n: row.get(0)?,
                    entries: row.get(1)?,
                    status: row.get(2)?,
                    currency: row.get::<_, ReadCurrency>(3)?.0,
                    sums: [total.unwrap_or_default(), sum(5)?, sum(6)?, sum(7)?],
                    wallet: row.get(8)?,
                    customer: row.get(9)?,
                    customer_name: row.get(10)?,
                    digest: RawDigest(row.get(11)?),
                    refunds: row.get(12)?,
                    pending_refunds: row.get(13)?,
                })
            })
            .optional()
    }

    fn write_order(&self, id: &EntityId, update: &Update<OrderState>, known: Option<&Known>) -> rusqlite::Result<i64> {
        let (fold, state) = (&update.fold, &update.fold.state);
        let amount = |amount| Sortable::amount(amount, state.currency);
        let mut replace = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO orders
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        )?;
        replace.insert(params![
            known.map(|known| known.n),
            id.as_str(),
            Sortable::position(update.last),
            update.digest.of(known.map(|known| known.digest)).0,
            update.entries.cast_signed(),
            fold.sequence.cast_signed(),
            state.status.number(),
            currency_code(state.currency.as_ref()),
            Sortable::optional_amount(state.total, state.currency),
            amount(state.paid),
            amount(state.refunded),
            amount(state.pending),
            pending_refunds(state),
            i64::try_from(state.refunds.len()).unwrap_or(i64::MAX),
            state.wallet,
            state.customer.as_ref().map(|party| &party.id),
            state.customer.as_ref().and_then(|party| party.name.as_ref()),
            Sortable::optional_time(state.placed_at),
            Sortable::optional_time(state.last_time),
            fold.complete,
        ])
    }

    /// Writes the touched refunds. If the order was read from its beginning, writes all refunds and removes those that no longer
    /// exist. Returns whether refunds were added or removed.
    fn put_refunds(&mut self, order: &EntityId, update: &Update<OrderState>, known: bool) -> rusqlite::Result<bool> {
        let mut others = false;
        let refunds = &update.fold.state.refunds;
        if !update.anew {
            for id in &update.touched.refunds {
                if let Some(refund) = refunds.get(id) {
                    let known = self.known_refund(order, id)?;
                    others |= known.is_none();
                    self.put_refund(order, id, refund, known.as_ref(), false)?;
                }
            }
            return Ok(others);
        }
        let mut gone: BTreeSet<String> = BTreeSet::new();
        if known {
            let mut select = self
                .connection
                .prepare_cached("SELECT refund FROM refund WHERE ord = ?1")?;
            let ids: rusqlite::Result<Vec<String>> = select.query_map([order.as_str()], |row| row.get(0))?.collect();
            gone.extend(ids?);
        }
        for (id, refund) in refunds {
            let known = if gone.remove(id) {
                self.known_refund(order, id)?
            } else {
                None
            };
            others |= known.is_none();
            self.put_refund(order, id, refund, known.as_ref(), true)?;
        }
        for id in gone {
            others = true;
            if let Some(known) = self.known_refund(order, &id)? {
                self.count_refund(&known, Sign::Out);
                self.connection
                    .prepare_cached("DELETE FROM refund WHERE n = ?1")?
                    .execute([known.n])?;
                self.forget_transitions(known.n)?;
                if self.has_text(known.n) {
                    search_index::remove(self.connection, Texts::Refund, known.n)?;
                }
            }
            self.refunds.insert(id);
        }
        Ok(others)
    }

    fn known_refund(&self, order: &EntityId, id: &str) -> rusqlite::Result<Option<KnownRefund>> {
        let mut select = self.connection.prepare_cached(
            "SELECT n, state, currency, amount, requested_at, state_since, reason
             FROM refund WHERE ord = ?1 AND refund = ?2",
        )?;
        select
            .query_row([order.as_str(), id], |row| {
                let minute = |at: usize| row.get::<_, Time>(at).map(|time| time.0.map_or(0, minute));
                Ok(KnownRefund {
                    n: row.get(0)?,
                    state: row.get::<_, Number<RefundState>>(1)?.0,
                    currency: row.get::<_, ReadCurrency>(2)?.0,
                    amount: row.get::<_, MinorUnits>(3)?.0,
                    requested: minute(4)?,
                    since: minute(5)?,
                    reason: row.get(6)?,
                })
            })
            .optional()
    }

    fn put_refund(
        &mut self,
        order: &EntityId,
        id: &str,
        refund: &Refund,
        known: Option<&KnownRefund>,
        anew: bool,
    ) -> rusqlite::Result<()> {
        self.refunds.insert(id.to_owned());
        let currency = refund.amount.currency();
        let mut replace = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO refund VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?;
        let n = replace.insert(params![
            known.map(|known| known.n),
            id,
            order.as_str(),
            refund.state.number(),
            currency.code(),
            Sortable::amount(refund.amount.amount(), Some(currency)),
            refund.destination.as_str(),
            refund.reason.as_str(),
            Sortable::time(refund.requested_at),
            Sortable::time(refund.state_since),
            refund.ever_approved,
        ])?;
        self.put_transitions(n, refund, known.is_some(), anew)?;
        if let Some(known) = known {
            self.count_refund(known, Sign::Out);
        }
        let now = KnownRefund {
            n,
            state: refund.state,
            currency: Some(currency),
            amount: to_minor_units(refund.amount.amount(), Some(currency)),
            requested: minute(refund.requested_at),
            since: minute(refund.state_since),
            reason: refund.reason.as_str().to_owned(),
        };
        self.count_refund(&now, Sign::In);
        if self.has_text(n) && known.is_none_or(|known| known.reason != now.reason) {
            search_index::put(self.connection, Texts::Refund, n, known.is_some())?;
        }
        Ok(())
    }

    /// Writes the payments of the new entries. If the order was read from its beginning, they replace all earlier ones.
    fn put_payments(&self, n: i64, update: &Update<OrderState>, known: bool) -> rusqlite::Result<()> {
        if known && update.anew {
            self.connection
                .prepare_cached("DELETE FROM payment WHERE ord = ?1")?
                .execute([n])?;
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO payment VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for (position, payment) in &update.touched.payments {
            let currency = payment.amount.currency();
            insert.execute(params![
                n,
                Sortable::position(*position),
                payment.id,
                Sortable::amount(payment.amount.amount(), Some(currency)),
                currency_code(Some(&currency)),
                Sortable::optional_time(payment.time),
            ])?;
        }
        Ok(())
    }

    /// Writes the transitions that have no row yet. If the order was read from its beginning, they replace all earlier ones.
    fn put_transitions(&self, n: i64, refund: &Refund, known: bool, anew: bool) -> rusqlite::Result<()> {
        let mut written = 0_u32;
        if known && anew {
            self.forget_transitions(n)?;
        } else if known {
            let mut count = self
                .connection
                .prepare_cached("SELECT count(*) FROM refund_transition WHERE refund = ?1")?;
            written = count.query_row([n], |row| row.get::<_, u32>(0))?;
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO refund_transition VALUES (?1, ?2, ?3, ?4)")?;
        for (place, transition) in (0_u32..).zip(&refund.transitions).skip(written as usize) {
            insert.execute(params![
                n,
                place,
                transition.state.number(),
                Sortable::time(transition.at)
            ])?;
        }
        Ok(())
    }

    fn forget_transitions(&self, n: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM refund_transition WHERE refund = ?1")?
            .execute([n])
            .map(drop)
    }

    fn count_refund(&mut self, refund: &KnownRefund, sign: Sign) {
        let state = refund.state.number();
        self.count(List::Refunds, state, refund.currency, [refund.amount, 0, 0, 0], sign);
        if refund.state.is_pending() {
            let counted = (state, refund.currency, refund.amount);
            self.count_age(Clock::Requested, counted, refund.requested, sign);
            self.count_age(Clock::InState, counted, refund.since, sign);
        }
    }

    fn find_order(&self, id: &EntityId, update: &Update<OrderState>) -> rusqlite::Result<()> {
        let facts = OrderFacts {
            id,
            state: &update.fold.state,
            complete: update.fold.complete,
        };
        let mut found: Vec<Finding> = Vec::new();
        of_order(&OrderSums::from(&facts), &mut found);
        findings::set(self.connection, Scope::Order, id.as_str(), &found, self.upkeep())
    }
}
