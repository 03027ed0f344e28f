//! Amounts as contract §8 prints them: strings with the currency's number of decimals. A zero also has these decimals,
//! even where no event had a currency.

use rust_decimal::Decimal;

use crate::domain::money::Currency;

/// Formats an amount of an entity. An amount without a currency is printed as it is.
pub fn printed(mut amount: Decimal, currency: Option<Currency>) -> String {
    if let Some(currency) = currency
        && amount.scale() < currency.decimals()
    {
        // This is only a zero from before the currency was known: sums have the decimals of their addends.
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
