//! The folds of entities, continued from where they are known. The most recently used ones are cached in memory, up to a bound.
//! Snapshots of long wallets are stored in the read model's database, so that no long wallet is read from its beginning twice.
//! Nothing here writes to a log.

mod access;
mod cache;
mod chart;
mod cursor;
mod partial;
mod range;
mod recorder;
mod snapshotted;
mod store;

use std::{collections::HashSet, sync::Arc};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;

use crate::{
    domain::{
        event::Entry,
        fold::Fold,
        ids::{EntityId, Position},
        replay::{Filter, in_sequence_order},
    },
    event_log::{EventLog, READ_MANY_MAX, READ_MAX, ReadError},
};

use self::{
    cache::HeadCache,
    chart::Chart,
    recorder::{Milestone, Snapshot},
    store::Stored,
};
pub use self::{
    cursor::FoldCursor,
    partial::{PartialWallet, Wanted},
    range::{Segment, SnapshotRange},
    recorder::{LONG, SEGMENT},
    snapshotted::Remembered,
    store::{SnapshotError, SnapshotStore},
};

/// Entries of a stream that are read together with those of other streams.
const PAGE: usize = 1_000;
/// Entries of an out-of-order stream that the observer receives at once.
const TOLD_AT_ONCE: usize = 1_000;
/// The least number of segments that are written in one transaction while a stream is being read.
const STORED_AT_ONCE: usize = 256;

/// What an observer receives while a stream is folded.
#[derive(Debug)]
pub enum FoldStep<'a, S> {
    /// The fold begins at the start of the stream, and earlier results are void. `in_order`: the entries come in the order of the
    /// stream; otherwise in sequence order.
    Anew { in_order: bool },
    /// The next entries, and the fold after them. The fold has at least the postings and holds that these entries mention.
    Page { fold: &'a Fold<S>, entries: &'a [Entry] },
}

/// The fold of an entity at the end of its stream. The fold of a long wallet may lack postings and closed holds.
#[derive(Debug)]
pub struct Head<S: Remembered> {
    pub fold: Arc<Fold<S>>,
    /// The position of the last entry.
    pub last: Position,
    /// When the last entry was recorded.
    pub last_recorded: DateTime<Utc>,
    /// The number of entries in the stream.
    pub entries: u64,
    /// What is recorded for the next snapshots. `None` for an entity without snapshots.
    course: Option<Arc<S::Course>>,
    /// The number of the last written snapshot. The postings and holds up to it are in the snapshot store.
    base: Option<u64>,
}

// A derived impl would require `S: Clone`.
impl<S: Remembered> Clone for Head<S> {
    fn clone(&self) -> Self {
        Self {
            fold: Arc::clone(&self.fold),
            last: self.last,
            last_recorded: self.last_recorded,
            entries: self.entries,
            course: self.course.clone(),
            base: self.base,
        }
    }
}

/// What to do with the segments that a folding has completed.
enum Ended {
    /// Nothing. `true` if all completed segments were written before.
    Kept(bool),
    /// Write these, with the chart up to the last of them.
    New(Vec<Milestone>, Chart),
}

/// The folds of one domain's entities.
pub struct Histories<S: Remembered> {
    log: Arc<dyn EventLog>,
    store: Option<SnapshotStore>,
    /// The entries that are folded. With a filter there are no snapshots.
    filter: Filter,
    heads: Mutex<HeadCache<S>>,
    /// Streams whose snapshots are known to be of this log.
    trusted: Mutex<HashSet<EntityId>>,
    /// Long streams that are out of order and can't have snapshots.
    disordered: Mutex<HashSet<EntityId>>,
}

type Observer<'a, S> = &'a mut (dyn FnMut(FoldStep<'_, S>) + Send);

impl<S: Remembered> Histories<S> {
    /// Without a snapshot store, long wallets are read whole.
    pub fn new(log: Arc<dyn EventLog>, store: Option<SnapshotStore>) -> Self {
        Self {
            log,
            store,
            filter: Filter::default(),
            heads: Mutex::new(HeadCache::new()),
            trusted: Mutex::default(),
            disordered: Mutex::default(),
        }
    }

    /// Folds only the entries that a filter keeps. Every stream is read from its beginning.
    pub fn filtered(log: Arc<dyn EventLog>, filter: Filter) -> Self {
        Self {
            filter,
            ..Self::new(log, None)
        }
    }

    /// Whether a filter may leave out entries.
    pub const fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// Begins the fold of a stream, without snapshots.
    pub fn folding(&self) -> FoldCursor<S> {
        FoldCursor::filtered(self.filter)
    }

    /// Folds a stream to its end. `known` is the position up to which the caller knows the stream; `None`: nothing. `observer`
    /// receives every entry after `known`, in order. Returns `None` for a stream without entries.
    pub async fn advance(
        &self,
        id: &EntityId,
        known: Option<Position>,
        observer: Observer<'_, S>,
    ) -> Result<Option<Head<S>>, ReadError> {
        let kept = known.and_then(|known| self.heads().get(id).filter(|head| head.last == known));
        let folding = match (kept, known) {
            (Some(head), _) => FoldCursor::going_on(head),
            (None, Some(known)) => self.after_snapshot(id, known).await?.unwrap_or_default(),
            (None, None) => self.folding(),
        };
        self.go_on(id, known, folding, None, observer).await
    }

    /// The same for many streams, which are read together. `None` for streams without entries after `known`.
    pub async fn advance_many(
        &self,
        wanted: &[(EntityId, Option<Position>)],
        observer: &mut (dyn FnMut(&EntityId, FoldStep<'_, S>) + Send),
    ) -> Result<Vec<Option<Head<S>>>, ReadError> {
        let mut heads = Vec::with_capacity(wanted.len());
        for wanted in wanted.chunks(READ_MANY_MAX) {
            let after: Vec<_> = wanted
                .iter()
                .map(|(id, known)| (id.clone(), known.unwrap_or(Position::START)))
                .collect();
            let pages = self.log.read_many(&after, PAGE).await?;
            for ((id, known), page) in wanted.iter().zip(pages) {
                let observer: Observer<'_, S> = &mut |of: FoldStep<'_, S>| observer(id, of);
                let kept = known.and_then(|known| self.heads().get(id).filter(|head| head.last == known));
                heads.push(match (kept, known) {
                    _ if page.is_empty() => None,
                    (Some(head), _) => {
                        self.go_on(id, *known, FoldCursor::going_on(head), Some(page), observer)
                            .await?
                    }
                    (None, None) => self.go_on(id, None, self.folding(), Some(page), observer).await?,
                    // The state before the page is not cached.
                    (None, Some(_)) => self.advance(id, *known, observer).await?,
                });
            }
        }
        Ok(heads)
    }

    /// Writes the missing snapshots of a stream of `entries` entries, if it is long.
    pub async fn track(&self, id: &EntityId, entries: u64) -> Result<(), ReadError> {
        let Some(store) = self.store.as_ref().filter(|_| S::course().is_some()) else {
            return Ok(());
        };
        let stored = |last: &Snapshot| (last.number + 1) * SEGMENT;
        if self.disordered().contains(id) || matches!(store.last(id), Ok(Some(last)) if stored(&last) + LONG >= entries)
        {
            return Ok(());
        }
        // Resumes after the last written snapshot.
        let resumed = self.after_snapshot(id, Position::END).await?;
        let recalls = resumed.is_some();
        let mut folding = resumed.unwrap_or_else(FoldCursor::tracking);
        loop {
            let page = self.log.read(id, folding.last(), READ_MAX).await?;
            if recalls && let Err(error) = S::recall(&mut folding, store, id, &page) {
                self.drop_damaged(id, &error).await;
                return Ok(());
            }
            // A stream that is out of order has no snapshots: an entry that comes later may belong before them.
            if !folding.push(&page, &mut |_| {}) {
                self.remove_snapshots(id).await;
                self.disordered().insert(id.clone());
                return Ok(());
            }
            self.keep(id, &mut folding, STORED_AT_ONCE).await;
            if page.len() < READ_MAX {
                break;
            }
        }
        self.keep(id, &mut folding, 1).await;
        Ok(())
    }

    /// Begins the fold of a stream that is read from its beginning, part by part.
    pub fn from_beginning(&self) -> FoldCursor<S> {
        if self.store.is_some() {
            FoldCursor::tracking()
        } else {
            self.folding()
        }
    }

    /// Folds the next part. Snapshots of a very long stream are written on the way, so that they exist once it is read. Returns
    /// `false` if the entries are out of order: see [`FoldCursor::push`]. Blocks.
    pub fn push_part(
        &self,
        id: &EntityId,
        folding: &mut FoldCursor<S>,
        entries: &[Entry],
        observer: Observer<'_, S>,
    ) -> bool {
        let in_order = entries.is_empty() || folding.push(entries, observer);
        if in_order {
            self.keep_now(id, folding, STORED_AT_ONCE);
        } else if folding.base.is_some()
            && let Some(store) = &self.store
        {
            let _ = store.forget(id);
        }
        in_order
    }

    /// Finishes the fold after the last part. `None` if there was no entry. If no snapshot was written on the way,
    /// [`Self::track`] writes them later. Blocks.
    pub fn finish_parts(&self, id: &EntityId, mut folding: FoldCursor<S>) -> Option<Head<S>> {
        if folding.base.is_some() {
            self.keep_now(id, &mut folding, 1);
        }
        folding.finish()
    }

    /// Folds on to the end of the stream. `page` is the next page if it was read already.
    async fn go_on(
        &self,
        id: &EntityId,
        known: Option<Position>,
        mut folding: FoldCursor<S>,
        mut page: Option<Vec<Entry>>,
        observer: Observer<'_, S>,
    ) -> Result<Option<Head<S>>, ReadError> {
        loop {
            let (entries, most) = if let Some(entries) = page.take() {
                (entries, PAGE)
            } else {
                (self.log.read(id, folding.last(), READ_MAX).await?, READ_MAX)
            };
            let full = entries.len() >= most;
            if !entries.is_empty() {
                match self.push(id, known, &mut folding, &entries, observer) {
                    Ok(true) => {}
                    Ok(false) => {
                        // The stream is out of order, so its snapshots are not valid any more.
                        self.remove_snapshots(id).await;
                        return self.refold(id, observer).await;
                    }
                    Err(error) => {
                        self.drop_damaged(id, &error).await;
                        return self.refold(id, observer).await;
                    }
                }
            }
            self.keep(id, &mut folding, STORED_AT_ONCE).await;
            if !full {
                break;
            }
        }
        Ok(self.finish(id, folding).await)
    }

    /// Folds entries. If the fold began before `known`, the observer receives only entries after `known`. Returns `false` if the
    /// entries are out of order.
    fn push(
        &self,
        id: &EntityId,
        known: Option<Position>,
        folding: &mut FoldCursor<S>,
        entries: &[Entry],
        observer: Observer<'_, S>,
    ) -> Stored<bool> {
        if let Some(store) = &self.store {
            // The parts that the fold lacks must still be in the snapshot store.
            if let Some(base) = folding.base
                && !store.has(id, base)?
            {
                return Err(SnapshotError::Damaged);
            }
            S::recall(folding, store, id, entries)?;
        }
        let resumed = folding.base.is_some();
        let old = known.filter(|_| resumed);
        let split = entries.partition_point(|entry| old.is_some_and(|known| entry.position <= known));
        let (old, new) = entries.split_at(split);
        Ok((old.is_empty() || folding.push(old, &mut |_| {})) && (new.is_empty() || folding.push(new, observer)))
    }

    async fn finish(&self, id: &EntityId, mut folding: FoldCursor<S>) -> Option<Head<S>> {
        let stored = self.keep(id, &mut folding, 1).await;
        // A long stream without a course is not cached: a fold that continues from the cache would write no snapshots.
        let short = self.store.is_none() || S::course().is_none() || folding.entries <= LONG;
        let keep = if folding.course.is_none() { short } else { stored };
        if stored && folding.base.is_some() {
            let fold = Arc::make_mut(&mut folding.fold);
            if let Some(course) = &folding.course {
                S::leave_out(&mut fold.state, course);
            }
        }
        let head = folding.finish()?;
        if keep {
            self.heads().put(id, &head);
        } else {
            self.heads().remove(id);
        }
        Some(head)
    }

    /// Writes the completed segments, if there are at least `at_least`. Returns `false` if they could not be written. Blocks.
    fn keep_now(&self, id: &EntityId, folding: &mut FoldCursor<S>, at_least: usize) -> bool {
        let Some(store) = &self.store else { return false };
        match Self::take_ended(folding, at_least) {
            Ended::Kept(kept) => kept,
            Ended::New(milestones, chart) => {
                let kept = store.keep(id, &milestones, &chart);
                self.note_kept(id, folding, milestones, kept)
            }
        }
    }

    /// The same, without blocking the caller's thread.
    async fn keep(&self, id: &EntityId, folding: &mut FoldCursor<S>, at_least: usize) -> bool {
        let Some(store) = self.store.clone() else { return false };
        match Self::take_ended(folding, at_least) {
            Ended::Kept(kept) => kept,
            Ended::New(milestones, chart) => {
                let of = id.clone();
                let write = spawn_blocking(move || {
                    let kept = store.keep(&of, &milestones, &chart);
                    (milestones, kept)
                });
                match write.await {
                    Ok((milestones, kept)) => self.note_kept(id, folding, milestones, kept),
                    Err(_) => false,
                }
            }
        }
    }

    fn take_ended(folding: &mut FoldCursor<S>, at_least: usize) -> Ended {
        if folding.entries <= LONG || folding.milestones.len() < at_least {
            return Ended::Kept(folding.milestones.is_empty());
        }
        match &folding.course {
            None => Ended::Kept(true),
            Some(course) => Ended::New(std::mem::take(&mut folding.milestones), S::chart(course).clone()),
        }
    }

    fn note_kept(
        &self,
        id: &EntityId,
        folding: &mut FoldCursor<S>,
        milestones: Vec<Milestone>,
        kept: Stored<bool>,
    ) -> bool {
        if matches!(kept, Ok(true)) {
            folding.base = milestones.last().map(|milestone| milestone.snapshot.number);
            self.trusted().insert(id.clone());
            return true;
        }
        if let Err(error) = kept {
            tracing::warn!(%error, %id, "the snapshots of a long wallet could not be written");
        }
        folding.milestones = milestones;
        false
    }

    /// Resumes from the last snapshot that is not after `known`. `None` if there is none of this log.
    async fn after_snapshot(&self, id: &EntityId, known: Position) -> Result<Option<FoldCursor<S>>, ReadError> {
        let Some(store) = &self.store else { return Ok(None) };
        let snapshot = match S::snapshot(store, id, known) {
            Ok(found) => found,
            Err(error) => {
                self.drop_damaged(id, &error).await;
                return Ok(None);
            }
        };
        let Some((position, sequence, folding)) = snapshot else {
            return Ok(None);
        };
        Ok(self.is_trusted(id, position, sequence).await?.then_some(folding))
    }

    /// Whether the log has the entry of a snapshot. If not, the snapshots are of another log and are removed.
    async fn is_trusted(&self, id: &EntityId, position: Position, place: u64) -> Result<bool, ReadError> {
        if self.trusted().contains(id) {
            return Ok(true);
        }
        let found = self.log.read(id, position.before(), 1).await?;
        let same = found.first().is_some_and(|entry| {
            entry.position == position && entry.sequence().is_none_or(|sequence| sequence == place)
        });
        if same {
            self.trusted().insert(id.clone());
        } else {
            tracing::warn!(%id, "the snapshots in the read model are of another log");
            self.remove_snapshots(id).await;
        }
        Ok(same)
    }

    /// Discards everything about a stream whose entries have changed.
    pub async fn forget(&self, id: &EntityId) {
        self.disordered().remove(id);
        self.heads().remove(id);
        self.remove_snapshots(id).await;
    }

    /// Discards everything in memory. The caller has removed the snapshots.
    pub fn clear(&self) {
        self.trusted().clear();
        self.disordered().clear();
        *self.heads() = HeadCache::new();
    }

    /// Removes the snapshots of a stream.
    async fn remove_snapshots(&self, id: &EntityId) {
        self.trusted().remove(id);
        if let Some(store) = self.store.clone() {
            let id = id.clone();
            let _ = spawn_blocking(move || store.forget(&id)).await;
        }
    }

    /// Reports that the stream is read again from the log, because its snapshots could not be read. Removes damaged snapshots.
    async fn drop_damaged(&self, id: &EntityId, error: &SnapshotError) {
        tracing::warn!(%error, %id, "the snapshots of a stream can't be used; the stream is read again from the log");
        if matches!(error, SnapshotError::Damaged) {
            self.forget(id).await;
        }
    }

    /// Folds a whole stream that is out of sequence order.
    async fn refold(&self, id: &EntityId, observer: Observer<'_, S>) -> Result<Option<Head<S>>, ReadError> {
        self.heads().remove(id);
        let placed = in_sequence_order(self.log.read_all(id, Position::START).await?);
        let entries: Vec<_> = placed.into_iter().map(|(_, entry)| entry).collect();
        let mut folding = self.folding().sorted();
        for page in entries.chunks(TOLD_AT_ONCE) {
            folding.push_sorted(page, observer);
        }
        // The result is not cached: the next entry may again belong before others.
        Ok(folding.finish())
    }

    /// The approximate number of bytes of the cached heads, which is bounded.
    pub fn kept_bytes(&self) -> usize {
        self.heads().bytes()
    }

    fn heads(&self) -> MutexGuard<'_, HeadCache<S>> {
        self.heads.lock()
    }

    fn disordered(&self) -> MutexGuard<'_, HashSet<EntityId>> {
        self.disordered.lock()
    }

    fn trusted(&self) -> MutexGuard<'_, HashSet<EntityId>> {
        self.trusted.lock()
    }
}
