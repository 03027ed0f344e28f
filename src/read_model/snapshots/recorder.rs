//! What is recorded while a long wallet is folded, so that it need not be read from its beginning again: at the end of each
//! segment a snapshot, and the postings and holds that the segment touched.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::chart::Chart;
use crate::{
    domain::{
        event::Entry,
        fold::{Anomaly, Fold},
        ids::{Position, Sequence},
        wallet::{Hold, Part, Posting, WalletState},
    },
    views::timelines::{ANOMALIES_SHOWN, ChartPoint, Extent},
};

/// The number of entries in a segment.
pub const SEGMENT: u64 = 128;
/// Wallets with more entries have snapshots.
pub const LONG: u64 = 2 * SEGMENT;

/// The earliest and the latest time of a range of entries, in nanoseconds since 1970. Times before 1677 or after 2262 become the
/// smallest or largest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub first: i64,
    pub last: i64,
}

impl Span {
    pub const EMPTY: Self = Self {
        first: i64::MAX,
        last: i64::MIN,
    };

    pub fn add(&mut self, time: DateTime<Utc>) {
        let at = nanoseconds(time);
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }

    /// Whether no time is later than `limit`.
    pub fn is_before(&self, limit: i64) -> bool {
        self.last != i64::MAX && self.last <= limit
    }

    /// Whether every time is later than `limit`.
    pub fn is_after(&self, limit: i64) -> bool {
        self.first != i64::MIN && self.first > limit
    }
}

pub fn nanoseconds(time: DateTime<Utc>) -> i64 {
    let beyond = if time.timestamp() < 0 { i64::MIN } else { i64::MAX };
    time.timestamp_nanos_opt().unwrap_or(beyond)
}

/// The state of a wallet at the end of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of the segment, from 0.
    pub number: u64,
    pub position: Position,
    /// The fold. Its state has no postings and only open holds; all postings and holds have rows of their own.
    pub fold: Fold<WalletState>,
    /// The sequence of the last entry: see `in_sequence_order`.
    pub place: Sequence,
    /// The sequence of the first entry of the segment.
    pub first_place: Sequence,
    pub times: Span,
    pub recorded: Span,
    /// The latest time of all entries up to here.
    pub latest_time: i64,
    pub latest_recorded: i64,
    /// The segment has an entry whose time or recorded time is before that of an entry in an earlier segment.
    pub late: bool,
    /// The first and the last sequence that is missing in the segment.
    pub missing: Option<(Sequence, Sequence)>,
    pub opens: bool,
    /// The first anomalies up to here, at most [`ANOMALIES_SHOWN`]. `anomaly_count` counts all.
    pub anomalies: Vec<Anomaly>,
    pub anomaly_count: u64,
    pub extent: Extent,
}

/// A posting or hold as it was after a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    Posting(String, Posting),
    Hold(String, Hold),
}

/// A completed segment, as it is stored.
#[derive(Clone, Debug)]
pub struct Milestone {
    pub snapshot: Snapshot,
    pub facts: Vec<Fact>,
}

/// What is recorded since the last snapshot, and of the whole stream.
#[derive(Clone, Debug)]
pub struct Track {
    times: Span,
    recorded: Span,
    latest_time: i64,
    latest_recorded: i64,
    missing: Option<(Sequence, Sequence)>,
    first_place: Option<Sequence>,
    opens: bool,
    touched: BTreeSet<Part>,
    anomalies: Vec<Anomaly>,
    anomaly_count: u64,
    extent: Option<Extent>,
    chart: Chart,
    /// The chart at the last snapshot.
    pub stored: Chart,
}

impl Track {
    /// For the beginning of a stream.
    pub fn new() -> Self {
        Self {
            times: Span::EMPTY,
            recorded: Span::EMPTY,
            latest_time: i64::MIN,
            latest_recorded: i64::MIN,
            missing: None,
            first_place: None,
            opens: false,
            touched: BTreeSet::new(),
            anomalies: Vec::new(),
            anomaly_count: 0,
            extent: None,
            chart: Chart::default(),
            stored: Chart::default(),
        }
    }

    /// For continuing after a snapshot.
    pub fn after(snapshot: &Snapshot, chart: Chart) -> Self {
        Self {
            latest_time: snapshot.latest_time,
            latest_recorded: snapshot.latest_recorded,
            anomalies: snapshot.anomalies.clone(),
            anomaly_count: snapshot.anomaly_count,
            extent: Some(snapshot.extent),
            stored: chart.clone(),
            chart,
            ..Self::new()
        }
    }

    /// The extent of the stream so far.
    pub const fn extent(&self) -> Option<Extent> {
        self.extent
    }

    /// Whether a part was touched since the last snapshot.
    pub fn has_touched(&self, part: &Part) -> bool {
        self.touched.contains(part)
    }

    /// Records an entry that was folded. `seen` is the highest sequence before it.
    pub fn note(
        &mut self,
        entry: &Entry,
        seen: Sequence,
        fold: &Fold<WalletState>,
        applied: bool,
        found: Vec<Anomaly>,
    ) {
        let time = entry.time().unwrap_or(entry.recorded);
        let sequence = entry.sequence();
        self.times.add(time);
        self.recorded.add(entry.recorded);
        self.first_place.get_or_insert(sequence.unwrap_or(seen));
        if let Some(sequence) = sequence.filter(|sequence| *sequence > seen + 1) {
            let first = self.missing.map_or(seen + 1, |(first, _)| first);
            self.missing = Some((first, sequence - 1));
        }
        self.opens |= entry.fields.r#type() == Some("wallet.opened");
        self.touched.extend(WalletState::parts_of(entry));
        self.anomaly_count += found.len() as u64;
        let room = ANOMALIES_SHOWN.saturating_sub(self.anomalies.len());
        self.anomalies.extend(found.into_iter().take(room));
        match &mut self.extent {
            Some(extent) => extent.add(entry),
            none => *none = Some(Extent::of(entry)),
        }
        if applied {
            self.chart.push(ChartPoint {
                sequence: sequence.unwrap_or(0),
                time,
                posted: fold.state.posted,
                available: fold.state.available(),
            });
        }
    }

    /// Ends a segment. `None` if no entry was recorded.
    pub fn end(&mut self, number: u64, position: Position, fold: &Fold<WalletState>) -> Option<Milestone> {
        let extent = self.extent?;
        let state = &fold.state;
        let facts = std::mem::take(&mut self.touched)
            .into_iter()
            .filter_map(|part| match part {
                Part::Posting(id) => state
                    .postings
                    .get(&id)
                    .map(|posting| Fact::Posting(id.clone(), posting.clone())),
                Part::Hold(id) => state.holds.get(&id).map(|hold| Fact::Hold(id.clone(), hold.clone())),
            });
        let facts = facts.collect();
        let late = self.times.first < self.latest_time || self.recorded.first < self.latest_recorded;
        self.latest_time = self.latest_time.max(self.times.last);
        self.latest_recorded = self.latest_recorded.max(self.recorded.last);
        self.stored.clone_from(&self.chart);
        let snapshot = Snapshot {
            number,
            position,
            fold: fold.with(state.core()),
            place: fold.seen(),
            first_place: self.first_place.take().unwrap_or(0),
            times: std::mem::replace(&mut self.times, Span::EMPTY),
            recorded: std::mem::replace(&mut self.recorded, Span::EMPTY),
            latest_time: self.latest_time,
            latest_recorded: self.latest_recorded,
            late,
            missing: self.missing.take(),
            opens: std::mem::take(&mut self.opens),
            anomalies: self.anomalies.clone(),
            anomaly_count: self.anomaly_count,
            extent,
        };
        Some(Milestone { snapshot, facts })
    }
}
