//! Compares `Payload` with a reference that parses into a map. Both give the same fields and the same errors, for JSON
//! of any shape and for text that is not JSON.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value};

use super::super::{
    fold::{AnomalyKind, Refusal},
    money::{Currency, Money, MoneyError},
    payload::Payload,
};

/// The reference: a payload as a map of values.
struct Reference(Map<String, Value>);

fn unparsable(message: String) -> Refusal {
    Refusal::new(AnomalyKind::UnparsablePayload, message)
}

fn invalid_amount(error: &MoneyError) -> Refusal {
    let kind = match error {
        MoneyError::Currency(_) => AnomalyKind::UnparsablePayload,
        _ => AnomalyKind::InvalidAmount,
    };
    Refusal::new(kind, error.to_string())
}

impl Reference {
    fn parse(text: &str) -> Result<Self, Refusal> {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(unparsable("the data is not a JSON object".into())),
            Err(error) => Err(unparsable(format!("the data is not JSON: {error}"))),
        }
    }

    fn text(&self, name: &str) -> Result<String, Refusal> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(unparsable(format!("'{name}' is not a string"))),
            None => Err(unparsable(format!("'{name}' is missing"))),
        }
    }

    fn name(&self, name: &str) -> Result<String, Refusal> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(unparsable(format!("'{name}' is empty")));
        }
        Ok(text)
    }

    fn object(&self, name: &str) -> Option<Self> {
        self.0.get(name)?.as_object().cloned().map(Self)
    }

    fn objects(&self, name: &str) -> Vec<Self> {
        let items = self.0.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten();
        items.filter_map(|item| item.as_object().cloned().map(Self)).collect()
    }

    fn currency(&self, name: &str) -> Result<Currency, Refusal> {
        self.text(name)?.parse().map_err(|error| invalid_amount(&error))
    }

    fn money(&self, name: &str) -> Result<Money, Refusal> {
        let missing = || unparsable(format!("'{name}' is missing or not an object"));
        let fields = self.object(name).ok_or_else(missing)?;
        let currency = fields.currency("currency")?;
        Money::parse(&fields.text("amount")?, currency).map_err(|error| invalid_amount(&error))
    }
}

const NAMES: [&str; 5] = ["amount", "currency", "lines", "", "né\n"];

/// Compares every accessor for every name, also in nested objects.
fn assert_same(payload: &Payload<'_>, reference: &Reference, depth: usize) {
    for name in NAMES {
        assert_eq!(payload.text(name).map(str::to_owned), reference.text(name));
        assert_eq!(payload.name(name).map(str::to_owned), reference.name(name));
        let optional = reference.0.get(name).and_then(Value::as_str);
        assert_eq!(payload.optional(name).as_deref(), optional);
        assert_eq!(payload.integer(name), reference.0.get(name).and_then(Value::as_i64));
        assert_eq!(payload.currency(name), reference.currency(name));
        assert_eq!(payload.money(name), reference.money(name));
        let (one, other) = (payload.object(name), reference.object(name));
        assert_eq!(one.is_some(), other.is_some());
        let (some, others) = (payload.objects(name).collect::<Vec<_>>(), reference.objects(name));
        assert_eq!(some.len(), others.len());
        if depth > 0 {
            let below = some.into_iter().chain(one).zip(others.into_iter().chain(other));
            for (payload, reference) in below {
                assert_same(payload, &reference, depth - 1);
            }
        }
    }
}

/// Compares both parsers. Returns whether the text was an object.
fn assert_read_alike(text: &str) -> bool {
    match (Payload::parse(Some(text)), Reference::parse(text)) {
        (Ok(payload), Ok(reference)) => {
            assert_same(&payload, &reference, 3);
            true
        }
        (payload, reference) => {
            assert_eq!(payload.err(), reference.err(), "{text}");
            false
        }
    }
}

/// JSON text that no serializer writes: repeated fields, escapes, numbers at the limits.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec![
            "null",
            "true",
            "0",
            "-0",
            "7",
            "-3",
            "1.5",
            "1e3",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            r#""""#,
            r#""EUR""#,
            r#""JPY""#,
            r#""eur""#,
            r#""12.50""#,
            r#""0.00""#,
            r#""\u0045UR""#,
            r#""1\u0032""#,
            r#""\ud83d\ude00""#,
            r#""1e3""#,
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let names = select(vec![
        r#""amount""#,
        r#""currency""#,
        r#""lines""#,
        r#""""#,
        r#""né\n""#,
        r#""\u0061mount""#,
        r#""own""#,
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            4 => vec((names.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name} : {value}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn json_of_any_shape_is_parsed_as_by_the_reference(text in json()) {
        assert_read_alike(&text);
    }

    /// JSON that is cut off, or has a character inserted.
    #[test]
    fn invalid_json_gives_the_same_error_as_the_reference(text in json(), at in any::<prop::sample::Index>(), put in ".?") {
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let place = *at.get(&places);
        assert_read_alike(&text[..place]);
        assert_read_alike(&format!("{}{put}{}", &text[..place], &text[place..]));
    }
}

#[test]
fn limit_cases_of_json_are_parsed_as_by_the_reference() {
    for text in [
        r#"{"amount":{"amount":"1","currency":"EUR"},"amount":{"amount":"2","currency":"JPY"}}"#,
        r#"{"amount":{"amount":"1","currency":"EUR"},"amount":null}"#,
        r#"{"lines":[{"amount":1},2,[{}],{"amount":-2}],"own":{}}"#,
        "{}",
        " \n{ } ",
    ] {
        assert!(assert_read_alike(text), "{text}");
    }
    let deep = |levels: usize| format!("{}{}", r#"{"lines":["#.repeat(levels), "]}".repeat(levels));
    assert!(assert_read_alike(&deep(60)));
    for text in [
        "",
        "[]",
        "1",
        r#""text""#,
        "null",
        "{",
        "{}}",
        "{} x",
        r#"{"a":1e999}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\x"}"#,
        "{\"a\":\"\n\"}",
        "{a:1}",
        r#"{"a":01}"#,
        r#"{"a":NaN}"#,
        r#"{"a":1,}"#,
        "{1:2}",
        &deep(70),
    ] {
        assert!(!assert_read_alike(text), "{text}");
    }
}
