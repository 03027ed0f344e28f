//! What lists, pages and searches ask for and get: plain values that travel between server and browser. Bounds of what
//! may be asked are here, so both sides know them; how an answer is found is none of this file's business.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    event::Entry,
    findings::{Finding, FindingKind},
    fold::Anomaly,
    ids::{Domain, EntityId, Position, Sequence},
    money::Currency,
    order::{Line, OrderStatus},
    refund::{RefundRow, RefundState},
    replay::{Balances, Filter, OrderSums, Step},
    wallet::{HoldState, Party, WalletStatus},
};

/// Rows of a page, if nothing else is asked for.
pub const PAGE_ROWS: u32 = 50;
/// Rows of a page at most.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Characters of a search text at most; what is longer is refused.
pub const SEARCH_MAX: usize = 100;
/// Events that a browser may ask for at once to replay a wallet itself.
pub const HISTORY_ROWS_MAX: u32 = 1_000;
/// Bytes after which an answer to that takes no more events.
pub const HISTORY_BYTES_MAX: usize = 1024 * 1024;
/// Events of a wallet up to which the browser recomputes by itself; above, the server does.
pub const HISTORY_IN_BROWSER_MAX: u64 = 5_000;
/// Anomalies that a page is told of; how many there are in all is told beside them.
pub const ANOMALIES_SHOWN: usize = 50;
/// Findings that the page of a wallet, an order or a refund shows; how many there are in all is told beside them.
pub const FINDINGS_SHOWN: usize = 50;
/// Points of a balance chart at most.
pub const CHART_POINTS_MAX: usize = 400;

/// Amounts of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub currency: Currency,
    pub amount: Decimal,
    pub count: u64,
}

/// How refunds are sorted. Refund id and order settle what is equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundSort {
    /// By when they were requested, oldest first.
    #[default]
    Oldest,
    Newest,
    /// By when they entered their state, the longest stuck first.
    Stuck,
    AmountUp,
    AmountDown,
    State,
    Refund,
    Order,
}

/// Which refunds are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefundsQuery {
    /// None: the pending ones.
    pub states: Vec<RefundState>,
    pub overdue: bool,
    pub currency: Option<Currency>,
    /// In their state for at least so many whole hours.
    pub older_than_hours: Option<u32>,
    /// Part of a refund, order, wallet or customer id or name, or of a reason; case does not matter.
    pub text: String,
    pub sort: RefundSort,
    /// From 1; 0 is taken as 1.
    pub page: u32,
}

/// One page of refunds and what all that match add up to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefundsPage {
    pub rows: Vec<RefundRow>,
    pub page: u32,
    pub pages: u32,
    /// All that match.
    pub total: u64,
    pub overdue: u64,
    pub sums: Vec<Sum>,
    /// Currencies that any refund has, to choose from.
    pub currencies: Vec<Currency>,
    /// The moment that ages are counted to.
    pub now: DateTime<Utc>,
}

/// Which wallets or orders are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Part of an id, an owner or customer (id or name), or a refund id; case does not matter.
    pub text: String,
    /// A status word; none: all.
    pub status: Option<String>,
    pub sort: ListSort,
    /// From 1; 0 is taken as 1.
    pub page: u32,
}

/// How wallets and orders are sorted. The id settles what is equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListSort {
    /// What changed last first.
    #[default]
    Recent,
    Id,
    /// By available balance or total, highest first.
    AmountDown,
    AmountUp,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    /// All that match.
    pub total: u64,
    pub now: DateTime<Utc>,
}

/// A wallet in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletRow {
    pub id: EntityId,
    pub owner: Option<Party>,
    pub status: WalletStatus,
    pub currency: Option<Currency>,
    pub balances: Balances,
    pub sequence: Sequence,
    pub complete: bool,
    pub last_time: Option<DateTime<Utc>>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    pub id: EntityId,
    pub customer: Option<Party>,
    pub wallet: Option<String>,
    pub status: OrderStatus,
    pub currency: Option<Currency>,
    pub total: Option<Decimal>,
    pub sums: OrderSums,
    pub pending_refunds: u64,
    pub complete: bool,
    pub placed_at: Option<DateTime<Utc>>,
    pub last_time: Option<DateTime<Utc>>,
}

/// A page of one of the lists on an entity's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    /// All that there are.
    pub total: u64,
}

/// Which pages of the lists on an entity's page are wanted: from 1; 0 is taken as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartPages {
    pub holds: u32,
    pub refunds: u32,
    pub lines: u32,
}

/// What a timeline page asks for: a filter, an end to start from, a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimelineQuery {
    pub filter: Filter,
    pub oldest_first: bool,
    /// From 1; 0 is taken as 1.
    pub page: u32,
    /// Of the lists beside the timeline.
    pub parts: PartPages,
}

/// A page of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline<F> {
    pub rows: Vec<TimelineRow<F>>,
    pub page: u32,
    pub pages: u32,
    /// Events kept by the filter.
    pub total: u64,
}

/// An event of a timeline, what it did, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineRow<F> {
    pub step: Step<F>,
    /// The figures before it.
    pub before: F,
    pub anomalies: Vec<Anomaly>,
}

/// Bounds of an entity's history, for the controls of time travel. Of all events, whatever the filter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    pub events: u64,
    pub last_sequence: Sequence,
    pub first_time: DateTime<Utc>,
    pub last_time: DateTime<Utc>,
    pub first_recorded: DateTime<Utc>,
    pub last_recorded: DateTime<Utc>,
}

impl Extent {
    /// The bounds of one event. What happened at a time that can't be read happened, for all that is known, when it was
    /// recorded.
    pub fn of(entry: &Entry) -> Self {
        let time = entry.time().unwrap_or(entry.recorded);
        Self {
            events: 1,
            last_sequence: entry.sequence().unwrap_or(0),
            first_time: time,
            last_time: time,
            first_recorded: entry.recorded,
            last_recorded: entry.recorded,
        }
    }

    /// Takes another event in.
    pub fn add(&mut self, entry: &Entry) {
        let one = Self::of(entry);
        self.events += 1;
        self.last_sequence = self.last_sequence.max(one.last_sequence);
        self.first_time = self.first_time.min(one.first_time);
        self.last_time = self.last_time.max(one.last_time);
        self.first_recorded = self.first_recorded.min(one.first_recorded);
        self.last_recorded = self.last_recorded.max(one.last_recorded);
    }
}

/// A point of a balance chart: the figures from this event on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    pub sequence: Sequence,
    pub time: DateTime<Utc>,
    pub posted: Decimal,
    pub available: Decimal,
}

/// A hold as a wallet's page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldRow {
    pub hold: String,
    pub amount: Decimal,
    pub order: Option<String>,
    pub since: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub state: HoldState,
}

/// A wallet's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletView {
    pub id: EntityId,
    pub owner: Option<Party>,
    pub status: WalletStatus,
    pub currency: Option<Currency>,
    /// Of the last event kept.
    pub sequence: Sequence,
    pub complete: bool,
    pub balances: Balances,
    /// In the order of their ids.
    pub open_holds: Part<HoldRow>,
    pub anomalies: Vec<Anomaly>,
    pub anomaly_count: u64,
    pub timeline: Timeline<Balances>,
    /// Ids of the timeline's credits, debits and captures that are not wholly reversed.
    pub reversible: Vec<String>,
    pub chart: Vec<ChartPoint>,
    pub extent: Extent,
    /// Findings that name this wallet, as of now.
    pub findings: Vec<Finding>,
    pub finding_count: u64,
    /// Orders that name this wallet, newest first; at most 20.
    pub orders: Vec<OrderRow>,
    pub now: DateTime<Utc>,
}

/// An order's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderView {
    pub id: EntityId,
    pub wallet: Option<String>,
    pub customer: Option<Party>,
    pub status: OrderStatus,
    pub currency: Option<Currency>,
    pub total: Option<Decimal>,
    pub sequence: Sequence,
    pub complete: bool,
    pub sums: OrderSums,
    pub lines: Part<Line>,
    /// Oldest first.
    pub refunds: Part<RefundRow>,
    pub anomalies: Vec<Anomaly>,
    pub anomaly_count: u64,
    pub timeline: Timeline<OrderSums>,
    pub extent: Extent,
    pub findings: Vec<Finding>,
    pub finding_count: u64,
    pub now: DateTime<Utc>,
}

/// One event of a refund's story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoryRow {
    pub domain: Domain,
    pub subject: EntityId,
    pub entry: Entry,
    pub applied: bool,
    /// Of this refund itself; otherwise of its order, or of the same order on the wallet.
    pub of_refund: bool,
    pub anomalies: Vec<Anomaly>,
}

/// A refund's page: its story across both domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefundView {
    pub row: RefundRow,
    pub note: Option<String>,
    pub failure: Option<String>,
    /// The limit of its state, whole seconds; `None` outside the pending states.
    pub limit_seconds: Option<i64>,
    pub customer: Option<Party>,
    /// Other orders that use the same refund id, at most 20.
    pub other_orders: Vec<EntityId>,
    pub other_order_count: u64,
    /// Ordered by effective time.
    pub story: Vec<StoryRow>,
    /// Events that were left out, where the order or wallet has more than a page can show.
    pub omitted: u64,
    /// Stores that did not answer, so that the story lacks their events.
    pub missing: Vec<Domain>,
    pub findings: Vec<Finding>,
    pub finding_count: u64,
    pub now: DateTime<Utc>,
}

/// One event, as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    pub domain: Domain,
    pub subject: EntityId,
    pub entry: Entry,
    /// Where `entry` has not all of it.
    pub truncated: Option<TruncatedEvent>,
    pub applied: bool,
    pub anomalies: Vec<Anomaly>,
    pub currency: Option<Currency>,
    /// Positions of the events before and after it in sequence order.
    pub previous: Option<Position>,
    pub next: Option<Position>,
    /// Where the event that caused it stands, if it is in this stream or in that of the order or wallet it names.
    pub cause: Option<EventLink>,
    /// Events of this stream and of the order or wallet it names with the same correlation id.
    pub correlated: Vec<EventLink>,
}

/// What of an event is not on its page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruncatedEvent {
    /// Bytes of all its fields.
    pub bytes: u64,
    /// The event as rows of lists show it.
    pub row: Entry,
}

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLink {
    pub domain: Domain,
    pub subject: EntityId,
    pub position: Position,
    pub r#type: String,
    pub time: Option<DateTime<Utc>>,
}

/// A part of a stream, for a browser that replays it itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub entries: Vec<Entry>,
    /// Ask again with this; `None` at the end.
    pub next: Option<Position>,
}

/// Refunds of one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateSummary {
    pub state: RefundState,
    pub count: u64,
    pub overdue: u64,
    pub sums: Vec<Sum>,
}

/// Pending refunds of one age, counted from when they were requested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgeBucket {
    /// From so many hours …
    pub from_hours: u32,
    /// … to below so many; `None`: no end.
    pub to_hours: Option<u32>,
    pub count: u64,
    pub sums: Vec<Sum>,
}

/// Something that was just recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    pub domain: Domain,
    pub subject: EntityId,
    pub entry: Entry,
}

/// All wallets and orders of one currency, added up. A sum that would need more than 28 digits stays where it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub currency: Currency,
    pub orders: u64,
    /// What the orders cost.
    pub total: Decimal,
    pub paid: Decimal,
    pub refunded: Decimal,
    pub pending: Decimal,
    pub wallets: u64,
    pub posted: Decimal,
    pub held: Decimal,
}

/// What the first page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub by_state: Vec<StateSummary>,
    pub by_age: Vec<AgeBucket>,
    pub overdue: u64,
    pub overdue_sums: Vec<Sum>,
    /// The most overdue ones, at most 8.
    pub longest_overdue: Vec<RefundRow>,
    /// The last recorded first, at most 20.
    pub recent: Vec<Recent>,
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub events: u64,
    /// Everything there is, by currency.
    pub totals: Vec<Totals>,
    /// How many findings there are of each kind that occurs, worst first.
    pub findings: Vec<(FindingKind, u64)>,
    pub now: DateTime<Utc>,
}

/// How a store is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// Its streams are being read for the first time.
    Loading(Progress),
    /// Everything that it has is in the figures.
    Live,
    /// It does not answer; the figures are as of then (`None`: it never answered).
    Down {
        since: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
        reason: String,
    },
}

/// How far a store was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Events so far.
    pub events: u64,
    /// About how many there are; `None` where that is not known.
    pub of: Option<u64>,
    /// Events a second since it was begun.
    pub a_second: u64,
}

/// A store and how it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreHealth {
    pub domain: Domain,
    /// `embedded` or `redis`.
    pub adapter: String,
    pub state: StoreState,
}
