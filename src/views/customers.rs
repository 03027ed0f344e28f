//! Customers: the list of them, and the page of one customer with their wallets, orders, refunds, holds, findings and
//! cases.

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

/// Maximum number of rows of each list on a customer's page.
pub const CUSTOMER_ROWS: u32 = 20;

/// A customer in a list (contract §8): a person or company whose id is that of a wallet's owner or of an order's
/// customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRow {
    /// The id.
    pub customer: String,
    /// The names from wallets and orders, in NFC, each once, sorted by code point.
    pub names: Vec<String>,
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub pending_refunds: u64,
}

/// The first rows of a list, and the number of all rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct First<Row> {
    pub rows: Vec<Row>,
    pub total: Count,
    /// Not all rows were visited. There may be more, even if `rows` is empty.
    pub stopped: bool,
}

/// The sums of a customer's wallets and orders in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerSums {
    pub currency: Currency,
    pub available: Decimal,
    pub held: Decimal,
    pub paid: Decimal,
    pub refunded: Decimal,
    /// The sum of the pending refunds.
    pub pending: Decimal,
}

/// A customer's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerView {
    pub row: CustomerRow,
    pub wallets: First<WalletRow>,
    pub orders: First<OrderRow>,
    /// In every state, pending ones first.
    pub refunds: First<RefundRow>,
    /// Open holds only.
    pub holds: First<HoldListRow>,
    pub findings: First<FindingRow>,
    /// The cases about the wallets and orders on this page.
    pub cases: Vec<CaseRow>,
    /// By currency; `None` if the customer has too many wallets and orders to add up.
    pub sums: Option<Vec<CustomerSums>>,
    pub now: DateTime<Utc>,
}
