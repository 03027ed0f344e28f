//! Timelines of one wallet or order, and the page of one event, replayed from the log at each request. The read model
//! only gives what is shown beside them.

use std::collections::{BTreeMap, btree_map};

use chrono::{DateTime, Utc};

use super::{Ledger, LedgerError, pages::Cut};
use crate::read_model::lists::findings::About;
use crate::{
    domain::{
        event::Entry,
        fold::{Anomaly, Fold},
        ids::{Domain, EntityId, Position},
        order::{Line, OrderEvent, OrderState},
        refund::{Refund, RefundRow},
        replay::{Balances, Filter, Replay, Replayable, Step, replay},
        wallet::{Posting, WalletState},
    },
    event_log::ReadError,
    read_model::snapshots::{Histories, SEGMENT, Segment, SnapshotRange},
    views::{
        events::{EventLink, EventView},
        orders::OrderView,
        timelines::{
            ANOMALIES_SHOWN, CHART_POINTS_MAX, ChartPoint, Extent, HISTORY_BYTES_MAX, HISTORY_ROWS_MAX, History,
            Timeline, TimelineQuery, TimelineRow,
        },
        truncate,
        wallets::{HoldRow, WalletView},
    },
};

/// Maximum number of orders shown beside a wallet.
const ORDERS_SHOWN: usize = 20;
/// Events of a history that are read in one call. Each may be large.
const HISTORY_READ: usize = 100;
/// Maximum number of segments of a long wallet that are read to find what names an order or a refund. The newest are
/// read.
pub(super) const SEGMENTS_READ: u32 = 16;
/// Maximum number of events with the same correlation shown beside an event.
const CORRELATED_SHOWN: usize = 50;

impl Ledger {
    /// A wallet's page, replayed under a filter. A long wallet is read from its nearest snapshot.
    #[tracing::instrument(level = "debug", skip_all, fields(%id))]
    pub async fn wallet(&self, id: &EntityId, query: &TimelineQuery) -> Result<WalletView, LedgerError> {
        let range = self.histories().range(id, &query.filter).await;
        if let Some(range) = range.map_err(|source| unreadable(Domain::Wallet, source))?
            && let Some(view) = self.long_wallet(id, query, range).await?
        {
            return Ok(view);
        }
        let entries = self.read_all(Domain::Wallet, id).await?;
        let extent = extent(&entries).ok_or_else(|| not_found(Domain::Wallet, id, false))?;
        let replay =
            replay::<WalletState>(entries, &query.filter).ok_or_else(|| not_found(Domain::Wallet, id, true))?;
        let timeline = timeline(&replay, query);
        let reversible = reversible(&timeline, |event| replay.fold.state.postings.get(event).cloned());
        Ok(WalletView {
            timeline,
            reversible,
            extent,
            chart: chart(Vec::new(), &replay.steps),
            anomalies: replay.anomalies.iter().take(ANOMALIES_SHOWN).cloned().collect(),
            anomaly_count: replay.anomalies.len() as u64,
            ..self.wallet_view(id, &replay.fold, extent, query)?
        })
    }

    /// The parts of a wallet's page that do not depend on the way it was replayed.
    fn wallet_view(
        &self,
        id: &EntityId,
        fold: &Fold<WalletState>,
        extent: Extent,
        query: &TimelineQuery,
    ) -> Result<WalletView, LedgerError> {
        let state = &fold.state;
        let (findings, finding_count) = self.findings_about(About::Wallet, id.as_str())?;
        let open_holds: Vec<_> = state.open_holds().collect();
        let cut = Cut::of(open_holds.len(), query.parts.holds);
        let open_holds = cut.of_sorted(open_holds).into_iter().map(|(hold, about)| HoldRow {
            hold: hold.to_owned(),
            amount: about.amount,
            order: about.order.clone(),
            since: about.since,
            expires_at: about.expires_at,
            state: about.state,
        });
        Ok(WalletView {
            id: id.clone(),
            owner: state.owner.clone(),
            status: state.status,
            currency: state.currency,
            sequence: fold.sequence,
            complete: fold.complete,
            balances: state.figures(),
            open_holds: cut.part_of(open_holds.collect()),
            anomalies: Vec::new(),
            anomaly_count: 0,
            chart: Vec::new(),
            timeline: Timeline {
                rows: Vec::new(),
                page: 1,
                pages: 1,
                total: 0,
            },
            reversible: Vec::new(),
            extent,
            findings,
            finding_count,
            orders: self.orders_naming(id, ORDERS_SHOWN)?,
            now: self.now(),
        })
    }

    /// The page of a long wallet. `None` if a snapshot that it needs is missing.
    async fn long_wallet(
        &self,
        id: &EntityId,
        query: &TimelineQuery,
        range: SnapshotRange,
    ) -> Result<Option<WalletView>, LedgerError> {
        let before = range.before();
        let total = before + range.replay.steps.len() as u64;
        if total == 0 {
            return Err(not_found(Domain::Wallet, id, true));
        }
        let cut = Cut::of(usize::try_from(total).unwrap_or(usize::MAX), query.page);
        let mut segments: BTreeMap<u64, Segment> = BTreeMap::new();
        let mut rows = Vec::new();
        for place in cut.places(total, query.oldest_first) {
            if place >= before {
                rows.push(row_at(&range.replay, place - before, range.start()));
                continue;
            }
            let number = place / SEGMENT;
            if let btree_map::Entry::Vacant(vacant) = segments.entry(number) {
                let segment = self.histories().segment(id, number).await;
                let Some(segment) = segment.map_err(|source| unreadable(Domain::Wallet, source))? else {
                    return Ok(None);
                };
                vacant.insert(segment);
            }
            if let Some(segment) = segments.get(&number) {
                rows.push(row_at(&segment.replay, place % SEGMENT, segment.start));
            }
        }
        let timeline = Timeline {
            rows: rows.into_iter().flatten().collect(),
            page: cut.page,
            pages: cut.pages,
            total: cut.total,
        };
        let reversible = reversible(&timeline, |event| self.histories().posting(id, &range, event));
        let prior = range.prior.as_ref();
        let earlier = prior.map(|prior| prior.anomalies.as_slice()).unwrap_or_default();
        let anomalies = earlier.iter().chain(&range.replay.anomalies);
        let earlier_count = prior.map_or(0, |prior| prior.anomaly_count);
        Ok(Some(WalletView {
            timeline,
            reversible,
            anomalies: anomalies.take(ANOMALIES_SHOWN).cloned().collect(),
            anomaly_count: earlier_count + range.replay.anomalies.len() as u64,
            chart: chart(range.chart.clone(), &range.replay.steps),
            ..self.wallet_view(id, &range.replay.fold, range.extent, query)?
        }))
    }

    pub(super) fn histories(&self) -> &Histories<WalletState> {
        self.model.wallet_histories()
    }

    /// An order's page, replayed under a filter.
    #[tracing::instrument(level = "debug", skip_all, fields(%id))]
    pub async fn order(&self, id: &EntityId, query: &TimelineQuery) -> Result<OrderView, LedgerError> {
        let entries = self.read_all(Domain::Order, id).await?;
        let extent = extent(&entries).ok_or_else(|| not_found(Domain::Order, id, false))?;
        let replay = replay::<OrderState>(entries, &query.filter).ok_or_else(|| not_found(Domain::Order, id, true))?;
        let state = &replay.fold.state;
        // Ages are relative to the chosen time.
        let now = query.filter.at.unwrap_or_else(|| self.now());
        let mut refunds: Vec<_> = state.refunds.iter().collect();
        let refunds_cut = Cut::of(refunds.len(), query.parts.refunds);
        refunds.sort_unstable_by_key(|(refund_id, refund)| (refund.requested_at, *refund_id));
        let refunds = refunds_cut.of_sorted(refunds);
        let wallet = state.wallet.as_deref();
        let customer = state.customer.as_ref().map(|party| party.id.as_str());
        let limits = &self.model.settings().limits;
        let refund_row = |(refund_id, refund): &(&String, &Refund)| {
            RefundRow::new(refund_id, id, wallet, customer, refund, now, limits)
        };
        let refunds = refunds.iter().map(refund_row).collect();
        let lines = lines(&replay);
        let lines_cut = Cut::of(lines.len(), query.parts.lines);
        let (findings, finding_count) = self.findings_about(About::Order, id.as_str())?;
        Ok(OrderView {
            id: id.clone(),
            wallet: state.wallet.clone(),
            customer: state.customer.clone(),
            status: state.status,
            currency: state.currency,
            total: state.total,
            sequence: replay.fold.sequence,
            complete: replay.fold.complete,
            sums: state.figures(),
            lines: lines_cut.part_of(lines_cut.of_sorted(lines)),
            refunds: refunds_cut.part_of(refunds),
            anomalies: replay.anomalies.iter().take(ANOMALIES_SHOWN).cloned().collect(),
            anomaly_count: replay.anomalies.len() as u64,
            timeline: timeline(&replay, query),
            extent,
            findings,
            finding_count,
            now,
        })
    }

    /// A part of a wallet's stream for a replay in the browser, without long texts that a replay does not need.
    #[tracing::instrument(level = "debug", skip_all, fields(%id))]
    pub async fn wallet_history(&self, id: &EntityId, after: Position) -> Result<History, LedgerError> {
        let log = &self.model.stores().wallet.log;
        let limit = HISTORY_ROWS_MAX as usize;
        let mut entries: Vec<Entry> = Vec::new();
        let (mut bytes, mut next) = (0, Some(after));
        while let Some(after) = next
            && entries.len() < limit
            && bytes < HISTORY_BYTES_MAX
        {
            let wanted = HISTORY_READ.min(limit - entries.len());
            let page = log.read(id, after, wanted).await.map_err(|source| LedgerError::Store {
                domain: Domain::Wallet,
                source,
            })?;
            next = page.last().filter(|_| page.len() == wanted).map(|entry| entry.position);
            let page: Vec<_> = page.into_iter().map(truncate::replayable).collect();
            bytes += page.iter().map(truncate::size).sum::<usize>();
            entries.extend(page);
        }
        Ok(History { entries, next })
    }

    /// One event as stored, its effect, and the events related to it.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event(
        &self,
        domain: Domain,
        subject: &EntityId,
        position: Position,
    ) -> Result<EventView, LedgerError> {
        let missing = || LedgerError::NotFound {
            what: format!("event {position} of {domain} {subject}"),
            filtered: false,
        };
        let (facts, currency, entries) = match domain {
            Domain::Wallet => {
                let (facts, replay) = self.wallet_facts(subject, position).await?;
                (facts, replay.fold.state.currency, entries_of(replay))
            }
            Domain::Order => {
                let replay = replayed::<OrderState>(self.read_all(domain, subject).await?);
                (facts(&replay, position), replay.fold.state.currency, entries_of(replay))
            }
        };
        let mut places: Vec<_> = self.related(domain, subject, entries, position).await;
        let facts = facts.ok_or_else(missing)?;
        let causation = facts.entry.fields.causationid().map(str::to_owned);
        let cause = causation.and_then(|id| {
            let at = places.iter().find(|(entry, _)| entry.fields.id() == Some(&id));
            at.map(|(_, link)| link.clone())
        });
        let correlation = facts.entry.fields.correlationid();
        places.retain(|(entry, link)| {
            let itself = link.domain == domain && link.subject == *subject && link.position == position;
            !itself && correlation.is_some() && entry.fields.correlationid() == correlation
        });
        places.sort_by_key(|(_, link)| link.time);
        Ok(EventView {
            domain,
            subject: subject.clone(),
            entry: facts.entry,
            truncated: None,
            applied: facts.applied,
            anomalies: facts.anomalies,
            currency,
            previous: facts.previous,
            next: facts.next,
            cause,
            correlated: places
                .into_iter()
                .take(CORRELATED_SHOWN)
                .map(|(_, link)| link)
                .collect(),
        })
    }

    /// A wallet's event with its neighbours, and the replayed part of the wallet.
    async fn wallet_facts(
        &self,
        id: &EntityId,
        position: Position,
    ) -> Result<(Option<Facts>, Replay<WalletState>), LedgerError> {
        let log = &self.model.stores().wallet.log;
        let unreadable = |source| unreadable(Domain::Wallet, source);
        let Some(segment) = self.histories().segment_with(id, position).await.map_err(unreadable)? else {
            let replay = replayed::<WalletState>(self.read_all(Domain::Wallet, id).await?);
            return Ok((facts(&replay, position), replay));
        };
        let mut facts = facts(&segment.replay, position);
        if let Some(facts) = &mut facts {
            facts.previous = facts.previous.or(segment.previous);
            if facts.next.is_none() {
                let next = log.read(id, position, 1).await.map_err(unreadable)?;
                facts.next = next.first().map(|entry| entry.position);
            }
        }
        Ok((facts, segment.replay))
    }

    /// A wallet's entries that may concern an order: all entries, or, of a long wallet, those around the entries that
    /// name the order.
    async fn entries_about(&self, wallet: &EntityId, order: &EntityId) -> Result<Vec<Entry>, LedgerError> {
        let unreadable = |source| unreadable(Domain::Wallet, source);
        if !self.histories().is_long(wallet).await.map_err(unreadable)? {
            return self.read_all(Domain::Wallet, wallet).await;
        }
        let naming = self.histories().naming(wallet, "", order.as_str(), SEGMENTS_READ).await;
        Ok(entries_of(naming.map_err(unreadable)?))
    }

    /// The events of this stream and of the other stream that it or the event names, each with a link. A store that
    /// does not answer makes the list shorter and causes no error.
    async fn related(
        &self,
        domain: Domain,
        subject: &EntityId,
        entries: Vec<Entry>,
        position: Position,
    ) -> Vec<(Entry, EventLink)> {
        let links = |domain: Domain, subject: &EntityId, entries: Vec<Entry>| -> Vec<(Entry, EventLink)> {
            let place = |entry: Entry| {
                let link = EventLink {
                    domain,
                    subject: subject.clone(),
                    position: entry.position,
                    r#type: entry.fields.r#type().map(str::to_owned).unwrap_or_default(),
                    time: entry.time(),
                };
                (entry, link)
            };
            entries.into_iter().map(place).collect()
        };
        let other = match domain {
            Domain::Order => self
                .wallet_named_by(subject)
                .ok()
                .flatten()
                .map(|wallet| (Domain::Wallet, wallet)),
            Domain::Wallet => entries
                .iter()
                .find(|entry| entry.position == position)
                .and_then(|entry| serde_json::from_str::<serde_json::Value>(entry.fields.data()?).ok())
                .and_then(|data| Some(data.get("order")?.as_str()?.to_owned()))
                .map(|order| (Domain::Order, order)),
        };
        let mut all = links(domain, subject, entries);
        if let Some((other_domain, id)) = other
            && let Ok(id) = EntityId::new(id)
            && let Ok(entries) = match other_domain {
                Domain::Wallet => self.entries_about(&id, subject).await,
                Domain::Order => self.read_all(Domain::Order, &id).await,
            }
        {
            all.extend(links(other_domain, &id, entries));
        }
        all
    }
}

/// The ids of the events in a timeline that are postings and not wholly reversed.
fn reversible(timeline: &Timeline<Balances>, posting: impl Fn(&str) -> Option<Posting>) -> Vec<String> {
    let ids = timeline.rows.iter().filter_map(|row| row.step.entry.fields.id());
    ids.filter(|id| posting(id).is_some_and(|posting| !posting.wholly_reversed()))
        .map(str::to_owned)
        .collect()
}

/// A row of a replay. `start` are the figures before its first step.
fn row_at(replay: &Replay<WalletState>, place: u64, start: Balances) -> Option<TimelineRow<Balances>> {
    let at = usize::try_from(place).ok()?;
    let before = at.checked_sub(1).and_then(|before| replay.steps.get(before));
    Some(TimelineRow {
        step: shown(replay.steps.get(at)?),
        before: before.map_or(start, |before| before.after),
        anomalies: anomalies_at(replay, at),
    })
}

/// A step as a row of a timeline. Long texts of its event are truncated.
fn shown<F: Clone>(step: &Step<F>) -> Step<F> {
    Step {
        entry: truncate::row(&step.entry),
        applied: step.applied,
        after: step.after.clone(),
    }
}

pub(super) fn unreadable(domain: Domain, source: ReadError) -> LedgerError {
    tracing::warn!(%domain, %source, "a stream can't be read");
    LedgerError::Store { domain, source }
}

pub(super) fn not_found(domain: Domain, id: &EntityId, filtered: bool) -> LedgerError {
    LedgerError::NotFound {
        what: format!("{domain} {id}"),
        filtered,
    }
}

/// A replay of all entries. Without entries it is empty.
pub(super) fn replayed<S: Replayable>(entries: Vec<Entry>) -> Replay<S> {
    replay(entries, &Filter::default()).unwrap_or_else(|| Replay {
        fold: crate::domain::fold::Fold::new(),
        anomalies: Vec::new(),
        anomaly_steps: Vec::new(),
        steps: Vec::new(),
    })
}

fn entries_of<S: Replayable>(replay: Replay<S>) -> Vec<Entry> {
    replay.steps.into_iter().map(|step| step.entry).collect()
}

/// The anomalies that were found at one step.
pub(super) fn anomalies_at<S: Replayable>(replay: &Replay<S>, step: usize) -> Vec<Anomaly> {
    let from = replay.anomaly_steps.partition_point(|&at| at < step);
    let to = replay.anomaly_steps.partition_point(|&at| at <= step);
    replay.anomalies[from..to].to_vec()
}

fn timeline<S: Replayable>(replay: &Replay<S>, query: &TimelineQuery) -> Timeline<S::Figures> {
    let mut places: Vec<usize> = (0..replay.steps.len()).collect();
    if !query.oldest_first {
        places.reverse();
    }
    let cut = Cut::of(places.len(), query.page);
    let row = |at: usize| TimelineRow {
        step: shown(&replay.steps[at]),
        before: at
            .checked_sub(1)
            .map(|before| replay.steps[before].after.clone())
            .unwrap_or_default(),
        anomalies: anomalies_at(replay, at),
    };
    Timeline {
        rows: cut.of_sorted(places).into_iter().map(row).collect(),
        page: cut.page,
        pages: cut.pages,
        total: cut.total,
    }
}

/// The bounds of a history; `None` if it has no events.
fn extent(entries: &[Entry]) -> Option<Extent> {
    let (first, rest) = entries.split_first()?;
    let mut extent = Extent::of(first);
    for entry in rest {
        extent.add(entry);
    }
    Some(extent)
}

/// The points at which the figures changed, after the given points. If there are too many, the points are split into
/// ranges, and each range keeps its lowest, its highest and its last point.
fn chart(mut points: Vec<ChartPoint>, steps: &[Step<Balances>]) -> Vec<ChartPoint> {
    for step in steps.iter().filter(|step| step.applied) {
        let time: DateTime<Utc> = step.entry.time().unwrap_or(step.entry.recorded);
        let point = ChartPoint {
            sequence: step.entry.sequence().unwrap_or(0),
            time,
            posted: step.after.posted,
            available: step.after.available,
        };
        let same = points
            .last()
            .is_some_and(|last| last.posted == point.posted && last.available == point.available);
        if !same {
            points.push(point);
        }
    }
    if points.len() <= CHART_POINTS_MAX {
        return points;
    }
    let range = points.len().div_ceil(CHART_POINTS_MAX / 3);
    let mut kept = Vec::with_capacity(CHART_POINTS_MAX);
    for part in points.chunks(range) {
        let lowest = part.iter().min_by_key(|point| point.available);
        let highest = part.iter().max_by_key(|point| point.available);
        let mut three: Vec<_> = [lowest, highest, part.last()].into_iter().flatten().copied().collect();
        three.sort_by_key(|point| point.sequence);
        three.dedup_by_key(|point| point.sequence);
        kept.extend(three);
    }
    kept
}

/// The lines of the `order.placed` event that was applied.
fn lines(replay: &Replay<OrderState>) -> Vec<Line> {
    let placed = replay
        .steps
        .iter()
        .find(|step| step.applied && step.entry.fields.r#type() == Some("order.placed"));
    let payload = placed.and_then(|step| OrderEvent::parse("order.placed", step.entry.fields.data()).ok());
    match payload {
        Some(OrderEvent::Placed { lines, .. }) => lines,
        _ => Vec::new(),
    }
}

struct Facts {
    entry: Entry,
    applied: bool,
    anomalies: Vec<Anomaly>,
    previous: Option<Position>,
    next: Option<Position>,
}

fn facts<S: Replayable>(replay: &Replay<S>, position: Position) -> Option<Facts> {
    let at = replay.steps.iter().position(|step| step.entry.position == position)?;
    let position_of = |at: usize| replay.steps.get(at).map(|step| step.entry.position);
    let step = &replay.steps[at];
    Some(Facts {
        entry: step.entry.clone(),
        applied: step.applied,
        anomalies: anomalies_at(replay, at),
        previous: at.checked_sub(1).and_then(position_of),
        next: position_of(at + 1),
    })
}
