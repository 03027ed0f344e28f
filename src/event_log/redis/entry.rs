//! Converts replies of XRANGE and XREAD to entries. Bytes that are not UTF-8 are replaced, because reading never fails
//! on content (contract §3).

use std::{borrow::Cow, collections::HashMap, ops::Range, vec};

use chrono::{DateTime, Utc};
use redis::{FromRedisValue, ParsingError, Value};

use super::wire::{self, Cursor, Stop, Take};
use crate::{
    domain::{
        event::{Entry, Fields, Known, RawDigest},
        ids::{EntityId, Position, Sequence},
    },
    event_log::{FeedEntry, digest::Digester},
};

/// A page of a stream, as a sweep takes it.
pub(super) trait Paged: Take + FromRedisValue + Send + 'static {
    fn entries(&self) -> usize;
    fn last(&self) -> Option<Position>;
}

/// One entry with its bytes unchanged: its position and its fields.
pub(super) struct RawEntry {
    pub position: Position,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl FromRedisValue for RawEntry {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (position, mut values) = parts(value)?;
        let mut fields = Vec::with_capacity(values.len() / 2);
        while let (Some(name), Some(value)) = (values.next(), values.next()) {
            fields.push((bytes(name)?, bytes(value)?));
        }
        Ok(Self { position, fields })
    }
}

/// The position of an entry, and its field names and values in turn.
pub(super) fn parts(value: Value) -> Result<(Position, vec::IntoIter<Value>), ParsingError> {
    let [id, fields] = array(value)?
        .try_into()
        .map_err(|_| ParsingError::from("an entry without an id or fields"))?;
    let position = text(bytes(id)?)
        .parse()
        .map_err(|_| ParsingError::from("an entry id that is no position"))?;
    // A deleted entry that is still pending in a consumer group has no fields. Plain reads do not return it.
    let values = match fields {
        Value::Nil => Vec::new(),
        fields => array(fields)?,
    };
    Ok((position, values.into_iter()))
}

/// The entries of an XRANGE reply.
#[derive(Default)]
pub(super) struct Entries {
    pub entries: Vec<Entry>,
    scratch: Scratch,
}

/// Buffers that are reused for every entry.
#[derive(Default)]
struct Scratch {
    /// The byte ranges of the strings of the current entry.
    strings: Vec<Range<usize>>,
    digester: Digester,
}

impl FromRedisValue for Entries {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut digester = Digester::default();
        let entries = array(value)?.into_iter().map(|value| entry(value, &mut digester));
        Ok(Self {
            entries: entries.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }
}

fn entry(value: Value, digester: &mut Digester) -> Result<Entry, ParsingError> {
    let (position, mut values) = parts(value)?;
    digester.begin(position);
    let mut fields = Fields::default();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        let (name, value) = (bytes(name)?, bytes(value)?);
        digester.field(&name, &value);
        fields.set(&readable(&name), &readable(&value));
    }
    Ok(Entry {
        position,
        recorded: recorded(position),
        fields,
        digest: digester.finish(),
    })
}

impl Take for Entries {
    fn with_room(entries: usize) -> Self {
        Self {
            entries: Vec::with_capacity(entries),
            ..Self::default()
        }
    }

    fn take(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let begin = cursor.place();
        let (position, pairs) = head(cursor)?;
        self.scratch.strings.clear();
        for _ in 0..pairs * 2 {
            let length = cursor.string()?.len();
            let end = cursor.place() - begin - wire::END.len();
            self.scratch.strings.push(end - length..end);
        }
        let bytes = cursor.since(begin);
        // UTF-8 is checked once for the whole entry. The bytes between strings are ASCII, so the entry is valid if and
        // only if each string is.
        let whole = str::from_utf8(bytes);
        let text = |string: &Range<usize>| {
            whole.map_or_else(
                |_| String::from_utf8_lossy(&bytes[string.clone()]),
                |whole| Cow::Borrowed(&whole[string.clone()]),
            )
        };
        let values = self.scratch.strings.iter().skip(1).step_by(2);
        let mut fields = Fields::with_room(values.map(Range::len).sum());
        self.scratch.digester.begin(position);
        for pair in self.scratch.strings.chunks_exact(2) {
            self.scratch
                .digester
                .field(&bytes[pair[0].clone()], &bytes[pair[1].clone()]);
            fields.set(&text(&pair[0]), &text(&pair[1]));
        }
        self.entries.push(Entry {
            position,
            recorded: recorded(position),
            fields,
            digest: self.scratch.digester.finish(),
        });
        Ok(())
    }
}

impl Paged for Entries {
    fn entries(&self) -> usize {
        self.entries.len()
    }

    fn last(&self) -> Option<Position> {
        self.entries.last().map(|last| last.position)
    }
}

/// The bytes as text, with invalid bytes replaced. `from_utf8_lossy` alone takes twice as long for valid text.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Parses the beginning of an entry: its position and the number of its fields.
fn head(cursor: &mut Cursor<'_>) -> Result<(Position, usize), Stop> {
    if cursor.array()? != 2 {
        return Err(Stop::Strange);
    }
    let id = str::from_utf8(cursor.string()?).map_err(|_| Stop::Strange)?;
    let position = id.parse().map_err(|_| Stop::Strange)?;
    let strings = cursor.array()?;
    strings
        .is_multiple_of(2)
        .then_some((position, strings / 2))
        .ok_or(Stop::Strange)
}

/// The number of entries in an XRANGE reply, and the last position.
#[derive(Default)]
pub(super) struct Count {
    pub entries: usize,
    pub last: Option<Position>,
}

impl FromRedisValue for Count {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let mut page = array(value)?;
        let entries = page.len();
        let last = page.pop().map(parts).transpose()?.map(|(position, _)| position);
        Ok(Self { entries, last })
    }
}

impl Take for Count {
    fn with_room(_: usize) -> Self {
        Self::default()
    }

    fn take(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let (position, pairs) = head(cursor)?;
        for _ in 0..pairs * 2 {
            cursor.string()?;
        }
        self.entries += 1;
        self.last = Some(position);
        Ok(())
    }
}

impl Paged for Count {
    fn entries(&self) -> usize {
        self.entries
    }

    fn last(&self) -> Option<Position> {
        self.last
    }
}

impl RawEntry {
    /// The value of the first field with this name.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        self.fields
            .iter()
            .find(|(field, _)| field == name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// The sequence, parsed like [`Entry::sequence`].
    pub(super) fn sequence(&self) -> Option<Sequence> {
        let sequence = self.field("sequence");
        let fields = Fields::of(sequence.as_deref().map(|sequence| (Known::Sequence, sequence)));
        let entry = Entry {
            position: self.position,
            recorded: recorded(self.position),
            fields,
            digest: RawDigest::default(),
        };
        entry.sequence()
    }

    /// The entry as an entry of a feed; `None` if its subject is not a valid id, because then there is no stream to
    /// read.
    pub(super) fn feed_entry(&self, partition: u32) -> Option<FeedEntry> {
        Some(FeedEntry {
            partition,
            position: self.position,
            subject: EntityId::new(self.field("subject")?).ok()?,
            sequence: self.sequence(),
        })
    }
}

/// The pages of an XREAD reply: the entries of each stream that has any, by its key.
pub(super) struct Pages(pub HashMap<String, Vec<RawEntry>>);

impl FromRedisValue for Pages {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let pages = match value {
            // Nothing was appended before the timeout.
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

/// A pair in RESP2.
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

pub(super) fn bytes(value: Value) -> Result<Vec<u8>, ParsingError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        _ => Err("not a string".into()),
    }
}

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The milliseconds of an entry id (contract §3); the latest time if the id of another producer is beyond it.
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
    fn an_entry_keeps_unknown_fields_and_replaces_invalid_utf_8() {
        let value = Value::Array(vec![
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
        ]);
        let entry = entry(value, &mut Digester::default()).unwrap();
        assert_eq!(entry.position, Position::new(1_700_000_000_000, 3));
        assert_eq!(entry.recorded.timestamp_millis(), 1_700_000_000_000);
        assert_eq!(entry.sequence(), Some(7));
        assert_eq!(entry.fields.id(), Some("e-1"));
        assert_eq!(entry.fields.data(), Some("\u{fffd}{}"));
        let extra = [("id", "e-2"), ("own", "x")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(entry.fields.extra, extra);
    }

    #[test]
    fn an_id_beyond_the_calendar_has_the_latest_time() {
        assert_eq!(recorded(Position::new(u64::MAX, 0)), DateTime::<Utc>::MAX_UTC);
    }

    /// The entries as redis-rs parses a reply, and as [`Cursor`] parses it.
    fn both_ways(reply: &[u8]) -> (Vec<Entry>, Vec<Entry>) {
        let value = redis::parse_redis_value(reply).unwrap();
        let made = Entries::from_redis_value(value).unwrap().entries;
        let mut cursor = Cursor::new(reply, 0);
        let (mut taken, mut counted) = (Entries::default(), Count::default());
        let mut again = Cursor::new(reply, 0);
        assert_eq!(cursor.array(), again.array());
        while taken.take(&mut cursor).is_ok() {
            counted.take(&mut again).unwrap();
        }
        assert_eq!(cursor.string(), Err(Stop::Short(1)));
        assert_eq!((counted.entries(), counted.last()), (taken.entries(), taken.last()));
        (made, taken.entries)
    }

    fn reply(entries: &[(&str, &[&[u8]])]) -> Vec<u8> {
        let mut reply = format!("*{}\r\n", entries.len()).into_bytes();
        for (id, strings) in entries {
            reply.extend(format!("*2\r\n${}\r\n{id}\r\n*{}\r\n", id.len(), strings.len()).as_bytes());
            for string in *strings {
                reply.extend(format!("${}\r\n", string.len()).as_bytes());
                reply.extend(*string);
                reply.extend(b"\r\n");
            }
        }
        reply
    }

    #[test]
    fn entries_are_the_same_whichever_parser_reads_the_reply() {
        let long = vec![b'x'; 100_000];
        let entries: [(&str, &[&[u8]]); 5] = [
            (
                "1700000000000-3",
                &[
                    b"id",
                    b"e-1",
                    b"type",
                    b"wallet.opened",
                    b"data",
                    b"\xff{\r\n}",
                    b"id",
                    b"e-2",
                ],
            ),
            ("1700000000000-4", &[]),
            ("0-1", &[b"\xf0\x9f", b"", b"", b"$3\r\n", b"sequence", b"007"]),
            (
                "18446744073709551615-18446744073709551615",
                &["é".as_bytes(), "✓".as_bytes()],
            ),
            ("1700000000001-0", &[b"data", &long]),
        ];
        let reply = reply(&entries);
        let (made, taken) = both_ways(&reply);
        assert_eq!(made, taken);
        assert_eq!(taken.len(), 5);
        // The digests of all entries differ, although bytes that are not UTF-8 are replaced by the same character.
        let digests: std::collections::HashSet<_> = taken.iter().map(|entry| entry.digest).collect();
        assert_eq!(digests.len(), 5);
        assert_eq!(both_ways(b"*0\r\n"), (vec![], vec![]));
    }

    #[test]
    fn an_incomplete_or_invalid_entry_is_not_added() {
        let reply = reply(&[("7-1", &[b"id", b"e-1"])]);
        let whole = &reply[b"*1\r\n".len()..];
        for end in 0..whole.len() {
            let mut taken = Entries::default();
            let stopped = taken.take(&mut Cursor::new(&whole[..end], 0));
            assert!(
                matches!(stopped, Err(Stop::Short(_))) && taken.entries.is_empty(),
                "{end}"
            );
        }
        for odd in [
            "*1\r\n$3\r\n7-1\r\n",
            "*2\r\n$3\r\n7:1\r\n*0\r\n",
            "*2\r\n$3\r\n7-1\r\n*1\r\n$0\r\n\r\n",
            "*2\r\n$3\r\n7-1\r\n*-1\r\n",
            "-ERR\r\n",
        ] {
            let stopped = Entries::default().take(&mut Cursor::new(odd.as_bytes(), 0));
            assert_eq!(stopped, Err(Stop::Strange), "{odd:?}");
        }
    }
}
