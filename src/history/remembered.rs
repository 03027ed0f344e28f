//! What a domain's state must offer so that its histories can be kept. Orders have few events and are kept whole; wallets
//! may have millions, and are kept in segments.

use super::{
    Folding, Shelf, ShelfError,
    chart::Chart,
    track::{Milestone, Track},
};
use crate::domain::{
    event::Entry,
    fold::{Anomaly, Fold},
    ids::{EntityId, Position, Sequence},
    order::OrderState,
    replay::Replayable,
    wallet::WalletState,
};

/// A waypoint to go on from: its entry's position and place, and the fold there.
type Start<S> = Option<(Position, Sequence, Folding<S>)>;

/// A state whose histories can be kept.
pub trait Remembered: Replayable + Send + Sync + std::fmt::Debug + 'static {
    /// What is noted on the way from waypoint to waypoint.
    type Course: Clone + Send + Sync + std::fmt::Debug + 'static;

    /// About how many bytes it takes in memory.
    fn weight(&self) -> usize;
    /// Nothing noted yet; `None` for what has no waypoints.
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
    /// Leaves out what the shelf has.
    fn leave_out(&mut self, course: &Self::Course);
    /// Puts back what the next entries need and was left out.
    fn recall(folding: &mut Folding<Self>, shelf: &Shelf, id: &EntityId, entries: &[Entry]) -> Result<(), ShelfError>;
    /// The last waypoint that is not after a position.
    fn waypoint(shelf: &Shelf, id: &EntityId, known: Position) -> Result<Start<Self>, ShelfError>;
}

impl Remembered for WalletState {
    type Course = Track;

    fn weight(&self) -> usize {
        // Keys and rows of the maps, with the room that their nodes leave.
        512 + 320 * self.postings.len() + 320 * self.holds.len()
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
        &track.chart
    }

    fn leave_out(&mut self, track: &Track) {
        Self::leave_out(self, |part| track.has_touched(part));
    }

    fn recall(folding: &mut Folding<Self>, shelf: &Shelf, id: &EntityId, entries: &[Entry]) -> Result<(), ShelfError> {
        folding.recall(shelf, id, entries)
    }

    fn waypoint(shelf: &Shelf, id: &EntityId, known: Position) -> Result<Start<Self>, ShelfError> {
        let Some(waypoint) = shelf.not_after(id, known)? else {
            return Ok(None);
        };
        // A chart that goes further, or not so far, is drawn again by nobody: only the newest waypoint has one.
        let chart = shelf.chart(id)?.filter(|(number, _)| *number == waypoint.number);
        let Some((_, chart)) = chart else { return Ok(None) };
        let last_recorded = waypoint.extent.last_recorded;
        let folding = Folding::after(&waypoint, chart, last_recorded);
        Ok(Some((waypoint.position, waypoint.place, folding)))
    }
}

impl Remembered for OrderState {
    type Course = ();

    fn weight(&self) -> usize {
        512 + 384 * self.refunds.len()
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

    fn recall(_: &mut Folding<Self>, _: &Shelf, _: &EntityId, _: &[Entry]) -> Result<(), ShelfError> {
        Ok(())
    }

    fn waypoint(_: &Shelf, _: &EntityId, _: Position) -> Result<Start<Self>, ShelfError> {
        Ok(None)
    }
}
