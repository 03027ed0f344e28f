//! The three filters of contract §8 as flags: by the time of an event, by the time it was recorded, and by sequence.

use chrono::{DateTime, Utc};
use clap::Args;

use crate::domain::{
    event::parse_time,
    ids::{SEQUENCE_MAX, Sequence},
    replay::Filter,
};

#[derive(Args, Clone, Copy, Debug, Default)]
pub struct FilterArgs {
    /// The state at this time: only events that had happened by then (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<DateTime<Utc>>,

    /// The state as known at this time: only events that were recorded by then (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_known_at: Option<DateTime<Utc>>,

    /// The state after the event with this sequence, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SEQUENCE_MAX))]
    sequence: Option<Sequence>,
}

impl FilterArgs {
    pub const fn filter(&self) -> Filter {
        Filter {
            at: self.at,
            as_known_at: self.as_known_at,
            sequence: self.sequence,
        }
    }
}

/// Parses an RFC 3339 time. The error has an example.
pub fn time(text: &str) -> Result<DateTime<Utc>, String> {
    parse_time(text).ok_or_else(|| format!("'{text}' is not an RFC 3339 time such as 2026-01-31T12:00:00Z"))
}
