//! Masking of JSON: the names of personal fields, and the masking of a payload.

use serde_json::Value;

use super::MASKED;

/// Parts of the names of fields that identify somebody, or tell how to reach or charge them. They are compared with the
/// letters and digits of a name, in lower case.
const PERSONAL: [&str; 19] = [
    "name",
    "mail",
    "phone",
    "mobile",
    "address",
    "street",
    "postcode",
    "postalcode",
    "zipcode",
    "iban",
    "accountnumber",
    "card",
    "birth",
    "passport",
    "taxid",
    "vatid",
    "socialsecurity",
    "signature",
    "recipient",
];
/// Short names that are compared with the whole name, because they are also parts of other words.
const PERSONAL_WHOLE: [&str; 12] = [
    "pan", "bic", "cvc", "cvv", "dob", "ssn", "tel", "fax", "ip", "city", "zip", "contact",
];
/// The field with the lines of an order. A `name` in it is a product's.
const ARTICLES: &str = "lines";

/// Masks the personal fields of a JSON text. A text that is not JSON is replaced as a whole.
pub(super) fn mask_json(text: &mut String) {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            if mask_value(&mut value, false) || says_more(text, &value) {
                *text = value.to_string();
            }
        }
        Err(_) => MASKED.clone_into(text),
    }
}

/// Whether the text may contain more than the parsed value. If two fields have the same name, the parser drops the
/// first, so that it was not masked.
fn says_more(text: &str, value: &Value) -> bool {
    let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    dense(text) != dense(&value.to_string())
}

/// Masks a value. Returns whether anything was masked. `article`: the value is an order's lines or one of them.
fn mask_value(value: &mut Value, article: bool) -> bool {
    let mut masked = false;
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let of_a_product = article && name == "name";
                if is_personal(name) && !of_a_product && !value.is_null() {
                    *value = Value::String(MASKED.to_owned());
                    masked = true;
                } else {
                    masked |= mask_value(value, name == ARTICLES);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                masked |= mask_value(item, article);
            }
        }
        _ => {}
    }
    masked
}

pub(super) fn is_personal(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    PERSONAL.iter().any(|part| plain.contains(part)) || PERSONAL_WHOLE.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut text = text.to_owned();
        mask_json(&mut text);
        text
    }

    #[test]
    fn personal_fields_are_masked_at_any_depth() {
        for (before, after) in [
            (
                r#"{"owner":{"id":"C-1","name":"Ada"},"currency":"EUR"}"#,
                r#"{"currency":"EUR","owner":{"id":"C-1","name":"(masked)"}}"#,
            ),
            (r#"{"a":[{"E-Mail":"x@y"}]}"#, r#"{"a":[{"E-Mail":"(masked)"}]}"#),
            (r#"{"cardNumber":4111}"#, r#"{"cardNumber":"(masked)"}"#),
            (
                r#"{"shipping_address":{"line1":"S"}}"#,
                r#"{"shipping_address":"(masked)"}"#,
            ),
            (r#"{"ip":"10.0.0.1"}"#, r#"{"ip":"(masked)"}"#),
            (
                r#"{"lines":[{"name":"Mug","email":"x@y","for":{"name":"Ada"}}]}"#,
                r#"{"lines":[{"email":"(masked)","for":{"name":"(masked)"},"name":"Mug"}]}"#,
            ),
        ] {
            assert_eq!(masked(before), after);
        }
    }

    #[test]
    fn other_fields_stay_unchanged() {
        for same in [
            r#"{"amount": {"amount":"12.50","currency":"EUR"}, "kind":"top_up"}"#,
            r#"{"refund":"R-1","note":"Ada called","message":"declined"}"#,
            r#"{"lines":[{"sku":"S","title":"Mug","name":"Mug","quantity":1}]}"#,
            r#"{"tip": "x","capacity":3,"method":"card","name":null}"#,
        ] {
            assert_eq!(masked(same), same);
        }
    }

    #[test]
    fn unparsable_or_ambiguous_json_is_masked_as_a_whole() {
        assert_eq!(masked("name=Ada"), MASKED);
        assert_eq!(masked(r#"{"x":"Ada","x":"y"}"#), r#"{"x":"y"}"#);
        let deep = format!("{}\"Ada\"{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(masked(&deep), MASKED);
        assert_eq!(masked(r#"{"name":"x","name":null}"#), r#"{"name":null}"#);
    }
}
