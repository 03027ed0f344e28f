//! A query of a list, prepared for the engine: the matching rows, their order and their sums.

mod count;
mod source;

use chrono::{DateTime, NaiveTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter, types::Value};

use self::source::Source;
use super::{
    Ask, ListRow, RISK_MAX, Summary, Total,
    conditions::{self, Conditions, amount_range, entered_before, time_range},
    counted,
    index::{Index, Range, RowKey},
    lanes::{self, Lane, Plan, Segment},
    paging::{self, Collected, Found, Order, Start},
    search::Fields,
    spec::Spec,
};
use crate::{
    domain::{
        findings::{FindingKind, Severity},
        money::Currency,
        refund::RefundState,
    },
    read_model::{
        columns::{Numbered, OptionalMinorUnits, ReadCurrency, Sortable, Time, currency_code},
        folding::Pieces,
    },
    views::lists::{Count, ListName, ListQuery, Sort},
};

/// The number of a state, and a currency.
type LaneName = (i64, Option<Currency>);

/// A query of a list, prepared for the engine.
pub struct Question<'a> {
    pub connection: &'a Connection,
    pub spec: &'static Spec,
    pub query: &'a ListQuery,
    pub ask: &'a Ask,
    sort: Sort,
    pub order: Order,
    /// The totals of states and currencies that have rows.
    pub totals: Vec<Total>,
    /// The selected states and currencies that have rows.
    pub lanes: Vec<LaneName>,
}

impl<'a> Question<'a> {
    pub fn new(
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

    /// Checks the key of a cursor. `None` if the list can't have such a key. A key with only a row number is completed from the
    /// row.
    pub fn whole(&self, key: RowKey) -> rusqlite::Result<Option<RowKey>> {
        let index = self.spec.index(self.sort);
        if key.ties.is_empty() {
            let row = self.collect(&[key.n], &Conditions::default())?.pop();
            return Ok(row.map(|row| row.key));
        }
        let fits = key.ties.len() == index.ties.len() && (index.key.is_some() || key.value.is_empty());
        Ok(fits.then_some(key))
    }

    /// The rows of a page. `None` if more rows would have to be sorted by risk than a page may sort.
    pub fn find<Row: ListRow>(&self, pieces: Option<&Pieces>, start: &Start) -> rusqlite::Result<Option<Found>> {
        if self.lanes.is_empty() || pieces.is_some_and(Pieces::is_empty) {
            return Ok(Some(Found::nothing()));
        }
        let mut conditions = conditions::of_query(self.spec, self.query, &self.ask.moment);
        let (source, text_is_met) = self.source(pieces)?;
        // Counting reads all of these rows, so they are sorted in memory as well.
        let counts_all = self.ask.counts && !(text_is_met && conditions.is_empty() && self.has_every_lane());
        let source = match source {
            Source::WalkAmong(numbers) if counts_all => Source::Numbers(numbers),
            source => source,
        };
        if let Some(pieces) = pieces.filter(|_| !text_is_met) {
            conditions::add_text(&mut conditions, self.spec, pieces, self.ask.search, Fields::Listed);
        }
        let found = match source {
            Source::Every => {
                let Some(collected) = self.collect_every(&conditions, self.every_max())? else {
                    return Ok(None);
                };
                let summary = Row::summary_of(&collected, &self.ask.moment);
                paging::of_collected(collected, self.order, start, self.ask.rows).with(summary)
            }
            Source::Numbers(numbers) => {
                let collected = self.collect(&numbers, &conditions)?;
                let summary = Row::summary_of(&collected, &self.ask.moment);
                paging::of_collected(collected, self.order, start, self.ask.rows).with(summary)
            }
            Source::WalkAmong(numbers) => {
                let found = self.walk(&conditions, start, Some(&numbers))?;
                let total = if self.ask.counts {
                    // All of these rows are known to match.
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

    /// The selected ranges of times and amounts, with their indexes.
    fn ranges(&self) -> Vec<(&'static Index, Range)> {
        let times = time_range(self.query).map(|range| (&self.spec.by_time, range));
        let amounts = amount_range(self.query).map(|range| (&self.spec.by_amount, range));
        times.into_iter().chain(amounts).collect()
    }

    fn rows_of_lanes(&self) -> u64 {
        let wanted = self
            .totals
            .iter()
            .filter(|total| self.lanes.contains(&(total.state, total.currency)));
        wanted.map(|total| total.tally.rows.max(0).cast_unsigned()).sum()
    }

    /// The lanes of an index that begins with state and currency, with a range of the column after them.
    fn lanes_of(&self, index: &Index, range: Range, lanes: &[LaneName]) -> Vec<Lane> {
        let now = Sortable::time(self.ask.moment.now);
        // A finding about a hold is written in advance, with the expiry as its time. The range ends at the present time.
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

    /// The largest number of rows that a page collects and sorts if no index has the order. A list that is read to its end has no
    /// such bound.
    const fn every_max(&self) -> usize {
        if self.ask.visits == usize::MAX {
            usize::MAX
        } else {
            RISK_MAX
        }
    }

    /// The lanes of the index of refunds by the time at which they entered their state.
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

    /// A page of the rows on a walk along the index of the sort. `among`, if given, has the sorted numbers of the rows that may
    /// be on the page.
    pub fn walk(&self, conditions: &Conditions, start: &Start, among: Option<&[i64]>) -> rusqlite::Result<Found> {
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

    /// The group of a row, by which rows are sorted first: the severity of a finding or the state of a refund. Empty for other
    /// sorts.
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

    /// The rows of these numbers that meet the conditions and are in the lanes, with their sort keys.
    pub fn collect(&self, numbers: &[i64], conditions: &Conditions) -> rusqlite::Result<Vec<Collected>> {
        let mut conditions = conditions.clone();
        conditions::add_lanes(&mut conditions, self.spec, &self.lanes);
        let (meets, values) = conditions.as_expression();
        let sql = format!(
            "SELECT {} FROM {} AS t{} WHERE t.n = ? AND {meets}",
            self.collected_columns(),
            self.spec.table,
            conditions.joins(),
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut collected = Vec::with_capacity(numbers.len());
        for n in numbers {
            let values = std::iter::once(Value::Integer(*n)).chain(values.iter().cloned());
            let row = select.query_row(params_from_iter(values), |row| self.collected(row));
            collected.extend(row.optional()?);
        }
        Ok(collected)
    }

    /// Every row of the lanes that meets the conditions. `None` if the lanes have more than `most` rows.
    fn collect_every(&self, conditions: &Conditions, most: usize) -> rusqlite::Result<Option<Vec<Collected>>> {
        let index = &self.spec.by_amount;
        let lanes = self.lanes_of(index, amount_range(self.query).unwrap_or_default(), &self.lanes);
        if most != usize::MAX && lanes::count(self.connection, self.spec.table, index, &lanes, most + 1)? > most {
            return Ok(None);
        }
        let columns = self.collected_columns();
        let collected = lanes::read(
            self.connection,
            self.spec.table,
            index,
            &lanes,
            &columns,
            conditions,
            |row| self.collected(row),
        )?;
        Ok(Some(collected))
    }

    /// The columns by which rows are sorted and summed up. The other columns are read only for the rows of a page.
    fn collected_columns(&self) -> String {
        let index = self.spec.index(self.sort);
        let key = if self.sort == Sort::Risk {
            self.spec.time
        } else {
            index.key.unwrap_or("x''")
        };
        format!(
            "t.n, {}, {}, {}, {key}, {}, {}",
            self.spec.state,
            self.spec.currency,
            self.spec.amount,
            self.spec.since.unwrap_or("x''"),
            index.ties.join(", "),
        )
    }

    /// Reads the columns of [`Self::collected_columns`].
    fn collected(&self, row: &Row<'_>) -> rusqlite::Result<Collected> {
        let n: i64 = row.get(0)?;
        let state: i64 = row.get(1)?;
        let amount = row.get::<_, OptionalMinorUnits>(3)?.0;
        let value = if self.sort == Sort::Risk {
            risk(amount, row.get::<_, Time>(4)?.0, self.ask.moment.now)
        } else {
            row.get(4)?
        };
        let ties = self.spec.index(self.sort).ties.len();
        let ties: rusqlite::Result<Vec<String>> = (0..ties).map(|at| row.get(6 + at)).collect();
        let missing = match self.sort {
            Sort::Stuck | Sort::Id | Sort::Order => false,
            _ => value == Sortable::MISSING,
        };
        Ok(Collected {
            n,
            key: RowKey {
                n,
                segment: format!("{}{}", self.group(state), u8::from(missing)),
                value: value.as_bytes().to_vec(),
                ties: ties?,
            },
            state,
            currency: row.get::<_, ReadCurrency>(2)?.0,
            amount: amount.unwrap_or_default(),
            since: row.get(5)?,
        })
    }
}

/// The risk of a finding (contract §8): amount × whole days from `since` to the last midnight UTC, at least 0 days.
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
