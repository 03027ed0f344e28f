//! Amounts of money: grouped thousands, the decimals of the currency, a typographic minus sign, and the code beside.
//! The exact value is in the markup, for programs and for copying. No floats are used.

use leptos::prelude::*;
use maud::{Markup, html};
use rust_decimal::Decimal;

use super::{markup::written, words::group_digits};
use crate::domain::money::Currency;

/// U+2212, a minus sign as wide as a plus sign.
const MINUS: char = '−';

/// An amount. `currency` is `None` for figures of a wallet that has no currency yet.
#[component]
pub fn Money(
    amount: Decimal,
    #[prop(into)] currency: Option<Currency>,
    /// Shows `+` before amounts above zero: for changes, not for balances.
    #[prop(optional)]
    signed: bool,
    /// Leaves the currency's code out, if a column or heading has it.
    #[prop(optional)]
    bare: bool,
) -> impl IntoView {
    written(money(amount, currency, signed, bare))
}

/// An amount as HTML text.
pub fn money(amount: Decimal, currency: Option<Currency>, signed: bool, bare: bool) -> Markup {
    let tone = if amount.is_zero() {
        "money is-zero"
    } else if amount.is_sign_negative() {
        "money is-negative"
    } else if signed {
        "money is-positive"
    } else {
        "money"
    };
    html! {
        data class=(tone) value=(exact(amount, currency)) {
            (format_amount(amount, currency, signed))
            @if let Some(currency) = currency.filter(|_| !bare) {
                span.money-code { "\u{a0}" (currency.to_string()) }
            }
        }
    }
}

/// Formats an amount as `−1,234.50`. Pads to the currency's decimals and never rounds: an amount with more decimals
/// shows all of them.
pub fn format_amount(amount: Decimal, currency: Option<Currency>, signed: bool) -> String {
    let plain = exact(amount, currency);
    let digits = plain.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut text = String::with_capacity(plain.len() + 8);
    if amount.is_sign_negative() && !amount.is_zero() {
        text.push(MINUS);
    } else if signed && !amount.is_zero() {
        text.push('+');
    }
    text.push_str(&group_digits(whole));
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// The amount for programs and spreadsheets: `-1234.50`.
fn exact(amount: Decimal, currency: Option<Currency>) -> String {
    let decimals = currency.map_or(0, |currency| currency.decimals());
    let mut padded = amount;
    if padded.scale() < decimals {
        padded.rescale(decimals);
    }
    if padded.is_zero() {
        // A negative zero is shown without a sign.
        padded.set_sign_positive(true);
    }
    padded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(amount: &str, currency: &str, signed: bool) -> String {
        format_amount(amount.parse().unwrap(), currency.parse().ok(), signed)
    }

    #[test]
    fn amounts_are_grouped_and_padded_to_their_currency() {
        assert_eq!(shown("0", "EUR", false), "0.00");
        assert_eq!(shown("999.5", "EUR", false), "999.50");
        assert_eq!(shown("1234567.891", "KWD", false), "1,234,567.891");
        assert_eq!(shown("1234", "JPY", false), "1,234");
        assert_eq!(shown("12.5", "", false), "12.5");
    }

    #[test]
    fn negative_amounts_have_a_minus_sign_and_zero_has_no_sign() {
        assert_eq!(shown("-1234.50", "EUR", false), "−1,234.50");
        assert_eq!(shown("3", "EUR", true), "+3.00");
        assert_eq!(shown("-0.00", "EUR", true), "0.00");
    }

    #[test]
    fn amounts_are_not_rounded() {
        assert_eq!(shown("0.125", "EUR", false), "0.125");
        let most = "99999999999999999999999999.99";
        assert_eq!(shown(most, "EUR", false), "99,999,999,999,999,999,999,999,999.99");
    }

    #[test]
    fn exact_amounts_have_no_grouping() {
        let amount = "-1234.5".parse().unwrap();
        assert_eq!(exact(amount, "EUR".parse().ok()), "-1234.50");
    }
}
