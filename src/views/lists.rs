//! Lists of wallets and orders, and the bounds of any list: how many rows a page has, how long a search text may be.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Rows of a page by default.
pub const PAGE_ROWS: u32 = 50;
/// Rows of a page at most.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Characters of a search text at most. The server refuses longer ones.
pub const SEARCH_MAX: usize = 100;

/// The wallets or orders that a list asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Part of an id, an owner or customer (id or name), or a refund id. The search ignores case.
    pub text: String,
    /// The name of a status; `None`: all.
    pub status: Option<String>,
    pub sort: ListSort,
    /// From 1; 0 is taken as 1.
    pub page: u32,
}

/// The order of wallets and orders in a list. Equal rows are ordered by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListSort {
    /// Newest change first.
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
    /// Number of all rows that match.
    pub total: u64,
    pub now: DateTime<Utc>,
}
