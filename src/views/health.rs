//! The state of each store: loading, live or down.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::Domain;

/// A store and its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreHealth {
    pub domain: Domain,
    /// `embedded` or `redis`.
    pub adapter: String,
    pub state: StoreState,
}

/// The state of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// The server reads the store's streams for the first time.
    Loading(Progress),
    /// The figures contain all events of the store.
    Live,
    /// The store does not answer. The figures are as of `as_of` (`None`: it never answered).
    Down {
        since: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
        reason: String,
    },
    /// The store answers, and the read model can't be written. Figures of lists are as of `as_of`; pages that read streams go on.
    Halted {
        since: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
        /// What happened and what to do.
        reason: String,
    },
}

/// Progress of the first read of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Events read so far.
    pub events: u64,
    /// Estimated number of events; `None` if unknown.
    pub of: Option<u64>,
    /// Events a second since the read began.
    pub a_second: u64,
}
