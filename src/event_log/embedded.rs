//! The log in a local directory: one SQLite file a domain, for use without Redis. An append is on disk before it is
//! acknowledged. Several processes can use a file at the same time. Rows are never changed or deleted.

mod connection;
mod follow;
mod migrate;
mod read;
mod readers;
mod row;
mod schema;
mod sweep;
mod write;
mod writer;

pub(super) use self::connection::exists;
pub(crate) use self::{
    connection::{keep_plans, make_private_dir, patiently},
    schema::BUSY,
};

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;

use self::{readers::Readers, writer::Writer};
use super::{
    AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, Identity, OpenError, READ_MAX, ReadError,
    StreamEnd, Swept, codec, fault::Fault,
};
use crate::domain::{
    event::{Entry, NewEvent},
    ids::{EntityId, LogName, Position},
};

/// The location of a domain's file.
#[derive(Clone, Debug)]
struct StoreLocation {
    domain: LogName,
    dir: PathBuf,
    /// Whether the file and its directory are created if they do not exist.
    create: bool,
}

/// One domain's log in SQLite.
pub(super) struct Embedded {
    domain: LogName,
    readers: Arc<Readers>,
    writer: Writer,
}

impl Embedded {
    /// Opens the log in a directory, which follows `embedded:` in the URL. The directory and the file are created on
    /// first use.
    pub(super) fn open(domain: LogName, dir: &str) -> Result<Self, OpenError> {
        Self::open_with(domain, dir, true)
    }

    /// Like [`Self::open`], but does not create the file. Without a file, every call fails.
    pub(super) fn open_existing(domain: LogName, dir: &str) -> Result<Self, OpenError> {
        Self::open_with(domain, dir, false)
    }

    fn open_with(domain: LogName, dir: &str, create: bool) -> Result<Self, OpenError> {
        if dir.is_empty() {
            return Err(OpenError::Invalid(
                "'embedded:' is followed by a directory, as in 'embedded:./data/wallet'".into(),
            ));
        }
        let location = StoreLocation {
            domain,
            dir: PathBuf::from(dir),
            create,
        };
        Ok(Self {
            domain,
            readers: Arc::new(Readers::new(location.clone())),
            writer: Writer::new(location),
        })
    }
}

#[async_trait]
impl EventLog for Embedded {
    fn name(&self) -> LogName {
        self.domain
    }

    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError> {
        let id = id.clone();
        self.readers
            .run(move |connection| read::entries(connection, &id, after, limit.min(READ_MAX)))
            .await
    }

    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError> {
        codec::check(events)?;
        self.writer.append(id.clone(), expected, events.to_vec()).await
    }

    async fn read_many(&self, wanted: &[(EntityId, Position)], limit: usize) -> Result<Vec<Vec<Entry>>, ReadError> {
        let wanted = wanted.to_vec();
        let limit = limit.min(READ_MAX);
        self.readers
            .run(move |connection| {
                let reads = wanted.iter();
                reads
                    .map(|(id, after)| read::entries(connection, id, *after, limit))
                    .collect()
            })
            .await
    }

    fn sweep(&self) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
        sweep::sweep(Arc::clone(&self.readers))
    }

    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>> {
        follow::streams(Arc::clone(&self.readers))
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        Ok(Identity {
            history: Some(self.readers.run(read::store_id).await?),
            partitions: Some(1),
            ..Identity::default()
        })
    }

    async fn ends(&self, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
        let ids = ids.to_vec();
        self.readers
            .run(move |connection| ids.iter().map(|id| read::end(connection, id)).collect())
            .await
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        let end = self.readers.run(read::feed_end).await?;
        Ok(FeedPosition(vec![end]))
    }

    async fn feed_length(&self) -> Result<Option<u64>, ReadError> {
        // Positions are counted from 1, without gaps.
        Ok(Some(self.readers.run(read::feed_end).await?.major))
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        follow::follow(
            Arc::clone(&self.readers),
            self.writer.appended(),
            from.0.first().copied().unwrap_or(Position::START),
        )
    }

    fn feed_is_complete(&self) -> bool {
        true
    }
}
