//! The fold: applies the entries of one entity, in sequence order, with a domain's `evolve`, and reports what could not
//! be applied. The fold handles sequences, gaps and repeats. It knows nothing about money.

use serde::{Deserialize, Serialize};

use super::{
    event::{Entry, Envelope},
    ids::Sequence,
};

/// The kinds of anomaly of an event or an entity (contract §3). Machines read the serialised names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    CaptureAboveHold,
    CurrencyMismatch,
    Gap,
    HoldReused,
    InvalidAmount,
    /// The event was applied. This is the only kind that leaves a replay complete.
    NegativeBalance,
    NotOpened,
    OverReversal,
    Overflow,
    RepeatedSequence,
    SecondOpening,
    TransitionNotAllowed,
    UnknownEntry,
    UnknownHold,
    UnknownRefund,
    UnknownType,
    UnparsableEnvelope,
    UnparsablePayload,
}

impl AnomalyKind {
    /// Whether the figures of the replay may be wrong because of this anomaly.
    pub const fn spoils_replay(self) -> bool {
        !matches!(self, Self::NegativeBalance)
    }
}

/// One anomaly, for people and machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The sequence of the event; `None` if it can't be read.
    pub sequence: Option<Sequence>,
    pub kind: AnomalyKind,
    pub message: String,
}

/// Why an event was not applied, or a note about an event that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub kind: AnomalyKind,
    pub message: String,
}

impl Refusal {
    pub fn new(kind: AnomalyKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// The result of applying an event to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evolved {
    /// The event was applied. The list holds notes about it and is mostly empty.
    Applied(Vec<Refusal>),
    /// The event was not applied. No figure of the state has changed.
    Refused(Refusal),
}

/// The state of an entity. `evolve` is pure and total: it does not fail, and refuses an event that it can't apply.
pub trait State: Clone + Default {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved;

    /// Notes an entry that a filter leaves out, so that its absence is not reported as an anomaly.
    fn pass_over(&mut self, _entry: &Entry) {}
}

/// A state with an account of the events behind it. `fold(a ++ b)` equals `fold(a)` continued with `b`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fold<S> {
    pub state: S,
    /// The sequence of the last event kept.
    pub sequence: Sequence,
    /// The highest sequence so far, kept or skipped.
    seen: Sequence,
    /// The first and the last missing sequence since the last event kept.
    missing: Option<(Sequence, Sequence)>,
    /// Events kept so far, whether applied or not.
    pub events: u64,
    pub complete: bool,
}

impl<S: State> Fold<S> {
    pub fn new() -> Self {
        Self {
            complete: true,
            ..Self::default()
        }
    }

    /// Whether `entries`, which follow in the stream, are in sequence order, so that pushing them gives the same result
    /// as folding all entries again. Gaps and repeats are allowed.
    pub fn continues_with(&self, entries: &[Entry]) -> bool {
        let mut last = self.seen;
        entries.iter().filter_map(Entry::sequence).all(|sequence| {
            let follows = sequence >= last;
            last = sequence;
            follows
        })
    }

    /// Folds the next event. Callers push entries in sequence order. Returns whether the event was applied; anomalies
    /// go to `report`.
    pub fn push(&mut self, entry: &Entry, mut report: impl FnMut(Anomaly)) -> bool {
        self.events += 1;
        let mut say = |sequence, refusal: Refusal, complete: &mut bool| {
            *complete &= !refusal.kind.spoils_replay();
            report(Anomaly {
                sequence,
                kind: refusal.kind,
                message: refusal.message,
            });
        };
        let Some(sequence) = entry.sequence() else {
            let why = Refusal::new(
                AnomalyKind::UnparsableEnvelope,
                "the event can't be read: its sequence is missing or not a whole number from 1",
            );
            say(None, why, &mut self.complete);
            return false;
        };
        if sequence <= self.sequence {
            let why = Refusal::new(
                AnomalyKind::RepeatedSequence,
                format!("sequence {sequence} was already used; only the first event with it is applied"),
            );
            say(Some(sequence), why, &mut self.complete);
            return false;
        }
        self.note_gap(sequence);
        if let Some((first, last)) = self.missing.take() {
            let what = if first == last {
                format!("event {first} is missing")
            } else {
                format!("events {first} to {last} are missing")
            };
            say(Some(sequence), Refusal::new(AnomalyKind::Gap, what), &mut self.complete);
        }
        self.sequence = sequence;
        let evolved = match entry.envelope() {
            Ok(envelope) => self.state.evolve(&envelope),
            Err(error) => Evolved::Refused(Refusal::new(
                AnomalyKind::UnparsableEnvelope,
                format!("the event can't be read: {error}"),
            )),
        };
        match evolved {
            Evolved::Applied(notes) => {
                for note in notes {
                    say(Some(sequence), note, &mut self.complete);
                }
                true
            }
            Evolved::Refused(refusal) => {
                say(Some(sequence), refusal, &mut self.complete);
                false
            }
        }
    }

    /// The highest sequence so far, kept or skipped.
    pub const fn seen(&self) -> Sequence {
        self.seen
    }

    /// The same fold with another state.
    pub fn with<T>(&self, state: T) -> Fold<T> {
        Fold {
            state,
            sequence: self.sequence,
            seen: self.seen,
            missing: self.missing,
            events: self.events,
            complete: self.complete,
        }
    }

    /// Skips a range of events that a filter leaves out, up to the sequence `to`. `missing` is the first and the last
    /// missing sequence within the range.
    pub fn skip_range(&mut self, to: Sequence, missing: Option<(Sequence, Sequence)>) {
        if let Some((first, last)) = missing {
            let first = self.missing.map_or(first, |(earlier, _)| earlier);
            self.missing = Some((first, last));
        }
        self.seen = self.seen.max(to);
    }

    /// Skips an event that a filter leaves out. Its absence is not a gap.
    pub fn skip(&mut self, entry: &Entry) {
        self.state.pass_over(entry);
        if let Some(sequence) = entry.sequence() {
            self.note_gap(sequence);
        }
    }

    fn note_gap(&mut self, sequence: Sequence) {
        if sequence > self.seen + 1 {
            let first = self.missing.map_or(self.seen + 1, |(first, _)| first);
            self.missing = Some((first, sequence - 1));
        }
        self.seen = self.seen.max(sequence);
    }
}
