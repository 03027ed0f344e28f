//! The projector of cases. It follows the feed of the compensation store, and compares every row with the end of its stream at
//! the start and repeatedly. A case that can't be read keeps its row.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};

use super::{Shared, rows};
use crate::{
    domain::{
        compensation::case::{Case, is_case_id},
        ids::{EntityId, Position},
    },
    event_log::{FeedEntry, FeedPosition, ReadError},
    read_model::{
        Store,
        database::{Database, ReadModelError},
        projector::ProjectError,
        sources,
    },
};

/// The pause before a failed call of the store is retried.
const RETRY: Duration = Duration::from_secs(1);
/// The largest number of cases that are read in one batch.
const AT_ONCE: usize = 500;
/// The number of entries of a case that are read together with those of other cases.
const ENTRIES: usize = 100;
/// The pause after a scan is at least this many times the duration of the scan.
const SCAN_SHARE: u32 = 20;

/// Which rows a scan reads again.
#[derive(Clone, Copy)]
enum Read {
    /// Rows that differ from the ends of their streams.
    Differing,
    All,
}

pub struct CaseProjector {
    store: Store,
    database: Arc<Database>,
    shared: Arc<Shared>,
    rescan: Duration,
    /// The position up to which the feed was read.
    place: FeedPosition,
    /// Every case was read once the feed was read to this position.
    target: FeedPosition,
    /// Cases whose rows are not written yet.
    moved: BTreeSet<EntityId>,
    /// The number of noted cases that were read or are in `moved`.
    noted: u64,
}

impl CaseProjector {
    pub fn new(store: Store, database: Arc<Database>, shared: Arc<Shared>, rescan: Duration) -> Self {
        Self {
            store,
            database,
            shared,
            rescan,
            place: FeedPosition::default(),
            target: FeedPosition::default(),
            moved: BTreeSet::new(),
            noted: 0,
        }
    }

    /// Runs until the future is dropped.
    pub async fn run(mut self) {
        loop {
            match self.start().await {
                // `follow` returns after the store has gone back; the next `start` handles that.
                Ok(next_scan) => self.follow(next_scan).await,
                Err(error) => self.down(&error),
            }
            sleep(RETRY).await;
        }
    }

    /// Resumes from the rows, or reads every case. Returns the time of the next scan.
    async fn start(&mut self) -> Result<Instant, ProjectError> {
        let end = self.store.log.feed_end().await?;
        let name = self.store.url.clone();
        let known = self
            .blocking(move |database| database.read(|connection| rows::feed(connection, &name)))
            .await?;
        self.target.clone_from(&end);
        let mut read = Read::Differing;
        match known {
            Some(known) if known.0.len() == end.0.len() && !is_behind(&end, &known) => {
                self.place = known;
                // Lists do not wait for the scan that finds cases without feed entries.
                return Ok(Instant::now());
            }
            // The store has gone back. Every case is read again, even if the stream ends where its row says.
            Some(_) => read = Read::All,
            None => {
                self.blocking(|database| database.write(|connection| rows::clear(connection)))
                    .await?;
            }
        }
        self.place = FeedPosition::default();
        self.scan(read).await?;
        self.place = end;
        self.write(Vec::new(), true).await?;
        Ok(Instant::now() + self.rescan)
    }

    /// Follows the feed until the store has gone back or the feed has ended.
    async fn follow(&mut self, mut next_scan: Instant) {
        let (log, shared) = (Arc::clone(&self.store.log), Arc::clone(&self.shared));
        let mut feed = log.follow(self.place.clone());
        self.report();
        loop {
            tokio::select! {
                item = feed.next() => match item {
                    Some(Ok(entries)) => self.note(entries),
                    Some(Err(error)) => self.down(&error.into()),
                    None => return,
                },
                () = shared.notify.notified() => {}
                () = sleep(RETRY), if !self.moved.is_empty() || self.is_down() => {}
                () = sleep_until(next_scan) => match self.look_again().await {
                    Ok(Some(next)) => next_scan = next,
                    Ok(None) => return,
                    Err(error) => {
                        self.down(&error);
                        next_scan = Instant::now() + RETRY;
                    }
                }
            }
            self.catch_up().await;
        }
    }

    /// Scans, and returns the time of the next scan. `None` if the store has gone back.
    async fn look_again(&mut self) -> Result<Option<Instant>, ProjectError> {
        let begun = Instant::now();
        let end = self.store.log.feed_end().await?;
        if is_behind(&end, &self.place) {
            return Ok(None);
        }
        self.scan(Read::Differing).await?;
        if self.moved.is_empty() {
            // The rest of the feed names no case, or the scan has read the case.
            self.target.clone_from(&self.place);
            self.report();
        }
        let pause = if self.store.log.feed_is_complete() {
            // The feed of this store is complete. A scan would find something new only if the store was replaced.
            self.rescan * SCAN_SHARE
        } else {
            self.rescan
        };
        Ok(Some(Instant::now() + pause.max(begun.elapsed() * SCAN_SHARE)))
    }

    fn note(&mut self, entries: Vec<FeedEntry>) {
        for entry in entries {
            self.place.advance(&entry);
            if is_case_id(&entry.subject) {
                self.moved.insert(entry.subject);
            }
        }
    }

    /// Reads the cases in `moved` and the noted ones, and reports the progress.
    async fn catch_up(&mut self) {
        let (noted, count) = self.shared.take_noted();
        self.moved.extend(noted);
        self.noted = count;
        let ids: Vec<_> = self.moved.iter().cloned().collect();
        let read = async {
            if ids.is_empty() && self.is_down() {
                self.store.log.feed_end().await?;
            }
            self.refresh(ids, true).await
        };
        match read.await {
            Ok(()) => {
                self.moved.clear();
                self.report();
            }
            Err(error) => self.down(&error),
        }
    }

    /// Reads again the cases of the rows that `read` selects, and streams without a row. Reads noted cases between the steps.
    async fn scan(&mut self, read: Read) -> Result<(), ProjectError> {
        let mut after: Option<EntityId> = None;
        loop {
            let from = after.clone();
            let ends = self
                .blocking(move |database| database.read(|connection| rows::ends(connection, from.as_ref(), AT_ONCE)))
                .await?;
            let ids = match read {
                Read::Differing => sources::differing(&*self.store.log, &ends).await?,
                Read::All => ends.iter().map(|(id, _)| id.clone()).collect(),
            };
            self.refresh(ids, false).await?;
            self.catch_up().await;
            match ends.into_iter().last() {
                Some((id, _)) => after = Some(id),
                None => break,
            }
        }
        let log = Arc::clone(&self.store.log);
        let mut pages = log.streams();
        while let Some(ids) = pages.try_next().await? {
            let ids: Vec<_> = ids.into_iter().filter(is_case_id).collect();
            let new = self
                .blocking(move |database| database.read(|connection| rows::without_row(connection, ids)))
                .await?;
            self.refresh(new, false).await?;
            self.catch_up().await;
        }
        Ok(())
    }

    /// Reads these cases and writes their rows. `all`: afterwards the rows reflect the present feed position, which is recorded.
    async fn refresh(&self, ids: Vec<EntityId>, all: bool) -> Result<(), ProjectError> {
        let mut rest = ids.chunks(AT_ONCE).peekable();
        while let Some(ids) = rest.next() {
            let cases = self.read(ids).await?;
            self.write(cases, all && rest.peek().is_none()).await?;
        }
        Ok(())
    }

    async fn read(&self, ids: &[EntityId]) -> Result<Vec<Case>, ReadError> {
        let wanted: Vec<_> = ids.iter().map(|id| (id.clone(), Position::START)).collect();
        let pages = match self.store.log.read_many(&wanted, ENTRIES).await {
            Ok(pages) => pages,
            Err(ReadError::Damaged { .. }) => return self.read_each(ids).await,
            Err(error) => return Err(error),
        };
        let mut cases = Vec::with_capacity(ids.len());
        for (id, mut entries) in ids.iter().zip(pages) {
            if let Some(last) = entries.last().filter(|_| entries.len() >= ENTRIES) {
                let rest = self.store.log.read_all(id, last.position).await?;
                entries.extend(rest);
            }
            cases.push(Case::fold(id, entries));
        }
        Ok(cases)
    }

    /// Reads each case alone, because one of them can't be read.
    async fn read_each(&self, ids: &[EntityId]) -> Result<Vec<Case>, ReadError> {
        let mut cases = Vec::with_capacity(ids.len());
        for id in ids {
            match self.store.log.read_all(id, Position::START).await {
                Ok(entries) => cases.push(Case::fold(id, entries)),
                Err(ReadError::Damaged { reason, .. }) => tracing::warn!(case = %id, reason, "a case can't be read"),
                Err(error) => return Err(error),
            }
        }
        Ok(cases)
    }

    /// Writes rows. `last`: records the feed position in the same transaction.
    async fn write(&self, cases: Vec<Case>, last: bool) -> Result<(), ProjectError> {
        let (name, place) = (self.store.url.clone(), self.place.clone());
        // Until every case was read, there is no feed position to record.
        let place = (last && !place.0.is_empty()).then_some(place);
        self.blocking(move |database| {
            database.write(|connection| {
                for case in &cases {
                    rows::put(connection, case)?;
                }
                place.map_or(Ok(()), |place| rows::set_feed(connection, &name, &place))
            })
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, ReadModelError> + Send + 'static,
    ) -> Result<T, ProjectError> {
        let database = Arc::clone(&self.database);
        match spawn_blocking(move || work(&database)).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(ReadModelError::Stopped.into()),
        }
    }

    fn has_caught_up(&self) -> bool {
        let mut target = self.target.0.iter().enumerate();
        target.all(|(at, end)| self.place.0.get(at).is_some_and(|place| place >= end))
    }

    fn is_down(&self) -> bool {
        self.shared.progress.borrow().down.is_some()
    }

    /// Reports that the rows reflect everything that is known.
    fn report(&self) {
        let loaded = self.has_caught_up();
        self.shared.progress.send_modify(|progress| {
            progress.loaded |= loaded;
            progress.down = None;
            progress.written = self.noted;
        });
    }

    fn down(&self, error: &ProjectError) {
        let reason = error.to_string();
        if !self.is_down() {
            tracing::warn!(reason, "the list of cases is not updated");
        }
        self.shared
            .progress
            .send_modify(|progress| progress.down = Some(reason));
    }
}

/// Whether a feed ends before a position.
fn is_behind(end: &FeedPosition, place: &FeedPosition) -> bool {
    let before = |(at, place): (usize, &Position)| end.0.get(at).is_none_or(|end| end < place);
    place.0.iter().enumerate().any(before)
}
