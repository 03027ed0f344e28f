//! A long wallet under a filter, for a page, without reading the whole stream: the state at the last snapshot up to which the
//! filter keeps every entry, and the kept entries after it. The result is the same as that of a replay of the whole stream.

use super::{
    Histories, SnapshotError, SnapshotStore,
    access::{Last, Trouble},
    recorder::{Fact, SEGMENT, Snapshot, nanoseconds},
    store::Stored,
};
use crate::{
    domain::{
        event::Entry,
        fold::Fold,
        ids::{EntityId, Position, Sequence},
        replay::{Balances, Filter, Replay, Replayable as _, Step},
        wallet::{Part, Posting, WalletState},
    },
    event_log::{READ_MAX, ReadError},
    views::timelines::{ChartPoint, Extent},
};

/// A long wallet after the last entry that a filter keeps.
#[derive(Debug)]
pub struct SnapshotRange {
    /// The snapshot up to which every entry is kept.
    pub prior: Option<Snapshot>,
    /// The kept entries after the snapshot, and the fold after them.
    pub replay: Replay<WalletState>,
    /// The extent of the whole stream, without the filter.
    pub extent: Extent,
    /// The points at which the figures changed, up to the snapshot.
    pub chart: Vec<ChartPoint>,
}

/// One segment, replayed.
#[derive(Debug)]
pub struct Segment {
    /// The figures before the segment.
    pub start: Balances,
    pub replay: Replay<WalletState>,
    /// The position of the last entry before the segment.
    pub previous: Option<Position>,
}

impl SnapshotRange {
    /// The number of kept entries up to the snapshot.
    pub fn before(&self) -> u64 {
        self.prior.as_ref().map_or(0, |prior| (prior.number + 1) * SEGMENT)
    }

    /// The figures at the snapshot.
    pub fn start(&self) -> Balances {
        self.prior
            .as_ref()
            .map(|prior| prior.fold.state.figures())
            .unwrap_or_default()
    }
}

/// The time, the recorded time and the sequence up to which a filter keeps entries.
#[derive(Clone, Copy)]
struct Bounds {
    time: i64,
    recorded: i64,
    place: Sequence,
}

impl Bounds {
    fn of(filter: &Filter) -> Self {
        Self {
            time: filter.at.map_or(i64::MAX, nanoseconds),
            recorded: filter.as_known_at.map_or(i64::MAX, nanoseconds),
            place: filter.sequence.unwrap_or(u64::MAX),
        }
    }

    /// Whether no entry of a segment is kept.
    fn exclude(&self, segment: &Snapshot) -> bool {
        segment.times.is_after(self.time)
            || segment.recorded.is_after(self.recorded)
            || segment.first_place > self.place
    }
}

/// A replay in progress, entry by entry.
struct Replaying {
    replay: Replay<WalletState>,
    place: Sequence,
}

impl Replaying {
    fn new(fold: Fold<WalletState>, place: Sequence) -> Self {
        Self {
            replay: Replay {
                fold,
                anomalies: Vec::new(),
                anomaly_steps: Vec::new(),
                steps: Vec::new(),
            },
            place,
        }
    }

    fn push(&mut self, entry: Entry, filter: &Filter) {
        self.place = entry.sequence().unwrap_or(self.place);
        let replay = &mut self.replay;
        if !filter.keeps(&entry, self.place) {
            replay.fold.skip(&entry);
            return;
        }
        let anomalies = &mut replay.anomalies;
        let applied = replay.fold.push(&entry, |anomaly| anomalies.push(anomaly));
        replay.anomaly_steps.resize(replay.anomalies.len(), replay.steps.len());
        let after = replay.fold.state.figures();
        replay.steps.push(Step { entry, applied, after });
    }
}

impl Histories<WalletState> {
    /// A long wallet under a filter. `None` if it has no snapshots and has to be read whole.
    pub async fn range(&self, id: &EntityId, filter: &Filter) -> Result<Option<SnapshotRange>, ReadError> {
        self.or_forget(id, self.try_range(id, filter).await).await
    }

    /// The segment of a long wallet that has the entry at a position. `None` if the wallet has no snapshots.
    pub async fn segment_with(&self, id: &EntityId, position: Position) -> Result<Option<Segment>, ReadError> {
        if !self.is_long(id).await? {
            return Ok(None);
        }
        self.segment(id, self.segment_of(id, position)).await
    }

    /// A segment of a long wallet. `None` if the snapshot before it is missing.
    pub async fn segment(&self, id: &EntityId, number: u64) -> Result<Option<Segment>, ReadError> {
        self.or_forget(id, self.try_segment(id, number).await).await
    }

    /// Whether a wallet has snapshots of this log, and the stream has all entries up to the last one.
    pub async fn is_long(&self, id: &EntityId) -> Result<bool, ReadError> {
        let last = self.or_forget(id, self.last_snapshot(id).await).await?;
        Ok(last.is_some())
    }

    /// The segments of a long wallet that name a refund or an order, and its last segment, replayed and joined as if nothing was
    /// between them. Of the naming segments the newest are used, at most `most`.
    pub async fn naming(
        &self,
        id: &EntityId,
        refund: &str,
        order: &str,
        most: u32,
    ) -> Result<Replay<WalletState>, ReadError> {
        let store = self.store.as_ref();
        let named = store.and_then(|store| store.segments_naming(id, refund, order, most).ok());
        let mut numbers = named.unwrap_or_default();
        let last = self.segment_of(id, Position::END);
        if numbers.last() != Some(&last) {
            numbers.push(last);
        }
        let mut all = Replaying::new(Fold::new(), 0).replay;
        for number in numbers {
            let Some(segment) = self.segment(id, number).await? else {
                continue;
            };
            let (steps, replay) = (all.steps.len(), segment.replay);
            all.anomaly_steps
                .extend(replay.anomaly_steps.iter().map(|at| at + steps));
            all.anomalies.extend(replay.anomalies);
            all.steps.extend(replay.steps);
            all.fold = replay.fold;
        }
        Ok(all)
    }

    /// The number of the segment of a long wallet that has the entry at a position, or that will have it.
    fn segment_of(&self, id: &EntityId, position: Position) -> u64 {
        let before = self
            .store
            .as_ref()
            .and_then(|store| store.not_after(id, position.before()).ok()?);
        before.map_or(0, |snapshot| snapshot.number + 1)
    }

    /// A posting of a long wallet at the end of a range.
    pub fn posting(&self, id: &EntityId, range: &SnapshotRange, event: &str) -> Option<Posting> {
        let postings = &range.replay.fold.state.postings;
        if let Some(posting) = postings.get(event) {
            return Some(posting.clone());
        }
        let number = range.prior.as_ref()?.number;
        match self.store.as_ref()?.fact(id, &Part::Posting(event.to_owned()), number) {
            Ok(Some(Fact::Posting(_, posting))) => Some(posting),
            _ => None,
        }
    }

    async fn try_range(&self, id: &EntityId, filter: &Filter) -> Result<Option<SnapshotRange>, Trouble> {
        let Some(Last {
            store,
            snapshot: last,
            tail,
        }) = self.last_snapshot(id).await?
        else {
            return Ok(None);
        };
        if !last.fold.continues_with(&tail) {
            // An entry came that belongs before the snapshot.
            self.remove_snapshots(id).await;
            return Ok(None);
        }
        let mut extent = last.extent;
        for entry in &tail {
            extent.add(entry);
        }
        let bounds = Bounds::of(filter);
        let (last_number, last_place) = (last.number, last.place);
        let prior = if filter.is_empty() {
            Some(last)
        } else {
            store.whole(id, bounds.time, bounds.recorded, bounds.place)?
        };
        let fold = prior.as_ref().map_or_else(Fold::new, |prior| prior.fold.clone());
        let base = prior.as_ref().map(|prior| prior.number);
        let mut replaying = Replaying::new(fold, prior.as_ref().map_or(0, |prior| prior.place));
        let mut number = base.map_or(0, |number| number + 1);
        while number <= last_number {
            let segment = store.numbered(id, number)?.ok_or(SnapshotError::Damaged)?;
            if !bounds.exclude(&segment) {
                let entries = self.read_segment(store, id, number).await?;
                replay_on(store, id, base, &mut replaying, entries, filter)?;
                number += 1;
                continue;
            }
            // Segments in order after this one are later still. Only late segments may have kept entries.
            let late = store.next_late(id, number, bounds.time, bounds.recorded)?;
            let next = late.as_ref().map_or(last_number + 1, |late| late.number);
            let end = store.numbered(id, next - 1)?.ok_or(SnapshotError::Damaged)?.place;
            let (missing, opens) = store.gaps(id, number, next - 1)?;
            replaying.replay.fold.skip_range(end, missing);
            replaying.place = end;
            if opens {
                replaying.replay.fold.state.pass_over_opening();
            }
            number = next;
        }
        replaying.place = replaying.place.max(last_place);
        replay_on(store, id, base, &mut replaying, tail, filter)?;
        let chart = match (&prior, store.chart(id)?) {
            (Some(prior), Some((_, chart))) => {
                let mut points = chart.points(prior.place);
                points.extend(point_at(prior));
                points
            }
            _ => Vec::new(),
        };
        Ok(Some(SnapshotRange {
            prior,
            replay: replaying.replay,
            extent,
            chart,
        }))
    }

    async fn try_segment(&self, id: &EntityId, number: u64) -> Result<Option<Segment>, Trouble> {
        let Some(store) = &self.store else { return Ok(None) };
        let prior = match number.checked_sub(1) {
            Some(before) => Some(store.numbered(id, before)?.ok_or(SnapshotError::Damaged)?),
            None => None,
        };
        let fold = prior.as_ref().map_or_else(Fold::new, |prior| prior.fold.clone());
        let start = fold.state.figures();
        let mut replaying = Replaying::new(fold, prior.as_ref().map_or(0, |prior| prior.place));
        let entries = self.read_segment(store, id, number).await?;
        let base = prior.as_ref().map(|prior| prior.number);
        replay_on(store, id, base, &mut replaying, entries, &Filter::default())?;
        Ok(Some(Segment {
            start,
            replay: replaying.replay,
            previous: prior.map(|prior| prior.position),
        }))
    }

    /// The entries of a segment. The segment after the last snapshot may be incomplete.
    async fn read_segment(&self, store: &SnapshotStore, id: &EntityId, number: u64) -> Result<Vec<Entry>, Trouble> {
        let after = match number.checked_sub(1) {
            Some(before) => store.numbered(id, before)?.ok_or(SnapshotError::Damaged)?.position,
            None => Position::START,
        };
        let size = usize::try_from(SEGMENT).unwrap_or(READ_MAX);
        Ok(self.log.read(id, after, size).await?)
    }
}

fn replay_on(
    store: &SnapshotStore,
    id: &EntityId,
    base: Option<u64>,
    replaying: &mut Replaying,
    entries: Vec<Entry>,
    filter: &Filter,
) -> Stored<()> {
    if let Some(base) = base {
        let parts = entries.iter().flat_map(WalletState::parts_of).collect();
        store.recall(id, &mut replaying.replay.fold.state, parts, base)?;
    }
    for entry in entries {
        replaying.push(entry, filter);
    }
    Ok(())
}

/// The figures at a snapshot, as a point of the chart.
fn point_at(snapshot: &Snapshot) -> Option<ChartPoint> {
    let state = &snapshot.fold.state;
    Some(ChartPoint {
        sequence: snapshot.place,
        time: state.last_time?,
        posted: state.posted,
        available: state.available(),
    })
}
