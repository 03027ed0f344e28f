//! The commands that list rows: `wallets`, `orders`, `refunds`, `findings`, `holds`, `cases` and `customers`. All take
//! the flags of contract §8 and print one JSON object a line, or a table for people. Each list has a file in `list/`.

mod cases;
mod customers;
mod findings;
pub mod flags;
mod holds;
mod orders;
pub mod refunds;
mod wallets;

use chrono::Utc;
use serde::Serialize;

use self::flags::Asked;
pub use self::{cases::run as run_cases, flags::ListArgs};
use super::{
    CliError,
    output::{Column, Output, count, paged_table, plain, print_error},
    settings::Settings,
};
use crate::{
    domain::ids::Domain,
    read_model::{ListRow, Moment, UpToDate},
    views::lists::{ListName, ListQuery, PageAt},
};

/// A row that a command lists.
pub trait Listed: Sized {
    const LIST: ListName;
    /// The columns of the table for people.
    const COLUMNS: &'static [Column];
    /// The totals below the table.
    type Totals: Totals<Self>;

    /// The row as a line of JSON.
    fn json(&self) -> impl Serialize;

    /// The cells of the row, one for each column.
    fn cells(&self) -> Vec<String>;
}

/// The totals of a list.
pub trait Totals<Row>: Default {
    fn add(&mut self, row: &Row);

    fn print(&self, out: &mut Output) -> Result<(), CliError>;
}

/// The number of rows.
#[derive(Default)]
pub struct RowCount(usize);

impl<Row: Listed> Totals<Row> for RowCount {
    fn add(&mut self, _: &Row) {
        self.0 += 1;
    }

    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        out.line("")?;
        out.line(&count(self.0, Row::LIST.noun()))?;
        Ok(())
    }
}

/// Prints a list from a read model that is up to date.
pub async fn run<Row: Listed + ListRow>(settings: &Settings, args: &ListArgs<Row>) -> Result<(), CliError> {
    let asked = args.asked()?;
    let needed = needed(Row::LIST);
    let stores = settings.existing_stores(needed)?;
    let model = UpToDate::open(&stores, &settings.of_read_model(), needed, &args.times.filter()).await?;
    let moment = Moment {
        now: args.times.at.unwrap_or_else(Utc::now),
        limits: settings.limits(),
    };
    print(&asked, args.json, async |query| Ok(model.list::<Row>(query, &moment)?)).await?;
    say_unreadable(&model, needed)
}

/// The stores that a list reads.
const fn needed(list: ListName) -> &'static [Domain] {
    match list {
        ListName::Wallets | ListName::Holds => &[Domain::Wallet],
        ListName::Orders | ListName::Refunds => &[Domain::Order],
        ListName::Findings | ListName::Customers => &Domain::ALL,
        // Cases are in the compensation store, which belongs to no domain.
        ListName::Cases => &[],
    }
}

/// Prints the rows. `next` returns the rows of the query's page, and the position of the page after it.
async fn print<Row: Listed>(
    asked: &Asked,
    json: bool,
    next: impl AsyncFn(&ListQuery) -> Result<(Vec<Row>, Option<PageAt>), CliError>,
) -> Result<(), CliError> {
    let mut out = Output::new();
    if json {
        let mut print = |rows: &[Row]| {
            for row in rows {
                out.json(&row.json())?;
            }
            Ok(())
        };
        each_page(asked, &next, &mut print).await?;
    } else {
        let mut totals = Row::Totals::default();
        paged_table(&mut out, Row::COLUMNS, Row::cells, async |each| {
            // The pages are read twice. Only the second time counts.
            totals = Row::Totals::default();
            let mut add = |rows: &[Row]| {
                for row in rows {
                    totals.add(row);
                }
                each(rows)
            };
            each_page(asked, &next, &mut add).await
        })
        .await?;
        totals.print(&mut out)?;
    }
    out.finish()?;
    Ok(())
}

/// Calls `each` with the rows of page after page, until there are no more, or until the limit is reached.
async fn each_page<Row>(
    asked: &Asked,
    next: &impl AsyncFn(&ListQuery) -> Result<(Vec<Row>, Option<PageAt>), CliError>,
    each: &mut dyn FnMut(&[Row]) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut query = asked.query.clone();
    let mut left = asked.limit.unwrap_or(usize::MAX);
    loop {
        let (mut rows, at) = next(&query).await?;
        rows.truncate(left);
        left -= rows.len();
        each(&rows)?;
        match at {
            Some(at) if left > 0 => query.at = at,
            _ => return Ok(()),
        }
    }
}

/// Reports the streams that can't be read. Their rows are from the last time that they could be read.
pub fn say_unreadable(model: &UpToDate, domains: &[Domain]) -> Result<(), CliError> {
    let mut some = false;
    for domain in domains {
        for stream in model.unreadable(*domain)? {
            some = true;
            print_error(&format!(
                "{domain} {} can't be read ({}); its rows are from the last successful read",
                plain(&stream.id),
                plain(&stream.reason)
            ));
        }
    }
    if some { Err(CliError::Printed) } else { Ok(()) }
}
