//! Reads logs: one entity's history, and the ids of all entities.

use futures::TryStreamExt as _;

use super::CliError;
use crate::{
    domain::{
        ids::{EntityId, Position},
        replay::{Filter, Replay, Replayable, replay},
    },
    event_log::{EventLog, ReadError},
};

/// Streams that are read at the same time.
pub const CONCURRENT_READS: usize = 32;

/// Reads and replays one entity's history. An entity without events, or without events at the chosen moment, is the
/// error [`CliError::Negative`].
pub async fn replayed<S: Replayable>(
    log: &dyn EventLog,
    id: &EntityId,
    filter: &Filter,
) -> Result<Replay<S>, CliError> {
    let entries = log.read_all(id, Position::START).await?;
    let domain = log.name();
    if entries.is_empty() {
        return Err(CliError::Negative(format!("the {domain} store has no {domain} {id}")));
    }
    let count = entries.len();
    replay(entries, filter).ok_or_else(|| {
        CliError::Negative(format!(
            "{domain} {id} did not exist as of the chosen moment; without a filter it has {count} events"
        ))
    })
}

/// The ids of all streams, sorted, without duplicates.
pub async fn ids(log: &dyn EventLog) -> Result<Vec<EntityId>, ReadError> {
    let mut ids = log
        .streams()
        .try_fold(Vec::new(), async |mut ids, page| {
            ids.extend(page);
            Ok(ids)
        })
        .await?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
