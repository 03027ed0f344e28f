//! The log in a Redis server, as contract §2 writes it down: a stream an entity, a feed a partition, and one Redis Function
//! that appends. Any producer may write the same keys; what it wrote is read as it is.

mod append;
mod entry;
mod follow;
mod keys;
mod link;
mod lookup;
pub(super) mod relay;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use redis::{Client, RedisResult};

use self::{
    append::Request,
    entry::RawEntry,
    link::{Link, Session},
};
use super::{
    AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, OpenError, READ_MAX, ReadError, codec,
};
use crate::domain::{
    event::{Entry, NewEvent},
    ids::{EntityId, LogName, Position},
};

/// Entries in one reply. A page of the port may take several, so that no reply grows without bound.
const PAGE: usize = 1_000;

/// One domain's log on a Redis server.
pub(super) struct Redis {
    link: Arc<Link>,
}

impl Redis {
    /// Checks the URL; connects on first use.
    pub(super) fn open(domain: LogName, url: &str) -> Result<Self, OpenError> {
        Ok(Self {
            link: Arc::new(Link::new(domain, client(url)?)),
        })
    }
}

/// A client for a URL, which is not repeated in the error: it may hold a password.
fn client(url: &str) -> Result<Client, OpenError> {
    // Where it was chosen before, that choice stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::open(url).map_err(|_| {
        OpenError::Invalid(
            "a Redis URL is 'redis://USER:PASSWORD@HOST:PORT/DATABASE' or the same with 'rediss://' for TLS; \
             all but the host may be left out"
                .into(),
        )
    })
}

#[async_trait]
impl EventLog for Redis {
    fn name(&self) -> LogName {
        self.link.domain
    }

    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError> {
        let limit = limit.min(READ_MAX);
        let mut entries: Vec<Entry> = Vec::new();
        while entries.len() < limit {
            let after = entries.last().map_or(after, |last| last.position);
            let count = (limit - entries.len()).min(PAGE);
            let page = self
                .link
                .read(|session| page(session, self.link.domain, id, after, count))
                .await
                .map_err(|fault| fault.into_read(self.link.domain))?;
            let ended = page.len() < count;
            entries.extend(page.into_iter().map(RawEntry::into_entry));
            if ended {
                break;
            }
        }
        Ok(entries)
    }

    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError> {
        codec::check(events)?;
        let request = Request { id, expected, events };
        append::append(&self.link, request).await
    }

    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>> {
        follow::streams(Arc::clone(&self.link))
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        self.link
            .read(|session| feed_end(session, self.link.domain))
            .await
            .map(FeedPosition)
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        follow::follow(Arc::clone(&self.link), from)
    }

    fn feed_is_complete(&self) -> bool {
        false
    }
}

async fn page(
    mut session: Session,
    domain: LogName,
    id: &EntityId,
    after: Position,
    count: usize,
) -> RedisResult<Vec<RawEntry>> {
    let Some(from) = following(after) else {
        return Ok(Vec::new());
    };
    let partition = keys::partition(id, session.partitions);
    redis::cmd("XRANGE")
        .arg(keys::entity(domain, partition, id))
        .arg(from.to_string())
        .arg("+")
        .arg("COUNT")
        .arg(count)
        .query_async(&mut session.connection)
        .await
}

/// The least position after this one.
fn following(position: Position) -> Option<Position> {
    match position.minor.checked_add(1) {
        Some(minor) => Some(Position::new(position.major, minor)),
        None => Some(Position::new(position.major.checked_add(1)?, 0)),
    }
}

/// The last entry of each partition's feed.
async fn feed_end(mut session: Session, domain: LogName) -> RedisResult<Vec<Position>> {
    let mut ask = redis::pipe();
    for partition in 0..session.partitions {
        ask.cmd("XREVRANGE")
            .arg(keys::feed(domain, partition))
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(1);
    }
    let feeds: Vec<Vec<RawEntry>> = ask.query_async(&mut session.connection).await?;
    Ok(feeds
        .iter()
        .map(|last| last.first().map_or(Position::START, |entry| entry.position))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_is_refused_without_being_repeated() {
        for url in ["redis://", "redis://user:secret@host:port/", "rediss:secret"] {
            let error = client(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_position_after_the_last_of_a_millisecond_is_in_the_next() {
        assert_eq!(following(Position::START), Some(Position::new(0, 1)));
        assert_eq!(following(Position::new(7, u64::MAX)), Some(Position::new(8, 0)));
        assert_eq!(following(Position::new(u64::MAX, u64::MAX)), None);
    }
}
