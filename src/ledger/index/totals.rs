//! Running sums over everything, by currency: kept up with every change, so that the first page adds nothing up. A sum that
//! has outgrown 28 digits is no longer kept but added up when it is asked for.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    Index,
    rows::{OrderRow, WalletRow},
};
use crate::{
    domain::money::{Currency, add_exact, sub_exact},
    views::overview::Totals,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Running {
    by_currency: BTreeMap<Currency, Totals>,
    outgrown: bool,
}

/// Whether a row comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    In,
    Out,
}

impl Running {
    /// `None` where a sum has outgrown its digits.
    pub fn totals(&self) -> Option<Vec<Totals>> {
        let used = self.by_currency.values().filter(|sum| sum.orders + sum.wallets > 0);
        (!self.outgrown).then(|| used.cloned().collect())
    }

    pub fn wallet(&mut self, currency: Currency, row: &WalletRow, turn: Turn) {
        let outgrown = &mut self.outgrown;
        let of = self.by_currency.entry(currency).or_insert_with(|| nothing(currency));
        count(&mut of.wallets, turn);
        add(&mut of.posted, row.posted, turn, outgrown);
        add(&mut of.held, row.held, turn, outgrown);
    }

    pub fn order(&mut self, currency: Currency, row: &OrderRow, turn: Turn) {
        let outgrown = &mut self.outgrown;
        let of = self.by_currency.entry(currency).or_insert_with(|| nothing(currency));
        count(&mut of.orders, turn);
        add(&mut of.total, row.total.unwrap_or_default(), turn, outgrown);
        add(&mut of.paid, row.paid, turn, outgrown);
        add(&mut of.refunded, row.refunded, turn, outgrown);
        add(&mut of.pending, row.pending, turn, outgrown);
    }
}

fn count(number: &mut u64, turn: Turn) {
    *number = match turn {
        Turn::In => number.saturating_add(1),
        Turn::Out => number.saturating_sub(1),
    };
}

fn add(sum: &mut Decimal, amount: Decimal, turn: Turn, outgrown: &mut bool) {
    let next = match turn {
        Turn::In => add_exact(*sum, amount),
        Turn::Out => sub_exact(*sum, amount),
    };
    match next {
        Some(next) => *sum = next,
        None => *outgrown = true,
    }
}

/// No wallets and no orders.
fn nothing(currency: Currency) -> Totals {
    let zero = currency.zero();
    Totals {
        currency,
        orders: 0,
        total: zero,
        paid: zero,
        refunded: zero,
        pending: zero,
        wallets: 0,
        posted: zero,
        held: zero,
    }
}

impl Index {
    /// Everything added up anew. A sum too large for 28 digits stays at the largest that is exact.
    pub(super) fn add_up(&self) -> Vec<Totals> {
        let mut totals: BTreeMap<Currency, Totals> = BTreeMap::new();
        let add = |sum: &mut Decimal, amount: Decimal| *sum = add_exact(*sum, amount).unwrap_or(*sum);
        for (_, row) in self.orders() {
            if let Some(currency) = row.currency.and_then(|number| self.currency(number)) {
                let of = totals.entry(currency).or_insert_with(|| nothing(currency));
                of.orders += 1;
                add(&mut of.total, row.total.unwrap_or_default());
                add(&mut of.paid, row.paid);
                add(&mut of.refunded, row.refunded);
                add(&mut of.pending, row.pending);
            }
        }
        for (_, row) in self.wallets() {
            if let Some(currency) = row.currency.and_then(|number| self.currency(number)) {
                let of = totals.entry(currency).or_insert_with(|| nothing(currency));
                of.wallets += 1;
                add(&mut of.posted, row.posted);
                add(&mut of.held, row.held);
            }
        }
        totals.into_values().collect()
    }
}
