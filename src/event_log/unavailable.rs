//! The error of callers that need a store which does not answer, and their clock.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{AppendError, ReadError};

/// Returns the current time. Tests pass their own clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The clock of this machine.
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// A store failed. The text contains no address and no secret. If it is unknown whether a change was made, the text
/// says so. The call can be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl From<ReadError> for Unavailable {
    fn from(error: ReadError) -> Self {
        Self(error.to_string())
    }
}

impl From<AppendError> for Unavailable {
    fn from(error: AppendError) -> Self {
        Self(error.to_string())
    }
}
