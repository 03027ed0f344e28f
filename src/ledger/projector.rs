//! The projector: loads a store's streams into the index, then follows its feed, for one domain. It keeps what it could not
//! read and tries again; it says how the store is doing. A stream that no feed tells of is found by scanning, at the start
//! and every so often.

use std::{
    collections::BTreeSet,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use crate::{
    domain::{
        event::Entry,
        ids::{EntityId, Position},
        listing::StoreState,
    },
    event_log::{EventLog, FeedEntry, FeedPosition, READ_MAX, ReadError},
};

use super::{
    Settings, Shared, Store,
    index::{Entity, Indexed},
    read_all,
};

/// Streams that are read at once.
const READS_AT_ONCE: usize = 64;
/// How long to wait before a store that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Newest entries of a stream that may be among what was just recorded.
const NEWEST: usize = 20;

pub struct Projector<S> {
    log: Arc<dyn EventLog>,
    settings: Settings,
    shared: Arc<Shared>,
    /// Subjects whose streams have moved and could not be read yet.
    stale: BTreeSet<EntityId>,
    /// Events that were read so far.
    events: AtomicU64,
    of: PhantomData<S>,
}

/// A stream's state, read anew or to be gone on with.
enum Read<S> {
    Whole(Indexed<S>, Vec<Entry>),
    More(Vec<Entry>),
}

impl<S: Entity> Projector<S> {
    pub fn new(store: &Store, settings: Settings, shared: &Arc<Shared>) -> Self {
        Self {
            log: Arc::clone(&store.log),
            settings,
            shared: Arc::clone(shared),
            stale: BTreeSet::new(),
            events: AtomicU64::new(0),
            of: PhantomData,
        }
    }

    /// Runs until dropped.
    pub async fn run(mut self) {
        let from = loop {
            match self.load().await {
                Ok(from) => break from,
                Err(error) => self.down(&error),
            }
            sleep(RETRY).await;
        };
        self.live();
        self.follow(from).await;
    }

    /// Reads every stream. What is appended meanwhile is in the feed after the position returned.
    async fn load(&mut self) -> Result<FeedPosition, ReadError> {
        let from = self.log.feed_end().await?;
        self.scan().await?;
        Ok(from)
    }

    /// Reads whatever is new in any stream of the store.
    async fn scan(&mut self) -> Result<(), ReadError> {
        let log = Arc::clone(&self.log);
        let mut pages = log.streams();
        while let Some(ids) = pages.try_next().await? {
            self.refresh(ids).await?;
        }
        Ok(())
    }

    async fn follow(&mut self, from: FeedPosition) {
        let log = Arc::clone(&self.log);
        let mut feed = log.follow(from);
        let mut next_scan = Instant::now() + self.settings.rescan;
        loop {
            let troubled = !self.stale.is_empty() || self.is_down();
            let wake = if troubled { Instant::now() + RETRY } else { next_scan };
            tokio::select! {
                item = feed.next() => match item {
                    Some(Ok(entries)) => self.take(entries).await,
                    Some(Err(error)) => self.down(&error),
                    None => return,
                },
                () = tokio::time::sleep_until(wake) => {
                    if troubled {
                        self.recover().await;
                    } else if log.feed_is_complete() {
                        next_scan = Instant::now() + self.settings.rescan;
                    } else {
                        if let Err(error) = self.scan().await {
                            self.down(&error);
                        }
                        next_scan = Instant::now() + self.settings.rescan;
                    }
                }
            }
        }
    }

    /// Brings the subjects of feed entries up to date.
    async fn take(&mut self, entries: Vec<FeedEntry>) {
        self.stale.extend(entries.into_iter().map(|entry| entry.subject));
        self.read_stale().await;
    }

    async fn read_stale(&mut self) {
        let ids: Vec<_> = self.stale.iter().cloned().collect();
        match self.refresh(ids.clone()).await {
            Ok(()) => {
                for id in &ids {
                    self.stale.remove(id);
                }
                self.live();
            }
            Err(error) => self.down(&error),
        }
    }

    /// Asks a store that was down, or whose streams could not be read, whether it is back.
    async fn recover(&mut self) {
        match self.log.feed_end().await {
            Ok(_) => self.read_stale().await,
            Err(error) => self.down(&error),
        }
    }

    /// Reads what is new in these streams, many at once.
    async fn refresh(&mut self, ids: Vec<EntityId>) -> Result<(), ReadError> {
        let log = &*self.log;
        let shared = &self.shared;
        let reads = stream::iter(ids.into_iter().map(|id| async move {
            let last = S::all(&shared.index()).get(&id).map(|indexed| indexed.last);
            let read = read_new::<S>(log, &id, last).await?;
            Ok::<_, ReadError>((id, read))
        }));
        let mut reads = reads.buffer_unordered(READS_AT_ONCE);
        while let Some((id, read)) = reads.try_next().await? {
            self.put(log, &id, read).await?;
        }
        Ok(())
    }

    async fn put(&self, log: &dyn EventLog, id: &EntityId, read: Read<S>) -> Result<(), ReadError> {
        let news = match &read {
            Read::Whole(indexed, _) => indexed.fold.events,
            Read::More(entries) => entries.len() as u64,
        };
        let events_so_far = self.events.fetch_add(news, Ordering::Relaxed) + news;
        match read {
            Read::Whole(indexed, newest) => {
                if indexed.fold.events > 0 {
                    self.shared.index_mut().put(id, indexed, &newest);
                }
            }
            Read::More(entries) => {
                let done = entries.is_empty() || self.shared.index_mut().push::<S>(id, &entries);
                if !done {
                    let all = read_all(log, id).await?;
                    self.shared.index_mut().put(id, Indexed::<S>::refold(all), &entries);
                }
            }
        }
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            if let StoreState::Loading { events } = state {
                *events = events_so_far;
            }
            false
        });
        Ok(())
    }

    fn is_down(&self) -> bool {
        matches!(*self.shared.state(S::DOMAIN).borrow(), StoreState::Down { .. })
    }

    fn live(&self) {
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            let news = *state != StoreState::Live;
            if news {
                tracing::info!(domain = %S::DOMAIN, "the store is read to its end and followed");
                *state = StoreState::Live;
            }
            news
        });
    }

    fn down(&self, error: &ReadError) {
        let now = (self.settings.clock)();
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            let as_of = match state {
                StoreState::Down { .. } => return false,
                StoreState::Loading { .. } => None,
                StoreState::Live => Some(now),
            };
            tracing::warn!(domain = %S::DOMAIN, %error, "the store is down");
            *state = StoreState::Down {
                since: now,
                as_of,
                reason: error.to_string(),
            };
            true
        });
    }
}

/// What a stream has after `last`; all of it, folded page by page, where nothing was read before.
async fn read_new<S: Entity>(log: &dyn EventLog, id: &EntityId, last: Option<Position>) -> Result<Read<S>, ReadError> {
    if let Some(last) = last {
        let mut entries = log.read(id, last, READ_MAX).await?;
        while entries.len().is_multiple_of(READ_MAX)
            && let Some(newest) = entries.last()
        {
            let more = log.read(id, newest.position, READ_MAX).await?;
            if more.is_empty() {
                break;
            }
            entries.extend(more);
        }
        return Ok(Read::More(entries));
    }
    let mut indexed = Indexed::new();
    let mut newest = Vec::new();
    loop {
        let page = log.read(id, indexed.last, READ_MAX).await?;
        if page.is_empty() {
            return Ok(Read::Whole(indexed, newest));
        }
        if !indexed.push(&page) {
            // Out of order, repeated or broken: only the whole stream, sorted, gives the right answer.
            let all = read_all(log, id).await?;
            let newest = all[all.len().saturating_sub(NEWEST)..].to_vec();
            return Ok(Read::Whole(Indexed::refold(all), newest));
        }
        newest = page;
        newest.drain(..newest.len().saturating_sub(NEWEST));
    }
}
