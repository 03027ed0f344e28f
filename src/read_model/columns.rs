//! The encoding of values in the columns of the read model. Amounts, times and positions are byte strings that sort as the values
//! do (SQLite compares them with `memcmp`). They are exact over the whole range of the contract, and short for usual values. This
//! module knows no table.

use chrono::{DateTime, Utc};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use rust_decimal::Decimal;

use crate::domain::{ids::Position, money::Currency};

/// Bytes of the longest value: a position of two full 64-bit numbers with their lengths (an amount needs 17).
const BYTES_MAX: usize = 18;
/// Added to the seconds of a time, so that times before 1970 are not negative and sort first.
const SECONDS_BIAS: i64 = 1 << 47;

/// A byte string that sorts as its value does. The empty string is a missing value and sorts before every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Sortable {
    bytes: [u8; BYTES_MAX],
    length: u8,
}

impl Sortable {
    /// A missing value.
    pub const MISSING: Self = Self {
        bytes: [0; BYTES_MAX],
        length: 0,
    };

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.bytes.get_mut(usize::from(self.length)) {
                *place = *byte;
                self.length += 1;
            }
        }
    }

    /// Appends a length byte and the number, big-endian, without leading zero bytes.
    fn push_number(&mut self, number: u64) {
        let bytes = number.to_be_bytes();
        let skipped = (number.leading_zeros() / 8) as usize;
        self.push(&[8 - u8::try_from(skipped).unwrap_or(8)]);
        self.push(&bytes[skipped.min(8)..]);
    }

    /// An amount in minor units: one byte for sign and length, then the magnitude without leading zero bytes. The bytes of a
    /// negative amount are complemented.
    pub fn minor_units(amount: i128) -> Self {
        let magnitude = amount.unsigned_abs().to_be_bytes();
        let skipped = (amount.unsigned_abs().leading_zeros() / 8) as usize;
        let digits = &magnitude[skipped.min(16)..];
        let length = u8::try_from(digits.len()).unwrap_or(16);
        let mut value = Self::MISSING;
        if amount >= 0 {
            value.push(&[0x80 + length]);
            value.push(digits);
        } else {
            value.push(&[0x80 - length]);
            for digit in digits {
                value.push(&[!digit]);
            }
        }
        value
    }

    /// The amount in minor units that these bytes encode.
    pub fn as_minor_units(&self) -> Option<i128> {
        read_minor_units(self.as_bytes())
    }

    /// An amount of a currency. Without a currency, the minor unit is 1.
    pub fn amount(amount: Decimal, currency: Option<Currency>) -> Self {
        Self::minor_units(to_minor_units(amount, currency))
    }

    pub fn optional_amount(amount: Option<Decimal>, currency: Option<Currency>) -> Self {
        amount.map_or(Self::MISSING, |amount| Self::amount(amount, currency))
    }

    /// A time: seconds in six bytes, then nanoseconds without trailing zero bytes.
    pub fn time(time: DateTime<Utc>) -> Self {
        let seconds = time.timestamp().saturating_add(SECONDS_BIAS).max(0).to_be_bytes();
        let nanoseconds = time.timestamp_subsec_nanos().to_be_bytes();
        let kept = nanoseconds
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let mut value = Self::MISSING;
        value.push(&seconds[2..]);
        value.push(&nanoseconds[..kept]);
        value
    }

    pub fn optional_time(time: Option<DateTime<Utc>>) -> Self {
        time.map_or(Self::MISSING, Self::time)
    }

    pub fn position(position: Position) -> Self {
        let mut value = Self::MISSING;
        value.push_number(position.major);
        value.push_number(position.minor);
        value
    }
}

/// Converts an amount to minor units. The amount has at most the currency's number of decimals.
pub fn to_minor_units(mut amount: Decimal, currency: Option<Currency>) -> i128 {
    amount.rescale(currency.map_or(0, |currency| currency.decimals()));
    amount.mantissa()
}

/// Converts minor units to an amount. An amount beyond the range of [`Decimal`] becomes its limit.
pub fn from_minor_units(minor_units: i128, currency: Option<Currency>) -> Decimal {
    let decimals = currency.map_or(0, |currency| currency.decimals());
    Decimal::try_from_i128_with_scale(minor_units, decimals).unwrap_or_else(|_| {
        let mut most = if minor_units < 0 { Decimal::MIN } else { Decimal::MAX };
        // Sets only the scale: the mantissa stays as it is, so nothing is rounded.
        let _ = most.set_scale(decimals);
        most
    })
}

impl ToSql for Sortable {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for Sortable {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        if bytes.len() > BYTES_MAX {
            return Err(FromSqlError::InvalidBlobSize {
                expected_size: BYTES_MAX,
                blob_size: bytes.len(),
            });
        }
        let mut read = Self::MISSING;
        read.push(bytes);
        Ok(read)
    }
}

/// A column of [`Sortable::minor_units`], decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinorUnits(pub i128);

impl FromSql for MinorUnits {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        read_minor_units(bytes).map(Self).ok_or(FromSqlError::InvalidType)
    }
}

/// A column of an amount that may be missing, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalMinorUnits(pub Option<i128>);

impl FromSql for OptionalMinorUnits {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        if value.as_blob()?.is_empty() {
            return Ok(Self(None));
        }
        MinorUnits::column_result(value).map(|read| Self(Some(read.0)))
    }
}

/// A column of [`Sortable::time`], decoded. `None`: missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Option<DateTime<Utc>>);

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        read_time(bytes)
            .map(|time| Self(Some(time)))
            .ok_or(FromSqlError::InvalidType)
    }
}

/// A column of [`Sortable::position`], decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPosition(pub Position);

impl FromSql for ReadPosition {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        read_position(value.as_blob()?)
            .map(Self)
            .ok_or(FromSqlError::InvalidType)
    }
}

/// A column of a currency code, decoded. The empty text is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCurrency(pub Option<Currency>);

impl FromSql for ReadCurrency {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "" => Ok(Self(None)),
            code => code
                .parse()
                .map(|currency| Self(Some(currency)))
                .map_err(|_| FromSqlError::InvalidType),
        }
    }
}

fn read_minor_units(bytes: &[u8]) -> Option<i128> {
    let (head, digits) = bytes.split_first()?;
    let negative = *head < 0x80;
    if digits.len() > 16 || usize::from(head.abs_diff(0x80)) != digits.len() {
        return None;
    }
    let magnitude = digits.iter().fold(0_u128, |number, digit| {
        number << 8 | u128::from(if negative { !digit } else { *digit })
    });
    let magnitude = i128::try_from(magnitude).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

fn read_time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let (seconds, fraction) = bytes.split_at_checked(6)?;
    let seconds = seconds
        .iter()
        .fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    let mut nanoseconds = [0; 4];
    nanoseconds.get_mut(..fraction.len())?.copy_from_slice(fraction);
    DateTime::from_timestamp(seconds - SECONDS_BIAS, u32::from_be_bytes(nanoseconds))
}

fn read_position(bytes: &[u8]) -> Option<Position> {
    let (major, rest) = read_number(bytes)?;
    let (minor, rest) = read_number(rest)?;
    rest.is_empty().then_some(Position::new(major, minor))
}

fn read_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(*length))?;
    (digits.len() <= 8).then(|| {
        let number = digits.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        (number, rest)
    })
}

/// The text that is stored for a currency; empty for none.
pub fn currency_code(currency: Option<&Currency>) -> &str {
    currency.map_or("", Currency::code)
}

/// A value of a closed set, stored as its index in the set, by which its column sorts.
pub trait Numbered: Copy + PartialEq + Sized + 'static {
    const ALL: &'static [Self];

    fn number(self) -> i64 {
        let place = Self::ALL.iter().position(|value| *value == self);
        place.and_then(|place| i64::try_from(place).ok()).unwrap_or(i64::MAX)
    }

    fn of_number(number: i64) -> Option<Self> {
        usize::try_from(number)
            .ok()
            .and_then(|place| Self::ALL.get(place))
            .copied()
    }
}

macro_rules! numbered {
    ($($set:ty)+) => {
        $(impl Numbered for $set { const ALL: &'static [Self] = <$set>::ALL; })+
    };
}
numbered! {
    crate::domain::wallet::WalletStatus
    crate::domain::wallet::HoldState
    crate::domain::order::OrderStatus
    crate::domain::refund::RefundState
    crate::domain::compensation::case::CaseStatus
    crate::domain::findings::FindingKind
    crate::domain::findings::Severity
}

/// A column of a [`Numbered`] value, decoded.
pub struct Number<T>(pub T);

impl<T: Numbered> FromSql for Number<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        T::of_number(number).map(Self).ok_or(FromSqlError::OutOfRange(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(value: &Sortable) -> ValueRef<'_> {
        ValueRef::Blob(value.as_bytes())
    }

    proptest! {
        #[test]
        fn amounts_sort_and_round_trip(a in any::<i128>(), b in any::<i128>(), shift in 0_u32..120) {
            let (a, b) = (a >> shift, b >> shift);
            prop_assume!(a != i128::MIN && b != i128::MIN);
            let (left, right) = (Sortable::minor_units(a), Sortable::minor_units(b));
            prop_assert_eq!(left.as_bytes().cmp(right.as_bytes()), a.cmp(&b));
            prop_assert_eq!(MinorUnits::column_result(blob(&left)).ok(), Some(MinorUnits(a)));
        }

        #[test]
        fn times_sort_and_round_trip(
            a in -62_167_219_200_i64..253_402_300_800, b in -62_167_219_200_i64..253_402_300_800,
            x in 0_u32..2_000_000_000, y in 0_u32..2_000_000_000,
        ) {
            let time = |seconds, nanoseconds| DateTime::from_timestamp(seconds, nanoseconds).or_else(|| DateTime::from_timestamp(seconds, 0)).unwrap();
            let (a, b) = (time(a, x), time(b, y));
            let (left, right) = (Sortable::time(a), Sortable::time(b));
            prop_assert_eq!(left.as_bytes().cmp(right.as_bytes()), a.cmp(&b));
            prop_assert_eq!(Time::column_result(blob(&left)).ok(), Some(Time(Some(a))));
        }

        #[test]
        fn positions_sort_and_round_trip(a in any::<(u64, u64)>(), b in any::<(u64, u64)>(), shift in 0_u32..64) {
            let (a, b) = (Position::new(a.0 >> shift, a.1 >> shift), Position::new(b.0 >> shift, b.1 >> shift));
            let (left, right) = (Sortable::position(a), Sortable::position(b));
            prop_assert_eq!(left.as_bytes().cmp(right.as_bytes()), a.cmp(&b));
            prop_assert_eq!(ReadPosition::column_result(blob(&left)).ok(), Some(ReadPosition(a)));
        }
    }

    #[test]
    fn extreme_times_and_missing_values_round_trip() {
        for time in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let value = Sortable::time(time);
            assert_eq!(Time::column_result(blob(&value)).unwrap(), Time(Some(time)));
        }
        assert_eq!(Time::column_result(blob(&Sortable::MISSING)).unwrap(), Time(None));
        assert_eq!(
            OptionalMinorUnits::column_result(blob(&Sortable::MISSING)).unwrap(),
            OptionalMinorUnits(None)
        );
        assert!(MinorUnits::column_result(ValueRef::Blob(&[0x82, 1])).is_err());
    }

    #[test]
    fn an_amount_keeps_the_decimals_of_its_currency() {
        for (amount, code) in [
            ("12.50", "EUR"),
            ("-0.01", "EUR"),
            ("5800", "JPY"),
            ("1.234", "KWD"),
            ("999999999999999999.99", "EUR"),
        ] {
            let currency = Some(code.parse().unwrap());
            let amount: Decimal = amount.parse().unwrap();
            let read = from_minor_units(to_minor_units(amount, currency), currency);
            assert_eq!(read.to_string(), amount.to_string());
        }
        assert_eq!(from_minor_units(0, Some("EUR".parse().unwrap())).to_string(), "0.00");
    }
}
