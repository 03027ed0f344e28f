//! Timelines and balance charts of a wallet or an order, and the part of a stream for a replay in the browser.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{
    event::Entry,
    fold::Anomaly,
    ids::{Position, Sequence},
    replay::{Filter, Step},
};

/// Maximum number of anomalies in an answer. The answer also has their total number.
pub const ANOMALIES_SHOWN: usize = 50;
/// Maximum number of points of a balance chart.
pub const CHART_POINTS_MAX: usize = 400;
/// Maximum number of events in one answer to a browser that replays a wallet.
pub const HISTORY_ROWS_MAX: u32 = 1_000;
/// Size in bytes at which such an answer ends. The events read last may exceed it.
pub const HISTORY_BYTES_MAX: usize = 1024 * 1024;
/// Maximum number of events of a wallet that the browser replays. The server replays longer ones.
pub const HISTORY_IN_BROWSER_MAX: u64 = 5_000;

/// The requested part of a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimelineQuery {
    pub filter: Filter,
    pub oldest_first: bool,
    /// From 1; 0 counts as 1.
    pub page: u32,
    /// The pages of the lists beside the timeline.
    pub parts: PartPages,
}

/// The requested pages of the lists on an entity's page: from 1; 0 counts as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartPages {
    pub holds: u32,
    pub refunds: u32,
    pub lines: u32,
}

/// A page of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline<F> {
    pub rows: Vec<TimelineRow<F>>,
    pub page: u32,
    pub pages: u32,
    /// Number of events that the filter keeps.
    pub total: u64,
}

/// An event of a timeline, its effect and its anomalies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineRow<F> {
    pub step: Step<F>,
    /// The figures before the event.
    pub before: F,
    pub anomalies: Vec<Anomaly>,
}

/// Bounds of all events of an entity, for the controls of time travel. The filter does not change them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    pub events: u64,
    pub last_sequence: Sequence,
    pub first_time: DateTime<Utc>,
    pub last_time: DateTime<Utc>,
    pub first_recorded: DateTime<Utc>,
    pub last_recorded: DateTime<Utc>,
}

impl Extent {
    /// The bounds of one event. If the event's time can't be read, the recorded time counts.
    pub fn of(entry: &Entry) -> Self {
        let time = entry.time().unwrap_or(entry.recorded);
        Self {
            events: 1,
            last_sequence: entry.sequence().unwrap_or(0),
            first_time: time,
            last_time: time,
            first_recorded: entry.recorded,
            last_recorded: entry.recorded,
        }
    }

    /// Extends the bounds by another event.
    pub fn add(&mut self, entry: &Entry) {
        let one = Self::of(entry);
        self.events += 1;
        self.last_sequence = self.last_sequence.max(one.last_sequence);
        self.first_time = self.first_time.min(one.first_time);
        self.last_time = self.last_time.max(one.last_time);
        self.first_recorded = self.first_recorded.min(one.first_recorded);
        self.last_recorded = self.last_recorded.max(one.last_recorded);
    }
}

/// A point of a balance chart: the figures from this event on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    pub sequence: Sequence,
    pub time: DateTime<Utc>,
    pub posted: Decimal,
    pub available: Decimal,
}

/// A part of a stream, for a replay in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub entries: Vec<Entry>,
    /// The position after which the next part starts; `None` at the end of the stream.
    pub next: Option<Position>,
}
