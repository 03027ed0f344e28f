//! Replay: puts all entries of one entity into sequence order, filters them by sequence and by both clocks, and folds
//! them with the figures after each event. Timelines and "as of" use it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    event::Entry,
    fold::{Anomaly, Fold, State},
    ids::Sequence,
    order::OrderState,
    wallet::WalletState,
};

/// Which events a replay keeps. An event has to meet every condition that is set; the default keeps all events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Effective time at most this: what had happened by then. If the time can't be read, the recorded time counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Recorded time at most this: what the ledger knew by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_known_at: Option<DateTime<Utc>>,
    /// Sequence at most this. An event without a readable sequence counts with the event before it in the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
}

impl Filter {
    pub const fn is_empty(&self) -> bool {
        self.at.is_none() && self.as_known_at.is_none() && self.sequence.is_none()
    }

    /// Whether the filter keeps an entry. `place` is its sequence, or, if that can't be read, the sequence of the entry
    /// before it in the stream.
    pub fn keeps(&self, entry: &Entry, place: Sequence) -> bool {
        self.at.is_none_or(|at| entry.time().unwrap_or(entry.recorded) <= at)
            && self.as_known_at.is_none_or(|at| entry.recorded <= at)
            && self.sequence.is_none_or(|last| place <= last)
    }
}

/// A state whose figures are shown beside each event.
pub trait Replayable: State {
    type Figures: Clone + Default + PartialEq;

    fn figures(&self) -> Self::Figures;
}

/// A wallet's figures after an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    pub posted: Decimal,
    pub held: Decimal,
    pub available: Decimal,
}

impl Replayable for WalletState {
    type Figures = Balances;

    fn figures(&self) -> Balances {
        Balances {
            posted: self.posted,
            held: self.held,
            available: self.available(),
        }
    }
}

/// An order's figures after an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSums {
    pub paid: Decimal,
    pub refunded: Decimal,
    pub pending: Decimal,
    pub refundable: Decimal,
}

impl Replayable for OrderState {
    type Figures = OrderSums;

    fn figures(&self) -> OrderSums {
        OrderSums {
            paid: self.paid,
            refunded: self.refunded,
            pending: self.pending,
            refundable: self.refundable(),
        }
    }
}

/// One event of a timeline and its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step<F> {
    pub entry: Entry,
    /// Whether the event was applied.
    pub applied: bool,
    /// The figures after the event.
    pub after: F,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay<S: Replayable> {
    pub fold: Fold<S>,
    /// In the order in which they were found.
    pub anomalies: Vec<Anomaly>,
    /// For each anomaly, the index of the step at which it was found.
    pub anomaly_steps: Vec<usize>,
    /// Every event kept, in sequence order.
    pub steps: Vec<Step<S::Figures>>,
}

/// Sorts entries by sequence and pairs each entry with it. An entry without a readable sequence takes that of the entry
/// before it in the stream. Entries with the same sequence keep the stream's order.
pub fn in_sequence_order(entries: Vec<Entry>) -> Vec<(Sequence, Entry)> {
    let mut last = 0;
    let mut placed: Vec<_> = entries
        .into_iter()
        .map(|entry| {
            last = entry.sequence().unwrap_or(last);
            (last, entry)
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed
}

/// Replays the entries of one entity, given in the stream's order. `None` if the filter keeps no event: the entity did
/// not exist yet.
pub fn replay<S: Replayable>(entries: Vec<Entry>, filter: &Filter) -> Option<Replay<S>> {
    let mut fold = Fold::<S>::new();
    let mut anomalies = Vec::new();
    let mut anomaly_steps = Vec::new();
    let mut steps = Vec::with_capacity(entries.len());
    for (place, entry) in in_sequence_order(entries) {
        if filter.keeps(&entry, place) {
            let applied = fold.push(&entry, |anomaly| anomalies.push(anomaly));
            anomaly_steps.resize(anomalies.len(), steps.len());
            let after = fold.state.figures();
            steps.push(Step { entry, applied, after });
        } else {
            fold.skip(&entry);
        }
    }
    (!steps.is_empty()).then_some(Replay {
        fold,
        anomalies,
        anomaly_steps,
        steps,
    })
}
