//! `ledgerscope refunds`: every refund of every order, straight from the order log, as contract §8 lists them. It asks no
//! wallet: whether one was credited is what `findings` looks into.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use clap::Args;

use super::{
    CliError,
    filter::FilterArgs,
    order::refund_rows,
    output::{Column, Output, count, plain, table},
    scan,
    settings::Settings,
};
use crate::domain::{
    event::format_time,
    ids::Domain,
    money::{Currency, add_exact},
    order::OrderState,
    refund::{RefundRow, RefundState},
};

#[derive(Args, Debug)]
pub struct RefundsArgs {
    /// Only these states, separated by commas; without it, the pending ones
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<RefundState>,
    /// Only those that have waited longer than the limit of their state
    #[arg(long)]
    overdue: bool,
    /// Only this currency
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl RefundsArgs {
    fn wants(&self, row: &RefundRow) -> bool {
        let state = if self.state.is_empty() {
            row.state.is_pending()
        } else {
            self.state.contains(&row.state)
        };
        state && (row.overdue || !self.overdue) && self.currency.is_none_or(|currency| currency == row.currency)
    }
}

pub async fn run(settings: &Settings, args: &RefundsArgs) -> Result<(), CliError> {
    let log = settings.log_of(Domain::Order)?;
    let now = args.filter.at.unwrap_or_else(Utc::now);
    let limits = settings.limits();
    let orders = scan::folds::<OrderState>(&*log, &args.filter.filter()).await?;
    let mut rows: Vec<_> = orders
        .iter()
        .flat_map(|(id, fold)| refund_rows(id, &fold.state, now, &limits))
        .filter(|row| args.wants(row))
        .collect();
    rows.sort_by(|a, b| a.age_order().cmp(&b.age_order()));
    let mut out = Output::new();
    if args.json {
        for row in &rows {
            out.json(row)?;
        }
    } else {
        print(&mut out, &rows)?;
        totals(&mut out, &rows)?;
    }
    out.finish()?;
    Ok(())
}

/// Refunds as a table for people.
pub fn print(out: &mut Output, rows: &[RefundRow]) -> Result<(), CliError> {
    let mut refunds = table(&[
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
    ]);
    for row in rows {
        refunds.add_row([
            plain(&row.refund),
            row.order.to_string(),
            plain(row.wallet.as_deref().unwrap_or("")),
            row.state.to_string(),
            row.waits_for.map_or_else(String::new, |who| who.to_string()),
            row.amount.to_string(),
            row.currency.to_string(),
            plain(row.destination.as_str()),
            plain(row.reason.as_str()),
            format_time(row.requested_at),
            age(row.age_seconds),
            if row.overdue { "overdue" } else { "" }.to_owned(),
        ]);
    }
    out.table(&refunds)?;
    Ok(())
}

/// Whole days and hours, or hours and minutes: as exact as a person wants it.
fn age(seconds: i64) -> String {
    let age = TimeDelta::seconds(seconds);
    match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {}m", minutes % 60),
        (days, hours, _) => format!("{days}d {}h", hours % 24),
    }
}

fn totals(out: &mut Output, rows: &[RefundRow]) -> Result<(), CliError> {
    let overdue = rows.iter().filter(|row| row.overdue).count();
    out.line("")?;
    out.line(&format!("{}, {overdue} overdue", count(rows.len(), "refund")))?;
    let mut sums = BTreeMap::new();
    for row in rows {
        // A sum beyond 28 digits is not shown; each amount still is.
        let sum = sums.entry(row.currency).or_insert(Some(row.currency.zero()));
        *sum = sum.and_then(|sum| add_exact(sum, row.amount));
    }
    for (currency, sum) in sums {
        let sum = sum.map_or_else(|| "more than 28 digits".to_owned(), |sum| sum.to_string());
        out.line(&format!("  {currency}  {sum}"))?;
    }
    Ok(())
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
