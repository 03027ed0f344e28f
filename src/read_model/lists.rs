//! Lists (contract §8): which rows match a query, a page of them in the order asked for, and how many there are. One engine
//! answers for every list; what differs between them is in [`spec`]. It chooses where the rows come from: the search index, the index
//! of a customer, an index with a narrow range, or a walk along the index of the sort, which visits a bounded number of rows.

mod cases;
mod conditions;
mod customers;
pub mod findings;
mod holds;
mod lanes;
mod orders;
mod paging;
pub mod refunds;
mod related;
mod search;
mod spec;
mod wallets;

pub use self::{
    cases::{cases_about, count_waiting},
    customers::{one as customer, sums as customer_sums},
    orders::{fetch as orders_row, naming as orders_naming, one as order},
    paging::ListedPage,
    refunds::Moment,
    related::{orders_claiming, wallet_named_by, wallets_credited},
    search::Search,
    wallets::{fetch as wallets_row, long as long_wallets},
};

use chrono::{DateTime, NaiveTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params_from_iter, types::Value};

use self::{
    conditions::{Conditions, amount_range, entered_before, time_range},
    lanes::{Index, Lane, Plan, Range, Segment},
    paging::{Collected, Found, Order, RowKey, Start},
    search::Hits,
    spec::{Counted, Spec},
};
use super::{
    batch::{List, Tally, tally},
    columns::{Numbered, OptionalMinorUnits, ReadCurrency, Sortable, Time, currency_code},
    folding::{Pieces, TooLong},
};
use crate::{
    domain::{
        findings::{FindingKind, Severity},
        ids::{Domain, EntityId},
        money::Currency,
        refund::RefundState,
    },
    views::lists::{Count, ListName, ListQuery, Sort, VISITED_MAX},
};

/// Rows that one page visits at most.
pub const VISITS_MAX: usize = VISITED_MAX as usize;
/// Rows that are counted, or collected and sorted in memory, at most.
pub const COUNTED_MAX: usize = 10_000;

/// Findings that a page collects and sorts by risk at most.
const RISK_MAX: usize = 100_000;

/// A state's number and a currency.
type LaneName = (i64, Option<Currency>);

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

/// Rows of a list.
pub trait ListRow: Sized {
    const SPEC: &'static Spec;

    /// The row of this number.
    fn fetch(connection: &Connection, n: i64, moment: &Moment) -> rusqlite::Result<Option<Self>>;

    /// How many of the wanted rows there are and what they add up to, where tables of totals know.
    fn summary(question: &Question<'_>) -> rusqlite::Result<Summary> {
        let total = question.total()?;
        Ok(Summary {
            total,
            overdue: None,
            sums: None,
        })
    }
}

pub use refunds::Summary;

/// One page of a list.
pub fn page<Row: ListRow>(
    connection: &Connection,
    query: &ListQuery,
    ask: &Ask,
) -> rusqlite::Result<Result<ListedPage<Row>, ListError>> {
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
    let found = match &pieces {
        Some(pieces) if pieces.is_empty() => Found::nothing(),
        pieces => match question.find::<Row>(pieces.as_ref(), &start)? {
            Some(found) => found,
            None => return Ok(Err(ListError::TooManyForRisk)),
        },
    };
    let mut rows = Vec::with_capacity(found.rows.len());
    for n in found.rows {
        rows.extend(Row::fetch(connection, n, &ask.moment)?);
    }
    let mut currencies: Vec<Currency> = question.totals.iter().filter_map(|total| total.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    Ok(Ok(ListedPage {
        rows,
        previous: found.previous,
        next: found.next,
        total: found.summary.total,
        stopped: found.stopped,
        sums: found.summary.sums,
        overdue: found.summary.overdue,
        currencies,
        note,
    }))
}

/// A query of a list, as the engine works with it.
pub struct Question<'a> {
    pub connection: &'a Connection,
    spec: &'static Spec,
    pub query: &'a ListQuery,
    pub ask: &'a Ask,
    sort: Sort,
    order: Order,
    /// Rows by state and currency, where there are any.
    pub totals: Vec<Total>,
    /// The states and currencies that are asked for and have rows.
    pub lanes: Vec<LaneName>,
}

/// Where the rows of a page come from.
enum Source {
    /// These are looked at and sorted.
    Numbers(Vec<i64>),
    /// The index of the sort is walked; the rows that are not among these are passed over.
    WalkAmong(Vec<i64>),
    /// The index of the sort is walked.
    Walk,
}

impl<'a> Question<'a> {
    fn new(
        connection: &'a Connection,
        spec: &'static Spec,
        query: &'a ListQuery,
        ask: &'a Ask,
    ) -> rusqlite::Result<Self> {
        let sort = query.sort.unwrap_or_else(|| spec.list.default_sort());
        let mut totals = counted(connection, spec.counted)?;
        totals.retain(|total| total.tally.rows > 0);
        let states = conditions::wanted_states(spec, query);
        let lanes = totals
            .iter()
            .filter(|total| states.contains(&total.state))
            .filter(|total| {
                query.currencies.is_empty()
                    || total
                        .currency
                        .is_some_and(|currency| query.currencies.contains(&currency))
            })
            .map(|total| (total.state, total.currency))
            .collect();
        Ok(Self {
            connection,
            spec,
            query,
            ask,
            sort,
            order: Order {
                cursor: (spec.list as u8, sort as u8),
                descending: sort.is_descending(),
            },
            totals,
            lanes,
        })
    }

    /// The key of a cursor, if the list can have it. One that has a row's number only is completed.
    fn whole(&self, key: RowKey) -> rusqlite::Result<Option<RowKey>> {
        let index = self.spec.index(self.sort);
        if key.ties.is_empty() {
            let row = self.collect(&[key.n], &Conditions::default())?.pop();
            return Ok(row.map(|row| row.key));
        }
        let fits = key.ties.len() == index.ties.len() && (index.key.is_some() || key.value.is_empty());
        Ok(fits.then_some(key))
    }

    /// The rows of a page; `None` where more would have to be sorted by risk than a page may.
    fn find<Row: ListRow>(&self, pieces: Option<&Pieces>, start: &Start) -> rusqlite::Result<Option<Found>> {
        if self.lanes.is_empty() {
            return Ok(Some(Found::nothing()));
        }
        let mut conditions = conditions::of_query(self.spec, self.query, &self.ask.moment);
        let Some((source, text_is_met)) = self.source(pieces)? else {
            return Ok(None);
        };
        // Where the rows have to be looked at to count them, they may as well be sorted.
        let counts_all = self.ask.counts && !(text_is_met && conditions.is_empty() && self.has_every_lane());
        let source = match source {
            Source::WalkAmong(numbers) if counts_all => Source::Numbers(numbers),
            source => source,
        };
        if let Some(pieces) = pieces.filter(|_| !text_is_met) {
            conditions::add_text(&mut conditions, self.spec, pieces, self.ask.search);
        }
        let found = match source {
            Source::Numbers(numbers) => {
                let collected = self.collect(&numbers, &conditions)?;
                let summary = self.summary_of(&collected);
                paging::of_collected(collected, self.order, start, self.ask.rows).with(summary)
            }
            Source::WalkAmong(numbers) => {
                let found = self.walk(&conditions, start, Some(&numbers))?;
                let total = if self.ask.counts {
                    // Every one of them is known to match.
                    Count::Exactly(numbers.len() as u64)
                } else {
                    Count::AtLeast(0)
                };
                found.with(Summary::counted(total))
            }
            Source::Walk => {
                let found = self.walk(&conditions, start, None)?;
                let summary = if !self.ask.counts {
                    Summary::counted(Count::AtLeast(0))
                } else if pieces.is_none() && !self.is_narrowed() {
                    Row::summary(self)?
                } else if found.is_whole(start) {
                    Summary::counted(Count::Exactly(found.rows.len() as u64))
                } else {
                    Summary::counted(self.at_least(pieces, found.rows.len())?)
                };
                found.with(summary)
            }
        };
        Ok(Some(found))
    }

    /// Whether rows are asked for by more than state, currency and, of refunds, how long they have been in their state.
    fn is_narrowed(&self) -> bool {
        let plain = ListQuery {
            states: self.query.states.clone(),
            currencies: self.query.currencies.clone(),
            kinds: self.query.kinds.clone(),
            severities: self.query.severities.clone(),
            overdue: self.query.overdue,
            age: self.query.age,
            sort: self.query.sort,
            limit: self.query.limit,
            at: self.query.at.clone(),
            ..ListQuery::default()
        };
        plain != *self.query
    }

    /// How many rows match a query that is narrowed by one range and nothing else, or else at least those that were found.
    fn at_least(&self, pieces: Option<&Pieces>, found: usize) -> rusqlite::Result<Count> {
        let ranges = self.ranges();
        let without = ListQuery {
            min: None,
            max: None,
            from: None,
            to: None,
            ..self.query.clone()
        };
        let alone = Question {
            connection: self.connection,
            spec: self.spec,
            query: &without,
            ask: self.ask,
            sort: self.sort,
            order: self.order,
            totals: Vec::new(),
            lanes: self.lanes.clone(),
        };
        let aged = self.query.overdue || self.query.age.is_some();
        if let (None, [(index, range)], false, false) = (pieces, &ranges[..], alone.is_narrowed(), aged)
            && self.spec.holds.is_none()
        {
            let lanes = self.lanes_of(index, *range, &self.lanes);
            let most = self.ask.collected;
            let counted = lanes::count(self.connection, self.spec.table, index, &lanes, most + 1)?;
            return Ok(if counted > most {
                Count::AtLeast(most as u64)
            } else {
                Count::Exactly(counted as u64)
            });
        }
        Ok(Count::AtLeast(found as u64))
    }

    /// The ranges of times and amounts that are asked for, with their indexes.
    fn ranges(&self) -> Vec<(&'static Index, Range)> {
        let times = time_range(self.query).map(|range| (&self.spec.by_time, range));
        let amounts = amount_range(self.query).map(|range| (&self.spec.by_amount, range));
        times.into_iter().chain(amounts).collect()
    }

    /// Chooses where the rows come from; `None` where they are too many. The second value says whether every one of them is known to
    /// have the text.
    fn source(&self, pieces: Option<&Pieces>) -> rusqlite::Result<Option<(Source, bool)>> {
        if self.sort == Sort::Risk {
            return Ok(self.every_amount()?.map(|source| (source, false)));
        }
        let most = self.ask.collected;
        let walked = self.walked()?;
        // Collecting all matching rows costs less than walking until a page is full, unless most of what is walked matches.
        let chosen = |numbers: Vec<i64>| {
            if paging::collects(numbers.len() as u64, walked, self.ask.rows) || numbers.len() <= self.ask.rows {
                Source::Numbers(numbers)
            } else {
                Source::WalkAmong(numbers)
            }
        };
        let named = [
            (self.query.customer.as_ref(), self.spec.of_customer),
            (self.query.wallet.as_ref(), self.spec.of_wallet),
            (self.query.operator.as_ref(), self.spec.of_operator),
        ];
        for (id, sql) in named {
            if let (Some(id), Some(sql)) = (id, sql)
                && let Some(numbers) = self.named(sql, id)?
            {
                return Ok(Some((chosen(numbers), false)));
            }
        }
        if let Some(pieces) = pieces {
            match search::hits(self.connection, self.spec.texts, pieces, self.ask.search)? {
                Hits::Exactly(numbers) => return Ok(Some((chosen(numbers), true))),
                Hits::Among(numbers) => return Ok(Some((chosen(numbers), false))),
                Hits::Unknown => {}
            }
        }
        let sorted_by = self.spec.index(self.sort).name;
        // A text that the index can't look for is looked for in every row, where they are few: then all that have it are counted.
        if pieces.is_some() && self.rows_of_lanes() <= most.min(VISITS_MAX) as u64 {
            let index = &self.spec.by_time;
            let lanes = if index.prefix.is_empty() {
                vec![Lane::EVERY]
            } else {
                self.lanes_of(index, Range::default(), &self.lanes)
            };
            let every = lanes::numbers(self.connection, self.spec.table, index, &lanes, most)?;
            return Ok(Some((Source::Numbers(every.unwrap_or_default()), false)));
        }
        let mut narrowest: Option<Vec<i64>> = None;
        let mut ranges: Vec<(&Index, Vec<Lane>)> = self
            .ranges()
            .into_iter()
            .filter(|(index, _)| index.name != sorted_by)
            .map(|(index, range)| (index, self.lanes_of(index, range, &self.lanes)))
            .collect();
        if let Some(index) = &self.spec.by_since
            && (self.query.overdue || self.query.age.is_some())
            && index.name != sorted_by
        {
            ranges.push((index, self.since_lanes()));
        }
        // Where there is no index of lanes, a rare state is collected.
        if self.spec.index(self.sort).prefix.is_empty()
            && ranges.is_empty()
            && self.lanes.len() < self.totals.len()
            && self.rows_of_lanes() <= most as u64
        {
            let index = &self.spec.by_time;
            ranges.push((index, self.lanes_of(index, Range::default(), &self.lanes)));
        }
        for (index, lanes) in ranges {
            let at_most = narrowest.as_ref().map_or(most, Vec::len);
            if let Some(numbers) = lanes::numbers(self.connection, self.spec.table, index, &lanes, at_most)? {
                narrowest = Some(numbers);
            }
        }
        Ok(Some(match narrowest {
            Some(numbers) if paging::collects(numbers.len() as u64, walked, self.ask.rows) => {
                (Source::Numbers(numbers), false)
            }
            _ => (Source::Walk, false),
        }))
    }

    /// The numbers of the rows that name something; `None` where they are too many to be collected.
    fn named(&self, sql: &str, id: &str) -> rusqlite::Result<Option<Vec<i64>>> {
        let most = self.ask.collected;
        if self.query.customer.is_some() && customers::rows_of(self.connection, id)? > most as u64 {
            // Of whom there is much, to find little of another kind may take long.
            return Ok(None);
        }
        let mut select = self
            .connection
            .prepare_cached(&format!("SELECT n FROM ({sql}) LIMIT {}", most + 1))?;
        let numbers = select.query_map([id], |row| row.get(0))?;
        let mut numbers: Vec<i64> = numbers.collect::<rusqlite::Result<_>>()?;
        numbers.sort_unstable();
        Ok((numbers.len() <= most).then_some(numbers))
    }

    /// Every row of the lanes, for an order that no index has; `None` where they are too many for a page.
    fn every_amount(&self) -> rusqlite::Result<Option<Source>> {
        let index = &self.spec.by_amount;
        let lanes = self.lanes_of(index, amount_range(self.query).unwrap_or_default(), &self.lanes);
        let most = if self.ask.visits == usize::MAX {
            usize::MAX
        } else {
            RISK_MAX
        };
        let numbers = lanes::numbers(self.connection, self.spec.table, index, &lanes, most)?;
        Ok(numbers.map(Source::Numbers))
    }

    /// How many rows a walk along the index of the sort passes.
    fn walked(&self) -> rusqlite::Result<u64> {
        let index = self.spec.index(self.sort);
        if index.prefix.is_empty() {
            return Ok(self
                .totals
                .iter()
                .map(|total| total.tally.rows.max(0).cast_unsigned())
                .sum());
        }
        let of_lanes = self.rows_of_lanes();
        let own = self.ranges().into_iter().find(|(range, _)| range.name == index.name);
        let Some((index, range)) = own else { return Ok(of_lanes) };
        let lanes = self.lanes_of(index, range, &self.lanes);
        let most = self.ask.collected;
        let counted = lanes::count(self.connection, self.spec.table, index, &lanes, most + 1)?;
        Ok(if counted > most { of_lanes } else { counted as u64 })
    }

    /// Whether rows of every state and currency are asked for. Refunds are added up, so theirs are always looked at.
    fn has_every_lane(&self) -> bool {
        self.spec.list != ListName::Refunds && self.lanes.len() == self.totals.len()
    }

    fn rows_of_lanes(&self) -> u64 {
        let wanted = self
            .totals
            .iter()
            .filter(|total| self.lanes.contains(&(total.state, total.currency)));
        wanted.map(|total| total.tally.rows.max(0).cast_unsigned()).sum()
    }

    /// How many rows of these states and currencies there are.
    fn total(&self) -> rusqlite::Result<Count> {
        let due = FindingKind::HoldNeverResolved.number();
        if self.spec.list != ListName::Findings || !self.lanes.iter().any(|(kind, _)| *kind == due) {
            return Ok(Count::Exactly(self.rows_of_lanes()));
        }
        // Holds that expire later have a row that does not count yet.
        let (expiring, others): (Vec<_>, Vec<_>) = self.lanes.iter().copied().partition(|(kind, _)| *kind == due);
        let of = |lanes: &[LaneName]| -> u64 {
            let wanted = self
                .totals
                .iter()
                .filter(|total| lanes.contains(&(total.state, total.currency)));
            wanted.map(|total| total.tally.rows.max(0).cast_unsigned()).sum()
        };
        let expired = if self.query.currencies.is_empty() {
            findings::due_before(self.connection, self.ask.moment.now)?
                .max(0)
                .cast_unsigned()
        } else {
            let lanes = self.lanes_of(&self.spec.by_time, Range::default(), &expiring);
            let most = self.ask.collected;
            let counted = lanes::count(self.connection, self.spec.table, &self.spec.by_time, &lanes, most + 1)?;
            if counted > most {
                return Ok(Count::AtLeast(of(&others) + most as u64));
            }
            counted as u64
        };
        Ok(Count::Exactly(of(&others) + expired))
    }

    /// Lanes of an index that begins with state and currency, with a range of the column after them.
    fn lanes_of(&self, index: &Index, range: Range, lanes: &[LaneName]) -> Vec<Lane> {
        let now = Sortable::time(self.ask.moment.now);
        // What is found about a hold stands there with its expiry, also before it.
        let of_findings = self.spec.list == ListName::Findings && index.key == Some(self.spec.time) && !range.missing;
        let expiring = of_findings.then(|| FindingKind::HoldNeverResolved.number());
        let range_of = |state: i64| {
            let due = range.below.map_or(now, |below| below.min(now));
            let below = if expiring == Some(state) {
                Some(due)
            } else {
                range.below
            };
            Range { below, ..range }
        };
        let lane = |(state, currency): &LaneName| Lane {
            prefix: vec![
                Value::Integer(*state),
                Value::Text(currency_code(currency.as_ref()).to_owned()),
            ],
            range: range_of(*state),
        };
        lanes.iter().map(lane).collect()
    }

    /// Lanes of the index of refunds by the time they entered their state.
    pub fn since_lanes(&self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        for lane in &self.lanes {
            let state = RefundState::of_number(lane.0);
            let before = state.map_or(Ok(None), |state| entered_before(self.query, &self.ask.moment, state));
            if let Ok(before) = before {
                let range = Range {
                    below: before.map(Sortable::time),
                    ..Range::default()
                };
                lanes.extend(self.lanes_of(self.spec.index(Sort::Stuck), range, &[*lane]));
            }
        }
        lanes
    }

    /// A page of the rows that are met along the index of the sort.
    fn walk(&self, conditions: &Conditions, start: &Start, among: Option<&[i64]>) -> rusqlite::Result<Found> {
        let mut conditions = conditions.clone();
        let index = *self.spec.index(self.sort);
        if index.prefix.is_empty() {
            conditions::add_lanes(&mut conditions, self.spec, &self.lanes);
        }
        let plan = Plan {
            table: self.spec.table,
            index,
            conditions: &conditions,
            segments: self.segments(),
        };
        let matches = |n: i64| among.is_none_or(|among| among.binary_search(&n).is_ok());
        paging::of_walk(self.connection, &plan, self.order, start, self.ask, matches)
    }

    fn segments(&self) -> Vec<Segment> {
        let one = |label: &str, lanes: Vec<Lane>| Segment {
            label: label.to_owned(),
            lanes,
        };
        let index = self.spec.index(self.sort);
        let both = |label: &str, lanes: &[LaneName], range: Option<Range>| match range {
            Some(range) => vec![one(&format!("{label}0"), self.lanes_of(index, range, lanes))],
            None => vec![
                one(&format!("{label}0"), self.lanes_of(index, Range::PRESENT, lanes)),
                one(&format!("{label}1"), self.lanes_of(index, Range::MISSING, lanes)),
            ],
        };
        match self.sort {
            Sort::Newest | Sort::Oldest => both("", &self.lanes, time_range(self.query)),
            Sort::AmountUp | Sort::AmountDown | Sort::Risk => both("", &self.lanes, amount_range(self.query)),
            Sort::Stuck => vec![one("0", self.since_lanes())],
            Sort::Id | Sort::Order => vec![one("0", vec![Lane::EVERY])],
            Sort::State | Sort::Severity => {
                let mut labels: Vec<String> = self.lanes.iter().map(|(state, _)| self.group(*state)).collect();
                labels.sort_unstable();
                labels.dedup();
                let mut segments = Vec::new();
                for label in labels {
                    let lanes = self.lanes.iter().copied();
                    let lanes: Vec<_> = lanes.filter(|(state, _)| self.group(*state) == label).collect();
                    segments.extend(both(&label, &lanes, time_range(self.query)));
                }
                segments
            }
        }
    }

    /// What rows are grouped by before they are sorted: the severity of a finding, the state of a refund.
    fn group(&self, state: i64) -> String {
        match self.sort {
            Sort::State => state.to_string(),
            Sort::Severity => {
                let severity = FindingKind::of_number(state).map_or(Severity::Medium, FindingKind::severity);
                severity.number().to_string()
            }
            _ => String::new(),
        }
    }

    /// What rows of these numbers meet the conditions and are of the lanes, with what they are sorted by.
    fn collect(&self, numbers: &[i64], conditions: &Conditions) -> rusqlite::Result<Vec<Collected>> {
        let mut conditions = conditions.clone();
        conditions::add_lanes(&mut conditions, self.spec, &self.lanes);
        let index = self.spec.index(self.sort);
        let key = if self.sort == Sort::Risk {
            self.spec.time
        } else {
            index.key.unwrap_or("x''")
        };
        let (meets, values) = conditions.as_expression();
        // What rows are shown by is read for the rows of a page alone.
        let sql = format!(
            "SELECT {}, {}, {}, {key}, {}, {} FROM {} AS t{} WHERE t.n = ? AND {meets}",
            self.spec.state,
            self.spec.currency,
            self.spec.amount,
            self.spec.since.unwrap_or("x''"),
            index.ties.join(", "),
            self.spec.table,
            conditions.joins(),
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut collected = Vec::with_capacity(numbers.len());
        for n in numbers {
            let values = std::iter::once(Value::Integer(*n)).chain(values.iter().cloned());
            let row = select.query_row(params_from_iter(values), |row| {
                let state: i64 = row.get(0)?;
                let currency = row.get::<_, ReadCurrency>(1)?.0;
                let amount = row.get::<_, OptionalMinorUnits>(2)?.0;
                let value = if self.sort == Sort::Risk {
                    risk(amount, row.get::<_, Time>(3)?.0, self.ask.moment.now)
                } else {
                    row.get(3)?
                };
                let ties: rusqlite::Result<Vec<String>> = (0..index.ties.len()).map(|at| row.get(5 + at)).collect();
                let missing = match self.sort {
                    Sort::Stuck | Sort::Id | Sort::Order => false,
                    _ => value == Sortable::MISSING,
                };
                Ok(Collected {
                    n: *n,
                    key: RowKey {
                        n: *n,
                        segment: format!("{}{}", self.group(state), u8::from(missing)),
                        value: value.as_bytes().to_vec(),
                        ties: ties?,
                    },
                    state,
                    currency,
                    amount: amount.unwrap_or_default(),
                    since: row.get(4)?,
                })
            });
            collected.extend(row.optional()?);
        }
        Ok(collected)
    }

    fn summary_of(&self, collected: &[Collected]) -> Summary {
        if self.spec.list == ListName::Refunds {
            return refunds::summary_of(collected, &self.ask.moment);
        }
        Summary::counted(Count::Exactly(collected.len() as u64))
    }
}

/// Amount × whole days until the last midnight, none of them below zero.
fn risk(amount: Option<i128>, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Sortable {
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    match (amount, since) {
        (Some(amount), Some(since)) => {
            let days = (midnight - since).num_days().max(0);
            Sortable::minor_units(amount.saturating_mul(days.into()))
        }
        _ => Sortable::MISSING,
    }
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
