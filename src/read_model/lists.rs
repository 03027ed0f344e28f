//! Lists, page by page. A page begins at the first row, or after or before a row that a cursor names, so rows that do not change
//! are neither missed nor repeated while others are written. No page visits more than [`VISITS_MAX`] rows.

pub mod cases;
pub mod findings;
mod lanes;
mod orders;
mod paging;
pub mod refunds;
mod related;
mod search;
mod wallets;

pub use self::{
    orders::{fetch as orders_row, naming as orders_naming, one as order},
    related::{orders_claiming, wallet_named_by, wallets_credited},
    search::Search,
    wallets::{fetch as wallets_row, long as long_wallets},
};

use rusqlite::{Connection, OptionalExtension as _};

use self::{
    lanes::{Lane, Plan, Segment},
    paging::{Found, Order, RowKey, Start},
    search::{Hits, Needle},
};
use super::{
    batch::{List, Tally, tally},
    columns::{Numbered, ReadCurrency},
};
use crate::{
    domain::{money::Currency, order::OrderStatus, wallet::WalletStatus},
    views::{
        lists::{Count, ListQuery, ListSort, PAGE_ROWS, Page, VISITED_MAX},
        orders::OrderRow,
        wallets::WalletRow,
    },
};

/// Rows that one page visits at most.
pub const VISITS_MAX: usize = VISITED_MAX as usize;
const SIZE: usize = PAGE_ROWS as usize;
/// Rows that are counted, or collected and sorted in memory, at most.
pub const COUNTED_MAX: usize = 10_000;

/// What a list can't be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error("a search text has at most {} characters", crate::views::lists::SEARCH_MAX)]
    TextTooLong,
    #[error("the link to this page of the list can't be read; start at the first page")]
    Cursor,
}

/// A list of wallets or of orders.
trait Listed: Sized {
    type Status: Numbered + std::str::FromStr;
    const LIST: List;
    const TABLE: &'static str;
    /// The column of amounts that the list can be sorted by.
    const AMOUNT: &'static str;

    /// The row of this number.
    fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<Self>>;
    fn status(&self) -> Self::Status;
    fn key(&self, sort: ListSort) -> RowKey;
    /// Whether a search text is found in the row, or in what belongs to it.
    fn mentions(&self, connection: &Connection, n: i64, needle: &Needle) -> rusqlite::Result<bool>;
    /// The rows in which a text is found, by the search index.
    fn search(connection: &Connection, needle: &Needle) -> rusqlite::Result<Hits>;
}

/// One page of the wallets that match.
pub fn wallets(
    connection: &Connection,
    query: &ListQuery,
    search: Search,
) -> rusqlite::Result<Result<ListedPage<WalletRow>, ListError>> {
    list(connection, query, search)
}

/// One page of the orders that match.
pub fn orders(
    connection: &Connection,
    query: &ListQuery,
    search: Search,
) -> rusqlite::Result<Result<ListedPage<OrderRow>, ListError>> {
    list(connection, query, search)
}

/// A page that does not say the time yet.
#[derive(Debug)]
pub struct ListedPage<Row> {
    pub rows: Vec<Row>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub total: Count,
    pub stopped: bool,
}

impl<Row> ListedPage<Row> {
    pub fn at(self, now: chrono::DateTime<chrono::Utc>) -> Page<Row> {
        Page {
            rows: self.rows,
            previous: self.previous,
            next: self.next,
            total: self.total,
            stopped: self.stopped,
            now,
        }
    }

    /// A page of nothing.
    pub const fn empty() -> Self {
        Self {
            rows: Vec::new(),
            previous: None,
            next: None,
            total: Count::Exactly(0),
            stopped: false,
        }
    }

    fn of(found: Found<Row>, total: Count) -> Self {
        Self {
            rows: found.rows,
            previous: found.previous,
            next: found.next,
            total,
            stopped: found.stopped,
        }
    }
}

fn list<Row: Listed>(
    connection: &Connection,
    query: &ListQuery,
    search: Search,
) -> rusqlite::Result<Result<ListedPage<Row>, ListError>> {
    let needle = match Needle::new(&query.text, search) {
        Ok(needle) => needle,
        Err(error) => return Ok(Err(error)),
    };
    let order = Order {
        sort: query.sort as u8,
        descending: matches!(query.sort, ListSort::Recent | ListSort::AmountDown),
    };
    let start = match Start::read(&query.at, order.sort) {
        Ok(start) => start,
        Err(error) => return Ok(Err(error)),
    };
    let wanted: Vec<Row::Status> = match &query.status {
        None => Row::Status::ALL.to_vec(),
        Some(word) => word.parse().ok().into_iter().collect(),
    };
    let totals = totals(connection, Row::LIST)?;
    let of_status = |total: &&Total| wanted.iter().any(|status| status.number() == total.state);
    let rows: usize = totals
        .iter()
        .filter(of_status)
        .map(|total| usize::try_from(total.tally.rows).unwrap_or(0))
        .sum();
    let has_status = |row: &Row| wanted.contains(&row.status());
    let mut many = false;
    if let Some(needle) = &needle {
        let hits = candidates::<Row>(connection, needle, &totals)?;
        many = matches!(hits, Hits::Many);
        if let Hits::All(numbers) = hits {
            let indexed = needle.is_indexed(connection, Row::TABLE)?;
            if indexed && !paging::collects(numbers.len() as u64, rows as u64, SIZE) {
                let plan = plan::<Row>(query.sort, &wanted, &totals);
                let found = paging::of_walk(connection, &plan, order, &start, SIZE, |n| {
                    if numbers.binary_search(&n).is_err() {
                        return Ok(None);
                    }
                    Ok(Row::fetch(connection, n)?.filter(has_status))
                })?;
                let total = Count::Exactly(count_of::<Row>(connection, &numbers, &wanted)?);
                return Ok(Ok(ListedPage::of(found, total)));
            }
            let mut collected = Vec::with_capacity(numbers.len());
            for n in numbers {
                let row = Row::fetch(connection, n)?.filter(has_status);
                if let Some(row) = row
                    && (indexed || row.mentions(connection, n, needle)?)
                {
                    collected.push((row.key(query.sort), row));
                }
            }
            let total = Count::Exactly(collected.len() as u64);
            return Ok(Ok(ListedPage::of(
                paging::of_collected(collected, order, &start, SIZE),
                total,
            )));
        }
    } else if query.sort == ListSort::Id && query.status.is_some() && collects_by_id(&totals, rows) {
        // No index has both: a rare status is collected.
        let mut collected = Vec::with_capacity(rows);
        let plan = plan::<Row>(ListSort::Recent, &wanted, &totals);
        let recent = Order {
            descending: true,
            ..order
        };
        lanes::walk(connection, &plan, recent.descending, None, false, rows + 1, |n, _| {
            if let Some(row) = Row::fetch(connection, n)? {
                collected.push((row.key(query.sort), row));
            }
            Ok(true)
        })?;
        let total = Count::Exactly(collected.len() as u64);
        return Ok(Ok(ListedPage::of(
            paging::of_collected(collected, order, &start, SIZE),
            total,
        )));
    }
    let plan = plan::<Row>(query.sort, &wanted, &totals);
    let found = paging::of_walk(connection, &plan, order, &start, SIZE, |n| {
        let Some(row) = Row::fetch(connection, n)?.filter(has_status) else {
            return Ok(None);
        };
        let matches = match &needle {
            Some(needle) => row.mentions(connection, n, needle)?,
            None => true,
        };
        Ok(matches.then_some(row))
    })?;
    let total = match &needle {
        None => Count::Exactly(rows as u64),
        // The search index has found more than are counted, in all statuses.
        Some(_) if many && query.status.is_none() => Count::AtLeast(COUNTED_MAX as u64),
        Some(_) => Count::AtLeast(found.rows.len() as u64),
    };
    Ok(Ok(ListedPage::of(found, total)))
}

fn collects_by_id(totals: &[Total], matching: usize) -> bool {
    let all: i64 = totals.iter().map(|total| total.tally.rows).sum();
    paging::collects(matching as u64, all.max(0).cast_unsigned(), SIZE)
}

/// How many of these rows have one of the statuses.
fn count_of<Row: Listed>(connection: &Connection, numbers: &[i64], wanted: &[Row::Status]) -> rusqlite::Result<u64> {
    if wanted.len() == Row::Status::ALL.len() {
        return Ok(numbers.len() as u64);
    }
    let mut select = connection.prepare_cached(&format!("SELECT status FROM {} WHERE n = ?1", Row::TABLE))?;
    let mut count = 0;
    for n in numbers {
        let status: Option<i64> = select.query_row([n], |row| row.get(0)).optional()?;
        count += u64::from(status.is_some_and(|status| wanted.iter().any(|wanted| wanted.number() == status)));
    }
    Ok(count)
}

/// The rows that a search has to look at. `Unknown`: they are not known without looking at every row, which are many.
fn candidates<Row: Listed>(connection: &Connection, needle: &Needle, totals: &[Total]) -> rusqlite::Result<Hits> {
    if needle.is_indexed(connection, Row::TABLE)? {
        return Row::search(connection, needle);
    }
    let rows: i64 = totals.iter().map(|total| total.tally.rows).sum();
    if usize::try_from(rows).is_ok_and(|rows| rows > COUNTED_MAX) {
        return Ok(Hits::Unknown);
    }
    let mut select = connection.prepare_cached(&format!("SELECT n FROM {}", Row::TABLE))?;
    let numbers: rusqlite::Result<Vec<i64>> = select.query_map([], |row| row.get(0))?.collect();
    numbers.map(Hits::All)
}

/// The index ranges in which the rows of these statuses stand in the order of a sort.
fn plan<Row: Listed>(sort: ListSort, statuses: &[Row::Status], totals: &[Total]) -> Plan {
    let table = Row::TABLE;
    match sort {
        ListSort::Recent => Plan {
            from: format!("{table} INDEXED BY {table}_status_time"),
            prefix: &["status"],
            key: Some("last_time"),
            ties: &["id"],
            segments: vec![Segment::of(
                statuses.iter().map(|status| Lane::of(vec![status.number().into()])),
            )],
        },
        ListSort::Id => Plan {
            from: format!("{table} INDEXED BY {table}_id"),
            prefix: &[],
            key: None,
            ties: &["id"],
            segments: vec![Segment::of([Lane::of(vec![])])],
        },
        ListSort::AmountDown | ListSort::AmountUp => Plan {
            from: format!("{table} INDEXED BY {table}_status_amount"),
            prefix: &["status", "currency"],
            key: Some(Row::AMOUNT),
            ties: &["id"],
            segments: by_currency(
                totals,
                &statuses.iter().map(|status| status.number()).collect::<Vec<_>>(),
            ),
        },
    }
}

/// Amounts of different currencies can't be compared: one segment a currency, each with its missing amounts last.
fn by_currency(totals: &[Total], states: &[i64]) -> Vec<Segment> {
    let mut currencies: Vec<_> = totals
        .iter()
        .filter(|total| total.tally.rows > 0)
        .map(|total| total.currency)
        .collect();
    currencies.sort_unstable_by_key(|currency| currency_label(*currency));
    currencies.dedup();
    let mut segments = Vec::new();
    for currency in currencies {
        let code = super::columns::currency_code(currency.as_ref());
        for missing in [false, true] {
            segments.push(Segment {
                label: amount_label(currency, missing),
                lanes: states
                    .iter()
                    .map(|state| Lane {
                        prefix: vec![(*state).into(), code.to_owned().into()],
                        range: Some(if missing { "= x''" } else { "> x''" }),
                        below: None,
                    })
                    .collect(),
            });
        }
    }
    segments
}

/// Sorts by the code; no currency comes last.
fn currency_label(currency: Option<Currency>) -> String {
    currency.map_or_else(|| "~".to_owned(), |currency| currency.to_string())
}

fn amount_label(currency: Option<Currency>, missing: bool) -> String {
    format!("{}{}", currency_label(currency), u8::from(missing))
}

/// Rows and sums of one state and currency.
#[derive(Debug)]
pub struct Total {
    pub state: i64,
    pub currency: Option<Currency>,
    pub tally: Tally,
}

/// The totals of a list.
pub fn totals(connection: &Connection, list: List) -> rusqlite::Result<Vec<Total>> {
    let mut select = connection
        .prepare_cached("SELECT state, currency, rows, sum_1, sum_2, sum_3, sum_4 FROM total WHERE list = ?1")?;
    let rows = select.query_map([list as i64], |row| {
        Ok(Total {
            state: row.get(0)?,
            currency: row.get::<_, ReadCurrency>(1)?.0,
            tally: tally(row, 2)?,
        })
    })?;
    rows.collect()
}

impl Listed for WalletRow {
    type Status = WalletStatus;
    const LIST: List = List::Wallets;
    const TABLE: &'static str = "wallet";
    const AMOUNT: &'static str = "available";

    fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<Self>> {
        wallets::fetch(connection, n)
    }

    fn status(&self) -> WalletStatus {
        self.status
    }

    fn key(&self, sort: ListSort) -> RowKey {
        wallets::key(self, sort)
    }

    fn mentions(&self, connection: &Connection, n: i64, needle: &Needle) -> rusqlite::Result<bool> {
        wallets::mentions(connection, self, n, needle)
    }

    fn search(connection: &Connection, needle: &Needle) -> rusqlite::Result<Hits> {
        wallets::search(connection, needle)
    }
}

impl Listed for OrderRow {
    type Status = OrderStatus;
    const LIST: List = List::Orders;
    const TABLE: &'static str = "orders";
    const AMOUNT: &'static str = "total";

    fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<Self>> {
        orders::fetch(connection, n)
    }

    fn status(&self) -> OrderStatus {
        self.status
    }

    fn key(&self, sort: ListSort) -> RowKey {
        orders::key(self, sort)
    }

    fn mentions(&self, connection: &Connection, _: i64, needle: &Needle) -> rusqlite::Result<bool> {
        orders::mentions(connection, self, needle)
    }

    fn search(connection: &Connection, needle: &Needle) -> rusqlite::Result<Hits> {
        orders::search(connection, needle)
    }
}

/// Entries of an entity's stream; `None` where it has no row.
pub fn entries(
    connection: &Connection,
    domain: crate::domain::ids::Domain,
    id: &crate::domain::ids::EntityId,
) -> rusqlite::Result<Option<u64>> {
    let mut select = connection.prepare_cached(match domain {
        crate::domain::ids::Domain::Wallet => "SELECT entries FROM wallet WHERE id = ?1",
        crate::domain::ids::Domain::Order => "SELECT entries FROM orders WHERE id = ?1",
    })?;
    let entries = select.query_row([id.as_str()], |row| row.get::<_, i64>(0)).optional()?;
    Ok(entries.map(i64::cast_unsigned))
}
