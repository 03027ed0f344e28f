//! Exact money: an amount with its ISO 4217 currency, parsed by the grammar of contract §3. Sums are exact to 28
//! digits; a sum with more digits is refused. No floats, no rounding.

use std::{cmp::Ordering, fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// ISO 4217 currencies by the number of decimals of their minor unit (list one of 2025-05). Codes without a minor unit
/// (metals, bond units, XDR, XTS, XXX) are not money that a wallet can hold and are left out.
const BY_DECIMALS: [(u8, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE \
         CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD \
         HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP \
         MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR \
         SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED \
         VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// Maximum number of digits before the point (contract §3).
pub const INTEGER_DIGITS_MAX: usize = 18;
/// Maximum number of digits of a sum, before and after the point together (contract §3).
pub const SUM_DIGITS_MAX: u32 = 28;

/// An ISO 4217 currency with a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// The three letters.
    pub fn code(&self) -> &str {
        // The bytes come from the ASCII table above, so this does not fail.
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Decimals of the minor unit: JPY 0, EUR 2, KWD 3.
    pub const fn decimals(&self) -> u32 {
        self.decimals as u32
    }

    /// Zero, with the currency's decimals.
    pub fn zero(&self) -> Decimal {
        Decimal::new(0, self.decimals())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || MoneyError::Currency(text.chars().take(12).collect());
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| unknown())?;
        BY_DECIMALS
            .iter()
            .find(|(_, codes)| lists(codes, code))
            .map(|&(decimals, _)| Self { code, decimals })
            .ok_or_else(unknown)
    }
}

/// Whether `codes` contains `code`. `codes` is sorted and separated by single spaces.
fn lists(codes: &str, code: [u8; 3]) -> bool {
    let (mut low, mut high) = (0, codes.len().div_ceil(4));
    while low < high {
        let middle = usize::midpoint(low, high);
        match codes.as_bytes()[middle * 4..][..3].cmp(&code) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return true,
        }
    }
    false
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is not valid money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("'{0}' is not an ISO 4217 currency with a minor unit")]
    Currency(String),
    #[error("the amount '{0}' is not digits with at most one point between them")]
    Grammar(String),
    #[error("the amount has {found} decimals; {currency} has {allowed}")]
    Decimals {
        currency: Currency,
        allowed: u32,
        found: usize,
    },
    #[error("the amount has more than {INTEGER_DIGITS_MAX} digits before the point")]
    TooLarge,
    #[error("the amount is zero")]
    Zero,
}

/// An amount of one currency: above zero, with exactly the currency's decimals, at most 18 digits before the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// Money in JSON: `{"amount":"12.50","currency":"EUR"}`.
#[derive(Serialize, Deserialize)]
struct Written {
    amount: String,
    currency: String,
}

impl Money {
    /// Parses an amount by the grammar of contract §3. `12`, `12.5` and `12.50` are equal in EUR.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let grammar = || MoneyError::Grammar(amount.chars().take(40).collect());
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = match amount.split_once('.') {
            Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
            Some(_) => return Err(grammar()),
            None => (amount, ""),
        };
        if !all_digits(whole) {
            return Err(grammar());
        }
        if whole.len() > INTEGER_DIGITS_MAX {
            return Err(MoneyError::TooLarge);
        }
        let allowed = currency.decimals();
        if fraction.len() > allowed as usize {
            return Err(MoneyError::Decimals {
                currency,
                allowed,
                found: fraction.len(),
            });
        }
        // At most 18 digits and 4 decimals, which fits in an i128 and in a Decimal.
        let digits = whole.bytes().chain(fraction.bytes());
        let written = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let missing = allowed - u32::try_from(fraction.len()).unwrap_or(0);
        Self::from_minor(written * 10_i128.pow(missing), currency)
    }

    /// An amount in minor units (for example cents).
    pub fn from_minor(minor: i128, currency: Currency) -> Result<Self, MoneyError> {
        if minor == 0 {
            return Err(MoneyError::Zero);
        }
        let limit = 10_i128.pow(18 + currency.decimals());
        if !(1..limit).contains(&minor) {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self {
            amount: Decimal::from_i128_with_scale(minor, currency.decimals()),
            currency,
        })
    }

    pub const fn amount(&self) -> Decimal {
        self.amount
    }

    pub const fn currency(&self) -> Currency {
        self.currency
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

impl TryFrom<Written> for Money {
    type Error = MoneyError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Self::parse(&written.amount, written.currency.parse()?)
    }
}

impl From<Money> for Written {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount.to_string(),
            currency: money.currency.into(),
        }
    }
}

/// `a + b`, or `None` if the exact sum has more than 28 digits. Both have the same number of decimals. A Decimal that
/// runs out of digits rounds; a smaller scale shows that.
pub fn add_exact(a: Decimal, b: Decimal) -> Option<Decimal> {
    let scale = a.scale().max(b.scale());
    let mut sum = a.checked_add(b)?;
    if sum.is_zero() {
        // Zero has no minus sign and keeps its decimals.
        sum = Decimal::new(0, scale);
    }
    let limit = 10_u128.pow(SUM_DIGITS_MAX);
    (sum.scale() == scale && sum.mantissa().unsigned_abs() < limit).then_some(sum)
}

/// `a - b`, under the rules of [`add_exact`].
pub fn sub_exact(a: Decimal, b: Decimal) -> Option<Decimal> {
    add_exact(a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur() -> Currency {
        "EUR".parse().unwrap()
    }

    #[test]
    fn amounts_are_checked_by_the_grammar_of_the_contract() {
        for (text, printed) in [
            ("1", "1.00"),
            ("0.50", "0.50"),
            ("0.5", "0.50"),
            ("007", "7.00"),
            ("999999999999999999.99", "999999999999999999.99"),
        ] {
            assert_eq!(Money::parse(text, eur()).unwrap().amount().to_string(), printed);
        }
        for bad in [
            "", ".", ".5", "5.", "+1", "-1", "1e3", "1,000", "1 ", " 1", "1.2.3", "１", "0x1", "NaN", "1_0",
        ] {
            assert!(matches!(Money::parse(bad, eur()), Err(MoneyError::Grammar(_))), "{bad}");
        }
        assert_eq!(Money::parse("0.00", eur()), Err(MoneyError::Zero));
        assert_eq!(Money::parse("1000000000000000000", eur()), Err(MoneyError::TooLarge));
        assert!(matches!(Money::parse("1.001", eur()), Err(MoneyError::Decimals { .. })));
    }

    #[test]
    fn decimals_are_those_of_iso_4217() {
        let decimals = |code: &str| code.parse::<Currency>().map(|c| c.decimals());
        assert_eq!(decimals("JPY"), Ok(0));
        assert_eq!(decimals("EUR"), Ok(2));
        assert_eq!(decimals("KWD"), Ok(3));
        assert_eq!(decimals("CLF"), Ok(4));
        for bad in ["eur", "XXX", "EU", "EURO", "", "E R", "€"] {
            assert!(decimals(bad).is_err(), "{bad}");
        }
        let jpy = "JPY".parse().unwrap();
        assert!(matches!(Money::parse("1.0", jpy), Err(MoneyError::Decimals { .. })));
    }

    #[test]
    fn every_code_of_the_tables_is_found_and_no_other() {
        for (decimals, codes) in BY_DECIMALS {
            for code in codes.split(' ') {
                assert_eq!(code.parse::<Currency>().map(|c| c.decimals), Ok(decimals), "{code}");
            }
            assert!(codes.split(' ').is_sorted());
        }
        for bad in ["AAA", "ZZZ", "EUS", "D A", "ZWM", "   ", "\0\0\0"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_amount_that_is_a_json_number_is_refused() {
        let read = |json: &str| serde_json::from_str::<Money>(json).map(|m| m.to_string());
        assert_eq!(read(r#"{"amount":"12.5","currency":"EUR"}"#).unwrap(), "12.50 EUR");
        assert!(read(r#"{"amount":12.5,"currency":"EUR"}"#).is_err());
        assert!(read(r#"{"amount":"12.5"}"#).is_err());
    }

    #[test]
    fn sums_are_exact_to_28_digits_or_refused() {
        let near = Decimal::from_i128_with_scale(10_i128.pow(28) - 2, 2);
        let cent = Decimal::new(1, 2);
        let top = add_exact(near, cent).unwrap();
        assert_eq!(top.to_string(), "99999999999999999999999999.99");
        assert_eq!(add_exact(top, cent), None);
        assert_eq!(sub_exact(-top, cent), None);
        assert_eq!(sub_exact(cent, cent).unwrap().to_string(), "0.00");
        assert_eq!(sub_exact(Decimal::new(0, 2), cent).unwrap().to_string(), "-0.01");
    }
}
