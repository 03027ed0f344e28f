//! What the index holds of a wallet, an order, a refund, a credit and a hold: a fixed number of bytes each, whatever their
//! history. Texts are numbers of [`Names`](super::names::Names); lists are chains of slots.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::names::Slot;
use crate::domain::{
    ids::{Position, Sequence},
    order::OrderStatus,
    refund::RefundState,
    wallet::WalletStatus,
};

/// The number of a currency in the index: few are ever used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CurrencyNo(pub std::num::NonZeroU8);

/// A wallet as its events left it; one without events was only named by an order or a credit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletRow {
    pub events: u64,
    pub sequence: Sequence,
    /// Where its stream was read to.
    #[serde(with = "packed::position")]
    pub last: Position,
    #[serde(with = "packed::decimal")]
    pub posted: Decimal,
    #[serde(with = "packed::decimal")]
    pub held: Decimal,
    #[serde(with = "packed::time")]
    pub last_time: Option<DateTime<Utc>>,
    #[serde(with = "packed::time")]
    pub negative_since: Option<DateTime<Utc>>,
    pub owner: Option<Slot>,
    pub owner_name: Option<Slot>,
    /// The chain of its credits for refunds.
    pub credits: Option<Slot>,
    /// The chain of the orders that name it.
    pub orders: Option<Slot>,
    pub currency: Option<CurrencyNo>,
    pub status: WalletStatus,
    pub complete: bool,
}

impl Default for WalletRow {
    fn default() -> Self {
        Self {
            events: 0,
            sequence: 0,
            last: Position::START,
            posted: Decimal::ZERO,
            held: Decimal::ZERO,
            last_time: None,
            negative_since: None,
            owner: None,
            owner_name: None,
            credits: None,
            orders: None,
            currency: None,
            status: WalletStatus::Unopened,
            complete: true,
        }
    }
}

impl WalletRow {
    /// What can be spent: posted − held.
    pub fn available(&self) -> Decimal {
        let available = self.posted - self.held;
        if available.is_zero() {
            // Never "-0.00".
            return Decimal::new(0, self.posted.scale());
        }
        available
    }
}

/// An order as its events left it; one without events was only named by a credit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    pub events: u64,
    pub sequence: Sequence,
    /// Where its stream was read to.
    #[serde(with = "packed::position")]
    pub last: Position,
    #[serde(with = "packed::optional_decimal")]
    pub total: Option<Decimal>,
    #[serde(with = "packed::decimal")]
    pub paid: Decimal,
    #[serde(with = "packed::decimal")]
    pub refunded: Decimal,
    #[serde(with = "packed::decimal")]
    pub pending: Decimal,
    #[serde(with = "packed::time")]
    pub placed_at: Option<DateTime<Utc>>,
    #[serde(with = "packed::time")]
    pub last_time: Option<DateTime<Utc>>,
    pub customer: Option<Slot>,
    pub customer_name: Option<Slot>,
    pub wallet: Option<Slot>,
    /// The next order of the same wallet.
    pub next_of_wallet: Option<Slot>,
    /// The chain of its refunds.
    pub claims: Option<Slot>,
    pub currency: Option<CurrencyNo>,
    pub status: OrderStatus,
    pub complete: bool,
}

impl Default for OrderRow {
    fn default() -> Self {
        Self {
            events: 0,
            sequence: 0,
            last: Position::START,
            total: None,
            paid: Decimal::ZERO,
            refunded: Decimal::ZERO,
            pending: Decimal::ZERO,
            placed_at: None,
            last_time: None,
            customer: None,
            customer_name: None,
            wallet: None,
            next_of_wallet: None,
            claims: None,
            currency: None,
            status: OrderStatus::Unknown,
            complete: true,
        }
    }
}

/// One order's refund.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    pub refund: Slot,
    pub order: Slot,
    pub next_of_refund: Option<Slot>,
    pub next_of_order: Option<Slot>,
    /// Where it is among the pending ones.
    pub pending_at: Option<Slot>,
    #[serde(with = "packed::decimal")]
    pub amount: Decimal,
    #[serde(with = "packed::moment")]
    pub requested_at: DateTime<Utc>,
    #[serde(with = "packed::moment")]
    pub state_since: DateTime<Utc>,
    pub reason: Slot,
    pub destination: Slot,
    pub currency: CurrencyNo,
    pub state: RefundState,
    pub ever_approved: bool,
}

/// A wallet's credit of kind `refund`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreditRow {
    /// The first 8 bytes of the SHA-256 of its event's id: the id itself is asked for by nobody here.
    pub event: u64,
    pub refund: Slot,
    pub wallet: Slot,
    /// The order that it names.
    pub order: Option<Slot>,
    pub next_of_refund: Option<Slot>,
    pub next_of_wallet: Option<Slot>,
    #[serde(with = "packed::decimal")]
    pub amount: Decimal,
    #[serde(with = "packed::moment")]
    pub time: DateTime<Utc>,
    /// Wholly reversed: it counts no more.
    pub reversed: bool,
}

/// An open hold that can expire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldRow {
    #[serde(with = "packed::moment")]
    pub expires_at: DateTime<Utc>,
    pub hold: Slot,
    pub order: Option<Slot>,
    #[serde(with = "packed::decimal")]
    pub amount: Decimal,
}

/// How checkpoints hold what serde would write as text.
mod packed {
    /// A mantissa and its decimals.
    pub mod decimal {
        use rust_decimal::Decimal;
        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

        pub fn serialize<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
            (number.mantissa(), number.scale()).serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
            let (mantissa, scale) = <(i128, u32)>::deserialize(deserializer)?;
            Decimal::try_from_i128_with_scale(mantissa, scale).map_err(D::Error::custom)
        }
    }

    pub mod optional_decimal {
        use rust_decimal::Decimal;
        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

        #[expect(clippy::ref_option, reason = "the shape that serde wants")]
        pub fn serialize<S: Serializer>(number: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
            number
                .map(|number| (number.mantissa(), number.scale()))
                .serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
            Option::<(i128, u32)>::deserialize(deserializer)?
                .map(|(mantissa, scale)| Decimal::try_from_i128_with_scale(mantissa, scale).map_err(D::Error::custom))
                .transpose()
        }
    }

    /// Seconds since 1970 and nanoseconds.
    pub mod moment {
        use chrono::{DateTime, Utc};
        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

        pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
            (time.timestamp(), time.timestamp_subsec_nanos()).serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
            let (seconds, nanoseconds) = <(i64, u32)>::deserialize(deserializer)?;
            DateTime::from_timestamp(seconds, nanoseconds).ok_or_else(|| D::Error::custom("no moment"))
        }
    }

    pub mod time {
        use chrono::{DateTime, Utc};
        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

        #[expect(clippy::ref_option, reason = "the shape that serde wants")]
        pub fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
            time.map(|time| (time.timestamp(), time.timestamp_subsec_nanos()))
                .serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
            Option::<(i64, u32)>::deserialize(deserializer)?
                .map(|(seconds, nanoseconds)| {
                    DateTime::from_timestamp(seconds, nanoseconds).ok_or_else(|| D::Error::custom("no moment"))
                })
                .transpose()
        }
    }

    /// Both numbers.
    pub mod position {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        use crate::domain::ids::Position;

        pub fn serialize<S: Serializer>(position: &Position, serializer: S) -> Result<S::Ok, S::Error> {
            (position.major, position.minor).serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Position, D::Error> {
            <(u64, u64)>::deserialize(deserializer).map(|(major, minor)| Position::new(major, minor))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_small() {
        assert!(size_of::<WalletRow>() <= 128, "{}", size_of::<WalletRow>());
        assert!(size_of::<OrderRow>() <= 176, "{}", size_of::<OrderRow>());
        assert!(size_of::<ClaimRow>() <= 80, "{}", size_of::<ClaimRow>());
        assert!(size_of::<CreditRow>() <= 72, "{}", size_of::<CreditRow>());
    }
}
