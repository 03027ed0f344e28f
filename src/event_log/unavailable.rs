//! The error of those who need a store and don't get an answer, and the clock that they go by.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{AppendError, ReadError};

/// What time it is. Tests bring their own.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The time of this machine.
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// A store did not do what it was asked, in words that hold no address and no secret. Whether a change was made
/// in spite of it is not known where the words say so; everything here may be asked again.
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
