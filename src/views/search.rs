//! The results of a search (contract §8): rows of every kind, each with the part that matched.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    compensations::CaseRow,
    customers::CustomerRow,
    lists::{Bound, Count, ListName},
    orders::OrderRow,
    wallets::{HoldListRow, WalletRow},
};
use crate::domain::{
    ids::{Domain, EntityId, Position},
    money::Currency,
    refund::RefundRow,
    wallet::Party,
};

/// Maximum number of hits of a kind in a search over all kinds.
pub const HITS_SHOWN: usize = 8;
/// Maximum number of hits in a search of one kind. Hits are counted up to this number, too.
pub const HITS_MAX: usize = 100;

/// The kind of a hit. The results are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    Wallet,
    Order,
    Refund,
    Hold,
    Case,
    Customer,
    /// The payment of `order.paid`.
    Payment,
    /// The reference of `order.refund_processing` or `order.refund_succeeded`.
    Reference,
    Event,
    Correlation,
}

impl SearchKind {
    pub const ALL: [Self; 10] = [
        Self::Wallet,
        Self::Order,
        Self::Refund,
        Self::Hold,
        Self::Case,
        Self::Customer,
        Self::Payment,
        Self::Reference,
        Self::Event,
        Self::Correlation,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Order => "order",
            Self::Refund => "refund",
            Self::Hold => "hold",
            Self::Case => "case",
            Self::Customer => "customer",
            Self::Payment => "payment",
            Self::Reference => "reference",
            Self::Event => "event",
            Self::Correlation => "correlation",
        }
    }

    /// The list of the rows of this kind, if there is one.
    pub const fn list(self) -> Option<ListName> {
        match self {
            Self::Wallet => Some(ListName::Wallets),
            Self::Order => Some(ListName::Orders),
            Self::Refund => Some(ListName::Refunds),
            Self::Hold => Some(ListName::Holds),
            Self::Case => Some(ListName::Cases),
            Self::Customer => Some(ListName::Customers),
            Self::Payment | Self::Reference | Self::Event | Self::Correlation => None,
        }
    }
}

/// The text is not the name of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a kind of hit")]
pub struct SearchKindError;

impl FromStr for SearchKind {
    type Err = SearchKindError;

    fn from_str(text: &str) -> Result<Self, SearchKindError> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        kind.ok_or(SearchKindError)
    }
}

/// An id in an event, other than the id of the entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// The event's own id.
    Event = 0,
    /// A correlation id.
    Correlation = 1,
    /// The payment of `order.paid`.
    Payment = 2,
    /// The reference of `order.refund_processing` or `order.refund_succeeded`.
    Reference = 3,
}

/// The part of a row that matched the search text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    /// The id contains every piece of the text.
    Id,
    /// A name of the customer or owner contains a piece that the id does not contain.
    Name,
    Amount,
}

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit<Row> {
    pub row: Row,
    pub matched: Matched,
    /// Whether the id equals the text, byte for byte.
    pub exact: bool,
}

/// The hits of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hits<Row> {
    /// Exact hits first, then pending ones, then the newest.
    pub hits: Vec<Hit<Row>>,
    /// The number of all hits, counted up to [`HITS_MAX`], or further if more hits are shown.
    pub count: Count,
    /// Not all rows were visited. There may be more hits, even if `hits` is empty.
    pub stopped: bool,
}

impl<Row> Default for Hits<Row> {
    fn default() -> Self {
        Self {
            hits: Vec::new(),
            count: Count::Exactly(0),
            stopped: false,
        }
    }
}

impl<Row> Hits<Row> {
    /// A complete list of hits.
    pub fn all(hits: Vec<Hit<Row>>) -> Self {
        Self {
            count: Count::Exactly(hits.len() as u64),
            hits,
            stopped: false,
        }
    }

    /// The rows whose id equals the text.
    pub fn exact(&self) -> impl Iterator<Item = &Row> {
        self.hits.iter().filter(|hit| hit.exact).map(|hit| &hit.row)
    }
}

/// A payment of an order: one `order.paid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRow {
    pub payment: String,
    pub order: EntityId,
    /// The wallet that the order names.
    pub wallet: Option<String>,
    pub customer: Option<Party>,
    pub amount: Decimal,
    pub currency: Currency,
    /// Effective time of the event, if it can be read.
    pub paid_at: Option<DateTime<Utc>>,
    /// The position of the event in the order's stream.
    pub position: Position,
}

/// The first event of an entity that has an id, in the order of its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    pub kind: IdKind,
    /// The id that the event has.
    pub id: String,
    pub domain: Domain,
    pub subject: EntityId,
    /// `None` if the search of the stream ended early, because it has many events or can't be read.
    pub position: Option<Position>,
    pub event_type: Option<String>,
    /// Effective time of the event, if it can be read.
    pub time: Option<DateTime<Utc>>,
    /// For a reference: the wallet that its order names.
    pub wallet: Option<String>,
}

/// The results of a search. Kinds that were not requested are empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchView {
    pub wallets: Hits<WalletRow>,
    pub orders: Hits<OrderRow>,
    pub refunds: Hits<RefundRow>,
    pub holds: Hits<HoldListRow>,
    pub cases: Hits<CaseRow>,
    pub customers: Hits<CustomerRow>,
    pub payments: Hits<PaymentRow>,
    pub references: Hits<Carrier>,
    pub events: Hits<Carrier>,
    pub correlations: Hits<Carrier>,
    /// What was not searched and why, one sentence each.
    pub unsearched: Vec<String>,
    /// Ages are relative to this time.
    pub now: DateTime<Utc>,
}

/// A search text that is an amount: `12.50`, `12.50 EUR` or `EUR 12.50`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountText {
    pub amount: Bound,
    /// `None` means any currency.
    pub currency: Option<Currency>,
}

impl AmountText {
    /// Parses an amount without a sign, with or without a currency's code in capital or small letters.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<Bound>().ok().filter(|_| !text.starts_with('-'));
        let words: Vec<&str> = text.split_whitespace().collect();
        let (amount, currency) = match words[..] {
            [amount] => (amount, None),
            [first, second] if number(first).is_some() => (first, Some(second)),
            [first, second] => (second, Some(first)),
            _ => return None,
        };
        Some(Self {
            amount: number(amount)?,
            currency: match currency {
                Some(code) => Some(code.to_ascii_uppercase().parse().ok()?),
                None => None,
            },
        })
    }
}

/// The corrected text for an amount with a decimal comma: `12.50 EUR` for `12,50 EUR`. `None` for other texts.
pub fn with_decimal_point(text: &str) -> Option<String> {
    let (whole, fraction) = text.trim().split_once(',')?;
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    // Three digits after a comma may be thousands.
    let is_fraction = (1..=2).contains(&digits) && whole.bytes().next_back().is_some_and(|byte| byte.is_ascii_digit());
    let corrected = format!("{whole}.{fraction}");
    (is_fraction && AmountText::parse(&corrected).is_some()).then_some(corrected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_and_without_a_currency() {
        let read = |text: &str| AmountText::parse(text).map(|read| (read.amount.to_string(), read.currency));
        let eur: Currency = "EUR".parse().unwrap();
        for text in ["12.50 EUR", "EUR 12.50", " eur  12.50 ", "12.50\tEUR"] {
            assert_eq!(read(text), Some(("12.50".to_owned(), Some(eur))), "{text}");
        }
        assert_eq!(read("12.5"), Some(("12.5".to_owned(), None)));
        assert_eq!(read("12"), Some(("12".to_owned(), None)));
        for text in [
            "", "-12", "12,50", "12.", ".5", "12.50EUR", "EUR", "12 13", "12 XQQ", "1 2 EUR", "EUR EUR", "1e3",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_distinguished_from_other_texts() {
        assert_eq!(with_decimal_point("12,50").as_deref(), Some("12.50"));
        assert_eq!(with_decimal_point("12,5 EUR").as_deref(), Some("12.5 EUR"));
        assert_eq!(with_decimal_point("EUR 12,50").as_deref(), Some("EUR 12.50"));
        for text in [
            "12.50",
            "1,250",
            "1,2,3",
            ",50",
            "12,",
            "Li, Wei",
            "O-1,50",
            "12,50 XQQ",
        ] {
            assert_eq!(with_decimal_point(text), None, "{text}");
        }
    }

    #[test]
    fn kinds_read_back() {
        for kind in SearchKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("wallets".parse::<SearchKind>(), Err(SearchKindError));
    }
}
