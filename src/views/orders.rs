//! Orders in lists, and the page of one order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    lists::Part,
    timelines::{Extent, Timeline},
};
use crate::domain::{
    findings::Finding,
    fold::Anomaly,
    ids::{EntityId, Sequence},
    money::Currency,
    order::{Line, OrderStatus},
    refund::RefundRow,
    replay::OrderSums,
    wallet::Party,
};

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
    pub sequence: Sequence,
    pub pending_refunds: u64,
    pub complete: bool,
    pub placed_at: Option<DateTime<Utc>>,
    pub last_time: Option<DateTime<Utc>>,
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
