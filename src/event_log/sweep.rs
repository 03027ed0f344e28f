//! The sweep of an adapter that has no faster way: lists the ids page by page, and reads many of their streams at once.
//! It holds at most one page of each stream.

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};

use super::{EventLog, READ_MAX, ReadError, Swept};
use crate::domain::ids::{EntityId, Position};

/// Number of streams that are read at once.
const AT_ONCE: usize = 64;

pub(super) fn by_reading<L: EventLog + ?Sized>(log: &L) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
    let whole = move |ids: Vec<EntityId>| {
        let parts = ids.into_iter().map(move |id| Ok(parts_of(log, id)));
        futures::stream::iter(parts).try_flatten_unordered(AT_ONCE)
    };
    log.streams().map_ok(whole).try_flatten().boxed()
}

/// One stream, page by page.
fn parts_of<L: EventLog + ?Sized>(log: &L, id: EntityId) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
    let start = Some((id, Position::START));
    futures::stream::try_unfold(start, move |at| async move {
        let Some((id, after)) = at else { return Ok(None) };
        let (entries, unreadable) = match log.read(&id, after, READ_MAX).await {
            Ok(entries) => (entries, None),
            Err(ReadError::Damaged { reason, .. }) => (Vec::new(), Some(reason)),
            Err(error) => return Err(error),
        };
        let next = entries.last().filter(|_| entries.len() == READ_MAX);
        let next = next.map(|last| (id.clone(), last.position));
        let part = Swept {
            subject: id,
            first: after == Position::START,
            last: next.is_none(),
            entries,
            unreadable,
        };
        Ok(Some((vec![part], next)))
    })
    .boxed()
}
