//! What a domain's state has to implement to be cached and to have snapshots. Orders have few events and no snapshots. Wallets
//! may have millions of events, and have snapshots.

use super::{
    FoldCursor, SnapshotError, SnapshotStore,
    chart::Chart,
    recorder::{Milestone, Track},
};
use crate::domain::{
    event::Entry,
    fold::{Anomaly, Fold},
    ids::{EntityId, Position, Sequence},
    order::OrderState,
    refund::Refund,
    replay::Replayable,
    wallet::{Hold, Posting, WalletState},
};

/// The approximate number of bytes of the texts of a wallet, an order, a posting, a hold or a refund.
const TEXTS: usize = 96;

/// The approximate number of bytes of a map's nodes. A `BTreeMap` node of std has room for 11 entries, even if it has one. If
/// there are several nodes, about two thirds of the room is filled.
const fn map_bytes<K, V>(entries: usize) -> usize {
    const ROOM: usize = 11;
    let nodes = match entries {
        0 => 0,
        1..=ROOM => 1,
        more => more.div_ceil(ROOM * 2 / 3),
    };
    nodes * (ROOM * (size_of::<K>() + size_of::<V>()) + 2 * size_of::<usize>())
}

/// A snapshot to resume from: the position and the sequence of its last entry, and the fold after it.
type Start<S> = Option<(Position, Sequence, FoldCursor<S>)>;

/// A state that can be cached and have snapshots.
pub trait Remembered: Replayable + Send + Sync + std::fmt::Debug + 'static {
    /// What is recorded between snapshots.
    type Course: Clone + Send + Sync + std::fmt::Debug + 'static;

    /// The approximate number of bytes in memory.
    fn weight(&self) -> usize;
    /// An empty course. `None` for a state without snapshots.
    fn course() -> Option<Self::Course>;
    fn note(
        course: &mut Self::Course,
        entry: &Entry,
        seen: Sequence,
        fold: &Fold<Self>,
        applied: bool,
        found: Vec<Anomaly>,
    );
    fn end_segment(course: &mut Self::Course, number: u64, position: Position, fold: &Fold<Self>) -> Option<Milestone>;
    fn chart(course: &Self::Course) -> &Chart;
    /// Removes the parts that are in the snapshot store.
    fn leave_out(&mut self, course: &Self::Course);
    /// Adds the parts that the next entries need and that were removed.
    fn recall(
        folding: &mut FoldCursor<Self>,
        store: &SnapshotStore,
        id: &EntityId,
        entries: &[Entry],
    ) -> Result<(), SnapshotError>;
    /// The last snapshot at or before a position, if the fold can resume from it.
    fn snapshot(store: &SnapshotStore, id: &EntityId, known: Position) -> Result<Start<Self>, SnapshotError>;
}

impl Remembered for WalletState {
    type Course = Track;

    fn weight(&self) -> usize {
        let (postings, holds) = (self.postings.len(), self.holds.len());
        let maps = map_bytes::<String, Posting>(postings) + map_bytes::<String, Hold>(holds);
        size_of::<Fold<Self>>() + maps + TEXTS * (1 + postings + holds)
    }

    fn course() -> Option<Track> {
        Some(Track::new())
    }

    fn note(track: &mut Track, entry: &Entry, seen: Sequence, fold: &Fold<Self>, applied: bool, found: Vec<Anomaly>) {
        track.note(entry, seen, fold, applied, found);
    }

    fn end_segment(track: &mut Track, number: u64, position: Position, fold: &Fold<Self>) -> Option<Milestone> {
        track.end(number, position, fold)
    }

    fn chart(track: &Track) -> &Chart {
        &track.stored
    }

    fn leave_out(&mut self, track: &Track) {
        Self::leave_out(self, |part| track.has_touched(part));
    }

    fn recall(
        folding: &mut FoldCursor<Self>,
        store: &SnapshotStore,
        id: &EntityId,
        entries: &[Entry],
    ) -> Result<(), SnapshotError> {
        folding.recall(store, id, entries)
    }

    fn snapshot(store: &SnapshotStore, id: &EntityId, known: Position) -> Result<Start<Self>, SnapshotError> {
        let Some(snapshot) = store.not_after(id, known)? else {
            return Ok(None);
        };
        // Only the newest snapshot has a chart. Without the chart of this snapshot, the fold can't resume from it.
        let chart = store.chart(id)?.filter(|(number, _)| *number == snapshot.number);
        let Some((_, chart)) = chart else { return Ok(None) };
        let last_recorded = snapshot.extent.last_recorded;
        let folding = FoldCursor::after(&snapshot, chart, last_recorded);
        Ok(Some((snapshot.position, snapshot.place, folding)))
    }
}

impl Remembered for OrderState {
    type Course = ();

    fn weight(&self) -> usize {
        let refunds = self.refunds.len();
        size_of::<Fold<Self>>() + map_bytes::<String, Refund>(refunds) + TEXTS * (1 + refunds)
    }

    fn course() -> Option<()> {
        None
    }

    fn note((): &mut (), _: &Entry, _: Sequence, _: &Fold<Self>, _: bool, _: Vec<Anomaly>) {}

    fn end_segment((): &mut (), _: u64, _: Position, _: &Fold<Self>) -> Option<Milestone> {
        None
    }

    fn chart((): &()) -> &Chart {
        static NONE: std::sync::LazyLock<Chart> = std::sync::LazyLock::new(Chart::default);
        &NONE
    }

    fn leave_out(&mut self, (): &()) {}

    fn recall(_: &mut FoldCursor<Self>, _: &SnapshotStore, _: &EntityId, _: &[Entry]) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn snapshot(_: &SnapshotStore, _: &EntityId, _: Position) -> Result<Start<Self>, SnapshotError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_map_follows_its_nodes() {
        let weigh = map_bytes::<u64, u64>;
        assert_eq!(weigh(0), 0);
        assert_eq!((weigh(1), weigh(11)), (11 * 16 + 16, 11 * 16 + 16));
        assert_eq!(weigh(12), 2 * weigh(1));
        assert!(weigh(1_000_000) > 16 * 1_000_000 && weigh(1_000_000) < 32 * 1_000_000);
    }
}
