//! Reads streams after a position, one or many at once. Pages of several streams share one pipeline. The size of a
//! reply is bounded, and reading never fails on content.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use redis::{FromRedisValue, Pipeline, RedisResult};

use super::{
    entry::Entries,
    keys,
    link::{Link, Session},
};
use crate::{
    domain::{
        event::Entry,
        ids::{EntityId, LogName, Position},
    },
    event_log::fault::Fault,
};

/// Entries of one stream in one reply.
const PAGE: usize = 1_000;
/// Maximum number of entries in the replies of one pipeline.
const ENTRIES_MAX: usize = 4_096;
/// Maximum number of streams in one pipeline.
pub(super) const STREAMS: usize = 64;
/// Number of pipelines of one read that run at once.
const AT_ONCE: usize = 4;
/// A stream, and the position up to which it was read.
pub(super) type Cursor = (EntityId, Position);

/// Why a stream has no page although the server answers: its key holds another type.
#[derive(Debug)]
pub(super) struct Unreadable(pub String);

impl Unreadable {
    pub(super) fn wrong_type(domain: LogName, partitions: u32, id: &EntityId) -> Self {
        let key = keys::entity(domain, keys::partition(id, partitions), id);
        Self(not_a_stream(&key))
    }
}

pub(super) fn not_a_stream(key: &str) -> String {
    format!("the key '{key}' is not a stream")
}

/// The entries of each stream after its position, at most `limit` of each, in the requested order.
pub(super) async fn many(link: &Link, wanted: &[Cursor], limit: usize) -> Result<Vec<Vec<Entry>>, Fault> {
    let some = wanted.chunks(STREAMS).map(|some| some_of(link, some, limit));
    // Collected first, because a lazy iterator of futures that borrow does not satisfy the port's `Send` bound.
    let some: Vec<_> = some.collect();
    stream::iter(some).buffered(AT_ONCE).try_concat().await
}

/// Reads at most [`STREAMS`] streams, all in one pipeline at a time.
async fn some_of(link: &Link, wanted: &[Cursor], limit: usize) -> Result<Vec<Vec<Entry>>, Fault> {
    let mut found = vec![Vec::new(); wanted.len()];
    let mut open: Vec<(usize, Cursor)> = wanted.iter().cloned().enumerate().collect();
    let mut so_far = 0;
    while so_far < limit && !open.is_empty() {
        let count = share(open.len()).min(limit - so_far);
        let asked: Vec<&Cursor> = open.iter().map(|(_, place)| place).collect();
        let pages: Vec<Result<Entries, Unreadable>> =
            link.read(|session| pages(session, link.domain, &asked, count)).await?;
        let pages: Result<Vec<_>, _> = pages.into_iter().collect();
        let mut pages = pages.map_err(|Unreadable(reason)| Fault::Damaged(reason))?.into_iter();
        open.retain_mut(|(index, (_, after))| {
            let page = pages.next().unwrap_or_default().entries;
            *after = page.last().map_or(*after, |last| last.position);
            let goes_on = page.len() == count;
            found[*index].extend(page);
            goes_on
        });
        // All streams that continue have returned the same number of entries.
        so_far += count;
    }
    Ok(found)
}

/// How many entries of each stream one pipeline requests, for a number of streams.
pub(super) fn share(streams: usize) -> usize {
    (ENTRIES_MAX / streams.max(1)).clamp(1, PAGE)
}

/// A page of each stream.
pub(super) async fn pages<T: FromRedisValue>(
    mut session: Session,
    domain: LogName,
    wanted: &[&Cursor],
    count: usize,
) -> RedisResult<Vec<Result<T, Unreadable>>> {
    let ask = ask(domain, session.partitions, wanted, count);
    let replies: Vec<RedisResult<T>> = ask.query_async(&mut session.connection).await?;
    let pages = replies.into_iter().zip(wanted).map(|(reply, (id, _))| match reply {
        Ok(page) => Ok(Ok(page)),
        Err(error) if error.code() == Some("WRONGTYPE") => {
            Ok(Err(Unreadable::wrong_type(domain, session.partitions, id)))
        }
        Err(error) => Err(error),
    });
    pages.collect()
}

/// The pipeline that requests a page of each stream.
pub(super) fn ask(domain: LogName, partitions: u32, wanted: &[&Cursor], count: usize) -> Pipeline {
    let mut ask = redis::pipe();
    // Each reply is checked for an error by itself. Otherwise redis-rs walks through every value of all replies.
    ask.ignore_errors();
    for (id, after) in wanted {
        let partition = keys::partition(id, partitions);
        // Nothing is after the last possible position. A range from the end to the beginning is empty.
        let (from, to) = following(*after).map_or(("+".into(), "-"), |from| (from.to_string(), "+"));
        ask.cmd("XRANGE")
            .arg(keys::entity(domain, partition, id))
            .arg(from)
            .arg(to)
            .arg("COUNT")
            .arg(count);
    }
    ask
}

/// The next position; `None` after the last one.
fn following(position: Position) -> Option<Position> {
    match position.minor.checked_add(1) {
        Some(minor) => Some(Position::new(position.major, minor)),
        None => Some(Position::new(position.major.checked_add(1)?, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_after_the_last_of_a_millisecond_is_in_the_next() {
        assert_eq!(following(Position::START), Some(Position::new(0, 1)));
        assert_eq!(following(Position::new(7, u64::MAX)), Some(Position::new(8, 0)));
        assert_eq!(following(Position::END), None);
    }

    #[test]
    fn a_pipeline_requests_no_more_than_its_bound() {
        for streams in [1, 2, 63, STREAMS] {
            assert!((1..=PAGE).contains(&share(streams)));
            assert!(share(streams) * streams <= ENTRIES_MAX);
        }
    }
}
