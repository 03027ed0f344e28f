//! The projector of cases: follows the feed of the compensation store, and compares every row with the end of its stream at the start
//! and from time to time. A case that can't be read keeps its row.

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
        up_to_date::differing,
    },
};

/// The pause before a store that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Cases that are read at once.
const AT_ONCE: usize = 500;
/// Entries of a case that are read along with those of other cases.
const ENTRIES: usize = 100;
/// A scan may take this part of the time at most.
const SCAN_SHARE: u32 = 20;

/// The rows whose cases a scan reads.
#[derive(Clone, Copy)]
enum Read {
    /// Those that do not end where their streams end.
    Differing,
    All,
}

pub struct CaseProjector {
    store: Store,
    database: Arc<Database>,
    shared: Arc<Shared>,
    rescan: Duration,
    /// How far the feed was read.
    place: FeedPosition,
    /// Every case is read once the feed was read to here.
    target: FeedPosition,
    /// Cases whose rows are not written yet.
    moved: BTreeSet<EntityId>,
    /// How many of the noted cases are among those that were read or are in `moved`.
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

    /// Runs until dropped.
    pub async fn run(mut self) {
        loop {
            match self.start().await {
                // A store that has gone back is followed from where its feed ends now.
                Ok(next_scan) => self.follow(next_scan).await,
                Err(error) => self.down(&error),
            }
            sleep(RETRY).await;
        }
    }

    /// Goes on from the rows, or reads every case. Answers when the next scan is due.
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
                // What no feed entry names is looked for behind the lists.
                return Ok(Instant::now());
            }
            // The store has gone back: every case is read again, also where a stream ends where its row says.
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

    /// Follows the feed until the store has gone back.
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

    /// Compares every row, where the feed may lack something. `None`: the store has gone back.
    async fn look_again(&mut self) -> Result<Option<Instant>, ProjectError> {
        let begun = Instant::now();
        let end = self.store.log.feed_end().await?;
        if is_behind(&end, &self.place) {
            return Ok(None);
        }
        self.scan(Read::Differing).await?;
        if self.moved.is_empty() {
            // Whatever the feed still has ahead names no case, or the scan has read it.
            self.target.clone_from(&self.place);
            self.report();
        }
        let pause = if self.store.log.feed_is_complete() {
            // Only a store that was replaced would show something new.
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

    /// Reads what has moved, and says so.
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

    /// Reads the cases of the rows again that `read` asks for, and the streams that have no row. Cases that are noted meanwhile are read
    /// between the steps.
    async fn scan(&mut self, read: Read) -> Result<(), ProjectError> {
        let mut after: Option<EntityId> = None;
        loop {
            let from = after.clone();
            let ends = self
                .blocking(move |database| database.read(|connection| rows::ends(connection, from.as_ref(), AT_ONCE)))
                .await?;
            let ids = match read {
                Read::Differing => differing(&*self.store.log, &ends).await?,
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

    /// Reads these cases and writes their rows. `all`: the rows stand for the place in the feed afterwards.
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

    /// Reads one case after the other, because one of them can't be read.
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

    /// Writes rows, and with the last of them the place in the feed that they stand for.
    async fn write(&self, cases: Vec<Case>, last: bool) -> Result<(), ProjectError> {
        let (name, place) = (self.store.url.clone(), self.place.clone());
        // Before every case was read, the rows stand for no place.
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

    /// Says that the rows stand for everything that is known.
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
            tracing::warn!(reason, "the list of cases is not kept up");
        }
        self.shared
            .progress
            .send_modify(|progress| progress.down = Some(reason));
    }
}

/// Whether a feed ends before a place.
fn is_behind(end: &FeedPosition, place: &FeedPosition) -> bool {
    let before = |(at, place): (usize, &Position)| end.0.get(at).is_none_or(|end| end < place);
    place.0.iter().enumerate().any(before)
}
