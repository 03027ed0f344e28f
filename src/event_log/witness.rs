//! What a store says of itself and of its streams without reading events, so that a reader can tell whether the store still
//! has what was read from it before.

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{EventLog, ReadError};
use crate::domain::ids::{EntityId, Position};

/// Facts from which the continuity of a store can be proved or not. A changed fact proves nothing by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Names the running process that serves the store (Redis: `run_id`). `None` where it may not be asked or there is none.
    pub run: Option<String>,
    /// Names the history that the data belongs to (Redis: `master_replid`; embedded: the id in the file).
    pub history: Option<String>,
    /// The history before the last failover, and the offset up to which it is shared (Redis: `master_replid2`,
    /// `second_repl_offset`).
    pub previous_history: Option<(String, u64)>,
    /// How far the history has been written (Redis: `master_repl_offset`, which stays 0 on a server that never had a replica).
    /// `None` for the embedded store.
    pub offset: Option<u64>,
    /// Partitions of the feed.
    pub partitions: Option<u32>,
}

/// What a store says of one stream without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Nothing is stored under this id.
    Absent,
    Present {
        /// Position of the last entry. `None` for a stream that exists and has no entries.
        last: Option<Position>,
        /// Entries in the stream now.
        length: u64,
        /// Entries that were ever added (Redis: `entries-added`). `None` where the store does not count them.
        added: Option<u64>,
        /// The highest position that was deleted (Redis: `max-deleted-entry-id`; cutting off the oldest entries does not change
        /// it). `None` where nothing was deleted or the store does not know.
        max_deleted: Option<Position>,
    },
    /// The key holds something else. The text is the type that the store names.
    WrongType(String),
}

/// The ends of streams for an adapter that has no faster way: reads them.
pub(super) async fn by_reading<L: EventLog + ?Sized>(log: &L, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
    let ends = ids.iter().map(async |id| {
        let entries = log.read_all(id, Position::START).await?;
        Ok(entries.last().map_or(StreamEnd::Absent, |last| StreamEnd::Present {
            last: Some(last.position),
            length: entries.len() as u64,
            added: None,
            max_deleted: None,
        }))
    });
    try_join_all(ends).await
}
