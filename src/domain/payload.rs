//! Parses payloads: JSON text to fields, with the same errors for all events. Only fields that a fold needs are
//! required. Another field that can't be read is left out; the raw event still has it. Strings are borrowed from the
//! text, because a replay reads millions of payloads and keeps few of their fields.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::{
    fold::{AnomalyKind, Refusal},
    money::{Currency, Money, MoneyError},
};

/// A payload's JSON object, with its fields in written order. If a field is there twice, the last one counts.
pub struct Payload<'a>(Vec<(Text<'a>, Json<'a>)>);

/// A string, borrowed from the text unless something in it was escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A JSON value, as far as payloads need it.
enum Json<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    List(Vec<Self>),
    Object(Payload<'a>),
    /// Null, booleans, and numbers that are not an `i64`.
    Other,
}

impl<'a> Payload<'a> {
    pub fn parse(data: Option<&'a str>) -> Result<Self, Refusal> {
        let text = data.ok_or_else(|| unparsable("the event has no data"))?;
        match serde_json::from_str(text) {
            Ok(Json::Object(fields)) => Ok(fields),
            Ok(_) => Err(unparsable("the data is not a JSON object")),
            Err(error) => Err(unparsable(&format!("the data is not JSON: {error}"))),
        }
    }

    fn field(&self, name: &str) -> Option<&Json<'a>> {
        let mut fields = self.0.iter().rev();
        fields.find(|(field, _)| field.0 == name).map(|(_, value)| value)
    }

    /// A required string, which may be empty.
    pub fn text(&self, name: &str) -> Result<&str, Refusal> {
        match self.field(name) {
            Some(Json::Text(text)) => Ok(text),
            Some(_) => Err(unparsable(&format!("'{name}' is not a string"))),
            None => Err(unparsable(&format!("'{name}' is missing"))),
        }
    }

    /// A required string that is not empty.
    pub fn name(&self, name: &str) -> Result<&str, Refusal> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(unparsable(&format!("'{name}' is empty")));
        }
        Ok(text)
    }

    /// An optional string; `None` if it is missing or not a string.
    pub fn optional(&self, name: &str) -> Option<String> {
        match self.field(name)? {
            Json::Text(text) => Some(text.as_ref().to_owned()),
            _ => None,
        }
    }

    /// An optional object; `None` if it is missing or not an object.
    pub fn object(&self, name: &str) -> Option<&Self> {
        self.field(name)?.as_object()
    }

    /// The objects of an optional list. Items that are not objects are left out.
    pub fn objects(&self, name: &str) -> impl Iterator<Item = &Self> {
        let items = match self.field(name) {
            Some(Json::List(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(Json::as_object)
    }

    /// An optional whole number; `None` if it is missing or not an `i64`.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.field(name)? {
            Json::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// A required amount of money, by the grammar of contract §3.
    pub fn money(&self, name: &str) -> Result<Money, Refusal> {
        let fields = self
            .object(name)
            .ok_or_else(|| unparsable(&format!("'{name}' is missing or not an object")))?;
        let currency = fields.currency("currency")?;
        Money::parse(fields.text("amount")?, currency).map_err(invalid_amount)
    }

    pub fn currency(&self, name: &str) -> Result<Currency, Refusal> {
        self.text(name)?.parse().map_err(invalid_amount)
    }
}

impl<'a> Json<'a> {
    fn as_object(&self) -> Option<&Payload<'a>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Json::Other, Json::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(Payload(fields)))
    }
}

fn unparsable(message: &str) -> Refusal {
    Refusal::new(AnomalyKind::UnparsablePayload, message)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn invalid_amount(error: MoneyError) -> Refusal {
    let kind = match error {
        MoneyError::Currency(_) => AnomalyKind::UnparsablePayload,
        _ => AnomalyKind::InvalidAmount,
    };
    Refusal::new(kind, error.to_string())
}

/// An enum of contract codes. Known codes are variants; other codes are kept and shown unchanged.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name { $($variant,)+ Other(String) }

        impl $name {
            /// The codes that the contract names.
            pub const KNOWN: &[Self] = &[$(Self::$variant),+];

            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $code,)+ Self::Other(code) => code }
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                match code { $($code => Self::$variant,)+ _ => Self::Other(code.to_owned()) }
            }
        }

        impl From<String> for $name {
            fn from(code: String) -> Self {
                Self::from(code.as_str())
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use codes;

/// A closed set of states with their serialised names.
macro_rules! states {
    ($(#[$meta:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of_variant])* $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|state| state.as_str()).collect();
                    format!("'{text}' is not one of {}", known.join(", "))
                })
            }
        }
    };
}
pub(crate) use states;
