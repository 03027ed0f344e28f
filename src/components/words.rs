//! Codes as words. The contract's codes are English in snake case, so one rule fits most of them. Codes that are not in
//! the contract are not reworded.

pub use crate::views::truncate::group_digits;

use crate::views::lists::Count;

/// `customer_request` as `Customer request`.
pub fn sentence(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// `wallet.hold_captured` as `Hold captured`. A type with a version keeps it: `wallet.credited.v2` as `Credited v2`.
pub fn event_title(r#type: &str) -> String {
    let known_domain = r#type.strip_prefix("wallet.").or_else(|| r#type.strip_prefix("order."));
    match known_domain {
        Some(what) if !what.is_empty() && what.bytes().all(is_code_byte) => sentence(&what.replace('.', " ")),
        _ => r#type.to_owned(),
    }
}

fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.')
}

/// `1 refund`, `2 refunds`. The plural is always formed with an s.
pub fn counted(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(count))
}

/// `2 refunds`, or `10,000+ refunds` if there may be more.
pub fn total(count: Count, noun: &str) -> String {
    match count {
        Count::Exactly(count) => counted(count, noun),
        Count::AtLeast(count) => format!("{}+ {noun}s", grouped(count)),
    }
}

/// A whole number with its thousands grouped: `12,345`.
pub fn grouped(number: u64) -> String {
    group_digits(&number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_sentences() {
        assert_eq!(sentence("customer_request"), "Customer request");
        assert_eq!(sentence(""), "");
        assert_eq!(sentence("ärger"), "ärger");
    }

    #[test]
    fn event_types_lose_their_domain_and_keep_their_version() {
        assert_eq!(event_title("wallet.hold_captured"), "Hold captured");
        assert_eq!(event_title("wallet.credited.v2"), "Credited v2");
        for foreign in ["", "wallet.", "audit.logged", "order.Foo!", "plain"] {
            assert_eq!(event_title(foreign), foreign);
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "refund"), "1 refund");
        assert_eq!(counted(1_200, "refund"), "1,200 refunds");
        assert_eq!(total(Count::Exactly(1), "refund"), "1 refund");
        assert_eq!(total(Count::AtLeast(10_000), "refund"), "10,000+ refunds");
    }
}
