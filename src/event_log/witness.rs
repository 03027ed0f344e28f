//! What a store reports about itself and its streams without reading events. With it a reader checks whether the store
//! still has what was read before.

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{EventLog, ReadError};
use crate::domain::ids::{EntityId, Position};

/// Facts that can prove that a store still has the same history. A changed fact alone proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The id of the running process that serves the store (Redis: `run_id`). `None` if there is none, or the user has
    /// no permission for it.
    pub run: Option<String>,
    /// The id of the history that the data belongs to (Redis: `master_replid`; embedded: the id in the file).
    pub history: Option<String>,
    /// The history before the last failover, and the offset up to which both histories are the same (Redis:
    /// `master_replid2`, `second_repl_offset`).
    pub previous_history: Option<(String, u64)>,
    /// The offset to which the history has been written (Redis: `master_repl_offset`, which stays 0 on a server that
    /// never had a replica). `None` for the embedded store.
    pub offset: Option<u64>,
    /// Number of partitions of the feed.
    pub partitions: Option<u32>,
}

/// What a store reports about one stream without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Nothing is stored under this id.
    Absent,
    Present {
        /// Position of the last entry. `None` for a stream that exists and has no entries.
        last: Option<Position>,
        /// Number of entries in the stream now.
        length: u64,
        /// Number of entries that were ever added (Redis: `entries-added`). `None` if the store does not count them.
        added: Option<u64>,
        /// The highest position that was deleted (Redis: `max-deleted-entry-id`; trimming the oldest entries does not
        /// change it). `None` if nothing was deleted or the store does not know it.
        max_deleted: Option<Position>,
    },
    /// The key holds another type. The text is the store's name for that type.
    WrongType(String),
}

/// The ends of streams for an adapter that has no faster way. Reads the streams.
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
