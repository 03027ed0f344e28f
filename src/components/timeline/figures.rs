//! The figures beside each event, for wallets and orders: their columns, and what an event changed of them.

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
    /// Heads of the columns. The last figure follows from the others, so its changes are not listed.
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
    /// The head of the column.
    pub of: &'static str,
    pub by: Decimal,
}

/// The changes, in the order of the columns.
pub fn changes(columns: &[&'static str], before: &[Decimal], after: &[Decimal]) -> Vec<Change> {
    let shown = columns.len().saturating_sub(1);
    columns
        .iter()
        .zip(before.iter().zip(after))
        .take(shown)
        .filter_map(|(of, (before, after))| {
            // `None` only if the difference of two sums has more than 28 digits.
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
    fn changes_of_the_last_column_are_not_listed() {
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
