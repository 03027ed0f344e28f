//! Counts the outcomes of appends in this process, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::append::AppendOutcome;
use crate::domain::ids::LogName;

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

/// The log, the outcome, and how often.
pub fn counts() -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    LOGS.iter().zip(&COUNTS).flat_map(|(log, counts)| {
        let counts = WORDS.iter().zip(counts);
        counts.map(|(word, count)| (log.as_str(), *word, count.load(Ordering::Relaxed)))
    })
}
