//! Tests of the folds: examples in given/then form, and properties over streams of any content. Entries are written as
//! strings, as another producer would write them.

mod compensations;
mod findings;
mod orders;
mod payloads;
mod properties;
mod replays;
mod wallets;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    event::{Entry, Fields, Known, RawDigest, format_time},
    fold::AnomalyKind,
    ids::Position,
    replay::{Filter, Replay, Replayable, replay},
};

/// The time of event 0. Event n happens n hours later and is recorded one minute after that.
fn epoch() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn hour(n: i64) -> DateTime<Utc> {
    epoch() + TimeDelta::hours(n)
}

/// The n-th entry of a stream, well formed.
fn entry(n: u32, r#type: &str, data: &Value) -> Entry {
    let recorded = hour(n.into()) + TimeDelta::minutes(1);
    Entry {
        position: Position::new(recorded.timestamp_millis().unsigned_abs(), 0),
        recorded,
        fields: Fields::of([
            (Known::Id, format!("e{n}").as_str()),
            (Known::Type, r#type),
            (Known::Sequence, &n.to_string()),
            (Known::Time, &format_time(hour(n.into()))),
            (Known::Data, &data.to_string()),
        ]),
        digest: RawDigest::default(),
    }
}

/// Entries of one stream, numbered from 1.
fn stream(events: &[(&str, Value)]) -> Vec<Entry> {
    (1..)
        .zip(events)
        .map(|(n, (kind, data))| entry(n, kind, data))
        .collect()
}

fn eur(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn all<S: Replayable>(entries: Vec<Entry>) -> Replay<S> {
    replay(entries, &Filter::default()).unwrap()
}

/// Sequence and kind of every anomaly.
fn anomalies<S: Replayable>(replay: &Replay<S>) -> Vec<(u64, AnomalyKind)> {
    let pairs = replay.anomalies.iter();
    pairs
        .map(|anomaly| (anomaly.sequence.unwrap_or(0), anomaly.kind))
        .collect()
}
