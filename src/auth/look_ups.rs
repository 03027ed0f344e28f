//! The limit on an operator's customer look-ups. Each try takes one of [`TRIES_MAX`] slots and occupies it for an hour.
//! Slots are records in the access store, so all processes share them and they survive a restart. Taking a slot is
//! atomic, so concurrent tries can't exceed the limit.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::records::Records;
use crate::{domain::access::OperatorName, event_log::Unavailable};

/// The most tries of one operator within [`TRIES_WITHIN`].
pub const TRIES_MAX: u32 = 20;
/// A sliding hour.
pub const TRIES_WITHIN: Duration = Duration::from_hours(1);

/// Why a try is refused or fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryError {
    /// `retry_after_seconds` is at least 1.
    #[error("the {TRIES_MAX} tries of an hour are used up; try again in {retry_after_seconds} s")]
    UsedUp { retry_after_seconds: u64 },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A counted try.
#[derive(Debug)]
#[must_use]
pub struct Try {
    slot: String,
}

pub struct LookUps {
    records: Arc<dyn Records>,
}

impl LookUps {
    pub(super) fn new(records: Arc<dyn Records>) -> Self {
        Self { records }
    }

    /// Counts a try of an operator for an hour, or refuses it if no slot is free.
    pub async fn begin(&self, operator: &OperatorName, now: DateTime<Utc>) -> Result<Try, TryError> {
        let taken_at = now.timestamp().to_string();
        for number in 0..TRIES_MAX {
            let slot = slot(operator, number);
            if self.records.put_new(&slot, taken_at.as_bytes(), TRIES_WITHIN).await? {
                return Ok(Try { slot });
            }
        }
        Err(TryError::UsedUp {
            retry_after_seconds: self.next_free(operator, now).await?,
        })
    }

    /// Frees the slot of a try that failed before it was answered.
    pub async fn take_back(&self, counted: Try) -> Result<(), Unavailable> {
        self.records.delete(&counted.slot).await
    }

    /// Seconds until the oldest slot is free, at least 1.
    async fn next_free(&self, operator: &OperatorName, now: DateTime<Utc>) -> Result<u64, Unavailable> {
        let hour = TRIES_WITHIN.as_secs();
        let mut seconds = hour;
        for number in 0..TRIES_MAX {
            let value = self.records.get(&slot(operator, number)).await?;
            let taken = value.and_then(|value| std::str::from_utf8(&value).ok()?.parse::<i64>().ok());
            // A slot without a value has become free in the meantime.
            let left = taken.map_or(0, |taken| {
                let passed = u64::try_from(now.timestamp() - taken).unwrap_or(0);
                hour.saturating_sub(passed)
            });
            seconds = seconds.min(left);
        }
        Ok(seconds.max(1))
    }
}

fn slot(operator: &OperatorName, number: u32) -> String {
    format!("look-up:{operator}:{number}")
}
