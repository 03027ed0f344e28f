//! Customers: a list of them, and the page of one with everything that is theirs.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    compensations::CaseRow,
    findings::FindingRow,
    lists::Count,
    orders::OrderRow,
    wallets::{HoldListRow, WalletRow},
};
use crate::domain::{money::Currency, refund::RefundRow};

/// Rows of each list on a customer's page at most.
pub const CUSTOMER_ROWS: u32 = 20;

/// A customer in a list (contract §8): somebody whose id a wallet's owner or an order's customer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRow {
    /// The id.
    pub customer: String,
    /// The names that wallets and orders give, in NFC, each once, by code point.
    pub names: Vec<String>,
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub pending_refunds: u64,
}

/// The first rows of a list, and how many there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct First<Row> {
    pub rows: Vec<Row>,
    pub total: Count,
    /// Not all were looked at: there may be more, also where there are no rows here.
    pub stopped: bool,
}

/// What a customer's wallets hold and orders come to, in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerSums {
    pub currency: Currency,
    pub available: Decimal,
    pub held: Decimal,
    pub paid: Decimal,
    pub refunded: Decimal,
    /// Of pending refunds.
    pub pending: Decimal,
}

/// A customer's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerView {
    pub row: CustomerRow,
    pub wallets: First<WalletRow>,
    pub orders: First<OrderRow>,
    /// Of every state, pending ones first.
    pub refunds: First<RefundRow>,
    /// The open ones.
    pub holds: First<HoldListRow>,
    pub findings: First<FindingRow>,
    /// Cases about wallets and orders on this page.
    pub cases: Vec<CaseRow>,
    /// By currency; `None`: the customer has too many wallets and orders to be added up.
    pub sums: Option<Vec<CustomerSums>>,
    pub now: DateTime<Utc>,
}
