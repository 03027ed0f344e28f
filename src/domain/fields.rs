//! The fields of an event as a stream stores them (contract §3): strings, any of which may be missing or invalid. The
//! values of the contract's fields share one `String`, because a replay makes and drops millions of events.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An event's fields, unchanged.
#[derive(Clone, Default)]
pub struct Fields {
    /// The values of the contract's fields, one after the other in any order.
    text: String,
    known: [Span; Known::ALL.len()],
    /// Fields outside the contract, in the order in which they were written.
    pub extra: Vec<(String, String)>,
}

/// The byte range of a value in `text`. A range with `from > to` means that the field is missing.
#[derive(Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

impl Span {
    const NONE: Self = Self { from: 1, to: 0 };

    const fn is_none(self) -> bool {
        self.from > self.to
    }
}

impl Default for Span {
    fn default() -> Self {
        Self::NONE
    }
}

/// The fields of the contract, in its order (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Id,
    Type,
    Sequence,
    Time,
    Actor,
    IdempotencyKey,
    CorrelationId,
    CausationId,
    Data,
}

impl Known {
    pub const ALL: [Self; 9] = [
        Self::Id,
        Self::Type,
        Self::Sequence,
        Self::Time,
        Self::Actor,
        Self::IdempotencyKey,
        Self::CorrelationId,
        Self::CausationId,
        Self::Data,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Type => "type",
            Self::Sequence => "sequence",
            Self::Time => "time",
            Self::Actor => "actor",
            Self::IdempotencyKey => "idempotencykey",
            Self::CorrelationId => "correlationid",
            Self::CausationId => "causationid",
            Self::Data => "data",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "type" => Self::Type,
            "sequence" => Self::Sequence,
            "time" => Self::Time,
            "actor" => Self::Actor,
            "idempotencykey" => Self::IdempotencyKey,
            "correlationid" => Self::CorrelationId,
            "causationid" => Self::CausationId,
            "data" => Self::Data,
            _ => return None,
        })
    }
}

impl Fields {
    /// No fields, with capacity for `bytes` bytes of values.
    pub fn with_room(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Only the given fields.
    pub fn of<'a>(fields: impl IntoIterator<Item = (Known, &'a str)>) -> Self {
        let mut all = Self::default();
        for (field, value) in fields {
            all.put(field, value);
        }
        all
    }

    pub fn get(&self, field: Known) -> Option<&str> {
        let Span { from, to } = self.known[field as usize];
        self.text.get(from..to)
    }

    pub fn id(&self) -> Option<&str> {
        self.get(Known::Id)
    }

    pub fn r#type(&self) -> Option<&str> {
        self.get(Known::Type)
    }

    pub fn sequence(&self) -> Option<&str> {
        self.get(Known::Sequence)
    }

    pub fn time(&self) -> Option<&str> {
        self.get(Known::Time)
    }

    pub fn actor(&self) -> Option<&str> {
        self.get(Known::Actor)
    }

    pub fn idempotencykey(&self) -> Option<&str> {
        self.get(Known::IdempotencyKey)
    }

    pub fn correlationid(&self) -> Option<&str> {
        self.get(Known::CorrelationId)
    }

    pub fn causationid(&self) -> Option<&str> {
        self.get(Known::CausationId)
    }

    pub fn data(&self) -> Option<&str> {
        self.get(Known::Data)
    }

    /// Adds a field as it was read. If a field of the contract is there twice, the first value counts and the second is
    /// kept in `extra`.
    pub fn set(&mut self, name: &str, value: &str) {
        match Known::named(name).filter(|field| self.known[*field as usize].is_none()) {
            Some(field) => self.put(field, value),
            None => self.extra.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Sets a field that has no value yet.
    fn put(&mut self, field: Known, value: &str) {
        let from = self.text.len();
        self.text.push_str(value);
        let to = self.text.len();
        self.known[field as usize] = Span { from, to };
    }

    /// Replaces or removes the value of a field. The old value is not kept in `text`.
    pub fn replace(&mut self, field: Known, value: Option<&str>) {
        let others = Known::ALL.into_iter().filter(|other| *other != field);
        let others = others.filter_map(|other| Some((other, self.get(other)?)));
        let known = Self::of(others.chain(value.map(|value| (field, value))));
        (self.text, self.known) = (known.text, known.known);
    }

    /// Every field that is present: first those of the contract, in its order (§3).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let known = Known::ALL.into_iter();
        known
            .filter_map(|field| Some((field.name(), self.get(field)?)))
            .chain(self.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.extra == other.extra && Known::ALL.iter().all(|field| self.get(*field) == other.get(*field))
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The serialised form of [`Fields`]: each field of the contract by its name, the others in a list.
#[derive(Serialize, Deserialize)]
struct Apart<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sequence: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    actor: Option<Cow<'a, str>>,
    #[serde(borrow)]
    idempotencykey: Option<Cow<'a, str>>,
    #[serde(borrow)]
    correlationid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    causationid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    extra: Cow<'a, [(String, String)]>,
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let apart = Apart {
            id: self.id().map(Cow::Borrowed),
            r#type: self.r#type().map(Cow::Borrowed),
            sequence: self.sequence().map(Cow::Borrowed),
            time: self.time().map(Cow::Borrowed),
            actor: self.actor().map(Cow::Borrowed),
            idempotencykey: self.idempotencykey().map(Cow::Borrowed),
            correlationid: self.correlationid().map(Cow::Borrowed),
            causationid: self.causationid().map(Cow::Borrowed),
            data: self.data().map(Cow::Borrowed),
            extra: Cow::Borrowed(&self.extra),
        };
        apart.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let apart = Apart::deserialize(deserializer)?;
        let known = [
            (Known::Id, apart.id),
            (Known::Type, apart.r#type),
            (Known::Sequence, apart.sequence),
            (Known::Time, apart.time),
            (Known::Actor, apart.actor),
            (Known::IdempotencyKey, apart.idempotencykey),
            (Known::CorrelationId, apart.correlationid),
            (Known::CausationId, apart.causationid),
            (Known::Data, apart.data),
        ];
        let known = known.iter();
        let mut fields = Self::of(known.filter_map(|(field, value)| Some((*field, value.as_deref()?))));
        fields.extra = apart.extra.into_owned();
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_keeps_its_first_value_and_the_second_goes_to_extra() {
        let mut fields = Fields::default();
        for (name, value) in [("data", "{}"), ("own", "x"), ("id", ""), ("data", "[]"), ("id", "e-2")] {
            fields.set(name, value);
        }
        assert_eq!(
            (fields.id(), fields.data(), fields.time()),
            (Some(""), Some("{}"), None)
        );
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(
            all,
            [("id", ""), ("data", "{}"), ("own", "x"), ("data", "[]"), ("id", "e-2")]
        );
    }

    #[test]
    fn a_replaced_or_removed_value_is_not_kept() {
        let mut fields = Fields::of([(Known::Actor, "ada"), (Known::Data, "é")]);
        fields.replace(Known::Actor, Some("fred"));
        assert_eq!((fields.actor(), fields.data()), (Some("fred"), Some("é")));
        fields.replace(Known::Data, None);
        assert_eq!((fields.data(), fields.text.as_str()), (None, "fred"));
        assert_eq!(fields, Fields::of([(Known::Actor, "fred")]));
        assert_ne!(fields, Fields::of([(Known::Actor, "fred"), (Known::Id, "")]));
    }

    #[test]
    fn fields_are_serialised_by_name_and_read_back() {
        let mut fields = Fields::of(Known::ALL.map(|field| (field, field.name())));
        for field in Known::ALL {
            assert_eq!(
                (Known::named(field.name()), fields.get(field)),
                (Some(field), Some(field.name()))
            );
        }
        let json = serde_json::to_value(&fields).unwrap();
        assert!(json.as_object().unwrap().iter().all(|(name, value)| name == value));
        fields.replace(Known::Actor, None);
        fields.set("own", "a \" quote");
        let json = serde_json::to_string(&fields).unwrap();
        assert!(
            json.contains(r#""actor":null"#) && json.ends_with(r#""extra":[["own","a \" quote"]]}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), fields);
        assert_eq!(serde_json::from_str::<Fields>("{}").unwrap(), Fields::default());
    }
}
