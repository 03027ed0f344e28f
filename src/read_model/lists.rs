//! Lists (contract §8): the rows that match a query, a page of them in the requested order, and their number. One engine serves
//! every list; [`spec`] has what differs between them. The engine chooses the source of the rows: the search index, the index of
//! a customer, an index with a narrow range, or a walk along the index of the sort with a bounded number of visited rows.

mod cases;
mod conditions;
mod customers;
pub mod findings;
mod first;
mod holds;
mod index;
mod lanes;
mod orders;
mod paging;
mod question;
pub mod refunds;
mod related;
mod search;
mod spec;
mod wallets;

pub use self::{
    cases::{cases_about, count_waiting},
    customers::{one as customer, sums as customer_sums},
    first::{FirstRows, WithText, first_rows, first_with_text},
    orders::{fetch as orders_row, naming as orders_naming, one as order},
    refunds::Moment,
    related::{orders_naming_refund, wallet_named_by, wallets_credited},
    search::{Search, customers_with_name, is_searchable},
    wallets::{fetch as wallets_row, long as long_wallets},
};

use rusqlite::{Connection, OptionalExtension as _};

use self::{
    paging::{Collected, Start},
    question::Question,
    spec::{Counted, Spec},
};
use super::{
    columns::ReadCurrency,
    database::ReadModelError,
    folding::{Pieces, TooLong},
    totals::{List, Tally, tally},
};
use crate::{
    domain::{
        ids::{Domain, EntityId},
        money::Currency,
    },
    views::lists::{Count, ListQuery, Page, PageAt, VISITED_MAX},
};

/// The largest number of rows that one page visits.
pub const VISITS_MAX: usize = VISITED_MAX as usize;
/// The largest number of rows that are counted, or collected and sorted in memory.
pub const COUNTED_MAX: usize = 10_000;

/// The largest number of findings that a page collects and sorts by risk.
const RISK_MAX: usize = 100_000;

/// Why a list can't be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    TextTooLong(#[from] TooLong),
    #[error("more than {} findings match, too many to sort by risk; narrow the filter", RISK_MAX)]
    TooManyForRisk,
}

/// How a list is read: whether names are searched, the time, and the bounds.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub search: Search,
    pub moment: Moment,
    /// The largest number of rows of a page.
    pub rows: usize,
    /// The largest number of rows that are visited. With `usize::MAX`, every page but the last is full.
    pub visits: usize,
    /// The largest number of rows that are collected and sorted in memory.
    pub collected: usize,
    /// Whether the matching rows are counted and summed up.
    pub counts: bool,
}

impl Ask {
    /// One page, for people.
    pub fn page(query: &ListQuery, search: Search, moment: Moment) -> Self {
        Self {
            search,
            moment,
            rows: query.rows(),
            visits: VISITS_MAX,
            collected: COUNTED_MAX,
            counts: true,
        }
    }

    /// One part of a list that is read to its end.
    pub const fn part(rows: usize, search: Search, moment: Moment) -> Self {
        Self {
            search,
            moment,
            rows,
            visits: usize::MAX,
            collected: COUNTED_MAX,
            counts: false,
        }
    }
}

/// The rows of a part of a list, and the cursor after them, which is `None` at the end. Returns an error if the page begins at
/// the start of the list because its cursor was not accepted.
pub fn next_part<Row>(page: Page<Row>) -> Result<(Vec<Row>, Option<PageAt>), ReadModelError> {
    if page.note.is_some() {
        return Err(ReadModelError::Changed);
    }
    Ok((page.rows, page.next.map(PageAt::After)))
}

/// The row type of a list.
pub trait ListRow: Sized {
    const SPEC: &'static Spec;

    /// Reads the row of this number.
    fn fetch(connection: &Connection, n: i64, moment: &Moment) -> rusqlite::Result<Option<Self>>;

    /// The number and the sums of the matching rows, from the tables of totals.
    fn summary(question: &Question<'_>) -> rusqlite::Result<Summary> {
        Ok(Summary::counted(question.total()?))
    }

    /// The number and the sums of these rows, which all match.
    fn summary_of(collected: &[Collected], _: &Moment) -> Summary {
        Summary::counted(Count::Exactly(collected.len() as u64))
    }
}

pub use refunds::Summary;

/// One page of a list.
pub fn page<Row: ListRow>(
    connection: &Connection,
    query: &ListQuery,
    ask: &Ask,
) -> rusqlite::Result<Result<Page<Row>, ListError>> {
    let pieces = match Pieces::of(&query.text) {
        Ok(pieces) => pieces,
        Err(error) => return Ok(Err(error.into())),
    };
    let (query, _) = query.clone().of_list(Row::SPEC.list).without_mixed_amounts();
    let question = Question::new(connection, Row::SPEC, &query, ask)?;
    let start = Start::read(&query.at, question.order, |key| question.whole(key))?;
    let (start, note) = match start {
        Some(start) => (start, None),
        None => (
            Start::First,
            Some("the cursor of this link is invalid, so the first page is shown".to_owned()),
        ),
    };
    let Some(found) = question.find::<Row>(pieces.as_ref(), &start)? else {
        return Ok(Err(ListError::TooManyForRisk));
    };
    let unindexed = pieces.is_some() && !search::is_kept(connection, Row::SPEC.texts)?;
    let mut rows = Vec::with_capacity(found.rows.len());
    for n in found.rows {
        rows.extend(Row::fetch(connection, n, &ask.moment)?);
    }
    let mut currencies: Vec<Currency> = question.totals.iter().filter_map(|total| total.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    Ok(Ok(Page {
        rows,
        previous: found.previous,
        next: found.next,
        total: found.summary.total,
        stopped: found.stopped,
        unindexed,
        sums: found.summary.sums,
        overdue: found.summary.overdue,
        currencies,
        note,
        now: ask.moment.now,
    }))
}

/// The number and the sums of the rows of one state and currency.
#[derive(Debug)]
pub struct Total {
    pub state: i64,
    pub currency: Option<Currency>,
    pub tally: Tally,
}

/// The currencies of the rows of a list.
pub fn currencies<Row: ListRow>(connection: &Connection) -> rusqlite::Result<Vec<Currency>> {
    let totals = counted(connection, Row::SPEC.counted)?;
    let totals = totals.into_iter().filter(|total| total.tally.rows > 0);
    let mut currencies: Vec<Currency> = totals.filter_map(|total| total.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    Ok(currencies)
}

/// The totals of a list, by state and currency.
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

/// The numbers of rows by state and currency.
fn counted(connection: &Connection, counted: Counted) -> rusqlite::Result<Vec<Total>> {
    let sql = match counted {
        Counted::Total(list) => return totals(connection, list),
        Counted::Findings => "SELECT kind, currency, rows FROM finding_count",
        Counted::Cases => "SELECT status, currency, rows FROM case_count",
    };
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([], |row| {
        Ok(Total {
            state: row.get(0)?,
            currency: row.get::<_, ReadCurrency>(1)?.0,
            tally: Tally {
                rows: row.get(2)?,
                ..Tally::default()
            },
        })
    })?;
    rows.collect()
}

/// The number of entries in an entity's stream. `None` if the entity has no row.
pub fn entries(connection: &Connection, domain: Domain, id: &EntityId) -> rusqlite::Result<Option<u64>> {
    let mut select = connection.prepare_cached(match domain {
        Domain::Wallet => "SELECT entries FROM wallet WHERE id = ?1",
        Domain::Order => "SELECT entries FROM orders WHERE id = ?1",
    })?;
    let entries = select.query_row([id.as_str()], |row| row.get::<_, i64>(0)).optional()?;
    Ok(entries.map(i64::cast_unsigned))
}
