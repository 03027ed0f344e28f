//! Amounts as contract §8 prints them: strings with the currency's own number of decimals, also where an amount is nothing
//! and was never in any currency.

use rust_decimal::Decimal;

use crate::domain::money::Currency;

/// An amount of an entity whose currency is known, or not.
pub fn printed(mut amount: Decimal, currency: Option<Currency>) -> String {
    if let Some(currency) = currency
        && amount.scale() < currency.decimals()
    {
        // Only ever a zero from before the currency was known: sums carry the decimals of what was added.
        amount.rescale(currency.decimals());
    }
    amount.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_takes_the_decimals_of_the_currency() {
        let kwd: Currency = "KWD".parse().unwrap();
        assert_eq!(printed(Decimal::ZERO, Some(kwd)), "0.000");
        assert_eq!(printed(Decimal::new(-12_500, 3), Some(kwd)), "-12.500");
        assert_eq!(printed(Decimal::ZERO, None), "0");
    }
}
