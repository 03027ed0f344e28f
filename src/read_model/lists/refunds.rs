//! Lists of refunds: their rows, how many match, and what they add up to. Counts and sums come from totals and ages, which are
//! kept up with every change; rows are read only of the minute that a limit falls into.

mod plan;
mod sums;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use self::{
    plan::{SortedRow, Wanted, plan},
    sums::{Summary, summary},
};
use super::{
    COUNTED_MAX, ListError, Total,
    lanes::{self, Walked},
    paging::{self, Found, Order, RowKey, Start},
    search::{Columns, Hits, Needle, Search, add_related, rows_with},
    totals,
    wallets::party,
};
use crate::{
    domain::{
        ids::EntityId,
        money::Currency,
        refund::{Limits, RefundRow, RefundState},
        wallet::Party,
    },
    read_model::{
        batch::List,
        columns::{MinorUnits, Number, Numbered as _, ReadCurrency, Sortable, Time, currency_code, from_minor_units},
        search_index::Texts,
    },
    views::{
        lists::Count,
        refunds::{RefundSort, RefundsPage, RefundsQuery},
    },
};

pub use self::sums::{Sums, entered_before, requested_before};

/// The time and the limits that a list is made for.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: DateTime<Utc>,
    pub limits: Limits,
}

impl Moment {
    /// Refunds that entered the state before this are overdue; `None` outside the pending states.
    pub fn overdue_before(&self, state: RefundState) -> Option<DateTime<Utc>> {
        let limit = self.limits.of(state)?;
        Some(self.now.checked_sub_signed(limit).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }
}

/// A refund, and the customer of its order.
struct Fetched {
    row: RefundRow,
    customer: Option<Party>,
}

/// A question for one page.
struct Question<'a> {
    connection: &'a Connection,
    sort: RefundSort,
    wanted: &'a Wanted,
    moment: &'a Moment,
    order: Order,
    start: &'a Start,
    /// Rows of the page at most.
    size: usize,
    totals: &'a [Total],
}

/// One page of the refunds that match, `size` rows at most.
pub fn page(
    connection: &Connection,
    query: &RefundsQuery,
    search: Search,
    moment: &Moment,
    size: usize,
) -> rusqlite::Result<Result<RefundsPage, ListError>> {
    let needle = match Needle::new(&query.text, search) {
        Ok(needle) => needle,
        Err(error) => return Ok(Err(error)),
    };
    let order = Order {
        sort: query.sort as u8,
        descending: matches!(query.sort, RefundSort::Newest | RefundSort::AmountDown),
    };
    let start = match Start::read(&query.at, order.sort) {
        Ok(start) => start,
        Err(error) => return Ok(Err(error)),
    };
    let totals = totals(connection, List::Refunds)?;
    let wanted = Wanted::new(query, moment, &totals);
    let question = Question {
        connection,
        sort: query.sort,
        wanted: &wanted,
        moment,
        order,
        start: &start,
        size,
        totals: &totals,
    };
    let (found, summary) = match &needle {
        Some(needle) => question.search(needle)?,
        None => question.list()?,
    };
    let mut currencies: Vec<Currency> = totals
        .iter()
        .filter(|total| total.tally.rows > 0)
        .filter_map(|total| total.currency)
        .collect();
    currencies.sort_unstable();
    currencies.dedup();
    Ok(Ok(RefundsPage {
        rows: found.rows.into_iter().map(|fetched| fetched.row).collect(),
        previous: found.previous,
        next: found.next,
        total: summary.total,
        overdue: summary.overdue,
        sums: summary.sums,
        stopped: found.stopped,
        currencies,
        now: moment.now,
    }))
}

/// Where a list of refunds goes on.
#[derive(Clone, Debug)]
pub struct RefundPlace(RowKey);

/// The next refunds that match, oldest first, `size` rows at most, and where the list goes on; `None` at its end. The text, the
/// sort and the page of the query do not count.
pub fn oldest_first(
    connection: &Connection,
    query: &RefundsQuery,
    moment: &Moment,
    after: Option<&RefundPlace>,
    size: usize,
) -> rusqlite::Result<(Vec<RefundRow>, Option<RefundPlace>)> {
    let wanted = Wanted::new(query, moment, &totals(connection, List::Refunds)?);
    let plan = plan(RefundSort::Oldest, &wanted);
    let (mut rows, mut last) = (Vec::new(), None);
    let from = after.map(|after| &after.0);
    let walked = lanes::walk(connection, &plan, false, from, false, size, |n, key| {
        let fetched = fetch(connection, n, moment)?.filter(|fetched| wanted.has(&SortedRow::of(&fetched.row)));
        rows.extend(fetched.map(|fetched| fetched.row));
        let full = rows.len() >= size;
        last = full.then_some(RefundPlace(key));
        Ok(!full)
    })?;
    Ok(match walked {
        Walked::Stopped(key) => (rows, Some(RefundPlace(key))),
        Walked::Done => (rows, last),
    })
}

impl Question<'_> {
    fn list(&self) -> rusqlite::Result<(Found<Fetched>, Summary)> {
        let summary = summary(self.connection, self.wanted, self.moment, self.totals)?;
        let found = match summary.total {
            Count::Exactly(rows) if self.collects(rows) => self.collect()?,
            _ => self.walk(|_| true)?,
        };
        Ok((found, summary))
    }

    /// Whether it costs less to collect all rows that match than to walk along the index of the sort and pass over the others.
    fn collects(&self, matching: u64) -> bool {
        let by_id = matches!(self.sort, RefundSort::Refund | RefundSort::Order);
        let walked: i64 = if by_id {
            self.totals.iter().map(|total| total.tally.rows).sum()
        } else if self.wanted.is_aged() && self.sort != RefundSort::Stuck {
            self.wanted.rows(self.totals)
        } else {
            // Every row of the lanes matches.
            return false;
        };
        paging::collects(matching, walked.max(0).cast_unsigned(), self.size)
    }

    /// A page of rows met along the index that has the order asked for.
    fn walk(&self, matches: impl Fn(&Fetched) -> bool) -> rusqlite::Result<Found<Fetched>> {
        let plan = plan(self.sort, self.wanted);
        paging::of_walk(self.connection, &plan, self.order, self.start, self.size, |n| {
            let fetched = fetch(self.connection, n, self.moment)?;
            Ok(fetched.filter(|fetched| self.wanted.has(&SortedRow::of(&fetched.row)) && matches(fetched)))
        })
    }

    /// A page of rows that no index has in the order asked for: their keys are collected and sorted.
    fn collect(&self) -> rusqlite::Result<Found<Fetched>> {
        let mut keys = Vec::new();
        for (state, currency, before) in &self.wanted.lanes {
            let mut select = self.connection.prepare_cached(
                "SELECT n, refund, ord, amount, requested_at, state_since FROM refund INDEXED BY refund_since
                 WHERE state = ?1 AND currency = ?2 AND (?3 = x'' OR state_since < ?3)",
            )?;
            let before = Sortable::optional_time(*before);
            let mut rows = select.query(params![state.number(), currency_code(currency.as_ref()), before])?;
            while let Some(row) = rows.next()? {
                let sorted = SortedRow {
                    refund: row.get(1)?,
                    order: row.get(2)?,
                    state: *state,
                    currency: *currency,
                    amount: row.get(3)?,
                    requested_at: row.get(4)?,
                    state_since: row.get(5)?,
                };
                keys.push((sorted.key(self.sort), row.get(0)?));
            }
        }
        let found = paging::of_collected(keys, self.order, self.start, self.size);
        found.try_map(|n| fetch(self.connection, n, self.moment))
    }

    fn search(&self, needle: &Needle) -> rusqlite::Result<(Found<Fetched>, Summary)> {
        let indexed = needle.is_indexed(self.connection, "orders")?;
        let candidates = if indexed {
            with_text(self.connection, needle)?
        } else {
            every(self.connection, self.totals)?
        };
        let Some(candidates) = candidates else {
            let found = self.walk(|fetched| mentions(fetched, needle))?;
            let summary = Summary {
                total: Count::AtLeast(found.rows.len() as u64),
                overdue: None,
                sums: None,
            };
            return Ok((found, summary));
        };
        let mut keys = Vec::new();
        let (mut overdue, mut sums) = (0, Sums::default());
        for n in candidates {
            // What is shown of a row is read for the rows of the page alone.
            let Some(sorted) = self.sorted_row(n)?.filter(|row| self.wanted.has(row)) else {
                continue;
            };
            if !indexed && !fetch(self.connection, n, self.moment)?.is_some_and(|fetched| mentions(&fetched, needle)) {
                continue;
            }
            overdue += u64::from(sorted.is_overdue(self.moment));
            sums.add_row(sorted.currency, sorted.amount);
            keys.push((sorted.key(self.sort), n));
        }
        let summary = Summary {
            total: Count::Exactly(keys.len() as u64),
            overdue: Some(overdue),
            sums: Some(sums.finish()),
        };
        let found = paging::of_collected(keys, self.order, self.start, self.size);
        Ok((found.try_map(|n| fetch(self.connection, n, self.moment))?, summary))
    }

    fn sorted_row(&self, n: i64) -> rusqlite::Result<Option<SortedRow>> {
        let mut select = self.connection.prepare_cached(
            "SELECT refund, ord, state, currency, amount, requested_at, state_since FROM refund WHERE n = ?1",
        )?;
        let row = select.query_row([n], |row| {
            Ok(SortedRow {
                refund: row.get(0)?,
                order: row.get(1)?,
                state: row.get::<_, Number<RefundState>>(2)?.0,
                currency: row.get::<_, ReadCurrency>(3)?.0,
                amount: row.get(4)?,
                requested_at: row.get(5)?,
                state_since: row.get(6)?,
            })
        });
        row.optional()
    }
}

/// Numbers of the refunds in which a text is found by the search index; `None` where they are too many.
fn with_text(connection: &Connection, needle: &Needle) -> rusqlite::Result<Option<Vec<i64>>> {
    let orders = rows_with(connection, Texts::Orders, needle.columns(), needle)?;
    let own = rows_with(connection, Texts::Refund, Columns::Both, needle)?;
    let (Some(orders), Some(own)) = (orders, own) else {
        return Ok(None);
    };
    let mut numbers = own.into_iter().collect();
    let sql = "SELECT r.n FROM orders o JOIN refund r INDEXED BY refund_order ON r.ord = o.id WHERE o.n = ?1";
    Ok(match add_related(connection, sql, &orders, &mut numbers)? {
        Hits::All(numbers) => Some(numbers),
        Hits::Many | Hits::Unknown => None,
    })
}

fn every(connection: &Connection, totals: &[Total]) -> rusqlite::Result<Option<Vec<i64>>> {
    let rows: i64 = totals.iter().map(|total| total.tally.rows).sum();
    if usize::try_from(rows).is_ok_and(|rows| rows > COUNTED_MAX) {
        return Ok(None);
    }
    let mut select = connection.prepare_cached("SELECT n FROM refund")?;
    let numbers: rusqlite::Result<Vec<i64>> = select.query_map([], |row| row.get(0))?.collect();
    numbers.map(Some)
}

fn mentions(fetched: &Fetched, needle: &Needle) -> bool {
    let Fetched { row, customer } = fetched;
    needle.is_in(&row.refund)
        || needle.is_in(row.order.as_str())
        || needle.is_in(row.reason.as_str())
        || row.wallet.as_ref().is_some_and(|wallet| needle.is_in(wallet))
        || needle.is_of(customer.as_ref())
}

/// The refund of this number.
fn fetch(connection: &Connection, n: i64, moment: &Moment) -> rusqlite::Result<Option<Fetched>> {
    let mut select = connection.prepare_cached(
        "SELECT r.refund, r.ord, o.wallet, r.state, r.amount, r.currency, r.destination, r.reason, r.requested_at,
             r.state_since, o.customer, o.customer_name
         FROM refund r LEFT JOIN orders o ON o.id = r.ord WHERE r.n = ?1",
    )?;
    let row = select.query_row([n], |row| {
        let currency = row.get::<_, ReadCurrency>(5)?.0;
        let order = EntityId::new(row.get::<_, String>(1)?).ok();
        let times = (row.get::<_, Time>(8)?.0, row.get::<_, Time>(9)?.0);
        let (Some(currency), Some(order), (Some(requested_at), Some(state_since))) = (currency, order, times) else {
            return Ok(None);
        };
        let state = row.get::<_, Number<RefundState>>(3)?.0;
        let age = moment.now - state_since;
        Ok(Some(Fetched {
            row: RefundRow {
                refund: row.get(0)?,
                order,
                wallet: row.get(2)?,
                state,
                waits_for: state.waits_for(),
                amount: from_minor_units(row.get::<_, MinorUnits>(4)?.0, Some(currency)),
                currency,
                destination: row.get::<_, String>(6)?.into(),
                reason: row.get::<_, String>(7)?.into(),
                requested_at,
                state_since,
                age_seconds: age.num_seconds(),
                overdue: moment.limits.of(state).is_some_and(|limit| age > limit),
            },
            customer: party(row.get(10)?, row.get(11)?),
        }))
    });
    row.optional().map(Option::flatten)
}

/// The refunds that have been overdue for the longest time, `most` at most.
pub fn longest_overdue(connection: &Connection, moment: &Moment, most: usize) -> rusqlite::Result<Vec<RefundRow>> {
    let query = RefundsQuery {
        overdue: true,
        sort: RefundSort::Stuck,
        ..RefundsQuery::default()
    };
    let wanted = Wanted::new(&query, moment, &totals(connection, List::Refunds)?);
    let mut rows = Vec::with_capacity(most);
    let plan = plan(query.sort, &wanted);
    let walked = lanes::walk(connection, &plan, false, None, false, most, |n, _| {
        if let Some(fetched) = fetch(connection, n, moment)? {
            rows.push(fetched.row);
        }
        Ok(rows.len() < most)
    })?;
    debug_assert!(
        matches!(walked, Walked::Done),
        "a walk along an exact range visits what it shows"
    );
    Ok(rows)
}
