//! What a domain's state must offer so that its histories can be kept. Orders have few events and are kept whole; wallets
//! may have millions, and are kept in segments.

use super::{
    Folding, SnapshotError, SnapshotStore,
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

/// Bytes that the texts of a wallet, an order, a posting, a hold or a refund take, about.
const TEXTS: usize = 96;

/// Bytes that the nodes of a map take. As std makes them, a node has room for eleven entries from the first on; of several
/// about two thirds are filled.
const fn map_bytes<K, V>(entries: usize) -> usize {
    const ROOM: usize = 11;
    let nodes = match entries {
        0 => 0,
        1..=ROOM => 1,
        more => more.div_ceil(ROOM * 2 / 3),
    };
    nodes * (ROOM * (size_of::<K>() + size_of::<V>()) + 2 * size_of::<usize>())
}

/// A snapshot to go on from: its entry's position and place, and the fold there.
type Start<S> = Option<(Position, Sequence, Folding<S>)>;

/// A state whose histories can be kept.
pub trait Remembered: Replayable + Send + Sync + std::fmt::Debug + 'static {
    /// What is noted on the way from snapshot to snapshot.
    type Course: Clone + Send + Sync + std::fmt::Debug + 'static;

    /// About how many bytes it takes in memory.
    fn weight(&self) -> usize;
    /// Nothing noted yet; `None` for what has no snapshots.
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
    /// Removes the parts that the snapshot store has.
    fn leave_out(&mut self, course: &Self::Course);
    /// Puts back what the next entries need and was left out.
    fn recall(
        folding: &mut Folding<Self>,
        store: &SnapshotStore,
        id: &EntityId,
        entries: &[Entry],
    ) -> Result<(), SnapshotError>;
    /// The last snapshot that is not after a position.
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
        folding: &mut Folding<Self>,
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
        // A chart that goes further, or not so far, is drawn again by nobody: only the newest snapshot has one.
        let chart = store.chart(id)?.filter(|(number, _)| *number == snapshot.number);
        let Some((_, chart)) = chart else { return Ok(None) };
        let last_recorded = snapshot.extent.last_recorded;
        let folding = Folding::after(&snapshot, chart, last_recorded);
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

    fn recall(_: &mut Folding<Self>, _: &SnapshotStore, _: &EntityId, _: &[Entry]) -> Result<(), SnapshotError> {
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
    fn a_map_is_weighed_by_its_nodes() {
        let weigh = map_bytes::<u64, u64>;
        assert_eq!(weigh(0), 0);
        assert_eq!((weigh(1), weigh(11)), (11 * 16 + 16, 11 * 16 + 16));
        assert_eq!(weigh(12), 2 * weigh(1));
        assert!(weigh(1_000_000) > 16 * 1_000_000 && weigh(1_000_000) < 32 * 1_000_000);
    }
}
