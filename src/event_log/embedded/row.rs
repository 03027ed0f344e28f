//! One event as a row: its columns, and two hashes over them. The checksum is stored in the row and checked at every
//! read, because SQLite does not detect a byte that changed on disk. The digest is part of [`Entry`].

use chrono::{DateTime, Utc};
use rusqlite::{Connection, types::ValueRef};

use super::Fault;
use crate::{
    domain::{
        event::{Entry, Fields, Known, RawDigest},
        ids::Position,
    },
    event_log::digest::{Digester, short_hash},
};

/// The columns that [`RowReader::entry`] reads, in the order of the table.
pub(super) const COLUMNS: &str = "stream, position, sequence, recorded, id, type, time, actor, idempotencykey, \
                                  correlationid, causationid, data, extra, checksum";

/// The text columns, which follow `recorded`, and their fields. `extra` holds all other fields.
const TEXTS: [(&str, Option<Known>); 9] = [
    ("id", Some(Known::Id)),
    ("type", Some(Known::Type)),
    ("time", Some(Known::Time)),
    ("actor", Some(Known::Actor)),
    ("idempotencykey", Some(Known::IdempotencyKey)),
    ("correlationid", Some(Known::CorrelationId)),
    ("causationid", Some(Known::CausationId)),
    ("data", Some(Known::Data)),
    ("extra", None),
];

/// The columns of an event without the checksum.
pub(super) struct Columns<'a> {
    pub stream: &'a [u8],
    pub position: i64,
    pub sequence: Option<i64>,
    /// Milliseconds since 1970, UTC.
    pub recorded: i64,
    /// In the order of [`TEXTS`].
    pub texts: [Option<&'a [u8]>; TEXTS.len()],
}

impl Columns<'_> {
    /// The digest of every column but the stream, in the order of the table: the position, and then each column that is
    /// not null, with its name. Numbers are eight big-endian bytes.
    pub(super) fn digest(&self, digester: &mut Digester) -> RawDigest {
        digester.begin(Position::new(self.position.cast_unsigned(), 0));
        if let Some(sequence) = self.sequence {
            digester.field(b"sequence", &sequence.to_be_bytes());
        }
        digester.field(b"recorded", &self.recorded.to_be_bytes());
        for ((name, _), text) in TEXTS.iter().zip(self.texts) {
            if let Some(text) = text {
                digester.field(name.as_bytes(), text);
            }
        }
        digester.finish()
    }

    /// The checksum over the digest, and so over every column, and over the stream.
    pub(super) fn checksum(&self, digest: RawDigest) -> i64 {
        short_hash(&[&digest.0, self.stream].concat()).cast_signed()
    }
}

/// Converts rows to entries, one after another, and checks each.
pub(super) struct RowReader<'a> {
    connection: &'a Connection,
    /// Read from the store at the first row without a checksum.
    checksums_from: Option<i64>,
    digester: Digester,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            checksums_from: None,
            digester: Digester::default(),
        }
    }

    /// The entry of a row of [`COLUMNS`]. A row that differs from what was written gives [`Fault::Damaged`], which
    /// names its stream and position.
    pub(super) fn entry(&mut self, row: &rusqlite::Row<'_>) -> Result<Entry, Fault> {
        let stream = bytes(row.get_ref(0)?);
        let damaged = |what: &str| {
            let stream = String::from_utf8_lossy(stream.unwrap_or_default());
            let position = number(row.get_ref(1).unwrap_or(ValueRef::Null));
            let position = position.map_or_else(|| "?".to_owned(), |position| position.to_string());
            Fault::Damaged(format!("the event of {stream} at position {position} {what}"))
        };
        let shape = || damaged("has the wrong column types");
        let mut texts = [None; TEXTS.len()];
        for (column, text) in (4..).zip(&mut texts) {
            *text = match row.get_ref(column)? {
                ValueRef::Null => None,
                value => Some(bytes(value).ok_or_else(shape)?),
            };
        }
        let columns = Columns {
            stream: stream.ok_or_else(shape)?,
            position: number(row.get_ref(1)?).ok_or_else(shape)?,
            sequence: number_or_null(row.get_ref(2)?).map_err(|()| shape())?,
            recorded: number(row.get_ref(3)?).ok_or_else(shape)?,
            texts,
        };
        let checksum = number_or_null(row.get_ref(13)?).map_err(|()| shape())?;
        let digest = columns.digest(&mut self.digester);
        let intact = match checksum {
            Some(checksum) => checksum == columns.checksum(digest),
            None => columns.position < self.checksums_from()?,
        };
        if !intact {
            return Err(damaged("was changed since it was written: its checksum differs"));
        }
        Ok(Entry {
            position: position(columns.position),
            recorded: DateTime::<Utc>::from_timestamp_millis(columns.recorded).unwrap_or(DateTime::UNIX_EPOCH),
            fields: fields(&columns, damaged)?,
            digest,
        })
    }

    /// The position from which every row has a checksum.
    fn checksums_from(&mut self) -> Result<i64, Fault> {
        if let Some(from) = self.checksums_from {
            return Ok(from);
        }
        let from = self
            .connection
            .prepare_cached("SELECT checksums_from FROM store")?
            .query_row([], |row| row.get(0))?;
        Ok(*self.checksums_from.insert(from))
    }
}

fn fields(columns: &Columns<'_>, damaged: impl Fn(&str) -> Fault) -> Result<Fields, Fault> {
    let mut fields = Fields::with_room(columns.texts.iter().flatten().map(|text| text.len()).sum());
    if let Some(sequence) = columns.sequence {
        fields.set(Known::Sequence.name(), &sequence.to_string());
    }
    let text = |bytes| str::from_utf8(bytes).map_err(|_| damaged("has text that is not UTF-8"));
    for ((_, field), bytes) in TEXTS.iter().zip(columns.texts) {
        let Some(bytes) = bytes else { continue };
        if let Some(field) = field {
            fields.set(field.name(), text(bytes)?);
            continue;
        }
        let extra: Vec<(String, String)> = serde_json::from_slice(bytes)
            .map_err(|error| damaged(&format!("has extra fields that can't be read ({error})")))?;
        for (name, value) in extra {
            fields.set(&name, &value);
        }
    }
    Ok(fields)
}

pub(super) fn position(stored: i64) -> Position {
    Position::new(u64::try_from(stored).unwrap_or(0), 0)
}

fn bytes(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) => Some(bytes),
        _ => None,
    }
}

fn number(value: ValueRef<'_>) -> Option<i64> {
    number_or_null(value).ok().flatten()
}

/// An error if the value is neither an integer nor null.
fn number_or_null(value: ValueRef<'_>) -> Result<Option<i64>, ()> {
    match value {
        ValueRef::Integer(number) => Ok(Some(number)),
        ValueRef::Null => Ok(None),
        _ => Err(()),
    }
}
