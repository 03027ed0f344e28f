//! The projector of one domain. It reads every stream of a store into the read model, or resumes from the recorded position, then
//! follows the feed. One transaction writes the rows of a batch and the feed position that they reflect, so a process that ends
//! at any moment resumes there. A stream that can't be read is set aside with the reason, and the others go on. Streams that no
//! feed entry names are found by a scan, at the start and repeatedly.

mod check;
mod filling;
mod fold;
mod reading;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

pub use self::check::{Check, pass_forever};
use super::{
    Settings, Shared, Store,
    changes::Changed,
    database::{Database, ReadModelError},
    entity::Entity,
    snapshots::Histories,
    sources,
};
use crate::{
    domain::ids::EntityId,
    event_log::{EventLog, FeedEntry, FeedPosition, ReadError},
    views::health::{Progress, StoreState},
};

/// The pause before a failed call of the store is retried.
const RETRY: Duration = Duration::from_secs(1);
/// The largest number of streams that are read in one batch.
const AT_ONCE: usize = 500;
/// If the feed sends nothing for this long, the positions up to its end name no entity.
const SILENCE: Duration = Duration::from_secs(5);
/// The pause after a rescan is at least this many times the duration of the rescan.
const RESCAN_SHARE: u32 = 20;
/// An older entry that is not in the feed counts as unfed: its producer will not add it any more.
const FEED_DELAY: TimeDelta = TimeDelta::seconds(10);

/// Why the projector could not continue.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error(transparent)]
    Store(#[from] ReadError),
    #[error(transparent)]
    Model(#[from] ReadModelError),
}

pub struct Projector<S: Entity> {
    log: Arc<dyn EventLog>,
    database: Arc<Database>,
    histories: Arc<Histories<S>>,
    settings: Settings,
    shared: Arc<Shared>,
    /// Subjects of feed entries whose streams were not read yet.
    moved: BTreeSet<EntityId>,
    /// The position up to which the feed was read.
    place: FeedPosition,
    /// The rows are up to date once the feed was read to this position.
    target: FeedPosition,
    /// When the rows that the projector resumed were written.
    as_of: Option<DateTime<Utc>>,
    /// When the filling began.
    begun: Instant,
    /// Entities to compare with the store.
    checks: mpsc::Receiver<Check>,
    /// Entities that a pass found to differ, and that could not be read again yet.
    unchecked: Vec<Check>,
    /// The store's identity for which a pass was requested.
    doubted: Option<String>,
}

impl<S: Entity> Projector<S> {
    pub fn new(
        store: &Store,
        database: &Arc<Database>,
        histories: &Arc<Histories<S>>,
        settings: &Settings,
        shared: &Arc<Shared>,
        checks: mpsc::Receiver<Check>,
    ) -> Self {
        Self {
            log: Arc::clone(&store.log),
            database: Arc::clone(database),
            histories: Arc::clone(histories),
            settings: settings.clone(),
            shared: Arc::clone(shared),
            moved: BTreeSet::new(),
            place: FeedPosition::default(),
            target: FeedPosition::default(),
            as_of: None,
            begun: Instant::now(),
            checks,
            unchecked: Vec::new(),
            doubted: None,
        }
    }

    /// Runs until the future is dropped.
    pub async fn run(mut self) {
        let resumed = loop {
            match self.start().await {
                Ok(resumed) => break resumed,
                Err(error) => self.down(&error),
            }
            sleep(RETRY).await;
        };
        self.shared.set_filled(S::DOMAIN, true);
        self.shared.set_place(S::DOMAIN, self.place.clone());
        self.shared.changes.begin(S::DOMAIN, &self.place);
        if self.has_caught_up() {
            self.live();
        }
        self.follow(resumed).await;
    }

    /// Brings the rows up to the current end of the feed, and returns. Returns `false` if the feed does not reach that end.
    pub async fn bring_up(mut self) -> Result<bool, ProjectError> {
        if !self.start().await? {
            return Ok(true);
        }
        let log = Arc::clone(&self.log);
        let mut feed = log.follow(self.place.clone());
        while !self.has_caught_up() {
            match timeout(SILENCE, feed.next()).await {
                Ok(Some(entries)) => {
                    self.note(entries?);
                    let ids = std::mem::take(&mut self.moved).into_iter().collect();
                    self.refresh_with_feed(ids).await?;
                }
                Ok(None) | Err(_) => return Ok(false),
            }
        }
        let (stale, source) = self
            .blocking(|database| {
                database.read(|connection| {
                    let stale = sources::stale(connection, S::DOMAIN)?;
                    Ok((stale, sources::read(connection, S::DOMAIN)?))
                })
            })
            .await?;
        self.refresh(stale, None).await?;
        if source.unfed && !self.log.feed_is_complete() {
            self.compare_ends().await?;
        }
        Ok(true)
    }

    /// Reads again the streams that do not end where their rows say. This also finds streams that no longer exist, which a scan
    /// does not list.
    async fn compare_ends(&self) -> Result<(), ProjectError> {
        let mut after: Option<EntityId> = None;
        loop {
            let from = after.clone();
            let rows = self
                .blocking(move |database| {
                    database.read(|connection| sources::row_ends(connection, S::DOMAIN, from.as_ref(), AT_ONCE))
                })
                .await?;
            let differing = sources::differing(&*self.log, &rows).await?;
            self.refresh(differing, None).await?;
            match rows.into_iter().last() {
                Some((id, _)) => after = Some(id),
                None => return Ok(()),
            }
        }
    }

    /// Resumes from the recorded position, or fills the domain. Returns whether it resumed.
    async fn start(&mut self) -> Result<bool, ProjectError> {
        let source = self
            .blocking(|database| database.read(|connection| sources::read(connection, S::DOMAIN)))
            .await?;
        if !source.filled {
            self.fill().await?;
            return Ok(false);
        }
        self.as_of = source.updated_at;
        self.shared.set_filled(S::DOMAIN, true);
        let end = self.log.feed_end().await?;
        if end.0.len() != source.feed.0.len() {
            tracing::warn!(
                domain = %S::DOMAIN,
                "the store's number of partitions has changed; the read model is filled again"
            );
            self.shared.set_filled(S::DOMAIN, false);
            self.shared.changes.forget();
            self.fill().await?;
            return Ok(false);
        }
        self.place = source.feed;
        self.target = end;
        tracing::info!(domain = %S::DOMAIN, events = source.events, "resuming from the read model");
        self.check_continuity(&source.identity, true).await?;
        self.shared.set_resumed(S::DOMAIN, source.updated_at);
        if source.unfed && !self.log.feed_is_complete() {
            self.scan().await?;
        }
        Ok(true)
    }

    fn has_caught_up(&self) -> bool {
        self.place.reaches(&self.target)
    }

    /// Reads the new entries of every stream of the store.
    async fn scan(&mut self) -> Result<(), ProjectError> {
        let log = Arc::clone(&self.log);
        // While the feed has unread entries, no entry counts as missing from it.
        let before = if log.feed_end().await? == self.place {
            (self.settings.clock)() - FEED_DELAY
        } else {
            DateTime::<Utc>::MIN_UTC
        };
        let mut pages = log.streams();
        while let Some(ids) = pages.try_next().await? {
            self.refresh(ids, Some(before)).await?;
        }
        Ok(())
    }

    async fn follow(&mut self, resumed: bool) {
        // After a restart the first rescan runs at once.
        let mut next_scan = Instant::now() + if resumed { Duration::ZERO } else { self.settings.rescan };
        // After the store has gone back, the feed is followed from its present end.
        while self.follow_feed(&mut next_scan).await {
            self.shared.set_place(S::DOMAIN, self.place.clone());
            self.target.clone_from(&self.place);
            self.live();
        }
    }

    /// Follows the feed until the store is found to have gone back. Returns `false` if the feed has ended.
    async fn follow_feed(&mut self, next_scan: &mut Instant) -> bool {
        let log = Arc::clone(&self.log);
        let mut feed = log.follow(self.place.clone());
        let mut retry_at = None;
        loop {
            let troubled = !self.moved.is_empty() || self.is_down();
            let wake = if troubled {
                *retry_at.get_or_insert_with(|| Instant::now() + RETRY)
            } else {
                retry_at = None;
                *next_scan
            };
            tokio::select! {
                item = feed.next() => match item {
                    Some(Ok(entries)) => self.take(entries).await,
                    Some(Err(error)) => self.down(&error.into()),
                    None => return false,
                },
                Some(check) = self.checks.recv() => {
                    let mut checks = vec![check];
                    while checks.len() < AT_ONCE && let Ok(check) = self.checks.try_recv() {
                        checks.push(check);
                    }
                    self.try_checks(checks).await;
                }
                // The feed sent nothing, so its entries up to the target name no entity.
                () = sleep(SILENCE), if !troubled && !self.has_caught_up() => {
                    self.target.clone_from(&self.place);
                    self.live();
                }
                () = tokio::time::sleep_until(wake) => {
                    let was_down = self.is_down();
                    retry_at = None;
                    if troubled {
                        self.recover().await;
                    } else {
                        *next_scan = self.rescan().await;
                    }
                    // After an outage, and with every rescan, the store may be a different one or have gone back.
                    if (was_down || !troubled) && !self.is_down() {
                        let reconnected = was_down || self.shared.had_outage(S::DOMAIN);
                        match self.recheck(reconnected).await {
                            Ok(true) => {
                                self.shared.forget_outage(S::DOMAIN);
                                return true;
                            }
                            Ok(false) => self.shared.forget_outage(S::DOMAIN),
                            Err(error) => self.down(&error),
                        }
                        let unchecked = std::mem::take(&mut self.unchecked);
                        self.try_checks(unchecked).await;
                    }
                }
            }
        }
    }

    /// Compares these entities. If the store does not answer, keeps the differences that a pass found for a later attempt.
    async fn try_checks(&mut self, checks: Vec<Check>) {
        if let Err(error) = self.take_checks(checks.clone()).await {
            self.unchecked
                .extend(checks.into_iter().filter(|check| check.differs.is_some()));
            self.down(&error);
        }
    }

    /// Whether the store has gone back since the last check: it no longer has entries that were read.
    async fn recheck(&mut self, reconnected: bool) -> Result<bool, ProjectError> {
        let source = self
            .blocking(|database| database.read(|connection| sources::read(connection, S::DOMAIN)))
            .await?;
        self.check_continuity(&source.identity, reconnected).await
    }

    /// Retries unreadable streams, and scans the store where its feed is incomplete. Returns the time of the next rescan.
    async fn rescan(&mut self) -> Instant {
        let begun = Instant::now();
        if let Err(error) = self.try_rescan().await {
            self.down(&error);
        }
        Instant::now() + self.settings.rescan.max(begun.elapsed() * RESCAN_SHARE)
    }

    async fn try_rescan(&mut self) -> Result<(), ProjectError> {
        let stale = self
            .blocking(|database| database.read(|connection| sources::stale(connection, S::DOMAIN)))
            .await?;
        if !stale.is_empty() {
            let changed = self.refresh(stale, None).await?;
            self.shared.changes.publish(S::DOMAIN, changed, None);
        }
        if !self.log.feed_is_complete() {
            self.scan().await?;
        }
        Ok(())
    }

    /// Reads the streams that these feed entries name.
    async fn take(&mut self, entries: Vec<FeedEntry>) {
        self.note(entries);
        self.read_moved().await;
    }

    fn note(&mut self, entries: Vec<FeedEntry>) {
        for entry in entries {
            self.place.advance(&entry);
            self.moved.insert(entry.subject);
        }
    }

    async fn read_moved(&mut self) {
        let ids: Vec<_> = self.moved.iter().cloned().collect();
        match self.refresh_with_feed(ids).await {
            Ok(changed) => {
                self.moved.clear();
                self.shared.changes.publish(S::DOMAIN, changed, Some(&self.place));
                self.shared.set_place(S::DOMAIN, self.place.clone());
                if self.has_caught_up() {
                    self.live();
                }
            }
            Err(error) => self.down(&error),
        }
    }

    /// Reads the remaining streams once the store answers again.
    async fn recover(&mut self) {
        match self.log.feed_end().await {
            Ok(_) => self.read_moved().await,
            Err(error) => self.down(&error.into()),
        }
    }

    /// Reads the new entries of these streams. Records the feed position in the transaction of the last batch. Returns what may
    /// have changed.
    async fn refresh_with_feed(&self, ids: Vec<EntityId>) -> Result<Vec<Changed>, ProjectError> {
        let mut changed = Vec::with_capacity(ids.len());
        let mut rest = ids;
        loop {
            let later = rest.split_off(rest.len().min(AT_ONCE));
            let last = later.is_empty();
            let read = self.read_on(rest, None).await?;
            changed.extend(read.changed());
            self.write(read, last.then(|| self.place.clone())).await?;
            if last {
                return Ok(changed);
            }
            rest = later;
        }
    }

    /// Reads the new entries of these streams. An entry recorded before `unfed_before` marks the domain as unfed. With
    /// `unfed_before`, changes are published here; otherwise they are returned.
    #[tracing::instrument(level = "debug", skip_all, fields(domain = %S::DOMAIN))]
    async fn refresh(
        &self,
        ids: Vec<EntityId>,
        unfed_before: Option<DateTime<Utc>>,
    ) -> Result<Vec<Changed>, ProjectError> {
        let mut all = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let read = self.read_on(ids.to_vec(), unfed_before).await?;
            if read.is_empty() {
                continue;
            }
            let changed: Vec<_> = read.changed().collect();
            self.write(read, None).await?;
            if unfed_before.is_some() {
                self.shared.changes.publish(S::DOMAIN, changed, None);
            } else {
                all.extend(changed);
            }
        }
        Ok(all)
    }

    /// Runs `work` on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, ReadModelError> + Send + 'static,
    ) -> Result<T, ProjectError> {
        let database = Arc::clone(&self.database);
        match spawn_blocking(move || work(&database)).await {
            Ok(done) => Ok(done?),
            Err(error) => {
                tracing::error!(%error, "a write to the read model failed");
                Err(ReadError::Damaged {
                    store: format!("{} store", S::DOMAIN),
                    reason: "an internal error occurred while folding its streams".to_owned(),
                }
                .into())
            }
        }
    }

    /// Adds entries to the progress of the filling.
    fn progressed(&self, entries: u64) {
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            if let StoreState::Loading(progress) = state {
                progress.events += entries;
                progress.a_second = a_second(progress.events, self.begun.elapsed());
            }
            false
        });
    }

    fn is_down(&self) -> bool {
        matches!(
            *self.shared.state(S::DOMAIN).borrow(),
            StoreState::Down { .. } | StoreState::Halted { .. }
        )
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

    fn down(&self, error: &ProjectError) {
        let now = (self.settings.clock)();
        if matches!(error, ProjectError::Store(_)) {
            self.shared.note_outage(S::DOMAIN);
        }
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            let as_of = match state {
                StoreState::Down { .. } | StoreState::Halted { .. } => return false,
                StoreState::Loading(_) => self.as_of,
                StoreState::Live => Some(now),
            };
            let (since, reason) = (now, error.to_string());
            *state = match error {
                ProjectError::Store(_) => {
                    tracing::warn!(domain = %S::DOMAIN, reason, "the store does not answer");
                    StoreState::Down { since, as_of, reason }
                }
                ProjectError::Model(_) => {
                    tracing::error!(domain = %S::DOMAIN, reason, "the read model is not updated");
                    StoreState::Halted { since, as_of, reason }
                }
            };
            true
        });
    }

    fn begin_progress(&self, of: Option<u64>) {
        self.shared.state(S::DOMAIN).send_if_modified(|state| {
            if let StoreState::Loading(progress) = state {
                *progress = Progress {
                    of,
                    ..Progress::default()
                };
            }
            false
        });
    }
}

fn a_second(events: u64, time: Duration) -> u64 {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    events.saturating_mul(1_000) / milliseconds
}
