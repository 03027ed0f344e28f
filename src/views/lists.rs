//! The vocabulary of lists (contract §8): the lists, the filters and sorts of each, and the answer. Pages, files and
//! the command line use the same names.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{
    compensation::case::CaseStatus,
    findings::{FindingKind, Severity},
    money::Currency,
    order::OrderStatus,
    refund::RefundState,
    wallet::{HoldState, WalletStatus},
};

/// Default number of rows of a page.
pub const PAGE_ROWS: u32 = 50;
/// Maximum number of rows of a page.
pub const PAGE_ROWS_MAX: u32 = 500;
/// Maximum number of findings on the page of a wallet, an order or a refund. The answer also has their total number.
pub const FINDINGS_SHOWN: usize = 50;
/// Maximum number of rows that the search for one page visits.
pub const VISITED_MAX: u32 = 5_000;
/// Maximum number of characters of a search text. The server refuses longer ones.
pub const SEARCH_MAX: usize = 100;
/// Maximum number of characters of a cursor. A cursor contains a sort value and up to two ids of any length.
pub const CURSOR_MAX: usize = 1_000;
/// Maximum number of characters of an id or a code in a filter.
pub const FILTER_MAX: usize = 256;
/// Maximum number of values of one filter.
pub const FILTER_VALUES_MAX: usize = 64;
/// Maximum number of characters of an amount in a filter.
const DIGITS_MAX: usize = 1_000;

/// A list of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListName {
    Wallets,
    Orders,
    Refunds,
    Findings,
    Holds,
    Cases,
    Customers,
}

/// A filter of a list. Every list also has `q`, `limit`, `after` and `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `status` of wallets and orders, `state` of the others.
    State,
    Currency,
    Min,
    Max,
    From,
    To,
    Customer,
    Wallet,
    Overdue,
    Age,
    Destination,
    Reason,
    Kind,
    Severity,
    Operator,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    Newest,
    Oldest,
    Id,
    AmountUp,
    AmountDown,
    /// Refunds by the time at which they entered their state, oldest first.
    Stuck,
    /// Refunds by state in the order of contract §5, then oldest first.
    State,
    /// Refunds by order.
    Order,
    /// Findings, worst first, then oldest first.
    Severity,
    /// Findings by amount × whole days, highest first.
    Risk,
}

impl Sort {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Id => "id",
            Self::AmountUp => "amount_up",
            Self::AmountDown => "amount_down",
            Self::Stuck => "stuck",
            Self::State => "state",
            Self::Order => "order",
            Self::Severity => "severity",
            Self::Risk => "risk",
        }
    }

    /// Whether the sort compares amounts. Such a sort needs exactly one currency.
    pub const fn is_of_amounts(self) -> bool {
        matches!(self, Self::AmountUp | Self::AmountDown | Self::Risk)
    }

    pub const fn is_descending(self) -> bool {
        matches!(self, Self::Newest | Self::AmountDown | Self::Risk)
    }
}

impl ListName {
    pub const ALL: [Self; 7] = [
        Self::Wallets,
        Self::Orders,
        Self::Refunds,
        Self::Findings,
        Self::Holds,
        Self::Cases,
        Self::Customers,
    ];

    /// The name of the list, which is also its path and its command.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallets => "wallets",
            Self::Orders => "orders",
            Self::Refunds => "refunds",
            Self::Findings => "findings",
            Self::Holds => "holds",
            Self::Cases => "cases",
            Self::Customers => "customers",
        }
    }

    /// The noun for one row.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Wallets => "wallet",
            Self::Orders => "order",
            Self::Refunds => "refund",
            Self::Findings => "finding",
            Self::Holds => "hold",
            Self::Cases => "case",
            Self::Customers => "customer",
        }
    }

    /// The filters of the list.
    pub const fn filters(self) -> &'static [Filter] {
        use Filter as F;
        match self {
            Self::Wallets => &[F::State, F::Currency, F::Min, F::Max, F::From, F::To, F::Customer],
            Self::Refunds => &[
                F::State,
                F::Currency,
                F::Min,
                F::Max,
                F::From,
                F::To,
                F::Customer,
                F::Overdue,
                F::Age,
                F::Destination,
                F::Reason,
            ],
            Self::Findings => &[
                F::Kind,
                F::Severity,
                F::Currency,
                F::Min,
                F::Max,
                F::From,
                F::To,
                F::Customer,
            ],
            Self::Orders | Self::Holds => &[
                F::State,
                F::Currency,
                F::Min,
                F::Max,
                F::From,
                F::To,
                F::Customer,
                F::Wallet,
            ],
            Self::Cases => &[F::State, F::Currency, F::Min, F::Max, F::From, F::To, F::Operator],
            Self::Customers => &[],
        }
    }

    /// The name of a filter, in addresses and as a flag.
    pub const fn word(self, filter: Filter) -> &'static str {
        match filter {
            Filter::State => match self {
                Self::Wallets | Self::Orders => "status",
                _ => "state",
            },
            Filter::Currency => "currency",
            Filter::Min => "min",
            Filter::Max => "max",
            Filter::From => "from",
            Filter::To => "to",
            Filter::Customer => "customer",
            Filter::Wallet => "wallet",
            Filter::Overdue => "overdue",
            Filter::Age => "age",
            Filter::Destination => "destination",
            Filter::Reason => "reason",
            Filter::Kind => "kind",
            Filter::Severity => "severity",
            Filter::Operator => "operator",
        }
    }

    /// The names of the list's states, in the order of their numbers in the read model. Findings and customers have
    /// none.
    pub fn states(self) -> Vec<&'static str> {
        fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
            all.iter().map(|state| word(*state)).collect()
        }
        match self {
            Self::Wallets => words(WalletStatus::ALL, WalletStatus::as_str),
            Self::Orders => words(OrderStatus::ALL, OrderStatus::as_str),
            Self::Refunds => words(RefundState::ALL, RefundState::as_str),
            Self::Findings | Self::Customers => Vec::new(),
            Self::Holds => words(HoldState::ALL, HoldState::as_str),
            Self::Cases => words(CaseStatus::ALL, CaseStatus::as_str),
        }
    }

    /// The states that are listed if the query has none.
    pub fn default_states(self) -> Vec<&'static str> {
        match self {
            Self::Refunds => RefundState::PENDING.iter().map(|state| state.as_str()).collect(),
            Self::Holds => vec![HoldState::Open.as_str()],
            _ => self.states(),
        }
    }

    /// The sorts of the list.
    pub const fn sorts(self) -> &'static [Sort] {
        use Sort as S;
        match self {
            Self::Wallets | Self::Orders => &[S::Newest, S::Oldest, S::Id, S::AmountUp, S::AmountDown],
            Self::Refunds => &[
                S::Newest,
                S::Oldest,
                S::Id,
                S::AmountUp,
                S::AmountDown,
                S::Stuck,
                S::State,
                S::Order,
            ],
            Self::Findings => &[S::Severity, S::Newest, S::Oldest, S::Risk, S::AmountDown],
            Self::Holds | Self::Cases => &[S::Newest, S::Oldest, S::AmountDown],
            Self::Customers => &[S::Id],
        }
    }

    pub const fn default_sort(self) -> Sort {
        match self {
            Self::Wallets | Self::Orders | Self::Holds | Self::Cases => Sort::Newest,
            Self::Refunds => Sort::Oldest,
            Self::Findings => Sort::Severity,
            Self::Customers => Sort::Id,
        }
    }
}

/// The query of a list. A field for which the list has no filter is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Pieces of text that a row has to contain (contract §8).
    pub text: String,
    /// Names of states, in the list's order, each once. Empty means [`ListName::default_states`].
    pub states: Vec<String>,
    /// Empty means all.
    pub currencies: Vec<Currency>,
    /// Inclusive.
    pub min: Option<Bound>,
    /// Inclusive.
    pub max: Option<Bound>,
    /// Inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub to: Option<DateTime<Utc>>,
    /// The id of a customer or owner.
    pub customer: Option<String>,
    pub wallet: Option<String>,
    pub overdue: bool,
    /// Minimum number of whole hours in the current state.
    pub age: Option<u32>,
    /// Empty means all.
    pub destinations: Vec<String>,
    /// Empty means all.
    pub reasons: Vec<String>,
    /// Empty means all.
    pub kinds: Vec<FindingKind>,
    /// Empty means all.
    pub severities: Vec<Severity>,
    /// The operator who proposed a case or decided on it.
    pub operator: Option<String>,
    /// `None` means [`ListName::default_sort`].
    pub sort: Option<Sort>,
    /// Rows of a page; `None` means [`PAGE_ROWS`].
    pub limit: Option<u32>,
    pub at: PageAt,
}

impl ListQuery {
    /// The query without the parts that need exactly one currency, and the names of the removed parts. Nothing is
    /// removed if the query has exactly one currency, or no such parts.
    #[must_use]
    pub fn without_mixed_amounts(mut self) -> (Self, Vec<&'static str>) {
        let mut taken = Vec::new();
        if self.currencies.len() != 1 {
            if self.min.take().is_some() {
                taken.push("min");
            }
            if self.max.take().is_some() {
                taken.push("max");
            }
            if self.sort.is_some_and(Sort::is_of_amounts) {
                self.sort = None;
                taken.push("sort");
            }
        }
        (self, taken)
    }

    /// The query without the fields that the list does not have.
    #[must_use]
    pub fn of_list(self, list: ListName) -> Self {
        let has = |filter| list.filters().contains(&filter);
        let id = |id: Option<String>, filter| id.filter(|_| has(filter));
        let all = |values: Vec<String>, filter| if has(filter) { values } else { Vec::new() };
        Self {
            states: all(self.states, Filter::State),
            currencies: if has(Filter::Currency) {
                self.currencies
            } else {
                Vec::new()
            },
            min: self.min.filter(|_| has(Filter::Min)),
            max: self.max.filter(|_| has(Filter::Max)),
            from: self.from.filter(|_| has(Filter::From)),
            to: self.to.filter(|_| has(Filter::To)),
            customer: id(self.customer, Filter::Customer),
            wallet: id(self.wallet, Filter::Wallet),
            overdue: self.overdue && has(Filter::Overdue),
            age: self.age.filter(|_| has(Filter::Age)),
            destinations: all(self.destinations, Filter::Destination),
            reasons: all(self.reasons, Filter::Reason),
            kinds: if has(Filter::Kind) { self.kinds } else { Vec::new() },
            severities: if has(Filter::Severity) {
                self.severities
            } else {
                Vec::new()
            },
            operator: id(self.operator, Filter::Operator),
            sort: self.sort.filter(|sort| list.sorts().contains(sort)),
            text: self.text,
            limit: self.limit,
            at: self.at,
        }
    }

    /// Whether the query has a filter other than the states.
    pub fn has_filters(&self) -> bool {
        let unfiltered = Self {
            states: self.states.clone(),
            sort: self.sort,
            limit: self.limit,
            at: self.at.clone(),
            ..Self::default()
        };
        *self != unfiltered
    }

    /// The query of another page of the same list.
    #[must_use]
    pub fn page(&self, at: PageAt) -> Self {
        Self { at, ..self.clone() }
    }

    /// Rows of a page: 1 to [`PAGE_ROWS_MAX`].
    pub fn rows(&self) -> usize {
        self.limit.unwrap_or(PAGE_ROWS).clamp(1, PAGE_ROWS_MAX) as usize
    }
}

/// A decimal number to compare amounts with: an optional minus, digits, and at most one point between digits. It may
/// have more digits than any amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bound(String);

/// The text is not a decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a decimal number such as 12.50")]
pub struct BoundError;

/// Whether the bound is a lower or an upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    AtLeast,
    AtMost,
}

impl Bound {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bound in minor units, for a currency with this number of decimals. It compares with every amount of the
    /// currency as the bound does. A bound beyond 38 digits becomes the highest or lowest `i128`.
    pub fn minor_units(&self, decimals: u32, side: Side) -> i128 {
        let (negative, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, &*self.0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = decimals as usize;
        let kept = &fraction[..decimals.min(fraction.len())];
        let beyond = fraction[kept.len()..].bytes().any(|digit| digit != b'0');
        let zeros = std::iter::repeat_n(b'0', decimals - kept.len());
        let mut magnitude: i128 = 0;
        for digit in whole.bytes().chain(kept.bytes()).chain(zeros) {
            magnitude = magnitude.saturating_mul(10).saturating_add(i128::from(digit - b'0'));
        }
        // If the bound has more decimals than the currency, it moves to the next amount on its side.
        let away_from_zero = match side {
            Side::AtLeast => !negative,
            Side::AtMost => negative,
        };
        if beyond && away_from_zero {
            magnitude = magnitude.saturating_add(1);
        }
        if negative { -magnitude } else { magnitude }
    }
}

impl FromStr for Bound {
    type Err = BoundError;

    fn from_str(text: &str) -> Result<Self, BoundError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > DIGITS_MAX || !all_digits(whole) || fraction.is_some_and(|fraction| !all_digits(fraction)) {
            return Err(BoundError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Bound {
    type Error = BoundError;

    fn try_from(text: String) -> Result<Self, BoundError> {
        text.parse()
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.0
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The page of a list. A cursor identifies a row. Only the server makes and reads cursors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageAt {
    #[default]
    First,
    After(String),
    Before(String),
}

/// The number of matching rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    Exactly(u64),
    /// This many, and possibly more.
    AtLeast(u64),
}

/// One page of a list on an entity's page, with page numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    /// Number of all rows.
    pub total: u64,
}

/// One page of a list with cursors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<Row> {
    pub rows: Vec<Row>,
    /// The cursor for [`PageAt::Before`]; `None` if no row is before this page.
    pub previous: Option<String>,
    /// The cursor for [`PageAt::After`]; `None` if no row is after this page.
    pub next: Option<String>,
    pub total: Count,
    /// The page ended early because it had visited as many rows as a page may. `next` continues the search.
    pub stopped: bool,
    /// The query has a search text, and the search index did not have every row yet.
    pub unindexed: bool,
    /// The sums of all matching rows; `None` if too many rows match or no sums are requested.
    pub sums: Option<Vec<Sum>>,
    /// How many matching refunds are overdue; `None` if too many match to be counted, or the rows are not refunds.
    pub overdue: Option<u64>,
    /// All currencies of the list, for the filter.
    pub currencies: Vec<Currency>,
    /// Why the cursor of the query was not followed, if it was not.
    pub note: Option<String>,
    pub now: DateTime<Utc>,
}

impl<Row> Page<Row> {
    /// An empty page of a list that was not read yet.
    pub const fn nothing_yet(now: DateTime<Utc>) -> Self {
        Self {
            rows: Vec::new(),
            previous: None,
            next: None,
            total: Count::AtLeast(0),
            stopped: false,
            unindexed: false,
            sums: None,
            overdue: None,
            currencies: Vec::new(),
            note: None,
            now,
        }
    }
}

/// Amounts of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub currency: Currency,
    pub amount: Decimal,
    pub count: u64,
}

/// One page of a list with page numbers: a list outside the read model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedPage<Row> {
    pub rows: Vec<Row>,
    pub page: u32,
    pub pages: u32,
    /// Number of all matching rows.
    pub total: u64,
    pub now: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str, decimals: u32, side: Side) -> i128 {
        text.parse::<Bound>().unwrap().minor_units(decimals, side)
    }

    #[test]
    fn a_bound_between_two_amounts_is_the_next_on_its_side() {
        for (text, decimals, at_least, at_most) in [
            ("12.5", 2, 1250, 1250),
            ("12.501", 2, 1251, 1250),
            ("-12.501", 2, -1250, -1251),
            ("0.000", 2, 0, 0),
            ("-0", 0, 0, 0),
            ("1.5", 0, 2, 1),
            ("-1.5", 0, -1, -2),
            ("7", 3, 7000, 7000),
        ] {
            assert_eq!(minor(text, decimals, Side::AtLeast), at_least, "{text}");
            assert_eq!(minor(text, decimals, Side::AtMost), at_most, "{text}");
        }
        assert_eq!(minor(&"9".repeat(60), 2, Side::AtMost), i128::MAX);
        assert_eq!(minor(&format!("-{}", "9".repeat(60)), 2, Side::AtLeast), -i128::MAX);
    }

    #[test]
    fn a_bound_that_is_not_a_decimal_number_is_refused() {
        for text in ["", "-", "1.", ".5", "1,5", "1e3", "+1", " 1", "1.2.3", "--1", "٣"] {
            assert_eq!(text.parse::<Bound>(), Err(BoundError), "{text}");
        }
        assert!("1".repeat(DIGITS_MAX + 1).parse::<Bound>().is_err());
    }

    #[test]
    fn every_default_is_an_allowed_value() {
        for list in ListName::ALL {
            assert!(list.sorts().contains(&list.default_sort()));
            let states = list.states();
            assert!(list.default_states().iter().all(|state| states.contains(state)));
        }
    }
}
