//! How often an operator may look a customer up. Each try takes one of [`TRIES_MAX`] slots, and a slot is free again an hour
//! after it was taken. The slots are records of the access store, so they are the same for all processes and after a
//! restart. A slot is taken in one atomic step, so tries that are sent at once can't take more than there are.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::records::Records;
use crate::{domain::access::OperatorName, event_log::Unavailable};

/// Tries of one operator within [`TRIES_WITHIN`] at most.
pub const TRIES_MAX: u32 = 20;
/// Any hour, not one of the clock.
pub const TRIES_WITHIN: Duration = Duration::from_hours(1);

/// Why a customer can't be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryError {
    /// From 1 on.
    #[error("the {TRIES_MAX} tries of an hour are used up; try again in {retry_after_seconds} s")]
    UsedUp { retry_after_seconds: u64 },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A try that was counted.
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

    /// Counts a try of an operator. It stays counted for an hour.
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

    /// Gives a try back that was not answered because something failed.
    pub async fn take_back(&self, counted: Try) -> Result<(), Unavailable> {
        self.records.delete(&counted.slot).await
    }

    /// Seconds until the slot is free that was taken first, from 1 on.
    async fn next_free(&self, operator: &OperatorName, now: DateTime<Utc>) -> Result<u64, Unavailable> {
        let hour = TRIES_WITHIN.as_secs();
        let mut seconds = hour;
        for number in 0..TRIES_MAX {
            let value = self.records.get(&slot(operator, number)).await?;
            let taken = value.and_then(|value| std::str::from_utf8(&value).ok()?.parse::<i64>().ok());
            // A slot without a value became free meanwhile.
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
