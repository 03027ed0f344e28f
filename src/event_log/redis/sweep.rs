//! A sweep through every stream of a Redis store. The scan of the keys and several pages are read ahead of the caller,
//! on connections of their own, so that the sweep and other callers do not block each other. Pages are read by [`Wire`]
//! where it works. After an unexpected reply a connection falls back to redis-rs, which retries and reports the error.

use std::{collections::HashSet, sync::Arc};

use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use parking_lot::MutexGuard;
use tokio::sync::Mutex;

use super::{
    entry::{Count, Entries, Paged},
    link::Link,
    read::{self, Cursor, STREAMS, Unreadable, share},
    scan,
    wire::Wire,
};
use crate::{
    domain::ids::{EntityId, Position},
    event_log::{ReadError, Swept, fault::Fault},
};

/// Number of connections of a sweep.
const LANES: usize = 4;
/// Number of pipelines at once, including those that wait for the caller.
const AT_ONCE: usize = LANES * 2;

/// A page of one stream in a sweep.
struct Met<T> {
    id: EntityId,
    first: bool,
    last: bool,
    page: Result<T, Unreadable>,
}

/// Every stream of the store from its beginning.
pub(super) fn sweep(link: &Arc<Link>) -> BoxStream<'static, Result<Vec<Swept>, ReadError>> {
    let part = |met: Met<Entries>| {
        let (entries, unreadable) = match met.page {
            Ok(page) => (page.entries, None),
            Err(Unreadable(reason)) => (Vec::new(), Some(reason)),
        };
        Swept {
            subject: met.id,
            first: met.first,
            last: met.last,
            entries,
            unreadable,
        }
    };
    walk(link)
        .map_ok(move |met| met.into_iter().map(part).collect())
        .boxed()
}

/// Reads every page of every stream like [`sweep`] and only counts the entries.
pub(super) fn drain(link: &Arc<Link>) -> BoxStream<'static, Result<usize, ReadError>> {
    walk(link)
        .map_ok(|met: Vec<Met<Count>>| met.iter().flat_map(|met| &met.page).map(Paged::entries).sum())
        .boxed()
}

/// A connection of a sweep.
struct Lane {
    link: Link,
    wire: Mutex<State>,
}

enum State {
    New,
    Open(Wire),
    /// There is no wire, or it failed. Pages are read by redis-rs.
    Closed,
}

impl Lane {
    /// A page of each stream.
    async fn pages<T: Paged>(&self, wanted: &[&Cursor], count: usize) -> Result<Vec<Result<T, Unreadable>>, Fault> {
        if let Some(pages) = self.wired(wanted, count).await {
            return Ok(pages);
        }
        let domain = self.link.domain;
        self.link
            .read(|session| read::pages(session, domain, wanted, count))
            .await
    }

    /// A page of each stream by the wire, if it works.
    async fn wired<T: Paged>(&self, wanted: &[&Cursor], count: usize) -> Option<Vec<Result<T, Unreadable>>> {
        let partitions = self.link.session().await.ok()?.partitions;
        let mut state = self.wire.lock().await;
        // If this call is cancelled, the wire holds a part of a reply and is not used again.
        let wire = match std::mem::replace(&mut *state, State::Closed) {
            State::New => Wire::dial(self.link.connection_info()).await,
            State::Open(wire) => Ok(wire),
            State::Closed => return None,
        };
        let domain = self.link.domain;
        let ask = read::ask(domain, partitions, wanted, count);
        let done = async {
            let mut wire = wire?;
            let pages = wire.pages(&ask).await?;
            std::io::Result::Ok((wire, pages))
        };
        match done.await {
            Ok((wire, pages)) => {
                *state = State::Open(wire);
                let pages = pages.into_iter().zip(wanted);
                let page = |(page, (id, _)): (Option<T>, &&Cursor)| {
                    page.ok_or_else(|| Unreadable::wrong_type(domain, partitions, id))
                };
                Some(pages.map(page).collect())
            }
            Err(error) => {
                tracing::debug!(%error, "a sweep continues without its own connection");
                None
            }
        }
    }
}

/// The streams that the sweep is reading. A scan may return a key again. A stream that is being read is not started a
/// second time, because its parts would be mixed up.
#[derive(Clone, Default)]
struct Open(Arc<parking_lot::Mutex<HashSet<EntityId>>>);

impl Open {
    fn ids(&self) -> MutexGuard<'_, HashSet<EntityId>> {
        self.0.lock()
    }

    /// The ids that are not being read, in batches, each from its beginning.
    fn batches(&self, ids: Vec<EntityId>) -> Vec<Vec<Cursor>> {
        let mut open = self.ids();
        let news: Vec<Cursor> = ids
            .into_iter()
            .filter(|id| open.insert(id.clone()))
            .map(|id| (id, Position::START))
            .collect();
        news.chunks(STREAMS).map(<[Cursor]>::to_vec).collect()
    }
}

fn walk<T: Paged>(link: &Arc<Link>) -> BoxStream<'static, Result<Vec<Met<T>>, ReadError>> {
    let lane = |_| {
        Arc::new(Lane {
            link: link.another(),
            wire: Mutex::new(State::New),
        })
    };
    let lanes: Vec<_> = (0..LANES).map(lane).collect();
    let (open, mut turn) = (Open::default(), 0);
    let found = open.clone();
    scan::names(Arc::clone(link))
        .map_ok(move |ids| stream::iter(found.batches(ids).into_iter().map(Ok)))
        .try_flatten()
        .map_ok(move |batch| {
            turn += 1;
            along(Arc::clone(&lanes[turn % LANES]), open.clone(), batch)
        })
        .try_flatten_unordered(AT_ONCE)
        .boxed()
}

/// Reads these streams from their beginning to their end.
fn along<T: Paged>(
    lane: Arc<Lane>,
    open: Open,
    batch: Vec<Cursor>,
) -> BoxStream<'static, Result<Vec<Met<T>>, ReadError>> {
    stream::try_unfold(batch, move |places| {
        let (lane, open) = (Arc::clone(&lane), open.clone());
        async move {
            if places.is_empty() {
                return Ok(None);
            }
            let domain = lane.link.domain;
            // In a task of its own, so that replies are parsed on every core.
            let step = tokio::spawn(async move { step(&lane, places).await });
            let ending = |_| Err(Fault::Unavailable("the program is shutting down".into()));
            let (met, rest): (Vec<Met<T>>, _) = step
                .await
                .unwrap_or_else(ending)
                .map_err(|fault| fault.into_read(domain))?;
            let mut open = open.ids();
            for ended in met.iter().filter(|met| met.last) {
                open.remove(&ended.id);
            }
            Ok(Some((met, rest)))
        }
    })
    .boxed()
}

/// The next page of each of these streams, and the streams that continue after it.
async fn step<T: Paged>(lane: &Lane, open: Vec<Cursor>) -> Result<(Vec<Met<T>>, Vec<Cursor>), Fault> {
    let count = share(open.len());
    let asked: Vec<&Cursor> = open.iter().collect();
    let pages: Vec<Result<T, Unreadable>> = lane.pages(&asked, count).await?;
    let mut rest = Vec::new();
    let met = open.into_iter().zip(pages).map(|((id, after), page)| {
        let full = page.as_ref().ok().filter(|page| page.entries() == count);
        let next = full.and_then(Paged::last);
        rest.extend(next.map(|next| (id.clone(), next)));
        Met {
            id,
            first: after == Position::START,
            last: next.is_none(),
            page,
        }
    });
    Ok((met.collect(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_again_only_after_its_end() {
        let ids =
            |names: &[&str]| -> Vec<EntityId> { names.iter().map(|name| EntityId::new(*name).unwrap()).collect() };
        let subjects =
            |batches: Vec<Vec<Cursor>>| -> Vec<EntityId> { batches.concat().into_iter().map(|(id, _)| id).collect() };
        let open = Open::default();
        assert_eq!(subjects(open.batches(ids(&["a", "b", "a"]))), ids(&["a", "b"]));
        assert_eq!(subjects(open.batches(ids(&["b", "c"]))), ids(&["c"]));
        open.ids().remove(&ids(&["b"])[0]);
        assert_eq!(subjects(open.batches(ids(&["a", "b"]))), ids(&["b"]));
    }
}
