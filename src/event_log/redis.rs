//! The log in a Redis server (contract §2): one stream an entity, one feed a partition, and one Redis Function that
//! appends. Other producers may write the same keys; their entries are read as they are.

mod append;
mod entry;
mod follow;
mod info;
mod keys;
mod link;
mod lookup;
mod read;
pub(super) mod relay;
mod scan;
mod sweep;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use redis::{Client, ConnectionAddr};

use self::{append::Request, link::Link};
use super::{
    AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, Identity, OpenError, READ_MAX, ReadError,
    StreamEnd, Swept, codec,
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
    /// Checks the URL. Connects on first use.
    pub(super) fn open(domain: LogName, url: &str) -> Result<Self, OpenError> {
        Ok(Self {
            link: Arc::new(Link::new(domain, client(url)?)),
        })
    }

    /// A sweep that only counts the entries.
    pub(super) fn drain(&self) -> BoxStream<'static, Result<usize, ReadError>> {
        sweep::drain(&self.link)
    }
}

/// A client for a URL. The error does not contain the URL, because it may contain a password.
fn client(url: &str) -> Result<Client, OpenError> {
    // A provider that was installed before stays in use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::open(url).map_err(|_| {
        OpenError::Invalid(
            "a Redis URL is 'redis://USER:PASSWORD@HOST:PORT/DATABASE' or the same with 'rediss://' for TLS; \
             all but the host may be left out"
                .into(),
        )
    })
}

/// The URL without user and password, with the default port and database filled in.
pub(super) fn name(url: &str) -> Result<String, OpenError> {
    let client = client(url)?;
    let info = client.get_connection_info();
    let scheme = if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        "rediss"
    } else {
        "redis"
    };
    Ok(format!("{scheme}://{}/{}", info.addr(), info.redis_settings().db()))
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
        scan::streams(Arc::clone(&self.link))
    }

    async fn read_many(&self, wanted: &[(EntityId, Position)], limit: usize) -> Result<Vec<Vec<Entry>>, ReadError> {
        read::many(&self.link, wanted, limit.min(READ_MAX))
            .await
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    fn sweep(&self) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
        sweep::sweep(&self.link)
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        info::identity(&self.link)
            .await
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    async fn ends(&self, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
        info::ends(&self.link, ids)
            .await
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        let feeds = info::feeds(&self.link).await;
        feeds
            .map(|feeds| FeedPosition(feeds.into_iter().map(|(end, _)| end).collect()))
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    async fn feed_length(&self) -> Result<Option<u64>, ReadError> {
        let feeds = info::feeds(&self.link).await;
        feeds
            .map(|feeds| Some(feeds.into_iter().map(|(_, length)| length).sum()))
            .map_err(|fault| fault.into_read(self.link.domain))
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        follow::follow(Arc::clone(&self.link), from)
    }

    fn feed_is_complete(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_without_its_password() {
        let names = |url: &str| name(url).unwrap();
        assert_eq!(names("redis://user:secret@example.org/"), "redis://example.org:6379/0");
        assert_eq!(names("redis://example.org:6379/0"), names("redis://:other@example.org"));
        assert_eq!(names("rediss://example.org:1/3"), "rediss://example.org:1/3");
    }

    #[test]
    fn a_bad_url_is_refused_without_being_repeated() {
        for url in ["redis://", "redis://user:secret@host:port/", "rediss:secret"] {
            let error = client(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
