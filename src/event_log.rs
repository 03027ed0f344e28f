//! The port to a store: [`EventLog`] with its types and errors. A URL selects the adapter ([`open`]). The suite in
//! `conformance` defines what an adapter has to do and runs on each of them. The meaning of events is not known here.

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

/// Maximum number of events in one append.
pub const APPEND_MAX: usize = 1_000;
/// Maximum number of bytes in one event: all field names and values together.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of fields outside the contract in one event.
pub const EXTRA_FIELDS_MAX: usize = 64;
/// Maximum number of entries in one read.
pub const READ_MAX: usize = 10_000;
/// Maximum number of streams in one read of many.
pub const READ_MANY_MAX: usize = 1_000;

/// The store of a domain if no other is configured.
pub fn default_url(domain: LogName) -> String {
    format!("embedded:./data/{domain}")
}

/// Selects the adapter by the URL's scheme (contract §1) and checks the URL. Does not connect: a store that is down
/// fails at the first call, so the program can start without it.
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

/// Like [`open`], for callers that only read. An embedded store that does not exist is not created, and calls to it
/// fail.
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

/// The name of a store: its URL without user and password. An embedded store is named by its absolute directory.
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

/// Reads every stream of a Redis store like [`EventLog::sweep`] and only counts the entries. Benchmarks compare a sweep
/// with it: it is what the client and the connection allow.
pub fn drain(log: impl Into<LogName>, url: &str) -> Result<BoxStream<'static, Result<usize, ReadError>>, OpenError> {
    Ok(redis::Redis::open(log.into(), url)?.drain())
}

/// What is wrong with the URL of a store. The URL is not part of the message, because it may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("a store's URL starts with 'embedded:', 'redis://' or 'rediss://'")]
    Scheme,
    #[error("this version has no adapter for '{0}:'; use 'embedded:', 'redis://' or 'rediss://'")]
    Absent(String),
    #[error("{0}")]
    Invalid(String),
}

/// The sequence at which the caller expects the stream. An append to a stream at another sequence is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any sequence.
    Any,
    /// Exactly this last sequence; 0 for a stream that does not exist.
    Exactly(Sequence),
}

/// The result of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The sequence of the first event.
    pub first: Sequence,
    /// The sequence of the last event.
    pub last: Sequence,
    /// Whether the same append had been made before (by its idempotency keys). Then nothing was written now.
    pub repeated: bool,
}

/// Why a read failed. The message contains the store's name, but no address and no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the {store} does not answer: {reason}")]
    Unavailable { store: String, reason: String },
    #[error("the {store} gave an answer that can't be read: {reason}")]
    Damaged { store: String, reason: String },
}

/// Why nothing was appended, or, for [`AppendError::Unknown`], why the outcome is unknown.
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
    #[error("the {store} stopped answering during an append: {reason}; whether it was appended is unknown")]
    Unknown { store: String, reason: String },
}

/// A position in the feed of a store: one position a partition, `START` for a partition that was not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPosition(pub Vec<Position>);

impl FeedPosition {
    /// Advances to an entry that was read. A feed position never goes back.
    pub fn advance(&mut self, entry: &FeedEntry) {
        let partition = entry.partition as usize;
        if self.0.len() <= partition {
            self.0.resize(partition + 1, Position::START);
        }
        self.0[partition] = self.0[partition].max(entry.position);
    }

    /// Whether everything up to `end` was read, in every partition of `end`.
    pub fn reaches(&self, end: &Self) -> bool {
        let at = |partition: usize| self.0.get(partition).copied().unwrap_or(Position::START);
        end.0.iter().enumerate().all(|(partition, end)| at(partition) >= *end)
    }
}

/// One appended event in the feed: its stream and sequence, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    pub partition: u32,
    pub position: Position,
    pub subject: EntityId,
    /// `None` if the producer wrote an unreadable sequence. The subject's stream has to be read nevertheless.
    pub sequence: Option<Sequence>,
}

/// A part of a stream, read in a sweep through the whole store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    pub subject: EntityId,
    /// Whether the part begins with the first entry of its stream.
    pub first: bool,
    /// Whether the part ends with the last entry that its stream had when it was read, or the stream can't be read
    /// further.
    pub last: bool,
    pub entries: Vec<Entry>,
    /// Why the stream can't be read; `None` if it can. Earlier parts of an unreadable stream are not usable.
    pub unreadable: Option<String>,
}

/// An append-only log of one domain.
#[async_trait]
pub trait EventLog: Send + Sync {
    fn name(&self) -> LogName;

    /// Entries of one stream after `after`, in the stream's own order (not necessarily that of their sequences), at
    /// most `limit` (capped at [`READ_MAX`]). Returns fewer only at the end of the stream, and none for a stream that
    /// does not exist.
    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError>;

    /// Every entry of one stream after `after`, in the stream's own order. For streams that are loaded as a whole.
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

    /// Appends all of `events` or none of them. Safe to repeat if every event has an idempotency key.
    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError>;

    /// The ids of the streams that exist, in pages, in no particular order. An id may come twice. A key that is named
    /// like a stream and holds another type is left out; [`Self::sweep`] and [`Self::ends`] report it.
    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>>;

    /// The entries of each of these streams after the position beside it, as [`Self::read`] returns them, in the same
    /// order. At most [`READ_MANY_MAX`] streams. A stream with fewer than `limit` entries is at its end.
    async fn read_many(&self, wanted: &[(EntityId, Position)], limit: usize) -> Result<Vec<Vec<Entry>>, ReadError> {
        let reads = wanted.iter().map(|(id, after)| self.read(id, *after, limit));
        futures::future::try_join_all(reads).await
    }

    /// Every stream of the store from its beginning, for a complete replay, in no particular order. A long stream comes
    /// in several parts, in order, possibly with parts of other streams between them. A stream may come twice, each
    /// time from its beginning. A stream that can't be read is reported as such, and the others go on. A store that
    /// does not answer is an error.
    fn sweep(&self) -> BoxStream<'_, Result<Vec<Swept>, ReadError>> {
        sweep::by_reading(self)
    }

    /// Facts that identify the store as a whole, requested anew at each call. A fact that the store does not know, or
    /// that this user has no permission for, is `None`.
    async fn identity(&self) -> Result<Identity, ReadError> {
        Ok(Identity::default())
    }

    /// The end of each stream, without reading its entries, in the same order. At most [`READ_MANY_MAX`] streams.
    async fn ends(&self, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
        witness::by_reading(self, ids).await
    }

    /// The current end of the feed.
    async fn feed_end(&self) -> Result<FeedPosition, ReadError>;

    /// The number of entries in the feed, to show the progress of a sweep; `None` if it can't be determined without
    /// reading them. The store may hold more events, because other producers may append without a feed entry.
    async fn feed_length(&self) -> Result<Option<u64>, ReadError> {
        Ok(None)
    }

    /// The feed entries after `from`, in feed order (within a partition), as they are appended, until the stream is
    /// dropped. Reconnects by itself. An error item reports an outage; after it the stream continues without loss or
    /// repetition.
    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>>;

    /// Whether the feed has an entry for every event. If not, events of other producers are found by scanning.
    fn feed_is_complete(&self) -> bool;
}
