//! The page of one refund: its story across both domains.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    event::Entry,
    findings::Finding,
    fold::Anomaly,
    ids::{Domain, EntityId},
    refund::RefundRow,
    wallet::Party,
};

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
