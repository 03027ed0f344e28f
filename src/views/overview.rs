//! The first page: refunds by state and by age, totals, findings, and recently recorded events.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{events::Recent, lists::Sum};
use crate::domain::{
    findings::FindingKind,
    ids::Domain,
    money::Currency,
    refund::{RefundRow, RefundState},
};

/// What the first page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub by_state: Vec<StateSummary>,
    pub by_age: Vec<AgeBucket>,
    pub overdue: u64,
    pub overdue_sums: Vec<Sum>,
    /// The refunds that are overdue the longest, at most 8.
    pub longest_overdue: Vec<RefundRow>,
    /// Newest first, at most 20.
    pub recent: Vec<Recent>,
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub events: u64,
    /// Totals of all wallets and orders, by currency.
    pub totals: Vec<Totals>,
    /// The number of findings of each kind that occurs, worst first.
    pub findings: Vec<(FindingKind, u64)>,
    /// When every stream of a store was last compared with the figures; `None` if not yet.
    pub checked: Vec<(Domain, Option<DateTime<Utc>>)>,
    pub now: DateTime<Utc>,
}

/// Refunds of one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateSummary {
    pub state: RefundState,
    pub count: u64,
    pub overdue: u64,
    pub sums: Vec<Sum>,
}

/// Pending refunds of one range of ages, counted from the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgeBucket {
    /// The lower bound, included.
    pub from_hours: u32,
    /// The upper bound, excluded; `None` means no upper bound.
    pub to_hours: Option<u32>,
    pub count: u64,
    pub sums: Vec<Sum>,
}

/// The sums of all wallets and orders of one currency. A sum stays unchanged if the next amount would give it more than
/// 28 digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub currency: Currency,
    pub orders: u64,
    /// The sum of the orders' totals.
    pub total: Decimal,
    pub paid: Decimal,
    pub refunded: Decimal,
    pub pending: Decimal,
    pub wallets: u64,
    pub posted: Decimal,
    pub held: Decimal,
}
