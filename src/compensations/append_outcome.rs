//! The outcome of an append, and how many appends of this process had each outcome, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::CompensationError;
use crate::domain::ids::{EntityId, LogName, Sequence};

/// The outcome of an append.
#[derive(Debug)]
pub(super) enum AppendOutcome {
    /// The event is at this sequence, by this try or an earlier one.
    Appended(Sequence),
    /// The event was not appended, because the stream is not at the expected sequence.
    Conflict,
    /// Another event was appended with the same idempotency key.
    KeyReused,
    /// The log refuses the event as invalid.
    Invalid(String),
    /// The event was certainly not appended; the store does not answer.
    Unavailable(String),
    /// It is unknown whether the event was appended.
    Unknown,
}

impl AppendOutcome {
    /// The sequence of the event that was appended to a case; `None` if the case had moved.
    pub fn in_case(self, case: &EntityId) -> Result<Option<Sequence>, CompensationError> {
        match self {
            Self::Appended(sequence) => Ok(Some(sequence)),
            Self::Conflict | Self::KeyReused => Ok(None),
            Self::Invalid(reason) | Self::Unavailable(reason) => {
                Err(CompensationError::store(LogName::Compensation, reason))
            }
            Self::Unknown => Err(CompensationError::OutcomeUnknown { case: case.clone() }),
        }
    }
}

const LOGS: [LogName; 3] = [LogName::Wallet, LogName::Order, LogName::Compensation];
const WORDS: [&str; 6] = ["issued", "conflict", "key_reused", "refused", "unavailable", "unknown"];
static COUNTS: [[AtomicU64; WORDS.len()]; LOGS.len()] =
    [const { [const { AtomicU64::new(0) }; WORDS.len()] }; LOGS.len()];

pub(super) fn count(log: LogName, outcome: &AppendOutcome) {
    let outcome = match outcome {
        AppendOutcome::Appended(_) => 0,
        AppendOutcome::Conflict => 1,
        AppendOutcome::KeyReused => 2,
        AppendOutcome::Invalid(_) => 3,
        AppendOutcome::Unavailable(_) => 4,
        AppendOutcome::Unknown => 5,
    };
    if let Some(log) = LOGS.iter().position(|known| *known == log) {
        COUNTS[log][outcome].fetch_add(1, Ordering::Relaxed);
    }
}

/// The count of each outcome, as log, outcome and number.
pub fn counts() -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    LOGS.iter().zip(&COUNTS).flat_map(|(log, counts)| {
        let counts = WORDS.iter().zip(counts);
        counts.map(|(word, count)| (log.as_str(), *word, count.load(Ordering::Relaxed)))
    })
}
