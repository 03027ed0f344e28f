//! `ledgerscope refunds`: the refunds of all orders. It reads no wallets: `findings` reports refunds that were not
//! credited.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{Listed, Totals};
use crate::{
    cli::{
        CliError,
        output::{Column, Output, count, plain, table},
    },
    domain::{
        event::format_time,
        money::{Currency, add_exact},
        refund::RefundRow,
    },
    views::lists::ListName,
};

impl Listed for RefundRow {
    const LIST: ListName = ListName::Refunds;
    const COLUMNS: &'static [Column] = &[
        Column::Left("refund"),
        Column::Left("order"),
        Column::Left("wallet"),
        Column::Left("state"),
        Column::Left("waits for"),
        Column::Right("amount"),
        Column::Left(""),
        Column::Left("to"),
        Column::Left("reason"),
        Column::Left("requested"),
        Column::Right("in state"),
        Column::Left(""),
    ];
    type Totals = RefundTotals;

    fn json(&self) -> impl Serialize {
        self
    }

    fn cells(&self) -> Vec<String> {
        vec![
            plain(&self.refund),
            self.order.to_string(),
            plain(self.wallet.as_deref().unwrap_or("")),
            self.state.to_string(),
            self.waits_for.map_or_else(String::new, |who| who.to_string()),
            self.amount.to_string(),
            self.currency.to_string(),
            plain(self.destination.as_str()),
            plain(self.reason.as_str()),
            format_time(self.requested_at),
            age(self.age_seconds),
            if self.overdue { "overdue" } else { "" }.to_owned(),
        ]
    }
}

/// Prints refunds as a table for people.
pub fn print(out: &mut Output, rows: &[RefundRow]) -> Result<(), CliError> {
    let mut refunds = table(RefundRow::COLUMNS);
    refunds.add_rows(rows.iter().map(RefundRow::cells));
    out.table(&refunds)?;
    Ok(())
}

/// Formats an age as days and hours, hours and minutes, or minutes.
fn age(seconds: i64) -> String {
    let age = TimeDelta::seconds(seconds);
    match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {}m", minutes % 60),
        (days, hours, _) => format!("{days}d {}h", hours % 24),
    }
}

/// The totals of the rows.
#[derive(Default)]
pub struct RefundTotals {
    rows: usize,
    overdue: usize,
    /// `None`: the sum has more than 28 digits. The amounts of the rows are still shown.
    sums: BTreeMap<Currency, Option<Decimal>>,
}

impl Totals<RefundRow> for RefundTotals {
    fn add(&mut self, row: &RefundRow) {
        self.rows += 1;
        self.overdue += usize::from(row.overdue);
        let sum = self.sums.entry(row.currency).or_insert(Some(row.currency.zero()));
        *sum = sum.and_then(|sum| add_exact(sum, row.amount));
    }

    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        out.line("")?;
        out.line(&format!("{}, {} overdue", count(self.rows, "refund"), self.overdue))?;
        for (currency, sum) in &self.sums {
            let sum = sum.map_or_else(|| "more than 28 digits".to_owned(), |sum| sum.to_string());
            out.line(&format!("  {currency}  {sum}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units() {
        assert_eq!(age(59), "0m");
        assert_eq!(age(3_600 + 120), "1h 2m");
        assert_eq!(age(49 * 3_600), "2d 1h");
    }
}
