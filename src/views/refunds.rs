//! Lists of refunds with their sums, and the page of one refund: its story across both domains.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{
    event::Entry,
    findings::Finding,
    fold::Anomaly,
    ids::{Domain, EntityId},
    money::Currency,
    refund::{RefundRow, RefundState},
    wallet::Party,
};

use super::lists::{Count, PageAt};

/// Amounts of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub currency: Currency,
    pub amount: Decimal,
    pub count: u64,
}

/// The order of refunds in a list. Equal rows are ordered by refund id, then by order id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundSort {
    /// By request time, oldest first.
    #[default]
    Oldest,
    Newest,
    /// By the time of entering the current state, oldest first.
    Stuck,
    AmountUp,
    AmountDown,
    State,
    Refund,
    Order,
}

/// The refunds that a list asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefundsQuery {
    /// Empty: the pending states.
    pub states: Vec<RefundState>,
    pub overdue: bool,
    pub currency: Option<Currency>,
    /// Whole hours in the current state at least.
    pub older_than_hours: Option<u32>,
    /// Part of a refund, order, wallet or customer id or name, or of a reason. The search ignores case.
    pub text: String,
    pub sort: RefundSort,
    pub at: PageAt,
}

/// One page of refunds, and the sums of all refunds that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefundsPage {
    pub rows: Vec<RefundRow>,
    /// The cursor for [`PageAt::Before`]; `None`: no refund is before this page.
    pub previous: Option<String>,
    /// The cursor for [`PageAt::After`]; `None`: no refund is after this page.
    pub next: Option<String>,
    pub total: Count,
    /// `None`: too many refunds match to be counted.
    pub overdue: Option<u64>,
    /// `None`: too many refunds match to be added up.
    pub sums: Option<Vec<Sum>>,
    /// The page ended early because it had visited as many refunds as a page may; `next` searches on.
    pub stopped: bool,
    /// All currencies of refunds, for the filter.
    pub currencies: Vec<Currency>,
    /// The time that ages are computed for.
    pub now: DateTime<Utc>,
}

/// A refund's page: its story across both domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefundView {
    pub row: RefundRow,
    pub note: Option<String>,
    pub failure: Option<String>,
    /// The limit of the current state in whole seconds; `None` outside the pending states.
    pub limit_seconds: Option<i64>,
    pub customer: Option<Party>,
    /// Other orders that use the same refund id, at most 20.
    pub other_orders: Vec<EntityId>,
    pub other_order_count: u64,
    /// Ordered by effective time.
    pub story: Vec<StoryRow>,
    /// Number of events left out because the order or wallet has more than a page can show.
    pub omitted: u64,
    /// Stores that did not answer. The story lacks their events.
    pub missing: Vec<Domain>,
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
    /// Whether the event names this refund. Otherwise the event is of its order, or of the same order on the wallet.
    pub of_refund: bool,
    pub anomalies: Vec<Anomaly>,
}
