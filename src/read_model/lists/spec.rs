//! The lists in SQL: their tables, the columns for filters and sorts, and the indexes of the sorts.

use super::index::Index;
use crate::{
    read_model::{search_index::Texts, totals::List},
    views::lists::{ListName, Sort},
};

/// One list. Its table has the alias `t`. Every expression names its table.
pub struct Spec {
    pub list: ListName,
    pub table: &'static str,
    /// The joins that the columns marked "needs `joins`" use.
    pub joins: &'static str,
    /// Where the rows are counted by state and currency.
    pub counted: Counted,
    /// The number of the state. For findings it is the number of the kind.
    pub state: &'static str,
    pub currency: &'static str,
    pub amount: &'static str,
    /// The time that `from` and `to` filter.
    pub time: &'static str,
    /// The id of the customer or owner. Needs `joins`.
    pub customer: &'static str,
    pub wallet: &'static str,
    /// The time at which a refund entered its state.
    pub since: Option<&'static str>,
    /// The row's own id. A search of everything searches only this id and the names.
    pub own_id: &'static str,
    /// The texts that `q` searches. Needs `joins`.
    pub ids: &'static str,
    /// The names of people that `q` searches for those who may read them. Empty if there are none. Needs `joins`.
    pub names: &'static str,
    pub texts: Texts,
    /// A condition that every row of the list meets. `?` is the present time.
    pub holds: Option<&'static str>,
    pub by_time: Index,
    pub by_amount: Index,
    /// The index by the time at which a refund entered its state.
    pub by_since: Option<Index>,
    /// The index by ids alone.
    pub by_id: Option<Index>,
    /// The index of refunds by order.
    pub by_order: Option<Index>,
    /// Selects the numbers of the rows of customer `?1`.
    pub of_customer: Option<&'static str>,
    /// Selects the numbers of the rows of wallet `?1`.
    pub of_wallet: Option<&'static str>,
    /// Selects the numbers of the rows of operator `?1`.
    pub of_operator: Option<&'static str>,
}

/// Where the rows of a list are counted by state and currency.
#[derive(Clone, Copy, Debug)]
pub enum Counted {
    /// In table `total`.
    Total(List),
    Findings,
    Cases,
}

const STATE: &[&str] = &["t.state", "t.currency"];
const STATUS: &[&str] = &["t.status", "t.currency"];

pub const WALLETS: Spec = Spec {
    list: ListName::Wallets,
    table: "wallet",
    joins: "",
    counted: Counted::Total(List::Wallets),
    state: "t.status",
    currency: "t.currency",
    amount: "t.available",
    time: "t.last_time",
    customer: "t.owner",
    wallet: "t.id",
    since: None,
    own_id: "t.id",
    ids: "t.id, t.owner",
    names: "t.owner_name",
    texts: Texts::Wallet,
    holds: None,
    by_time: Index::new("wallet_status_time", STATUS, Some("t.last_time"), &["t.id"]),
    by_amount: Index::new("wallet_status_amount", STATUS, Some("t.available"), &["t.id"]),
    by_since: None,
    by_id: Some(Index::new("wallet_id", &[], None, &["t.id"])),
    by_order: None,
    of_customer: Some("SELECT n FROM wallet INDEXED BY wallet_owner WHERE owner = ?1"),
    of_wallet: None,
    of_operator: None,
};

pub const ORDERS: Spec = Spec {
    list: ListName::Orders,
    table: "orders",
    joins: "",
    counted: Counted::Total(List::Orders),
    state: "t.status",
    currency: "t.currency",
    amount: "t.total",
    time: "t.last_time",
    customer: "t.customer",
    wallet: "t.wallet",
    since: None,
    own_id: "t.id",
    ids: "t.id, t.wallet, t.customer, (SELECT group_concat(refund, char(10)) FROM \
          (SELECT refund FROM refund WHERE ord = t.id ORDER BY refund LIMIT 1000))",
    names: "t.customer_name",
    texts: Texts::Orders,
    holds: None,
    by_time: Index::new("orders_status_time", STATUS, Some("t.last_time"), &["t.id"]),
    by_amount: Index::new("orders_status_amount", STATUS, Some("t.total"), &["t.id"]),
    by_since: None,
    by_id: Some(Index::new("orders_id", &[], None, &["t.id"])),
    by_order: None,
    of_customer: Some("SELECT n FROM orders INDEXED BY orders_customer WHERE customer = ?1"),
    of_wallet: Some("SELECT n FROM orders INDEXED BY orders_wallet WHERE wallet = ?1"),
    of_operator: None,
};

pub const REFUNDS: Spec = Spec {
    list: ListName::Refunds,
    table: "refund",
    joins: " LEFT JOIN orders o ON o.id = t.ord",
    counted: Counted::Total(List::Refunds),
    state: "t.state",
    currency: "t.currency",
    amount: "t.amount",
    time: "t.requested_at",
    customer: "o.customer",
    wallet: "o.wallet",
    since: Some("t.state_since"),
    own_id: "t.refund",
    ids: "t.refund, t.ord, o.wallet, o.customer, t.reason",
    names: "o.customer_name",
    texts: Texts::Refund,
    holds: None,
    by_time: Index::new(
        "refund_requested",
        STATE,
        Some("t.requested_at"),
        &["t.refund", "t.ord"],
    ),
    by_amount: Index::new("refund_amount", STATE, Some("t.amount"), &["t.refund", "t.ord"]),
    by_since: Some(Index::new(
        "refund_since",
        STATE,
        Some("t.state_since"),
        &["t.refund", "t.ord"],
    )),
    by_id: Some(Index::new("refund_id", &[], None, &["t.refund", "t.ord"])),
    by_order: Some(Index::new("refund_order", &[], None, &["t.ord", "t.refund"])),
    of_customer: Some(
        "SELECT r.n FROM orders o INDEXED BY orders_customer
         CROSS JOIN refund r INDEXED BY refund_order ON r.ord = o.id WHERE o.customer = ?1",
    ),
    of_wallet: None,
    of_operator: None,
};

pub const FINDINGS: Spec = Spec {
    list: ListName::Findings,
    table: "finding",
    joins: " LEFT JOIN orders o ON o.id = t.ord LEFT JOIN wallet w ON w.id = t.wallet",
    counted: Counted::Findings,
    state: "t.kind",
    currency: "t.currency",
    amount: "t.risk",
    time: "t.since",
    customer: "coalesce(o.customer, w.owner)",
    wallet: "t.wallet",
    since: None,
    own_id: "t.key",
    ids: "t.refund, t.ord, t.wallet, coalesce(o.customer, w.owner)",
    names: "CASE WHEN o.customer IS NULL THEN w.owner_name ELSE o.customer_name END",
    texts: Texts::Finding,
    holds: Some("(t.holds_from = x'' OR t.holds_from < ?)"),
    by_time: Index::new("finding_kind", &["t.kind", "t.currency"], Some("t.since"), &["t.key"]),
    by_amount: Index::new("finding_amount", &["t.kind", "t.currency"], Some("t.risk"), &["t.key"]),
    by_since: None,
    by_id: None,
    by_order: None,
    of_customer: Some(
        "SELECT f.n FROM orders o INDEXED BY orders_customer
         CROSS JOIN finding f INDEXED BY finding_order ON f.ord = o.id WHERE o.customer = ?1
         UNION SELECT f.n FROM wallet w INDEXED BY wallet_owner
         CROSS JOIN finding f INDEXED BY finding_wallet ON f.wallet = w.id WHERE w.owner = ?1",
    ),
    of_wallet: None,
    of_operator: None,
};

pub const HOLDS: Spec = Spec {
    list: ListName::Holds,
    table: "hold",
    joins: " LEFT JOIN wallet w ON w.id = t.wallet",
    counted: Counted::Total(List::Holds),
    state: "t.state",
    currency: "t.currency",
    amount: "t.amount",
    time: "t.since",
    customer: "w.owner",
    wallet: "t.wallet",
    since: None,
    own_id: "t.hold",
    ids: "t.hold, t.wallet, t.ord",
    names: "",
    texts: Texts::Hold,
    holds: None,
    by_time: Index::new("hold_state_time", STATE, Some("t.since"), &["t.hold", "t.wallet"]),
    by_amount: Index::new("hold_state_amount", STATE, Some("t.amount"), &["t.hold", "t.wallet"]),
    by_since: None,
    by_id: None,
    by_order: None,
    of_customer: Some(
        "SELECT h.n FROM wallet w INDEXED BY wallet_owner
         CROSS JOIN hold h INDEXED BY hold_wallet ON h.wallet = w.id WHERE w.owner = ?1",
    ),
    of_wallet: Some("SELECT n FROM hold INDEXED BY hold_wallet WHERE wallet = ?1"),
    of_operator: None,
};

pub const CASES: Spec = Spec {
    list: ListName::Cases,
    table: "cases",
    joins: "",
    counted: Counted::Cases,
    state: "t.status",
    currency: "t.currency",
    amount: "t.amount",
    time: "t.proposed_at",
    customer: "NULL",
    wallet: "NULL",
    since: None,
    own_id: "t.id",
    ids: "t.id, t.proposer, t.decided_by, (SELECT group_concat(substr(value, instr(value, ' ') + 1), char(10)) FROM json_each(t.subjects))",
    names: "",
    texts: Texts::Case,
    holds: None,
    by_time: Index::new("cases_status_time", STATUS, Some("t.proposed_at"), &["t.id"]),
    by_amount: Index::new("cases_status_amount", STATUS, Some("t.amount"), &["t.id"]),
    by_since: None,
    by_id: None,
    by_order: None,
    of_customer: None,
    of_wallet: None,
    of_operator: Some(
        "SELECT n FROM cases INDEXED BY cases_proposer WHERE proposer = ?1
         UNION SELECT n FROM cases INDEXED BY cases_decided WHERE decided_by = ?1",
    ),
};

pub const CUSTOMERS: Spec = Spec {
    list: ListName::Customers,
    table: "customer",
    joins: "",
    counted: Counted::Total(List::Customers),
    state: "0",
    currency: "''",
    amount: "x''",
    time: "x''",
    customer: "t.id",
    wallet: "NULL",
    since: None,
    own_id: "t.id",
    ids: "t.id",
    names: "(SELECT group_concat(name, char(10)) FROM \
            (SELECT DISTINCT name FROM customer_name WHERE customer = t.n ORDER BY name LIMIT 1000))",
    texts: Texts::Customer,
    holds: None,
    by_time: BY_CUSTOMER,
    by_amount: BY_CUSTOMER,
    by_since: None,
    by_id: Some(BY_CUSTOMER),
    by_order: None,
    of_customer: None,
    of_wallet: None,
    of_operator: None,
};

/// The index of the unique constraint on ids.
const BY_CUSTOMER: Index = Index::new("sqlite_autoindex_customer_1", &[], None, &["t.id"]);

impl Spec {
    /// The index in the order of a sort. A risk is an amount times days, which no index has. Rows sorted by risk are collected
    /// from the index of amounts.
    pub fn index(&self, sort: Sort) -> &Index {
        match sort {
            Sort::Newest | Sort::Oldest | Sort::State | Sort::Severity => &self.by_time,
            Sort::AmountUp | Sort::AmountDown | Sort::Risk => &self.by_amount,
            Sort::Stuck => self.by_since.as_ref().unwrap_or(&self.by_time),
            Sort::Id => self.by_id.as_ref().unwrap_or(&self.by_time),
            Sort::Order => self.by_order.as_ref().unwrap_or(&self.by_time),
        }
    }
}
