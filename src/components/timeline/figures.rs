//! The figures beside each event, whatever entity they belong to: their columns, and what an event changed of them. Pure
//! values, so that one table can show a wallet's balances and an order's sums.

use rust_decimal::Decimal;

use crate::{
    domain::{
        event::Entry,
        fold::Anomaly,
        money::sub_exact,
        replay::{Balances, OrderSums},
    },
    views::timelines::TimelineRow,
};

/// Figures that a timeline has columns for.
pub trait Figures {
    /// Heads of the columns; the last one follows from the others, so its changes are not told by themselves.
    const COLUMNS: &'static [&'static str];

    /// One value a column.
    fn values(&self) -> Vec<Decimal>;
}

impl Figures for Balances {
    const COLUMNS: &'static [&'static str] = &["Posted", "Held", "Available"];

    fn values(&self) -> Vec<Decimal> {
        vec![self.posted, self.held, self.available]
    }
}

impl Figures for OrderSums {
    const COLUMNS: &'static [&'static str] = &["Paid", "Refunded", "Pending", "Refundable"];

    fn values(&self) -> Vec<Decimal> {
        vec![self.paid, self.refunded, self.pending, self.refundable]
    }
}

/// One event of a timeline.
pub struct Line {
    pub entry: Entry,
    pub applied: bool,
    pub anomalies: Vec<Anomaly>,
    pub before: Vec<Decimal>,
    pub after: Vec<Decimal>,
}

impl<F: Figures> From<TimelineRow<F>> for Line {
    fn from(row: TimelineRow<F>) -> Self {
        Self {
            before: row.before.values(),
            after: row.step.after.values(),
            entry: row.step.entry,
            applied: row.step.applied,
            anomalies: row.anomalies,
        }
    }
}

/// A figure that an event changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The column.
    pub of: &'static str,
    pub by: Decimal,
}

/// What changed, in the order of the columns.
pub fn changes(columns: &[&'static str], before: &[Decimal], after: &[Decimal]) -> Vec<Change> {
    let shown = columns.len().saturating_sub(1);
    columns
        .iter()
        .zip(before.iter().zip(after))
        .take(shown)
        .filter_map(|(of, (before, after))| {
            // Two sums of 28 digits each differ by more than can be told only at the edge of what can be held at all.
            let by = sub_exact(*after, *before)?;
            (!by.is_zero()).then_some(Change { of, by })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balances(posted: &str, held: &str, available: &str) -> Vec<Decimal> {
        [posted, held, available].map(|text| text.parse().unwrap()).to_vec()
    }

    #[test]
    fn what_follows_from_the_others_is_not_told_twice() {
        let before = balances("100.00", "30.00", "70.00");
        let after = balances("75.00", "0.00", "75.00");
        let shown: Vec<_> = changes(Balances::COLUMNS, &before, &after)
            .into_iter()
            .map(|change| format!("{} {}", change.of, change.by))
            .collect();
        assert_eq!(shown, ["Posted -25.00", "Held -30.00"]);
        assert_eq!(changes(Balances::COLUMNS, &after, &after), []);
    }

    #[test]
    fn every_figure_has_its_column() {
        assert_eq!(Balances::default().values().len(), Balances::COLUMNS.len());
        assert_eq!(OrderSums::default().values().len(), OrderSums::COLUMNS.len());
    }
}
