//! The fold of one stream, page by page: from the beginning of the stream, or continued from a known position. It can record
//! snapshots on the way.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    FoldStep, Head, Remembered,
    chart::Chart,
    recorder::{Milestone, SEGMENT, Snapshot},
};
use crate::domain::{
    event::Entry,
    fold::Fold,
    ids::{EntityId, Position, Sequence},
    replay::Filter,
    wallet::WalletState,
};

pub struct FoldCursor<S: Remembered> {
    pub(super) fold: Arc<Fold<S>>,
    last: Position,
    last_recorded: DateTime<Utc>,
    pub(super) entries: u64,
    /// The fold began at the start of the stream, and the observer has not received [`FoldStep::Anew`] yet.
    is_unset: bool,
    /// The entries come in sequence order, which is not that of the stream.
    sorted: bool,
    pub(super) course: Option<S::Course>,
    /// The number of the last written snapshot, whose parts are in the snapshot store.
    pub(super) base: Option<u64>,
    pub(super) milestones: Vec<Milestone>,
    /// Entries that the filter does not keep are skipped.
    filter: Filter,
    /// The sequence of the last entry that has one.
    place: Sequence,
}

impl<S: Remembered> Default for FoldCursor<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Remembered> FoldCursor<S> {
    /// Begins at the start of the stream.
    pub fn new() -> Self {
        Self {
            fold: Arc::new(Fold::new()),
            last: Position::START,
            last_recorded: DateTime::<Utc>::MIN_UTC,
            entries: 0,
            is_unset: true,
            sorted: false,
            course: None,
            base: None,
            milestones: Vec::new(),
            filter: Filter::default(),
            place: 0,
        }
    }

    /// Begins at the start of the stream, with the entries that a filter keeps.
    pub(super) fn filtered(filter: Filter) -> Self {
        Self { filter, ..Self::new() }
    }

    /// Marks that the entries come in sequence order.
    pub(super) fn sorted(self) -> Self {
        Self { sorted: true, ..self }
    }

    /// Begins at the start of the stream, and records snapshots.
    pub(super) fn tracking() -> Self {
        Self {
            course: S::course(),
            ..Self::new()
        }
    }

    pub(super) fn going_on(head: Head<S>) -> Self {
        Self {
            fold: head.fold,
            last: head.last,
            last_recorded: head.last_recorded,
            entries: head.entries,
            is_unset: false,
            sorted: false,
            course: head.course.map(Arc::unwrap_or_clone),
            base: head.base,
            ..Self::new()
        }
    }

    /// The position after which the next page begins.
    pub const fn last(&self) -> Position {
        self.last
    }

    /// Folds the next entries of the stream. Returns `false`, and folds nothing, if they are out of sequence order. Then only a
    /// fold of the whole stream is correct.
    pub fn push(&mut self, entries: &[Entry], observer: &mut (dyn FnMut(FoldStep<'_, S>) + Send)) -> bool {
        if !self.fold.continues_with(entries) {
            return false;
        }
        self.push_sorted(entries, observer);
        true
    }

    pub(super) fn push_sorted(&mut self, entries: &[Entry], observer: &mut (dyn FnMut(FoldStep<'_, S>) + Send)) {
        if std::mem::take(&mut self.is_unset) {
            observer(FoldStep::Anew { in_order: !self.sorted });
        }
        for entry in entries {
            self.push_one(entry);
        }
        observer(FoldStep::Page {
            fold: &self.fold,
            entries,
        });
    }

    fn push_one(&mut self, entry: &Entry) {
        let fold = Arc::make_mut(&mut self.fold);
        self.last = self.last.max(entry.position);
        self.last_recorded = self.last_recorded.max(entry.recorded);
        self.entries += 1;
        self.place = entry.sequence().unwrap_or(self.place);
        if !self.filter.is_empty() && !self.filter.keeps(entry, self.place) {
            fold.skip(entry);
            return;
        }
        let Some(course) = &mut self.course else {
            fold.push(entry, |_| {});
            return;
        };
        let (seen, mut found) = (fold.seen(), Vec::new());
        let applied = fold.push(entry, |anomaly| found.push(anomaly));
        S::note(course, entry, seen, fold, applied, found);
        if self.entries.is_multiple_of(SEGMENT) {
            let ended = S::end_segment(course, self.entries / SEGMENT - 1, self.last, fold);
            self.milestones.extend(ended);
        }
    }

    /// The result. `None` if there was no entry, or none that the filter keeps.
    pub fn finish(self) -> Option<Head<S>> {
        (self.entries > 0 && self.fold.events > 0).then_some(Head {
            fold: self.fold,
            last: self.last,
            last_recorded: self.last_recorded,
            entries: self.entries,
            course: self.course.map(Arc::new),
            base: self.base,
        })
    }
}

impl FoldCursor<WalletState> {
    /// Continues from a snapshot. `chart` is the chart up to it.
    pub(super) fn after(snapshot: &Snapshot, chart: Chart, last_recorded: DateTime<Utc>) -> Self {
        Self {
            fold: Arc::new(snapshot.fold.clone()),
            last: snapshot.position,
            last_recorded,
            entries: (snapshot.number + 1) * SEGMENT,
            is_unset: false,
            sorted: false,
            course: Some(super::recorder::Track::after(snapshot, chart)),
            base: Some(snapshot.number),
            ..Self::new()
        }
    }

    /// Adds to the state the parts that the next entries need and that only the snapshot store has.
    pub(super) fn recall(
        &mut self,
        store: &super::store::SnapshotStore,
        id: &EntityId,
        entries: &[Entry],
    ) -> Result<(), super::store::SnapshotError> {
        let Some(base) = self.base else { return Ok(()) };
        let parts: Vec<_> = entries.iter().flat_map(WalletState::parts_of).collect();
        let fold = Arc::make_mut(&mut self.fold);
        store.recall(id, &mut fold.state, parts, base)
    }
}
