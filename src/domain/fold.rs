//! The fold itself: pushes the entries of one entity, in sequence order, through a domain's `evolve`, and keeps the
//! account of what could not be applied. Knows sequences, gaps and repeats; knows nothing of money.

use serde::{Deserialize, Serialize};

use super::{
    event::{Entry, Envelope},
    ids::Sequence,
};

/// What is wrong with an event or an entity (contract §3). The names are what machines read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    CaptureAboveHold,
    CurrencyMismatch,
    Gap,
    HoldReused,
    InvalidAmount,
    /// The only one that leaves a replay complete: history that happened.
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
    /// Whether the replay's numbers may be wrong because of it.
    pub const fn spoils_replay(self) -> bool {
        !matches!(self, Self::NegativeBalance)
    }
}

/// One thing that is wrong, for people and machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Of the event it was found at; `None` where the event has none that can be read.
    pub sequence: Option<Sequence>,
    pub kind: AnomalyKind,
    pub message: String,
}

/// Why an event was not applied, or what is odd about one that was.
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

/// What an event did to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evolved {
    /// Done, and this must be said about it: mostly nothing.
    Applied(Vec<Refusal>),
    /// The state is what it was.
    Refused(Refusal),
}

/// A domain's state: `evolve` is total and pure. It never fails; what it can't apply it refuses and leaves the state alone.
pub trait State: Clone + Default {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved;

    /// Told of an entry that a filter leaves out, so that its absence is not held against the others.
    fn pass_over(&mut self, _entry: &Entry) {}
}

/// A state with the account of how it came to be. `fold(a ++ b)` is `fold(a)` going on with `b`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fold<S> {
    pub state: S,
    /// Of the last event kept.
    pub sequence: Sequence,
    /// Of the last event there was, kept or not.
    seen: Sequence,
    /// Sequences that no event has, found since the last event kept: first and last.
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

    /// Whether `entries`, which follow in the stream, come in sequence order, too, so that pushing them is the same as folding
    /// all again in order. What is missing or repeated between them does not matter.
    pub fn continues_with(&self, entries: &[Entry]) -> bool {
        let mut last = self.seen;
        entries.iter().filter_map(Entry::sequence).all(|sequence| {
            let follows = sequence >= last;
            last = sequence;
            follows
        })
    }

    /// Folds the next event; entries come in sequence order. Returns whether it was applied; says what is wrong to `report`.
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
                format!("sequence {sequence} was used before; the first event with it counts"),
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

    /// The highest sequence there was, kept or not.
    pub const fn seen(&self) -> Sequence {
        self.seen
    }

    /// The same account with another state.
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

    /// Passes over a stretch of events that a filter leaves out, up to a sequence; `missing` are the first and the last
    /// sequence within it that no event has.
    pub fn skip_stretch(&mut self, to: Sequence, missing: Option<(Sequence, Sequence)>) {
        if let Some((first, last)) = missing {
            let first = self.missing.map_or(first, |(earlier, _)| earlier);
            self.missing = Some((first, last));
        }
        self.seen = self.seen.max(to);
    }

    /// Passes over an event that a filter leaves out: it is no gap that it is not there.
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
