//! The state of each store: loading, live or down.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::Domain;

/// A store and its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreHealth {
    pub domain: Domain,
    /// The name of the adapter: `embedded` or `redis`.
    pub adapter: String,
    pub state: StoreState,
}

/// The state of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// The server reads the store's streams for the first time.
    Loading(Progress),
    /// The figures include all events of the store.
    Live,
    /// The store does not answer. The figures are as of `as_of`; `None` means that it never answered.
    Down {
        since: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
        reason: String,
    },
    /// The store answers, but the read model can't be written. Figures of lists are as of `as_of`. Pages that read
    /// streams still work.
    Halted {
        since: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
        /// What happened and what to do.
        reason: String,
    },
}

impl StoreState {
    /// The state as a word, for machines.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Loading(_) => "loading",
            Self::Live => "live",
            Self::Down { .. } => "down",
            Self::Halted { .. } => "halted",
        }
    }
}

/// Progress of the first read of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Events read so far.
    pub events: u64,
    /// Estimated number of events; `None` if unknown.
    pub of: Option<u64>,
    /// Events per second since the read began.
    pub a_second: u64,
}
