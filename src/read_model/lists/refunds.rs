//! Lists of refunds: their rows, how many match, and what they add up to. Counts and sums come from totals and ages, which are
//! kept up with every change; only of the hour that a limit falls into are rows read.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    COUNTED_MAX, ListError, Total, amount_label,
    lanes::{self, Lane, Plan, Segment, Walked},
    orders,
    paging::{self, Found, Order, RowKey, Start},
    search::{Needle, Search, numbers},
    totals,
    wallets::party,
};
use crate::{
    domain::{
        ids::EntityId,
        money::{Currency, add_exact},
        refund::{Limits, RefundRow, RefundState},
        wallet::Party,
    },
    read_model::{
        batch::{Clock, List, Tally, hour},
        columns::{MinorUnits, Number, Numbered as _, ReadCurrency, Sortable, Time, currency_code, from_minor_units},
    },
    views::{
        lists::Count,
        refunds::{RefundSort, RefundsPage, RefundsQuery, Sum},
    },
};

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

/// The states that a query asks for, with the time before which a refund entered its state, if that is asked for.
struct Wanted {
    lanes: Vec<(RefundState, Option<Currency>, Option<DateTime<Utc>>)>,
}

impl Wanted {
    fn new(query: &RefundsQuery, moment: &Moment, totals: &[Total]) -> Self {
        let states = if query.states.is_empty() {
            &RefundState::PENDING[..]
        } else {
            &query.states
        };
        let mut lanes = Vec::new();
        for total in totals.iter().filter(|total| total.tally.rows > 0) {
            let state = RefundState::of_number(total.state);
            let Some(state) = state.filter(|state| states.contains(state)) else {
                continue;
            };
            if query.currency.is_some() && query.currency != total.currency {
                continue;
            }
            let overdue = query.overdue.then(|| moment.overdue_before(state));
            if overdue == Some(None) {
                continue;
            }
            let aged = query.older_than_hours.map(|hours| {
                let age = TimeDelta::hours(hours.into()) - TimeDelta::nanoseconds(1);
                moment.now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC)
            });
            let before = overdue.flatten().into_iter().chain(aged).min();
            lanes.push((state, total.currency, before));
        }
        Self { lanes }
    }

    fn has(&self, row: &RefundRow) -> bool {
        self.lanes.iter().any(|(state, currency, before)| {
            *state == row.state
                && *currency == Some(row.currency)
                && before.is_none_or(|before| row.state_since < before)
        })
    }

    /// Whether it asks for ages, which only the index by age answers without looking at rows.
    fn is_aged(&self) -> bool {
        self.lanes.iter().any(|(_, _, before)| before.is_some())
    }
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
    let (found, summary) = match &needle {
        Some(needle) => searched(connection, query, needle, &wanted, moment, order, &start, size, &totals)?,
        None => listed(connection, query, &wanted, moment, order, &start, size, &totals)?,
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
        let fetched = fetch(connection, n, moment)?.filter(|fetched| wanted.has(&fetched.row));
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

/// How many match and what they add up to; `None` where too many match to be looked at.
struct Summary {
    total: Count,
    overdue: Option<u64>,
    sums: Option<Vec<Sum>>,
}

#[expect(clippy::too_many_arguments, reason = "the parts of one question")]
fn listed(
    connection: &Connection,
    query: &RefundsQuery,
    wanted: &Wanted,
    moment: &Moment,
    order: Order,
    start: &Start,
    size: usize,
    totals: &[Total],
) -> rusqlite::Result<(Found<Fetched>, Summary)> {
    let summary = summary(connection, wanted, moment, totals)?;
    let few = matches!(summary.total, Count::Exactly(rows) if rows <= COUNTED_MAX as u64);
    let by_id = matches!(query.sort, RefundSort::Refund | RefundSort::Order);
    let found = if few && (by_id || (wanted.is_aged() && query.sort != RefundSort::Stuck)) {
        collect(connection, query.sort, wanted, moment, order, start, size)?
    } else {
        let plan = plan(query.sort, wanted);
        paging::of_walk(connection, &plan, order, start, size, |n| {
            Ok(fetch(connection, n, moment)?.filter(|fetched| wanted.has(&fetched.row)))
        })?
    };
    Ok((found, summary))
}

/// A page of rows that no index has in the order asked for: their keys are collected and sorted.
fn collect(
    connection: &Connection,
    sort: RefundSort,
    wanted: &Wanted,
    moment: &Moment,
    order: Order,
    start: &Start,
    size: usize,
) -> rusqlite::Result<Found<Fetched>> {
    let mut keys: Vec<(RowKey, i64)> = Vec::new();
    for (state, currency, before) in &wanted.lanes {
        let mut select = connection.prepare_cached(
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
            keys.push((sorted.key(sort), row.get(0)?));
        }
    }
    let found = paging::of_collected(keys, order, start, size);
    found.try_map(|n| fetch(connection, n, moment))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one question")]
fn searched(
    connection: &Connection,
    query: &RefundsQuery,
    needle: &Needle,
    wanted: &Wanted,
    moment: &Moment,
    order: Order,
    start: &Start,
    size: usize,
    totals: &[Total],
) -> rusqlite::Result<(Found<Fetched>, Summary)> {
    let indexed = needle.is_indexed(connection, "orders")?;
    let candidates = if indexed {
        with_text(connection, needle)?
    } else {
        every(connection, totals)?
    };
    let Some(candidates) = candidates else {
        let plan = plan(query.sort, wanted);
        let found = paging::of_walk(connection, &plan, order, start, size, |n| {
            Ok(fetch(connection, n, moment)?.filter(|fetched| wanted.has(&fetched.row) && mentions(fetched, needle)))
        })?;
        let summary = Summary {
            total: Count::AtLeast(found.rows.len() as u64),
            overdue: None,
            sums: None,
        };
        return Ok((found, summary));
    };
    let mut collected = Vec::new();
    for n in candidates {
        let fetched = fetch(connection, n, moment)?.filter(|fetched| wanted.has(&fetched.row));
        if let Some(fetched) = fetched.filter(|fetched| indexed || mentions(fetched, needle)) {
            collected.push((SortedRow::of(&fetched.row).key(query.sort), fetched));
        }
    }
    let rows = || collected.iter().map(|(_, fetched)| &fetched.row);
    let summary = Summary {
        total: Count::Exactly(collected.len() as u64),
        overdue: Some(rows().filter(|row| row.overdue).count() as u64),
        sums: Some(sums_of(rows())),
    };
    Ok((paging::of_collected(collected, order, start, size), summary))
}

fn sums_of<'a>(rows: impl Iterator<Item = &'a RefundRow>) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    for row in rows {
        match sums.iter_mut().find(|sum| sum.currency == row.currency) {
            Some(sum) => {
                sum.amount = add_exact(sum.amount, row.amount).unwrap_or(sum.amount);
                sum.count += 1;
            }
            None => sums.push(Sum {
                currency: row.currency,
                amount: row.amount,
                count: 1,
            }),
        }
    }
    sums.sort_by_key(|sum| sum.currency);
    sums
}

/// Numbers of the refunds in which a text is found by the search index; `None` where they are too many.
fn with_text(connection: &Connection, needle: &Needle) -> rusqlite::Result<Option<Vec<i64>>> {
    let of_orders = numbers(
        connection,
        &[(
            "SELECT rowid FROM orders_text WHERE orders_text MATCH ?1",
            needle.question(),
        )],
    )?;
    let mut found = numbers(
        connection,
        &[(
            "SELECT rowid FROM refund_text WHERE refund_text MATCH ?1",
            needle.phrase(),
        )],
    )?;
    if of_orders.len() > COUNTED_MAX || found.len() > COUNTED_MAX {
        return Ok(None);
    }
    let mut select = connection.prepare_cached(
        "SELECT r.n FROM orders o JOIN refund r INDEXED BY refund_order ON r.ord = o.id WHERE o.n = ?1",
    )?;
    for order in of_orders {
        let refunds = select.query_map([order], |row| row.get::<_, i64>(0))?;
        for refund in refunds {
            found.push(refund?);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok((found.len() <= COUNTED_MAX).then_some(found))
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

/// The index ranges in which the wanted refunds stand in the order of a sort.
fn plan(sort: RefundSort, wanted: &Wanted) -> Plan {
    let lane = |(state, currency, _): &(RefundState, Option<Currency>, Option<DateTime<Utc>>)| {
        let code = currency_code(currency.as_ref()).to_owned();
        Lane::of(vec![state.number().into(), code.into()])
    };
    let (index, key): (&str, Option<&'static str>) = match sort {
        RefundSort::Oldest | RefundSort::Newest | RefundSort::State => ("refund_requested", Some("requested_at")),
        RefundSort::Stuck => ("refund_since", Some("state_since")),
        RefundSort::AmountUp | RefundSort::AmountDown => ("refund_amount", Some("amount")),
        RefundSort::Refund => ("refund_id", None),
        RefundSort::Order => ("refund_order", None),
    };
    let segments = match sort {
        RefundSort::Oldest | RefundSort::Newest => vec![Segment::of(wanted.lanes.iter().map(lane))],
        RefundSort::Stuck => vec![Segment::of(wanted.lanes.iter().map(|wanted| Lane {
            below: wanted.2.map(Sortable::time),
            ..lane(wanted)
        }))],
        RefundSort::State => labelled(wanted, lane, |(state, _, _)| state_label(*state)),
        RefundSort::AmountUp | RefundSort::AmountDown => {
            labelled(wanted, lane, |(_, currency, _)| amount_label(*currency, false))
        }
        RefundSort::Refund | RefundSort::Order => vec![Segment::of([Lane::of(vec![])])],
    };
    let by_id = matches!(sort, RefundSort::Refund | RefundSort::Order);
    Plan {
        from: format!("refund INDEXED BY {index}"),
        prefix: if by_id { &[] } else { &["state", "currency"] },
        key,
        ties: if sort == RefundSort::Order {
            &["ord", "refund"]
        } else {
            &["refund", "ord"]
        },
        segments,
    }
}

type WantedLane = (RefundState, Option<Currency>, Option<DateTime<Utc>>);

fn labelled(
    wanted: &Wanted,
    lane: impl Fn(&WantedLane) -> Lane,
    label: impl Fn(&WantedLane) -> String,
) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for wanted in &wanted.lanes {
        let label = label(wanted);
        match segments.iter_mut().find(|segment| segment.label == label) {
            Some(segment) => segment.lanes.push(lane(wanted)),
            None => segments.push(Segment {
                label,
                lanes: vec![lane(wanted)],
            }),
        }
    }
    segments.sort_unstable_by(|a, b| a.label.cmp(&b.label));
    segments
}

fn state_label(state: RefundState) -> String {
    state.number().to_string()
}

/// What a refund is sorted by.
struct SortedRow {
    refund: String,
    order: String,
    state: RefundState,
    currency: Option<Currency>,
    amount: Sortable,
    requested_at: Sortable,
    state_since: Sortable,
}

impl SortedRow {
    fn of(row: &RefundRow) -> Self {
        Self {
            refund: row.refund.clone(),
            order: row.order.to_string(),
            state: row.state,
            currency: Some(row.currency),
            amount: Sortable::amount(row.amount, Some(row.currency)),
            requested_at: Sortable::time(row.requested_at),
            state_since: Sortable::time(row.state_since),
        }
    }

    fn key(self, sort: RefundSort) -> RowKey {
        let (segment, value) = match sort {
            RefundSort::Oldest | RefundSort::Newest => (String::new(), self.requested_at),
            RefundSort::State => (state_label(self.state), self.requested_at),
            RefundSort::Stuck => (String::new(), self.state_since),
            RefundSort::AmountUp | RefundSort::AmountDown => (amount_label(self.currency, false), self.amount),
            RefundSort::Refund | RefundSort::Order => (String::new(), Sortable::MISSING),
        };
        let ties = if sort == RefundSort::Order {
            vec![self.order, self.refund]
        } else {
            vec![self.refund, self.order]
        };
        RowKey {
            segment,
            value: value.as_bytes().to_vec(),
            ties,
        }
    }
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

/// How many of the wanted there are, how many are overdue, and what they add up to.
fn summary(connection: &Connection, wanted: &Wanted, moment: &Moment, totals: &[Total]) -> rusqlite::Result<Summary> {
    let (mut rows, mut overdue, mut exact) = (0_u64, 0_u64, true);
    let mut sums = Sums::default();
    for (state, currency, before) in &wanted.lanes {
        let lane = (*state, *currency);
        let tally = match before {
            None => total_of(totals, *state, *currency),
            Some(before) if state.is_pending() => entered_before(connection, lane, *before)?,
            Some(before) => {
                exact = false;
                Tally {
                    rows: count_before(connection, lane, *before)?,
                    ..Tally::default()
                }
            }
        };
        rows += tally.rows.max(0).cast_unsigned();
        sums.add(*currency, &tally);
        if let Some(limit) = moment.overdue_before(*state) {
            let before = before.map_or(limit, |before| before.min(limit));
            overdue += entered_before(connection, lane, before)?.rows.max(0).cast_unsigned();
        }
    }
    let counted = exact || rows <= COUNTED_MAX as u64;
    Ok(Summary {
        total: if counted {
            Count::Exactly(rows)
        } else {
            Count::AtLeast(COUNTED_MAX as u64)
        },
        overdue: Some(overdue),
        sums: exact.then(|| sums.finish()),
    })
}

fn total_of(totals: &[Total], state: RefundState, currency: Option<Currency>) -> Tally {
    let found = totals
        .iter()
        .find(|total| total.state == state.number() && total.currency == currency);
    found.map(|total| total.tally).unwrap_or_default()
}

/// Sums by currency.
#[derive(Default)]
pub struct Sums(Vec<(Currency, Tally)>);

impl Sums {
    pub fn add(&mut self, currency: Option<Currency>, tally: &Tally) {
        let Some(currency) = currency.filter(|_| tally.rows > 0) else {
            return;
        };
        match self.0.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => {
                sum.rows += tally.rows;
                sum.sums[0] += tally.sums[0];
            }
            None => self.0.push((currency, *tally)),
        }
    }

    /// In the order of the currencies' codes.
    pub fn finish(mut self) -> Vec<Sum> {
        self.0.sort_by_key(|(currency, _)| *currency);
        let sum = |(currency, tally): (Currency, Tally)| Sum {
            currency,
            amount: from_minor_units(tally.sums[0], Some(currency)),
            count: tally.rows.max(0).cast_unsigned(),
        };
        self.0.into_iter().map(sum).collect()
    }
}

type LaneName = (RefundState, Option<Currency>);

/// Pending refunds that entered their state before a time.
pub fn entered_before(connection: &Connection, lane: LaneName, before: DateTime<Utc>) -> rusqlite::Result<Tally> {
    aged(connection, Clock::InState, lane, before)
}

/// Pending refunds that were requested before a time.
pub fn requested_before(connection: &Connection, lane: LaneName, before: DateTime<Utc>) -> rusqlite::Result<Tally> {
    aged(connection, Clock::Requested, lane, before)
}

/// Whole hours from the table of ages, and the rows of the hour that the time falls into.
fn aged(
    connection: &Connection,
    clock: Clock,
    (state, currency): LaneName,
    before: DateTime<Utc>,
) -> rusqlite::Result<Tally> {
    let code = currency_code(currency.as_ref());
    let edge = hour(before);
    let mut tally = Tally::default();
    {
        let mut select = connection.prepare_cached(
            "SELECT rows, sum FROM age WHERE clock = ?1 AND state = ?2 AND currency = ?3 AND hour < ?4",
        )?;
        let mut rows = select.query(params![clock as i64, state.number(), code, edge])?;
        while let Some(row) = rows.next()? {
            tally.rows += row.get::<_, i64>(0)?;
            tally.sums[0] += row.get::<_, MinorUnits>(1)?.0;
        }
    }
    let mut select = connection.prepare_cached(match clock {
        Clock::InState => {
            "SELECT amount FROM refund INDEXED BY refund_since
             WHERE state = ?1 AND currency = ?2 AND state_since >= ?3 AND state_since < ?4"
        }
        Clock::Requested => {
            "SELECT amount FROM refund INDEXED BY refund_requested
             WHERE state = ?1 AND currency = ?2 AND requested_at >= ?3 AND requested_at < ?4"
        }
    })?;
    let begins = DateTime::from_timestamp(edge * 3_600, 0).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let mut rows = select.query(params![
        state.number(),
        code,
        Sortable::time(begins),
        Sortable::time(before)
    ])?;
    while let Some(row) = rows.next()? {
        tally.rows += 1;
        tally.sums[0] += row.get::<_, MinorUnits>(0)?.0;
    }
    Ok(tally)
}

/// Refunds of any state that entered it before a time, counted to one more than [`COUNTED_MAX`].
fn count_before(connection: &Connection, (state, currency): LaneName, before: DateTime<Utc>) -> rusqlite::Result<i64> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM refund INDEXED BY refund_since
             WHERE state = ?1 AND currency = ?2 AND state_since < ?3 LIMIT ?4)",
    )?;
    let most = i64::try_from(COUNTED_MAX).unwrap_or(i64::MAX) + 1;
    let code = currency_code(currency.as_ref());
    select.query_row(params![state.number(), code, Sortable::time(before), most], |row| {
        row.get(0)
    })
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

/// The orders that use a refund's id, by their ids.
pub fn orders_claiming(connection: &Connection, refund: &str) -> rusqlite::Result<Vec<EntityId>> {
    let mut select = connection.prepare_cached("SELECT ord FROM refund WHERE refund = ?1 ORDER BY ord LIMIT 1000")?;
    let rows = select.query_map([refund], |row| row.get::<_, String>(0))?;
    ids(rows)
}

/// The wallets that were ever credited for a refund, by their ids.
pub fn wallets_credited(connection: &Connection, refund: &str) -> rusqlite::Result<Vec<EntityId>> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT w.id FROM credit c JOIN wallet w ON w.n = c.wallet WHERE c.refund = ?1 ORDER BY w.id LIMIT 1000",
    )?;
    let rows = select.query_map([refund], |row| row.get::<_, String>(0))?;
    ids(rows)
}

/// The wallet that an order names.
pub fn wallet_named_by(connection: &Connection, order: &str) -> rusqlite::Result<Option<String>> {
    orders::one(connection, order).map(|row| row.and_then(|row| row.wallet))
}

fn ids(rows: impl Iterator<Item = rusqlite::Result<String>>) -> rusqlite::Result<Vec<EntityId>> {
    let mut ids = Vec::new();
    for row in rows {
        ids.extend(EntityId::new(row?).ok());
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::{super::currency_label, *};

    #[test]
    fn no_currency_comes_after_every_currency() {
        assert!(currency_label(None) > currency_label("ZWL".parse().ok()));
        assert!(amount_label("EUR".parse().ok(), true) > amount_label("EUR".parse().ok(), false));
    }
}
