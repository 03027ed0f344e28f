//! Lists (contract §8): which rows match a query, a page of them in the order asked for, and how many there are. One engine
//! answers for every list; what differs between them is in [`spec`]. It chooses where the rows come from: the search index, the index
//! of a customer, an index with a narrow range, or a walk along the index of the sort, which visits a bounded number of rows.

mod cases;
mod conditions;
mod customers;
pub mod findings;
mod first;
mod holds;
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
    related::{orders_claiming, wallet_named_by, wallets_credited},
    search::{Search, customers_with_name, is_searchable},
    wallets::{fetch as wallets_row, long as long_wallets},
};

use rusqlite::{Connection, OptionalExtension as _};

use self::{
    paging::Start,
    question::Question,
    spec::{Counted, Spec},
};
use super::{
    batch::{List, Tally, tally},
    columns::ReadCurrency,
    database::ReadModelError,
    folding::{Pieces, TooLong},
};
use crate::{
    domain::{
        ids::{Domain, EntityId},
        money::Currency,
    },
    views::lists::{ListQuery, Page, PageAt, VISITED_MAX},
};

/// Rows that one page visits at most.
pub const VISITS_MAX: usize = VISITED_MAX as usize;
/// Rows that are counted, or collected and sorted in memory, at most.
pub const COUNTED_MAX: usize = 10_000;

/// Findings that a page collects and sorts by risk at most.
const RISK_MAX: usize = 100_000;

/// Why there is no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    TextTooLong(#[from] TooLong),
    #[error(
        "more than {} findings match, which are too many to sort by risk; ask for fewer",
        RISK_MAX
    )]
    TooManyForRisk,
}

/// Who asks for a list, when, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub search: Search,
    pub moment: Moment,
    /// Rows of a page at most.
    pub rows: usize,
    /// Rows that are visited at most; without a bound a page is always full, unless it is the last.
    pub visits: usize,
    /// Rows that are collected and sorted in memory at most.
    pub collected: usize,
    /// Whether it is asked how many rows match and what they add up to.
    pub counts: bool,
}

impl Ask {
    /// A page for people.
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

    /// A part of a list that is read to its end.
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

/// The rows of a part of a list, and where it goes on; `None`: at its end. A part that could not go on where the one before it ended
/// would begin anew.
pub fn next_part<Row>(page: Page<Row>) -> Result<(Vec<Row>, Option<PageAt>), ReadModelError> {
    if page.note.is_some() {
        return Err(ReadModelError::Changed);
    }
    Ok((page.rows, page.next.map(PageAt::After)))
}

/// Rows of a list.
pub trait ListRow: Sized {
    const SPEC: &'static Spec;

    /// The row of this number.
    fn fetch(connection: &Connection, n: i64, moment: &Moment) -> rusqlite::Result<Option<Self>>;

    /// How many of the wanted rows there are and what they add up to, where tables of totals know.
    fn summary(question: &Question<'_>) -> rusqlite::Result<Summary> {
        Ok(Summary::counted(question.total()?))
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
            Some("the link to this page of the list can't be read; this is the first".to_owned()),
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

/// Rows and sums of one state and currency.
#[derive(Debug)]
pub struct Total {
    pub state: i64,
    pub currency: Option<Currency>,
    pub tally: Tally,
}

/// The currencies that rows of a list have.
pub fn currencies<Row: ListRow>(connection: &Connection) -> rusqlite::Result<Vec<Currency>> {
    let totals = counted(connection, Row::SPEC.counted)?;
    let totals = totals.into_iter().filter(|total| total.tally.rows > 0);
    let mut currencies: Vec<Currency> = totals.filter_map(|total| total.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    Ok(currencies)
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

/// How many rows of each state and currency there are.
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

/// Entries of an entity's stream; `None` where it has no row.
pub fn entries(connection: &Connection, domain: Domain, id: &EntityId) -> rusqlite::Result<Option<u64>> {
    let mut select = connection.prepare_cached(match domain {
        Domain::Wallet => "SELECT entries FROM wallet WHERE id = ?1",
        Domain::Order => "SELECT entries FROM orders WHERE id = ?1",
    })?;
    let entries = select.query_row([id.as_str()], |row| row.get::<_, i64>(0)).optional()?;
    Ok(entries.map(i64::cast_unsigned))
}
