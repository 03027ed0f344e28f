//! The projector: loads a store's streams into the index, or goes on from a checkpoint, then follows its feed, for one
//! domain. It keeps what it could not read and tries again; it says how the store is doing. A stream that no feed tells of
//! is found by scanning, at the start and every so often.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::{
    task::{JoinError, JoinSet, spawn_blocking},
    time::{Instant, sleep},
};

use crate::{
    domain::{
        event::Entry,
        ids::{EntityId, Position},
        listing::{Progress, StoreState},
    },
    event_log::{EventLog, FeedEntry, FeedPosition, ReadError, Swept},
    history::{Folding, Head, Histories, Told},
};

use super::{
    Settings, Shared, Store,
    index::{Entity, Update},
};

/// How long to wait before a store that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Newest entries of a stream that may be among what was just recorded.
const NEWEST: usize = 20;
/// Streams that are gone on with at once.
const AT_ONCE: usize = 500;
/// A rescan may take this part of the time at most.
const RESCAN_SHARE: u32 = 20;
/// A producer that has not told the feed of an event for so long will not do so any more.
const FEED_DELAY: TimeDelta = TimeDelta::seconds(10);

pub struct Projector<S: Entity> {
    log: Arc<dyn EventLog>,
    histories: Arc<Histories<S>>,
    settings: Settings,
    shared: Arc<Shared>,
    /// Subjects whose streams have moved and could not be read yet.
    stale: BTreeSet<EntityId>,
    /// Where the feed was read to.
    place: FeedPosition,
    /// The figures are right once the feed was read to here.
    target: FeedPosition,
    /// How old the figures are with which it began.
    as_of: Option<DateTime<Utc>>,
    /// When it began to read everything.
    begun: Instant,
}

/// What a stream is gathered into on the way to its end.
struct Gathering<S: Entity> {
    gathered: S::Gathered,
    newest: Vec<Entry>,
    anew: bool,
}

// Derived, it would ask for S: Default.
impl<S: Entity> Default for Gathering<S> {
    fn default() -> Self {
        Self {
            gathered: S::Gathered::default(),
            newest: Vec::new(),
            anew: false,
        }
    }
}

impl<S: Entity> Gathering<S> {
    fn hear(&mut self, told: &Told<'_, S>) {
        match told {
            Told::Anew => {
                *self = Self {
                    anew: true,
                    ..Self::default()
                }
            }
            Told::Page { fold, entries } => {
                S::gather(&fold.state, entries, &mut self.gathered);
                let from = entries.len().saturating_sub(NEWEST);
                self.newest.extend_from_slice(&entries[from..]);
                self.newest.drain(..self.newest.len().saturating_sub(NEWEST));
            }
        }
    }

    fn update(self, head: Head<S>) -> Update<S> {
        Update {
            anew: self.anew,
            fold: head.fold,
            events: head.entries,
            last: head.last,
            gathered: self.gathered,
            newest: self.newest,
        }
    }
}

/// A stream that is being folded, part after part.
struct Unfinished<S: Entity> {
    folding: Folding<S>,
    gathering: Gathering<S>,
}

impl<S: Entity> Unfinished<S> {
    fn new(folding: Folding<S>) -> Self {
        Self {
            folding,
            gathering: Gathering::default(),
        }
    }

    /// A stream that came in one part; `false`: out of order.
    fn push_whole(&mut self, entries: &[Entry]) -> bool {
        let gathering = &mut self.gathering;
        entries.is_empty() || self.folding.push(entries, &mut |told| gathering.hear(&told))
    }

    fn finish(self) -> Option<Update<S>> {
        let gathering = self.gathering;
        self.folding.finish().map(|head| gathering.update(head))
    }

    /// One part of several.
    fn push_part(mut self, histories: &Histories<S>, id: &EntityId, entries: &[Entry], last: bool) -> Pushed<S> {
        let gathering = &mut self.gathering;
        if !histories.push_part(id, &mut self.folding, entries, &mut |told| gathering.hear(&told)) {
            return Pushed::Disordered;
        }
        if !last {
            return Pushed::Unfinished(Box::new(self));
        }
        let gathering = self.gathering;
        let head = histories.finish_parts(id, self.folding);
        Pushed::Finished(head.map(|head| gathering.update(head)))
    }
}

/// What became of a part of a stream.
enum Pushed<S: Entity> {
    Disordered,
    Unfinished(Box<Unfinished<S>>),
    /// `None` for a stream without entries.
    Finished(Option<Update<S>>),
}

/// What became of a batch of whole streams.
struct Folded<S: Entity> {
    updates: Vec<(EntityId, Update<S>)>,
    /// Those that are out of order and have to be read again.
    disordered: Vec<EntityId>,
}

fn fold_all<S: Entity>(batch: Vec<Swept>) -> Folded<S> {
    let mut folded = Folded {
        updates: Vec::with_capacity(batch.len()),
        disordered: Vec::new(),
    };
    for swept in batch {
        let mut stream = Unfinished::new(Folding::new());
        if !stream.push_whole(&swept.entries) {
            folded.disordered.push(swept.subject);
        } else if let Some(update) = stream.finish() {
            folded.updates.push((swept.subject, update));
        }
    }
    folded
}

fn a_second(events: u64, time: Duration) -> u64 {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    events.saturating_mul(1_000) / milliseconds
}

/// What was not folded is a store that was not read: its streams must not be missing in silence.
fn not_folded<S: Entity>(error: &JoinError) -> ReadError {
    tracing::error!(%error, "streams were not folded");
    ReadError::Damaged {
        store: format!("{} store", S::DOMAIN),
        reason: "some of its streams can't be folded".to_owned(),
    }
}

impl<S: Entity> Projector<S> {
    pub fn new(store: &Store, histories: &Arc<Histories<S>>, settings: &Settings, shared: &Arc<Shared>) -> Self {
        Self {
            log: Arc::clone(&store.log),
            histories: Arc::clone(histories),
            settings: settings.clone(),
            shared: Arc::clone(shared),
            stale: BTreeSet::new(),
            place: FeedPosition::default(),
            target: FeedPosition::default(),
            as_of: None,
            begun: Instant::now(),
        }
    }

    /// Runs until dropped; from a checkpoint's place in the feed and its time, or from nothing.
    pub async fn run(mut self, from: Option<(FeedPosition, DateTime<Utc>)>) {
        let resumed = from.is_some();
        self.as_of = from.as_ref().map(|(_, made_at)| *made_at);
        loop {
            let started = match &from {
                Some((place, _)) => self.resume(place.clone()).await,
                None => self.load().await,
            };
            match started {
                Ok(()) => break,
                Err(error) => self.down(&error),
            }
            sleep(RETRY).await;
        }
        self.shared.set_place(S::DOMAIN, self.place.clone());
        self.shared.changes.begin(S::DOMAIN, &self.place);
        if self.has_caught_up() {
            self.live();
        }
        self.follow(resumed).await;
    }

    /// Reads every stream. What is appended meanwhile is in the feed after the place that is kept.
    async fn load(&mut self) -> Result<(), ReadError> {
        self.place = self.log.feed_end().await?;
        self.target.clone_from(&self.place);
        self.begun = Instant::now();
        let of = self.log.feed_length().await?;
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            if let StoreState::Loading(progress) = state {
                *progress = Progress {
                    of,
                    ..Progress::default()
                };
            }
            false
        });
        let log = Arc::clone(&self.log);
        let mut parts = log.sweep();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let mut folding: JoinSet<Folded<S>> = JoinSet::new();
        let mut unfinished: HashMap<EntityId, Unfinished<S>> = HashMap::new();
        let mut disordered = Vec::new();
        while let Some(batch) = parts.try_next().await? {
            let (unreadable, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(|swept| swept.unreadable.is_some());
            for swept in unreadable {
                let reason = swept.unreadable.unwrap_or_default();
                tracing::warn!(domain = %S::DOMAIN, subject = %swept.subject, reason, "a stream can't be read");
                unfinished.remove(&swept.subject);
            }
            let (whole, long): (Vec<_>, Vec<_>) = batch.into_iter().partition(|swept| swept.first && swept.last);
            for swept in long {
                self.take_part(swept, &mut unfinished, &mut disordered).await?;
            }
            while folding.len() > cores {
                self.settle(folding.join_next().await, &mut disordered)?;
            }
            folding.spawn_blocking(|| fold_all(whole));
        }
        while let Some(done) = folding.join_next().await {
            self.settle(Some(done), &mut disordered)?;
        }
        // What ended without its last part was cut short by nothing but the end of the sweep.
        disordered.extend(unfinished.into_keys());
        self.refresh(&disordered, None).await
    }

    async fn take_part(
        &self,
        swept: Swept,
        unfinished: &mut HashMap<EntityId, Unfinished<S>>,
        disordered: &mut Vec<EntityId>,
    ) -> Result<(), ReadError> {
        let Swept {
            subject,
            first,
            last,
            entries,
            unreadable: _,
        } = swept;
        let stream = match unfinished.remove(&subject) {
            Some(stream) if !first => stream,
            _ if first => Unfinished::new(self.histories.from_beginning()),
            // The rest of one that was given up.
            _ => return Ok(()),
        };
        let read = entries.len() as u64;
        let (histories, id) = (Arc::clone(&self.histories), subject.clone());
        let pushed = spawn_blocking(move || stream.push_part(&histories, &id, &entries, last)).await;
        match pushed.map_err(|error| not_folded::<S>(&error))? {
            Pushed::Disordered => disordered.push(subject),
            Pushed::Unfinished(stream) => {
                unfinished.insert(subject, *stream);
            }
            Pushed::Finished(update) => {
                if let Some(update) = update {
                    self.put(&[(subject, update)]);
                }
            }
        }
        self.progressed(read);
        Ok(())
    }

    fn settle(
        &self,
        done: Option<Result<Folded<S>, JoinError>>,
        disordered: &mut Vec<EntityId>,
    ) -> Result<(), ReadError> {
        match done {
            Some(Ok(folded)) => {
                disordered.extend(folded.disordered);
                self.put_all(&folded.updates);
            }
            Some(Err(error)) => return Err(not_folded::<S>(&error)),
            None => {}
        }
        Ok(())
    }

    fn put_all(&self, updates: &[(EntityId, Update<S>)]) {
        self.put(updates);
        self.progressed(updates.iter().map(|(_, update)| update.events).sum());
    }

    fn put(&self, updates: &[(EntityId, Update<S>)]) {
        if updates.is_empty() {
            return;
        }
        let mut index = self.shared.index_mut();
        for (id, update) in updates {
            index.put(id, update);
        }
    }

    /// So many more events were read.
    fn progressed(&self, news: u64) {
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            if let StoreState::Loading(progress) = state {
                progress.events += news;
                progress.a_second = a_second(progress.events, self.begun.elapsed());
            }
            false
        });
    }

    /// Goes on from a checkpoint. Where producers write without telling the feed, only a scan finds what they wrote since.
    async fn resume(&mut self, place: FeedPosition) -> Result<(), ReadError> {
        self.target = self.log.feed_end().await?;
        self.place = place;
        if self.shared.is_unfed(S::DOMAIN) && !self.log.feed_is_complete() {
            self.scan().await?;
        }
        Ok(())
    }

    fn has_caught_up(&self) -> bool {
        let mut target = self.target.0.iter().enumerate();
        target.all(|(at, end)| self.place.0.get(at).copied().unwrap_or(Position::START) >= *end)
    }

    /// Reads whatever is new in any stream of the store.
    async fn scan(&mut self) -> Result<(), ReadError> {
        let log = Arc::clone(&self.log);
        let mut pages = log.streams();
        while let Some(ids) = pages.try_next().await? {
            let before = (self.settings.clock)() - FEED_DELAY;
            self.refresh(&ids, Some(before)).await?;
        }
        Ok(())
    }

    async fn follow(&mut self, resumed: bool) {
        let log = Arc::clone(&self.log);
        let mut feed = log.follow(self.place.clone());
        // After a checkpoint, what no feed tells of is looked for at once.
        let mut next_scan = Instant::now() + if resumed { Duration::ZERO } else { self.settings.rescan };
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
                    } else {
                        next_scan = self.rescan().await;
                    }
                }
            }
        }
    }

    /// Scans, where that is needed, and says when to do so again.
    async fn rescan(&mut self) -> Instant {
        let begun = Instant::now();
        if !self.log.feed_is_complete()
            && let Err(error) = self.scan().await
        {
            self.down(&error);
        }
        Instant::now() + self.settings.rescan.max(begun.elapsed() * RESCAN_SHARE)
    }

    /// Brings the subjects of feed entries up to date.
    async fn take(&mut self, entries: Vec<FeedEntry>) {
        for entry in entries {
            let partition = entry.partition as usize;
            if self.place.0.len() <= partition {
                self.place.0.resize(partition + 1, Position::START);
            }
            self.place.0[partition] = self.place.0[partition].max(entry.position);
            self.stale.insert(entry.subject);
        }
        self.read_stale().await;
    }

    async fn read_stale(&mut self) {
        let ids: Vec<_> = self.stale.iter().cloned().collect();
        match self.refresh(&ids, None).await {
            Ok(()) => {
                self.stale.clear();
                self.shared.changes.publish(S::DOMAIN, ids, Some(&self.place));
                self.shared.set_place(S::DOMAIN, self.place.clone());
                if self.has_caught_up() {
                    self.live();
                }
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

    /// Reads what is new in these streams. An entry recorded before `unfed_before` should have been told by the feed.
    async fn refresh(&self, ids: &[EntityId], unfed_before: Option<DateTime<Utc>>) -> Result<(), ReadError> {
        for ids in ids.chunks(AT_ONCE) {
            let wanted: Vec<_> = {
                let index = self.shared.index();
                let known = |id: &EntityId| S::known(&index, id);
                ids.iter().map(|id| (id.clone(), known(id))).collect()
            };
            let mut gathering: HashMap<EntityId, Gathering<S>> = HashMap::new();
            let mut hear = |id: &EntityId, told: Told<'_, S>| {
                gathering.entry(id.clone()).or_default().hear(&told);
            };
            let heads = self.histories.advance_many(&wanted, &mut hear).await?;
            let mut updates = Vec::new();
            for ((id, known), head) in wanted.into_iter().zip(heads) {
                let Some(head) = head else { continue };
                let gathered = gathering.remove(&id).unwrap_or_default();
                let late = gathered
                    .newest
                    .iter()
                    .find(|entry| known.is_none_or(|known| entry.position > known));
                if unfed_before.is_some_and(|before| late.is_some_and(|entry| entry.recorded < before)) {
                    self.shared.note_unfed(S::DOMAIN);
                }
                updates.push((id, gathered.update(head)));
            }
            let found: Vec<_> = updates.iter().map(|(id, _)| id.clone()).collect();
            self.put_all(&updates);
            if unfed_before.is_some() && !found.is_empty() {
                self.shared.changes.publish(S::DOMAIN, found, None);
            }
        }
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
                StoreState::Loading(_) => self.as_of,
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
