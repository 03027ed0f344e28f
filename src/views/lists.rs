//! Lists of wallets, orders and findings, and the bounds of any list: how many rows a page has, how long a search text may be.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::findings::FindingKind;

/// Rows of a page by default.
pub const PAGE_ROWS: u32 = 50;
/// Rows of a page at most.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Findings on the page of a wallet, an order or a refund at most. The answer also has their total number.
pub const FINDINGS_SHOWN: usize = 50;
/// Rows that the search for one page visits at most.
pub const VISITED_MAX: u32 = 5_000;
/// Characters of a search text at most. The server refuses longer ones.
pub const SEARCH_MAX: usize = 100;
/// Characters of a cursor at most. (A cursor carries a sort value and up to two ids of any producer's length.)
pub const CURSOR_MAX: usize = 1_000;

/// Which page of a list. A cursor names a row; the server makes it, and nobody else reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageAt {
    #[default]
    First,
    After(String),
    Before(String),
}

/// How many rows match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    Exactly(u64),
    /// So many and possibly more.
    AtLeast(u64),
}

/// The wallets or orders that a list asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Part of an id, an owner or customer (id or name), or a refund id. The search ignores case.
    pub text: String,
    /// The name of a status; `None`: all.
    pub status: Option<String>,
    pub sort: ListSort,
    pub at: PageAt,
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

/// The findings that a list asks for, worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingsQuery {
    /// `None`: all.
    pub kind: Option<FindingKind>,
    pub at: PageAt,
}

/// One page of one of the lists on an entity's page. Numbers page these lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    /// Number of all rows.
    pub total: u64,
}

/// One page of a list that cursors page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<Row> {
    pub rows: Vec<Row>,
    /// The cursor for [`PageAt::Before`]; `None`: no row is before this page.
    pub previous: Option<String>,
    /// The cursor for [`PageAt::After`]; `None`: no row is after this page.
    pub next: Option<String>,
    pub total: Count,
    /// The page ended early because it had visited as many rows as a page may; `next` searches on.
    pub stopped: bool,
    pub now: DateTime<Utc>,
}

/// One page of a list that numbers page: lists outside the read model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedPage<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    /// Number of all rows that match.
    pub total: u64,
    pub now: DateTime<Utc>,
}
