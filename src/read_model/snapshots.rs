//! Reads an entity's stream on from where it was known before. The states that were read last are kept in memory, within a bound.
//! Snapshots of long wallets are kept in the read model's database, so that no long wallet is read from its beginning twice.
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
    cache::Heads,
    chart::Chart,
    recorder::{Milestone, Snapshot},
    store::Stored,
};
pub use self::{
    cursor::Folding,
    partial::{Brief, Wanted},
    range::{Segment, Stretch},
    recorder::{LONG, SEGMENT},
    snapshotted::Remembered,
    store::{SnapshotError, SnapshotStore, TABLES, clear},
};

/// Entries of a stream that are read along with those of others.
const PAGE: usize = 1_000;
/// Entries that are folded before the caller hears of them.
const TOLD_AT_ONCE: usize = 1_000;
/// Segments that are written in one transaction while a stream is read.
const STORED_AT_ONCE: usize = 256;

/// What a caller hears while a history goes on.
#[derive(Debug)]
pub enum FoldStep<'a, S> {
    /// What follows begins at the stream's beginning: whatever was known before is void. `in_order`: it comes in the order of the
    /// stream; otherwise in that of its sequences.
    Anew { in_order: bool },
    /// The next entries, and the fold after them, which has at least the postings and holds that they mention.
    Page { fold: &'a Fold<S>, entries: &'a [Entry] },
}

/// An entity at the end of its stream. Of a long wallet's fold, postings and holds may be left out.
#[derive(Debug)]
pub struct Head<S: Remembered> {
    pub fold: Arc<Fold<S>>,
    /// Where its stream was read to.
    pub last: Position,
    /// When the ledger learnt of its last event.
    pub last_recorded: DateTime<Utc>,
    /// Entries of its stream.
    pub entries: u64,
    /// What was noted on the way, where snapshots are kept.
    course: Option<Arc<S::Course>>,
    /// The last snapshot that was written, with its postings and holds.
    base: Option<u64>,
}

// Derived, it would ask for S: Clone.
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

/// What is to be done with the segments that a folding has ended.
enum Ended {
    /// Nothing; whether all that ended were written before.
    Kept(bool),
    /// These are to be written, with the chart up to the last of them.
    New(Vec<Milestone>, Chart),
}

/// The histories of one domain's entities.
pub struct Histories<S: Remembered> {
    log: Arc<dyn EventLog>,
    store: Option<SnapshotStore>,
    /// Which entries are folded. With a filter there are no snapshots.
    filter: Filter,
    heads: Mutex<Heads<S>>,
    /// Streams whose snapshots were seen to be of this log.
    trusted: Mutex<HashSet<EntityId>>,
    /// Long streams that can't have snapshots.
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
            heads: Mutex::new(Heads::new()),
            trusted: Mutex::default(),
            disordered: Mutex::default(),
        }
    }

    /// Histories of what a filter keeps. They have no end to go on from: every stream is read from its beginning.
    pub fn filtered(log: Arc<dyn EventLog>, filter: Filter) -> Self {
        Self {
            filter,
            ..Self::new(log, None)
        }
    }

    /// Whether some entries may be left out.
    pub const fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// A stream from its beginning, without snapshots.
    pub fn folding(&self) -> Folding<S> {
        Folding::filtered(self.filter)
    }

    /// Goes on to a stream's end. `known` is the last position that the caller has accounted for, `None` for nothing yet;
    /// `observer` gets every entry after it, in order. `None` for a stream without entries.
    pub async fn advance(
        &self,
        id: &EntityId,
        known: Option<Position>,
        observer: Observer<'_, S>,
    ) -> Result<Option<Head<S>>, ReadError> {
        let kept = known.and_then(|known| self.heads().get(id).filter(|head| head.last == known));
        let folding = match (kept, known) {
            (Some(head), _) => Folding::going_on(head),
            (None, Some(known)) => self.after_snapshot(id, known).await?.unwrap_or_default(),
            (None, None) => self.folding(),
        };
        self.go_on(id, known, folding, None, observer).await
    }

    /// The same for many streams at once, which share reads. `None` for those that have nothing after `known`.
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
                        self.go_on(id, *known, Folding::going_on(head), Some(page), observer)
                            .await?
                    }
                    (None, None) => self.go_on(id, None, self.folding(), Some(page), observer).await?,
                    // Nobody holds the state before the page.
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
        // On from where whoever did this before was ended.
        let resumed = self.after_snapshot(id, Position::END).await?;
        let recalls = resumed.is_some();
        let mut folding = resumed.unwrap_or_else(Folding::tracking);
        loop {
            let page = self.log.read(id, folding.last(), READ_MAX).await?;
            if recalls && let Err(error) = S::recall(&mut folding, store, id, &page) {
                self.drop_damaged(id, &error).await;
                return Ok(());
            }
            // What is out of order has no snapshots: an entry may still come that belongs before them.
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

    /// For a stream that is read part after part from its beginning, by who reads them all.
    pub fn from_beginning(&self) -> Folding<S> {
        if self.store.is_some() {
            Folding::tracking()
        } else {
            self.folding()
        }
    }

    /// Goes on with the next part. The snapshots of a very long stream are written on the way, so that it can be opened
    /// as soon as it was read. `false`: out of order, see [`Folding::push`]. Blocks.
    pub fn push_part(
        &self,
        id: &EntityId,
        folding: &mut Folding<S>,
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

    /// After the last part. `None` where there was no entry. What is long but not very long is left to [`Self::track`]. Blocks.
    pub fn finish_parts(&self, id: &EntityId, mut folding: Folding<S>) -> Option<Head<S>> {
        if folding.base.is_some() {
            self.keep_now(id, &mut folding, 1);
        }
        folding.finish()
    }

    /// Folds on to the end of the stream, beginning with a page if one was read already.
    async fn go_on(
        &self,
        id: &EntityId,
        known: Option<Position>,
        mut folding: Folding<S>,
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
                        // Its snapshots hold no longer, if it had any.
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

    /// Of a folding that began before `known`, only what is after it is told. `false`: the entries are out of order.
    fn push(
        &self,
        id: &EntityId,
        known: Option<Position>,
        folding: &mut Folding<S>,
        entries: &[Entry],
        observer: Observer<'_, S>,
    ) -> Stored<bool> {
        if let Some(store) = &self.store {
            // What the fold leaves out must still be there.
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

    async fn finish(&self, id: &EntityId, mut folding: Folding<S>) -> Option<Head<S>> {
        let stored = self.keep(id, &mut folding, 1).await;
        // A long one that nothing was noted of is not kept: kept, it would go on without snapshots.
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

    /// Writes the segments that ended, if there are at least so many. `false`: they could not be written. Blocks.
    fn keep_now(&self, id: &EntityId, folding: &mut Folding<S>, at_least: usize) -> bool {
        let Some(store) = &self.store else { return false };
        match Self::take_ended(folding, at_least) {
            Ended::Kept(kept) => kept,
            Ended::New(milestones, chart) => {
                let kept = store.keep(id, &milestones, &chart);
                self.note_kept(id, folding, milestones, kept)
            }
        }
    }

    /// The same, for callers that must not block.
    async fn keep(&self, id: &EntityId, folding: &mut Folding<S>, at_least: usize) -> bool {
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

    fn take_ended(folding: &mut Folding<S>, at_least: usize) -> Ended {
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
        folding: &mut Folding<S>,
        milestones: Vec<Milestone>,
        kept: Stored<bool>,
    ) -> bool {
        if matches!(kept, Ok(true)) {
            folding.base = milestones.last().map(|milestone| milestone.snapshot.number);
            self.trusted().insert(id.clone());
            return true;
        }
        if let Err(error) = kept {
            tracing::warn!(%error, %id, "the snapshots of a long wallet are not kept");
        }
        folding.milestones = milestones;
        false
    }

    /// Goes on from the last snapshot that the caller has accounted for, if there is one of this log.
    async fn after_snapshot(&self, id: &EntityId, known: Position) -> Result<Option<Folding<S>>, ReadError> {
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

    /// Whether the log has the entry that a snapshot of this stream names. Where not, its snapshots are of another log.
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

    /// Forgets what is kept of a stream whose entries are no longer what they were.
    pub async fn forget(&self, id: &EntityId) {
        self.disordered().remove(id);
        self.heads().remove(id);
        self.remove_snapshots(id).await;
    }

    /// Forgets everything in memory: the snapshots were removed.
    pub fn clear(&self) {
        self.trusted().clear();
        self.disordered().clear();
        *self.heads() = Heads::new();
    }

    /// Removes the snapshots of a stream.
    async fn remove_snapshots(&self, id: &EntityId) {
        self.trusted().remove(id);
        if let Some(store) = self.store.clone() {
            let id = id.clone();
            let _ = spawn_blocking(move || store.forget(&id)).await;
        }
    }

    /// A stream is read again from the log, because its snapshots could not be read. Those that are damaged are removed.
    async fn drop_damaged(&self, id: &EntityId, error: &SnapshotError) {
        tracing::warn!(%error, %id, "a history is read again from the log");
        if matches!(error, SnapshotError::Damaged) {
            self.forget(id).await;
        }
    }

    /// Folds a whole stream whose entries did not come in sequence order.
    async fn refold(&self, id: &EntityId, observer: Observer<'_, S>) -> Result<Option<Head<S>>, ReadError> {
        self.heads().remove(id);
        let placed = in_sequence_order(self.log.read_all(id, Position::START).await?);
        let entries: Vec<_> = placed.into_iter().map(|(_, entry)| entry).collect();
        let mut folding = self.folding().sorted();
        for page in entries.chunks(TOLD_AT_ONCE) {
            folding.push_sorted(page, observer);
        }
        // Not kept: the next entry may again belong before others.
        Ok(folding.finish())
    }

    /// Bytes that the heads take which are kept in memory, as far as they are weighed; bounded.
    pub fn kept_bytes(&self) -> usize {
        self.heads().bytes()
    }

    fn heads(&self) -> MutexGuard<'_, Heads<S>> {
        self.heads.lock()
    }

    fn disordered(&self) -> MutexGuard<'_, HashSet<EntityId>> {
        self.disordered.lock()
    }

    fn trusted(&self) -> MutexGuard<'_, HashSet<EntityId>> {
        self.trusted.lock()
    }
}
