//! The implementation of [`crate::event_log::relay::Relay`]. It reads a page of the feeds, finds the events, and adds
//! them to the queue in one transaction. After an error it starts again at the queue's last id. It keeps no state that
//! the queue does not have.

use std::{collections::HashMap, time::Duration};

use redis::{Client, RedisResult, Value, from_redis_value};
use tokio::time::sleep;

use super::{
    client,
    entry::RawEntry,
    follow::read_feeds,
    keys,
    link::{Link, Session, Trouble},
    lookup,
};
use crate::{
    domain::ids::{LogName, Position},
    event_log::{FeedEntry, FeedPosition, OpenError, ReadError, fault::Fault},
};

/// Feed entries of one partition in one transaction.
const PAGE: usize = 250;
/// How long the store blocks a read that has no entries, in milliseconds, and how long the read may take in total.
const BLOCK: u64 = 2_000;
const BLOCK_MAX: Duration = Duration::from_secs(6);
/// How long after its feed entry an event may appear, in milliseconds. Producers without the function write the two one
/// after the other, in any order.
const GRACE: u64 = 2_000;
/// Pause between two searches for such an event.
const GLANCE: Duration = Duration::from_millis(50);
/// Back-off while a server is down: the first and the longest pause.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(2);

pub(in crate::event_log) struct Relay {
    store: Link,
    queue: Link,
}

/// A running relay: both connections, and the position in the feeds.
struct Copier {
    domain: LogName,
    store: Session,
    queue: Session,
    after: FeedPosition,
}

impl Relay {
    pub(in crate::event_log) fn new(domain: LogName, store_url: &str, queue_url: &str) -> Result<Self, OpenError> {
        let link = |url| client(url).map(|client: Client| Link::new(domain, client));
        Ok(Self {
            store: link(store_url)?,
            queue: link(queue_url)?,
        })
    }

    pub(in crate::event_log) async fn catch_up(&self) -> Result<u64, ReadError> {
        let mut copier = self.start().await?;
        let mut events = 0;
        loop {
            // A block of 0 would wait forever.
            let round = copier.round(1).await.map_err(|failed| self.error(failed))?;
            events += round.copied;
            if !round.more {
                return Ok(events);
            }
        }
    }

    pub(in crate::event_log) async fn run(&self) {
        let mut pause = PAUSE_FIRST;
        let mut cut_off = false;
        loop {
            let error = match self.start().await {
                Err(error) => error,
                Ok(mut copier) => loop {
                    match copier.round(BLOCK).await {
                        Ok(_) => {
                            pause = PAUSE_FIRST;
                            if std::mem::take(&mut cut_off) {
                                tracing::info!(domain = %self.store.domain, "the relay continues");
                            }
                        }
                        Err(failed) => break self.error(failed),
                    }
                },
            };
            if !std::mem::replace(&mut cut_off, true) {
                tracing::error!(domain = %self.store.domain, %error, "the relay is interrupted; it tries again");
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_LAST);
        }
    }

    /// Connects, and reads from the queue where to continue.
    async fn start(&self) -> Result<Copier, ReadError> {
        let store = self
            .store
            .own(BLOCK_MAX)
            .await
            .map_err(|trouble| self.error(Failed::Store(trouble)))?;
        let mut queue = self
            .queue
            .own(BLOCK_MAX)
            .await
            .map_err(|trouble| self.error(Failed::Queue(trouble)))?;
        let mut after = FeedPosition::default();
        for partition in 0..store.partitions {
            let key = keys::queue(self.queue.domain, partition);
            let extent = extent(&mut queue, &key)
                .await
                .map_err(|error| self.error(Failed::Queue(error.into())))?;
            after.0.push(extent.last_id);
        }
        let mut copier = Copier {
            domain: self.store.domain,
            store,
            queue,
            after,
        };
        copier.check().await.map_err(|failed| self.error(failed))?;
        Ok(copier)
    }

    fn error(&self, failed: Failed) -> ReadError {
        let domain = self.store.domain;
        match failed {
            Failed::Store(trouble) => trouble.into_fault().into_read(domain),
            Failed::Queue(trouble) => trouble.into_fault().into_read_of(format!("{domain} queue")),
            Failed::Differs(reason) => Fault::Damaged(reason).into_read_of(format!("{domain} queue")),
        }
    }
}

/// Why the relay can't go on.
enum Failed {
    Store(Trouble),
    Queue(Trouble),
    /// The queue has entries that the store's feed does not have, so events would be left out.
    Differs(String),
}

struct Round {
    copied: u64,
    /// Whether the feeds had entries, so that there may be more.
    more: bool,
}

impl Copier {
    async fn round(&mut self, block: u64) -> Result<Round, Failed> {
        let pages = read_feeds(&mut self.store, self.domain, &mut self.after, PAGE, block)
            .await
            .map_err(|error| Failed::Store(error.into()))?;
        let mut round = Round { copied: 0, more: false };
        for (partition, page) in (0..).zip(pages) {
            if page.is_empty() {
                continue;
            }
            round.more = true;
            let events = self
                .events(partition, &page)
                .await
                .map_err(|error| Failed::Store(error.into()))?;
            round.copied += self.add(partition, &events).await?;
        }
        Ok(round)
    }

    /// Compares the end of each partition of the queue with the feed. The feed's entries up to that end are not copied again,
    /// so they have to be those that the queue has. A feed that was trimmed up to there can't be compared.
    async fn check(&mut self) -> Result<(), Failed> {
        for (partition, copied) in (0..).zip(self.after.0.clone()) {
            let (queue, feed) = (keys::queue(self.domain, partition), keys::feed(self.domain, partition));
            let extent = extent(&mut self.store, &feed).await;
            let extent = extent.map_err(|error| Failed::Store(error.into()))?;
            if copied > extent.last_id {
                return Err(Failed::Differs(format!(
                    "'{queue}' is at {copied}, which is after the end of the store's feed, {}: the store lost events, or the \
                     queue is of another store; nothing is copied until an operator has cleared this up",
                    extent.last_id
                )));
            }
            let is_known = copied != Position::START
                && has_entry(&mut self.store, &feed, copied)
                    .await
                    .map_err(|error| Failed::Store(error.into()))?;
            if is_known {
                continue;
            }
            let is_trimmed = extent.removed > 0 && extent.first.is_none_or(|first| first > copied);
            if is_trimmed {
                tracing::warn!(
                    domain = %self.domain, partition, queue = %copied, removed = extent.removed,
                    "the feed was trimmed; events whose feed entries were removed before they were copied are missing in the queue"
                );
            } else if copied != Position::START {
                return Err(Failed::Differs(format!(
                    "'{queue}' ends with the entry {copied}, which the store's feed does not have: another program writes to \
                     the queue, or it is of another store; nothing is copied until an operator has cleared this up"
                )));
            }
        }
        Ok(())
    }

    /// The events of a page of one feed. Waits for a missing event while its feed entry is young, then leaves it out.
    async fn events(&mut self, partition: u32, page: &[RawEntry]) -> RedisResult<Vec<(FeedEntry, RawEntry)>> {
        let fed: Vec<Option<FeedEntry>> = page.iter().map(|entry| entry.feed_entry(partition)).collect();
        let found = lookup::events(&mut self.store, self.domain, &fed).await?;
        let mut events = Vec::with_capacity(page.len());
        for ((fed, found), entry) in fed.into_iter().zip(found).zip(page) {
            let event = match (&fed, found) {
                (Some(fed), None) => self.wait_for(fed).await?,
                (_, found) => found,
            };
            if let (Some(fed), Some(event)) = (fed, event) {
                events.push((fed, event));
            } else {
                tracing::warn!(
                    domain = %self.domain,
                    partition,
                    entry = %entry.position,
                    "a feed entry names an event that does not exist; it is not relayed"
                );
            }
        }
        Ok(events)
    }

    async fn wait_for(&mut self, fed: &FeedEntry) -> RedisResult<Option<RawEntry>> {
        loop {
            let found = lookup::search(&mut self.store, self.domain, fed).await?;
            // The store's own clock, which also made the id of the feed entry.
            let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut self.store.connection).await?;
            let old = seconds.saturating_mul(1_000) > fed.position.major.saturating_add(GRACE);
            if found.is_some() || old || fed.sequence.is_none() {
                return Ok(found);
            }
            sleep(GLANCE).await;
        }
    }

    /// Adds events to the queue, all or none. Returns how many were new. An id that is not greater than the queue's
    /// last id was added by another relay, together with all before it.
    async fn add(&mut self, partition: u32, events: &[(FeedEntry, RawEntry)]) -> Result<u64, Failed> {
        if events.is_empty() {
            return Ok(0);
        }
        let key = keys::queue(self.domain, partition);
        let mut transaction = redis::pipe();
        transaction.atomic().ignore_errors();
        for (fed, event) in events {
            let add = transaction.cmd("XADD").arg(&key).arg(fed.position.to_string());
            add.arg("subject").arg(fed.subject.as_str());
            for (name, value) in &event.fields {
                if name != b"subject" {
                    add.arg(name.as_slice()).arg(value.as_slice());
                }
            }
        }
        let failed = |error: redis::RedisError| Failed::Queue(error.into());
        let answers: Vec<Value> = transaction
            .query_async(&mut self.queue.connection)
            .await
            .map_err(failed)?;
        let (mut added, mut behind) = (0, Vec::new());
        for (answer, (fed, _)) in answers.into_iter().zip(events) {
            match answer {
                Value::ServerError(error) if is_behind(error.details()) => behind.push(fed.position),
                Value::ServerError(error) => return Err(failed(error.into())),
                _ => added += 1,
            }
        }
        self.check_copied(&key, &behind).await?;
        Ok(added)
    }

    /// Checks that the queue has these entries, which it refused because it has a later one. Entries before its first one may
    /// have been trimmed.
    async fn check_copied(&mut self, key: &str, behind: &[Position]) -> Result<(), Failed> {
        for position in behind {
            let found = has_entry(&mut self.queue, key, *position).await;
            if found.map_err(|error| Failed::Queue(error.into()))? {
                continue;
            }
            let first: RedisResult<Vec<RawEntry>> = redis::cmd("XRANGE")
                .arg(&[key, "-", "+", "COUNT", "1"])
                .query_async(&mut self.queue.connection)
                .await;
            let first = first.map_err(|error| Failed::Queue(error.into()))?;
            if first.first().is_some_and(|first| first.position < *position) {
                return Err(Failed::Differs(format!(
                    "'{key}' has a later entry than {position}, and not that one: another program writes to the queue; \
                     nothing is copied until an operator has cleared this up"
                )));
            }
        }
        Ok(())
    }
}

async fn has_entry(session: &mut Session, key: &str, position: Position) -> RedisResult<bool> {
    let id = position.to_string();
    let found: Vec<RawEntry> = redis::cmd("XRANGE")
        .arg(&[key, &id, &id])
        .query_async(&mut session.connection)
        .await?;
    Ok(!found.is_empty())
}

/// Whether Redis refused an entry id because it is not greater than the stream's last id.
fn is_behind(details: Option<&str>) -> bool {
    details.is_some_and(|details| details.contains("equal or smaller than the target stream top item"))
}

/// What a stream has and had.
#[derive(Debug, Default)]
struct StreamExtent {
    /// The greatest id that it ever had.
    last_id: Position,
    first: Option<Position>,
    /// The number of entries that were trimmed or deleted.
    removed: u64,
}

async fn extent(session: &mut Session, key: &str) -> RedisResult<StreamExtent> {
    let asked: RedisResult<HashMap<String, Value>> = redis::cmd("XINFO")
        .arg("STREAM")
        .arg(key)
        .query_async(&mut session.connection)
        .await;
    let mut info = match asked {
        Err(error) if error.detail().is_some_and(|detail| detail.contains("no such key")) => {
            return Ok(StreamExtent::default());
        }
        asked => asked?,
    };
    let mut take = |name: &str| info.remove(name).unwrap_or_default();
    let last: String = from_redis_value(take("last-generated-id"))?;
    let length: u64 = from_redis_value(take("length"))?;
    let added: Option<u64> = from_redis_value(take("entries-added"))?;
    let first: Option<RawEntry> = from_redis_value(take("first-entry"))?;
    Ok(StreamExtent {
        last_id: last
            .parse()
            .map_err(|_| redis::ParsingError::from("an entry id that is no position"))?,
        first: first.map(|entry| entry.position),
        removed: added.unwrap_or(length).saturating_sub(length),
    })
}
