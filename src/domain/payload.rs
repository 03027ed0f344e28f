//! Reading a payload: JSON text to fields, with one way to say what is missing. Only what a fold needs is required;
//! a field that merely informs is left out where it can't be read, and stands in the raw event all the same.

use serde_json::{Map, Value};

use super::{
    fold::{AnomalyKind, Refusal},
    money::{Currency, Money, MoneyError},
};

/// A payload's JSON object.
pub struct Payload(Map<String, Value>);

impl Payload {
    pub fn parse(data: Option<&str>) -> Result<Self, Refusal> {
        let text = data.ok_or_else(|| unparsable("the event has no data"))?;
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(unparsable("the data is not a JSON object")),
            Err(error) => Err(unparsable(&format!("the data is not JSON: {error}"))),
        }
    }

    /// A string that must be there, empty or not.
    pub fn text(&self, name: &str) -> Result<String, Refusal> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(unparsable(&format!("'{name}' is not a string"))),
            None => Err(unparsable(&format!("'{name}' is missing"))),
        }
    }

    /// A name that must be there and say something.
    pub fn name(&self, name: &str) -> Result<String, Refusal> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(unparsable(&format!("'{name}' is empty")));
        }
        Ok(text)
    }

    /// A string that may be there.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    /// An object that may be there.
    pub fn object(&self, name: &str) -> Option<Self> {
        self.0.get(name)?.as_object().cloned().map(Self)
    }

    /// A list of objects that may be there; what in it is no object is left out.
    pub fn objects(&self, name: &str) -> Vec<Self> {
        let items = self.0.get(name).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(|item| item.as_object().cloned().map(Self))
            .collect()
    }

    /// A whole number that may be there.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// Money that must be there, by the grammar of contract §3.
    pub fn money(&self, name: &str) -> Result<Money, Refusal> {
        let fields = self
            .object(name)
            .ok_or_else(|| unparsable(&format!("'{name}' is missing or not an object")))?;
        let currency = fields.currency("currency")?;
        let amount = fields.text("amount")?;
        Money::parse(&amount, currency).map_err(invalid_amount)
    }

    pub fn currency(&self, name: &str) -> Result<Currency, Refusal> {
        self.text(name)?.parse().map_err(invalid_amount)
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

/// An enum of contract codes: known ones are variants, others are kept as they were written and shown as they are.
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

        impl From<String> for $name {
            fn from(code: String) -> Self {
                match code.as_str() { $($code => Self::$variant,)+ _ => Self::Other(code) }
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

/// A closed set of states with the names that people and machines read.
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
                    format!("'{text}' is none of {}", known.join(", "))
                })
            }
        }
    };
}
pub(crate) use states;
