//! The log is a port: [`EventLog`] is what the rest of the house knows of a store, and a URL picks the adapter behind it.
//! One conformance suite (`conformance`) says what an adapter owes; it is run on every one of them. Nothing here knows
//! what an event means.

mod codec;
mod digest;
mod embedded;
mod fault;
mod redis;
pub mod relay;
pub mod short_streams;
mod sweep;
mod unavailable;
mod witness;

pub(crate) use self::embedded::{BUSY, keep_plans, make_private_dir, patiently};
pub use self::{
    digest::roll,
    unavailable::{Clock, Unavailable, system_clock},
    witness::{Identity, StreamEnd},
};

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::domain::{
    event::{Entry, NewEvent},
    ids::{EntityId, LogName, Position, Sequence},
};

/// At most this many events in one append.
pub const APPEND_MAX: usize = 1_000;
/// At most this many bytes in one event: all field names and values together.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// At most this many fields in one event that the contract does not know.
pub const EXTRA_FIELDS_MAX: usize = 64;
/// At most this many entries in one read.
pub const READ_MAX: usize = 10_000;
/// At most this many streams in one read of many.
pub const READ_MANY_MAX: usize = 1_000;

/// The store that a domain uses where nothing else is said.
pub fn default_url(domain: LogName) -> String {
    format!("embedded:./data/{domain}")
}

/// Chooses the adapter by the URL's scheme (contract §1) and checks the URL. Nothing is connected to yet: a store that is
/// down is found out by the first call, so the rest of the program starts without it.
pub fn open(log: impl Into<LogName>, url: &str) -> Result<Arc<dyn EventLog>, OpenError> {
    let (scheme, rest) = url.split_once(':').ok_or(OpenError::Scheme)?;
    let name = log.into();
    match scheme {
        "embedded" => Ok(Arc::new(embedded::Embedded::open(name, rest)?)),
        "redis" | "rediss" => Ok(Arc::new(redis::Redis::open(name, url)?)),
        "redis-cluster" | "kafka" => Err(OpenError::Absent(scheme.to_owned())),
        _ => Err(OpenError::Scheme),
    }
}

/// The same, for who only reads: an embedded store that does not exist is not made, and does not answer.
pub fn open_existing(log: impl Into<LogName>, url: &str) -> Result<Arc<dyn EventLog>, OpenError> {
    match url.split_once(':') {
        Some(("embedded", dir)) => Ok(Arc::new(embedded::Embedded::open_existing(log.into(), dir)?)),
        _ => open(log, url),
    }
}

/// The directory of an embedded store that does not exist; `None` for every other store.
pub fn missing_dir(url: &str) -> Option<PathBuf> {
    let dir = Path::new(url.strip_prefix("embedded:")?);
    (!embedded::exists(dir)).then(|| dir.to_owned())
}

/// What names a store: its URL without user and password. An embedded store is named by its absolute directory.
pub fn store_name(url: &str) -> Result<String, OpenError> {
    let (scheme, rest) = url.split_once(':').ok_or(OpenError::Scheme)?;
    match scheme {
        "embedded" => {
            let dir = std::path::absolute(rest).unwrap_or_else(|_| PathBuf::from(rest));
            Ok(format!("embedded:{}", dir.display()))
        }
        "redis" | "rediss" => redis::name(url),
        _ => Err(OpenError::Scheme),
    }
}

/// Takes every stream of a Redis store off the wire as [`EventLog::sweep`] does, and only counts its entries: what the client
/// and the wire allow. For benchmarks, which measure a sweep against it.
pub fn drain(log: impl Into<LogName>, url: &str) -> Result<BoxStream<'static, Result<usize, ReadError>>, OpenError> {
    Ok(redis::Redis::open(log.into(), url)?.drain())
}

/// What is wrong with the URL of a store. The URL itself is never shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("a store's URL starts with 'embedded:', 'redis://' or 'rediss://'")]
    Scheme,
    #[error("this version has no adapter for '{0}:'; use 'embedded:', 'redis://' or 'rediss://'")]
    Absent(String),
    #[error("{0}")]
    Invalid(String),
}

/// Where the caller saw the stream; an append elsewhere is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Wherever it is.
    Any,
    /// Its last sequence is exactly this; 0 for a stream that does not exist.
    Exactly(Sequence),
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The sequence of the first event.
    pub first: Sequence,
    /// The sequence of the last event.
    pub last: Sequence,
    /// The same append had been made before (idempotency key), and nothing was written now.
    pub repeated: bool,
}

/// Why a read has no answer. The store's name is in the message; addresses and passwords are not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the {store} does not answer: {reason}")]
    Unavailable { store: String, reason: String },
    #[error("the {store} answered what can't be read: {reason}")]
    Damaged { store: String, reason: String },
}

/// Why nothing was appended, or, for [`AppendError::Unknown`], why nobody can say yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("the stream is at {actual}, not at {expected}")]
    Conflict { expected: Sequence, actual: Sequence },
    #[error("{0}")]
    Invalid(String),
    #[error("the idempotency key '{0}' was used for another append")]
    KeyReused(String),
    #[error("the {store} does not answer: {reason}; nothing was appended")]
    Unavailable { store: String, reason: String },
    #[error("the {store} stopped answering in mid-append: {reason}; whether it was appended is not known")]
    Unknown { store: String, reason: String },
}

/// A place in the feed of a store: one position a partition, START where nothing was read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPosition(pub Vec<Position>);

impl FeedPosition {
    /// Moves to an entry that was read. A place never goes back.
    pub fn advance(&mut self, entry: &FeedEntry) {
        let partition = entry.partition as usize;
        if self.0.len() <= partition {
            self.0.resize(partition + 1, Position::START);
        }
        self.0[partition] = self.0[partition].max(entry.position);
    }
}

/// One appended event as the feed tells of it: who, not what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    pub partition: u32,
    pub position: Position,
    pub subject: EntityId,
    /// `None` where the producer wrote nonsense; read the subject's stream all the same.
    pub sequence: Option<Sequence>,
}

/// A part of a stream, met on a sweep through the whole store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    pub subject: EntityId,
    /// It begins with the first entry that its stream has.
    pub first: bool,
    /// It ended with the last entry that its stream had when it was read, or the stream can't be read further.
    pub last: bool,
    pub entries: Vec<Entry>,
    /// Why this stream can't be read; `None` where it could. Entries of it that came before are then of no use.
    pub unreadable: Option<String>,
}

/// An append-only log of one domain.
#[async_trait]
pub trait EventLog: Send + Sync {
    fn name(&self) -> LogName;

    /// Entries of one stream after `after`, in the stream's own order (not necessarily that of their sequences), at most
    /// `limit` (capped at [`READ_MAX`]). Fewer than that only at the end; none for a stream that does not exist.
    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError>;

    /// Every entry of one stream after `after`, in the stream's own order; for streams that are held whole.
    async fn read_all(&self, id: &EntityId, after: Position) -> Result<Vec<Entry>, ReadError> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map_or(after, |last| last.position);
            let page = self.read(id, after, READ_MAX).await?;
            let full = page.len() >= READ_MAX;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    /// Appends all of `events` or none of them. Safe to repeat where every event carries an idempotency key.
    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError>;

    /// The ids of the streams that exist, a page at a time, in no particular order; an id may come twice. What has the name of a
    /// stream and is none is left out; a sweep and [`Self::ends`] tell of it.
    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>>;

    /// What each of these streams has after the position beside it, as [`Self::read`] gives it, in the same order. At most
    /// [`READ_MANY_MAX`] streams; those with less than `limit` entries are at their end.
    async fn read_many(&self, wanted: &[(EntityId, Position)], limit: usize) -> Result<Vec<Vec<Entry>>, ReadError> {
        let reads = wanted.iter().map(|(id, after)| self.read(id, *after, limit));
        futures::future::try_join_all(reads).await
    }

    /// Every stream of the store from its beginning, for who replays everything: fast, in no particular order. A long stream
    /// comes in several parts, in order and not necessarily one after the other; a stream may be told twice, from its beginning.
    /// A stream that can't be read is told as such, and the others go on; a store that does not answer is an error.
    fn sweep(&self) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
        sweep::by_reading(self)
    }

    /// What the store says of itself as a whole, asked anew each time. A fact that it does not know, or that this user may not
    /// ask for, is `None`.
    async fn identity(&self) -> Result<Identity, ReadError> {
        Ok(Identity::default())
    }

    /// What the store says of each stream without reading it, in the same order. At most [`READ_MANY_MAX`] streams.
    async fn ends(&self, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
        witness::by_reading(self, ids).await
    }

    /// The end of the feed as it is now.
    async fn feed_end(&self) -> Result<FeedPosition, ReadError>;

    /// How many entries the feed tells of, for saying how far a sweep is; `None` where that can't be said without reading
    /// them. Foreign producers may have appended more.
    async fn feed_length(&self) -> Result<Option<u64>, ReadError> {
        Ok(None)
    }

    /// What is appended after `from`, in feed order (within a partition), as it comes, until dropped. Reconnects by itself;
    /// an error item says that it is cut off for now, and the stream goes on after it without loss or repetition.
    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>>;

    /// Whether every stream has all its events in the feed. Where not, foreign producers are found by scanning.
    fn feed_is_complete(&self) -> bool;
}
