//! The log in a Redis server, as contract §2 writes it down: a stream an entity, a feed a partition, and one Redis Function
//! that appends. Any producer may write the same keys; what it wrote is read as it is.

mod append;
mod entry;
mod follow;
mod keys;
mod link;
mod lookup;
mod read;
pub(super) mod relay;
mod sweep;
mod wire;

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
    AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, OpenError, READ_MAX, ReadError, Swept, codec,
};
use crate::domain::{
    event::{Entry, NewEvent},
    ids::{EntityId, LogName, Position},
};

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

    /// A sweep that only counts.
    pub(super) fn drain(&self) -> BoxStream<'static, Result<usize, ReadError>> {
        sweep::drain(&self.link)
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
        let only = self.read_many(&[(id.clone(), after)], limit).await?;
        Ok(only.into_iter().flatten().collect())
    }

    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError> {
        codec::check(events)?;
        let request = Request { id, expected, events };
        append::append(&self.link, request).await
    }

    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>> {
        follow::streams(Arc::clone(&self.link))
    }

    async fn read_many(&self, wanted: &[(EntityId, Position)], limit: usize) -> Result<Vec<Vec<Entry>>, ReadError> {
        read::many(&self.link, wanted, limit.min(READ_MAX))
            .await
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    fn sweep(&self) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
        sweep::sweep(&self.link)
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        self.link
            .read(|session| feed_end(session, self.link.domain))
            .await
            .map(FeedPosition)
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    async fn feed_length(&self) -> Result<Option<u64>, ReadError> {
        let lengths = self.link.read(|session| feed_lengths(session, self.link.domain)).await;
        lengths
            .map(|lengths| Some(lengths.into_iter().sum()))
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        follow::follow(Arc::clone(&self.link), from)
    }

    fn feed_is_complete(&self) -> bool {
        false
    }
}

/// How many entries each partition's feed has.
async fn feed_lengths(mut session: Session, domain: LogName) -> RedisResult<Vec<u64>> {
    let mut ask = redis::pipe();
    for partition in 0..session.partitions {
        ask.cmd("XLEN").arg(keys::feed(domain, partition));
    }
    ask.query_async(&mut session.connection).await
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
}
