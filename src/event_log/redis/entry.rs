//! From the replies of XRANGE and XREAD to entries. The bytes of a reply become the strings of an entry without a copy
//! where they are UTF-8; where they are not, what can be shown is kept, because reading never fails on content (contract §3).

use std::{borrow::Cow, collections::HashMap};

use chrono::{DateTime, Utc};
use redis::{FromRedisValue, ParsingError, Value};

use crate::{
    domain::{
        event::{Entry, Fields},
        ids::{EntityId, Position, Sequence},
    },
    event_log::FeedEntry,
};

/// One entry with its bytes as they are: its place, and field after value after field.
pub(super) struct RawEntry {
    pub position: Position,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl FromRedisValue for RawEntry {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let [id, fields] = array(value)?
            .try_into()
            .map_err(|_| ParsingError::from("an entry without an id or fields"))?;
        let position = text(bytes(id)?)
            .parse()
            .map_err(|_| ParsingError::from("an entry id that is no position"))?;
        // An entry that was deleted while it waited in a group has no fields; plain reads do not tell of it.
        let mut values = match fields {
            Value::Nil => Vec::new(),
            fields => array(fields)?,
        }
        .into_iter();
        let mut fields = Vec::with_capacity(values.len() / 2);
        while let (Some(name), Some(value)) = (values.next(), values.next()) {
            fields.push((bytes(name)?, bytes(value)?));
        }
        Ok(Self { position, fields })
    }
}

impl RawEntry {
    pub(super) fn into_entry(self) -> Entry {
        let mut fields = Fields::default();
        for (name, value) in self.fields {
            fields.set(&String::from_utf8_lossy(&name), text(value));
        }
        Entry {
            position: self.position,
            recorded: recorded(self.position),
            fields,
        }
    }

    /// The value of the first field of that name.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        self.fields
            .iter()
            .find(|(field, _)| field == name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// The sequence, read as [`Entry::sequence`] reads it.
    pub(super) fn sequence(&self) -> Option<Sequence> {
        let fields = Fields {
            sequence: self.field("sequence").map(Cow::into_owned),
            ..Fields::default()
        };
        let entry = Entry {
            position: self.position,
            recorded: recorded(self.position),
            fields,
        };
        entry.sequence()
    }

    /// As an entry of a feed; `None` where its subject is no id, so that there is no stream to read.
    pub(super) fn feed_entry(&self, partition: u32) -> Option<FeedEntry> {
        Some(FeedEntry {
            partition,
            position: self.position,
            subject: EntityId::new(self.field("subject")?).ok()?,
            sequence: self.sequence(),
        })
    }
}

/// The pages of an XREAD: the entries of each stream that has any, by its key.
pub(super) struct Pages(pub HashMap<String, Vec<RawEntry>>);

impl FromRedisValue for Pages {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let pages = match value {
            // Nothing came before the timeout.
            Value::Nil => Vec::new(),
            Value::Map(pages) => pages,
            pages => array(pages)?
                .into_iter()
                .map(|page| <(Value, Value)>::try_from(Page(page)))
                .collect::<Result<_, _>>()?,
        };
        pages
            .into_iter()
            .map(|(key, entries)| Ok((text(bytes(key)?), Vec::<RawEntry>::from_redis_value(entries)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A pair as RESP2 writes it.
struct Page(Value);

impl TryFrom<Page> for (Value, Value) {
    type Error = ParsingError;

    fn try_from(page: Page) -> Result<Self, Self::Error> {
        let [key, entries] = array(page.0)?
            .try_into()
            .map_err(|_| ParsingError::from("a page without a key or entries"))?;
        Ok((key, entries))
    }
}

fn array(value: Value) -> Result<Vec<Value>, ParsingError> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err("not an array".into()),
    }
}

fn bytes(value: Value) -> Result<Vec<u8>, ParsingError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        _ => Err("not a string".into()),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The milliseconds of an entry id (contract §3); the end of time where a foreign id lies beyond it.
fn recorded(position: Position) -> DateTime<Utc> {
    i64::try_from(position.major)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(bytes: &[u8]) -> Value {
        Value::BulkString(bytes.to_vec())
    }

    #[test]
    fn an_entry_keeps_what_nobody_knows_and_what_is_no_text() {
        let raw = RawEntry::from_redis_value(Value::Array(vec![
            bulk(b"1700000000000-3"),
            Value::Array(
                [
                    &b"id"[..],
                    b"e-1",
                    b"sequence",
                    b"7",
                    b"data",
                    b"\xff{}",
                    b"id",
                    b"e-2",
                    b"own",
                    b"x",
                ]
                .map(bulk)
                .into(),
            ),
        ]))
        .unwrap();
        let entry = raw.into_entry();
        assert_eq!(entry.position, Position::new(1_700_000_000_000, 3));
        assert_eq!(entry.recorded.timestamp_millis(), 1_700_000_000_000);
        assert_eq!(entry.sequence(), Some(7));
        assert_eq!(entry.fields.id.as_deref(), Some("e-1"));
        assert_eq!(entry.fields.data.as_deref(), Some("\u{fffd}{}"));
        let extra = [("id", "e-2"), ("own", "x")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(entry.fields.extra, extra);
    }

    #[test]
    fn an_id_beyond_the_calendar_is_at_its_end() {
        assert_eq!(recorded(Position::new(u64::MAX, 0)), DateTime::<Utc>::MAX_UTC);
    }
}
