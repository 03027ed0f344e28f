//! A log in memory, for tests of the read model. It takes any entry, as a foreign producer could write it, with or without a feed
//! entry. It can be switched off.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    domain::{
        event::{Entry, Fields, Known, NewEvent, RawDigest},
        ids::{Domain, EntityId, LogName, Position},
    },
    event_log::{AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, Identity, ReadError, StreamEnd},
    read_model::{Store, Stores},
};

/// Makes stores of two logs.
pub fn stores_of(wallet: &Arc<MemoryLog>, order: &Arc<MemoryLog>) -> Stores {
    let store = |log: &Arc<MemoryLog>| Store {
        log: log.clone(),
        adapter: "memory",
        url: String::new(),
    };
    Stores {
        wallet: store(wallet),
        order: store(order),
    }
}

/// Waits up to 5 seconds until a condition holds.
pub async fn becomes(what: impl Fn() -> bool) {
    for _ in 0..500 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(what(), "the condition did not hold within 5 seconds");
}

/// Calls that can be held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Feed,
    Scans,
    ReadMany,
}

pub struct MemoryLog {
    domain: Domain,
    name: Mutex<String>,
    streams: Mutex<BTreeMap<EntityId, Vec<Entry>>>,
    feed: Mutex<Vec<FeedEntry>>,
    news: watch::Sender<u64>,
    down: AtomicBool,
    held: Mutex<Vec<Held>>,
    read: AtomicU64,
}

impl MemoryLog {
    pub fn new(domain: Domain) -> Self {
        Self {
            domain,
            name: Mutex::new(uuid::Uuid::now_v7().to_string()),
            streams: Mutex::default(),
            feed: Mutex::default(),
            news: watch::Sender::new(0),
            down: AtomicBool::new(false),
            held: Mutex::default(),
            read: AtomicU64::new(0),
        }
    }

    /// Writes an entry with this sequence, which may be any text. Adds a feed entry if `feed`.
    pub fn write(&self, id: &str, sequence: &str, kind: &str, time: DateTime<Utc>, data: &Value, feed: bool) {
        self.write_at(id, sequence, kind, time, time, data, feed);
    }

    /// The number of entries that were ever read.
    pub fn entries_read(&self) -> u64 {
        self.read.load(Ordering::SeqCst)
    }

    /// The same, with a recorded time that differs from the event's time.
    #[expect(clippy::too_many_arguments, reason = "one for each thing that an entry is made of")]
    pub fn write_at(
        &self,
        id: &str,
        sequence: &str,
        kind: &str,
        time: DateTime<Utc>,
        recorded: DateTime<Utc>,
        data: &Value,
        feed: bool,
    ) {
        let id = EntityId::new(id).unwrap();
        let mut streams = self.streams.lock().unwrap();
        let count: usize = streams.values().map(Vec::len).sum();
        let position = Position::new(count as u64 + 1, 0);
        let fields = Fields::of([
            (Known::Id, format!("{id}.{}", position.major).as_str()),
            (Known::Type, kind),
            (Known::Sequence, sequence),
            (Known::Time, &time.to_rfc3339()),
            (Known::Data, &data.to_string()),
        ]);
        let digest = digest(position, &fields);
        streams.entry(id.clone()).or_default().push(Entry {
            position,
            recorded,
            fields,
            digest,
        });
        drop(streams);
        if feed {
            let mut entries = self.feed.lock().unwrap();
            let position = Position::new(entries.len() as u64 + 1, 0);
            entries.push(FeedEntry {
                partition: 0,
                position,
                subject: id,
                sequence: None,
            });
        }
        self.news.send_modify(|n| *n += 1);
    }

    /// Removes the last entries of a stream, and as many from the end of the feed.
    pub fn lose(&self, id: &str, count: usize) {
        let mut streams = self.streams.lock().unwrap();
        let entries = streams.get_mut(&EntityId::new(id).unwrap()).unwrap();
        entries.truncate(entries.len() - count);
        let mut feed = self.feed.lock().unwrap();
        let length = feed.len().saturating_sub(count);
        feed.truncate(length);
    }

    /// Removes `count` entries of a stream, from index `from` on, without a feed entry.
    pub fn delete(&self, id: &str, from: usize, count: usize) {
        let mut streams = self.streams.lock().unwrap();
        let entries = streams.get_mut(&EntityId::new(id).unwrap()).unwrap();
        entries.drain(from..from + count);
    }

    /// Changes the identity, as if this were another store.
    pub fn rename(&self) {
        *self.name.lock().unwrap() = uuid::Uuid::now_v7().to_string();
    }

    /// Removes a stream, without a feed entry.
    pub fn remove(&self, id: &str) {
        self.streams.lock().unwrap().remove(&EntityId::new(id).unwrap());
    }

    /// Replaces the data of an entry of a stream, without a feed entry.
    pub fn rewrite(&self, id: &str, place: usize, data: &Value) {
        let mut streams = self.streams.lock().unwrap();
        let entry = &mut streams.get_mut(&EntityId::new(id).unwrap()).unwrap()[place];
        entry.fields.replace(Known::Data, Some(&data.to_string()));
        entry.digest = digest(entry.position, &entry.fields);
    }

    /// Every stream, by id.
    pub fn all(&self) -> Vec<(EntityId, Vec<Entry>)> {
        let streams = self.streams.lock().unwrap();
        streams
            .iter()
            .map(|(id, entries)| (id.clone(), entries.clone()))
            .collect()
    }

    /// Adds a feed entry for every stream.
    pub fn announce_all(&self) {
        let mut feed = self.feed.lock().unwrap();
        for (subject, _) in self.all() {
            let position = Position::new(feed.len() as u64 + 1, 0);
            feed.push(FeedEntry {
                partition: 0,
                position,
                subject,
                sequence: None,
            });
        }
        drop(feed);
        self.news.send_modify(|n| *n += 1);
    }

    pub fn switch(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
        self.news.send_modify(|n| *n += 1);
    }

    /// Holds up all calls of this kind until [`Self::release`].
    pub fn hold(&self, what: Held) {
        self.held.lock().unwrap().push(what);
    }

    pub fn release(&self, what: Held) {
        self.held.lock().unwrap().retain(|held| *held != what);
        self.news.send_modify(|n| *n += 1);
    }

    async fn pass(&self, what: Held) {
        let mut news = self.news.subscribe();
        while self.held.lock().unwrap().contains(&what) {
            let _ = news.changed().await;
        }
    }

    fn check(&self) -> Result<(), ReadError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(ReadError::Unavailable {
                store: format!("{} store", self.domain),
                reason: "switched off".to_owned(),
            });
        }
        Ok(())
    }
}

fn digest(position: Position, fields: &Fields) -> RawDigest {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(format!("{position} {fields:?}"));
    RawDigest(hash[..16].try_into().unwrap())
}

#[async_trait]
impl EventLog for MemoryLog {
    fn name(&self) -> LogName {
        self.domain.into()
    }

    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError> {
        self.check()?;
        let streams = self.streams.lock().unwrap();
        let entries = streams.get(id).map(Vec::as_slice).unwrap_or_default();
        let later = entries.iter().filter(|entry| entry.position > after);
        let page: Vec<_> = later.take(limit).cloned().collect();
        self.read.fetch_add(page.len() as u64, Ordering::SeqCst);
        Ok(page)
    }

    async fn read_many(&self, wanted: &[(EntityId, Position)], limit: usize) -> Result<Vec<Vec<Entry>>, ReadError> {
        self.pass(Held::ReadMany).await;
        let reads = wanted.iter().map(|(id, after)| self.read(id, *after, limit));
        futures::future::try_join_all(reads).await
    }

    async fn append(&self, _: &EntityId, _: Expected, _: &[NewEvent]) -> Result<Appended, AppendError> {
        Err(AppendError::Invalid("nobody appends in these tests".to_owned()))
    }

    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>> {
        let page = async {
            self.pass(Held::Scans).await;
            self.check()
                .map(|()| self.streams.lock().unwrap().keys().cloned().collect())
        };
        stream::once(page).boxed()
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        self.check()?;
        Ok(Identity {
            history: Some(self.name.lock().unwrap().clone()),
            partitions: Some(1),
            ..Identity::default()
        })
    }

    async fn ends(&self, ids: &[EntityId]) -> Result<Vec<StreamEnd>, ReadError> {
        self.check()?;
        let streams = self.streams.lock().unwrap();
        let end = |id: &EntityId| {
            streams.get(id).map_or(StreamEnd::Absent, |entries| StreamEnd::Present {
                last: entries.last().map(|last| last.position),
                length: entries.len() as u64,
                added: None,
                max_deleted: None,
            })
        };
        Ok(ids.iter().map(end).collect())
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        self.check()?;
        let length = self.feed.lock().unwrap().len();
        Ok(FeedPosition(vec![Position::new(length as u64, 0)]))
    }

    async fn feed_length(&self) -> Result<Option<u64>, ReadError> {
        self.check()?;
        Ok(Some(self.feed.lock().unwrap().len() as u64))
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        let sent = usize::try_from(from.0[0].major).unwrap();
        stream::unfold((sent, false), move |(sent, was_down)| async move {
            let mut news = self.news.subscribe();
            loop {
                self.pass(Held::Feed).await;
                match self.check() {
                    Err(error) if !was_down => return Some((Err(error), (sent, true))),
                    Err(_) => {}
                    Ok(()) => {
                        let entries = self.feed.lock().unwrap().get(sent..).unwrap_or_default().to_vec();
                        if !entries.is_empty() {
                            let sent = sent + entries.len();
                            return Some((Ok(entries), (sent, false)));
                        }
                    }
                }
                news.changed().await.ok()?;
            }
        })
        .boxed()
    }

    fn feed_is_complete(&self) -> bool {
        false
    }
}
