//! `ledgerscope refunds`: the refunds of all orders, from a read model that is up to date, as contract §8 lists them. It asks no
//! wallet: whether one was credited is what `findings` looks into.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use clap::Args;
use rust_decimal::Decimal;

use super::{
    CliError,
    filter::FilterArgs,
    output::{Column, Output, complain, count, paged_table, plain, table},
    settings::Settings,
};
use crate::{
    domain::{
        event::format_time,
        ids::Domain,
        money::{Currency, add_exact},
        refund::{RefundRow, RefundState},
    },
    read_model::{Moment, UpToDate},
    views::refunds::RefundsQuery,
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

/// What the rows come to.
#[derive(Default)]
struct Totals {
    rows: usize,
    overdue: usize,
    /// `None`: beyond 28 digits. Each amount still is shown.
    sums: BTreeMap<Currency, Option<Decimal>>,
}

pub async fn run(settings: &Settings, args: &RefundsArgs) -> Result<(), CliError> {
    let needed = [Domain::Order];
    let stores = settings.existing_stores(&needed)?;
    let model = UpToDate::open(&stores, &settings.of_read_model(), &needed, &args.filter.filter()).await?;
    let query = RefundsQuery {
        states: args.state.clone(),
        overdue: args.overdue,
        currency: args.currency,
        ..RefundsQuery::default()
    };
    let moment = Moment {
        now: args.filter.at.unwrap_or_else(Utc::now),
        limits: settings.limits(),
    };
    let pages = |each: &mut dyn FnMut(&[RefundRow]) -> Result<(), CliError>| {
        let mut after = None;
        loop {
            let (rows, next) = model.refunds(&query, &moment, after.as_ref())?;
            each(&rows)?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    };
    let mut out = Output::new();
    if args.json {
        pages(&mut |rows| {
            for row in rows {
                out.json(row)?;
            }
            Ok(())
        })?;
    } else {
        paged_table(&mut out, &COLUMNS, cells, pages)?;
        let mut totals = Totals::default();
        pages(&mut |rows| {
            for row in rows {
                totals.add(row);
            }
            Ok(())
        })?;
        totals.print(&mut out)?;
    }
    out.finish()?;
    say_unreadable(&model, &needed)
}

/// Names the streams that can't be read, whose rows are those of the last time that they could.
pub fn say_unreadable(model: &UpToDate, domains: &[Domain]) -> Result<(), CliError> {
    let mut some = false;
    for domain in domains {
        for stream in model.unreadable(*domain)? {
            some = true;
            complain(&format!(
                "{domain} {} can't be read ({}); what is listed of it is what was read before",
                plain(&stream.id),
                plain(&stream.reason)
            ));
        }
    }
    if some { Err(CliError::Said) } else { Ok(()) }
}

const COLUMNS: [Column; 12] = [
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

/// Refunds as a table for people.
pub fn print(out: &mut Output, rows: &[RefundRow]) -> Result<(), CliError> {
    let mut refunds = table(&COLUMNS);
    refunds.add_rows(rows.iter().map(cells));
    out.table(&refunds)?;
    Ok(())
}

fn cells(row: &RefundRow) -> Vec<String> {
    vec![
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
    ]
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

impl Totals {
    fn add(&mut self, row: &RefundRow) {
        self.rows += 1;
        self.overdue += usize::from(row.overdue);
        let sum = self.sums.entry(row.currency).or_insert(Some(row.currency.zero()));
        *sum = sum.and_then(|sum| add_exact(sum, row.amount));
    }

    fn print(self, out: &mut Output) -> Result<(), CliError> {
        out.line("")?;
        out.line(&format!("{}, {} overdue", count(self.rows, "refund"), self.overdue))?;
        for (currency, sum) in self.sums {
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
