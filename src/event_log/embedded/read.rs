//! The questions that are asked of an embedded log, as SQL: a page of a stream, a page of ids, a page of the feed. Each
//! takes a connection and returns; when and where it runs is decided elsewhere.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Fault;
use crate::{
    domain::{
        event::{Entry, Fields, Known},
        ids::{EntityId, Position},
    },
    event_log::{FeedEntry, StreamEnd, Swept, digest::Digester},
};

/// What [`entry`] reads.
const COLUMNS: &str =
    "position, recorded, id, type, sequence, time, actor, idempotencykey, correlationid, causationid, data, extra";

/// Entries of one stream after a position, oldest first.
pub(super) fn entries(
    connection: &Connection,
    id: &EntityId,
    after: Position,
    limit: usize,
) -> Result<Vec<Entry>, Fault> {
    let after = sequence_at(connection, id, rowid(after))?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM events WHERE stream = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
    ))?;
    let mut rows = statement.query(params![id.as_str(), after, rows_max(limit)])?;
    let (mut entries, mut digester) = (Vec::new(), Digester::default());
    while let Some(row) = rows.next()? {
        entries.push(entry(row, &mut digester)?);
    }
    Ok(entries)
}

/// Where a sweep is: after this event of this stream. No stream's name is empty; `i64::MAX` is after all events of one.
pub(super) type Place = (String, i64);

/// Events of all streams after a place, in parts, by stream and sequence; and where to go on, if there is more.
pub(super) fn swept(
    connection: &Connection,
    after: &Place,
    limit: usize,
) -> Result<(Vec<Swept>, Option<Place>), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, stream FROM events WHERE (stream, sequence) > (?1, ?2) ORDER BY stream, sequence LIMIT ?3",
    ))?;
    // One more, which tells whether the last stream goes on.
    let mut rows = statement.query(params![after.0, after.1, rows_max(limit.saturating_add(1))])?;
    let (mut parts, mut digester): (Vec<Swept>, _) = (Vec::new(), Digester::default());
    let (mut left, mut sequence) = (limit, 0);
    while let Some(row) = rows.next()? {
        let stream = row.get_ref(12)?.as_str().map_err(rusqlite::Error::from)?;
        let part = parts.last_mut().filter(|part| part.subject.as_str() == stream);
        if left == 0 {
            // A stream that was told whole is not gone on with, whatever is appended to it meanwhile.
            let place = part.map_or(i64::MAX, |part| {
                part.last = false;
                sequence
            });
            let next = parts.last().map(|part| (part.subject.to_string(), place));
            return Ok((parts, next));
        }
        left -= 1;
        sequence = row.get(4)?;
        let event = entry(row, &mut digester)?;
        match part {
            Some(part) => part.entries.push(event),
            None => parts.push(Swept {
                first: stream != after.0,
                last: true,
                subject: entity(stream.to_owned())?,
                entries: vec![event],
                unreadable: None,
            }),
        }
    }
    Ok((parts, None))
}

/// An event as an entry. Its digest covers what the row holds in the order of the columns, absent ones left out.
fn entry(row: &Row<'_>, digester: &mut Digester) -> Result<Entry, Fault> {
    let sequence: i64 = row.get(4)?;
    let extra: Option<String> = row.get(11)?;
    let extra = match extra {
        Some(json) => serde_json::from_str(&json)
            .map_err(|error| Fault::Damaged(format!("the extra fields of an event: {error}")))?,
        None => Vec::new(),
    };
    let sequence = sequence.to_string();
    let text = |column: usize| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let known = [
        (Known::Id, text(2)?),
        (Known::Type, text(3)?),
        (Known::Sequence, Some(sequence.as_str())),
        (Known::Time, text(5)?),
        (Known::Actor, text(6)?),
        (Known::IdempotencyKey, text(7)?),
        (Known::CorrelationId, text(8)?),
        (Known::CausationId, text(9)?),
        (Known::Data, text(10)?),
    ];
    let position = position(row.get(0)?);
    digester.begin(position);
    digester.field(b"recorded", &row.get::<_, i64>(1)?.to_be_bytes());
    for (field, value) in known {
        value.inspect(|value| digester.field(field.name().as_bytes(), value.as_bytes()));
    }
    text(11)?.inspect(|value| digester.field(b"extra", value.as_bytes()));
    let known = known.into_iter();
    let mut fields = Fields::of(known.filter_map(|(field, value)| Some((field, value?))));
    fields.extra = extra;
    Ok(Entry {
        position,
        recorded: recorded(row.get(1)?),
        fields,
        digest: digester.finish(),
    })
}

/// The sequence of the last event of `id` at or before a position. Callers ask with the position of an entry that they
/// hold, which is one look-up; any other position is found by halving, as both grow together in a stream.
fn sequence_at(connection: &Connection, id: &EntityId, position: i64) -> Result<i64, Fault> {
    if position == 0 {
        return Ok(0);
    }
    let exact = connection
        .prepare_cached("SELECT sequence FROM events WHERE position = ?1 AND stream = ?2")?
        .query_row(params![position, id.as_str()], |row| row.get(0))
        .optional()?;
    if let Some(sequence) = exact {
        return Ok(sequence);
    }
    let (mut low, mut high) = (0, last_sequence(connection, id)?);
    let mut statement = connection.prepare_cached("SELECT position FROM events WHERE stream = ?1 AND sequence = ?2")?;
    while low < high {
        let middle = high - (high - low) / 2;
        let found: i64 = statement.query_row(params![id.as_str(), middle], |row| row.get(0))?;
        if found <= position {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// The sequence of a stream's last event, 0 where it has none.
pub(super) fn last_sequence(connection: &Connection, id: &EntityId) -> Result<i64, Fault> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(sequence) FROM events WHERE stream = ?1")?
        .query_row([id.as_str()], |row| row.get(0))?;
    Ok(last.unwrap_or(0))
}

/// What a stream has at its end. Counting walks through an index of the stream, not through its events.
pub(super) fn end(connection: &Connection, id: &EntityId) -> Result<StreamEnd, Fault> {
    let mut statement = connection.prepare_cached("SELECT max(position), count(*) FROM events WHERE stream = ?1")?;
    let (last, length): (Option<i64>, i64) =
        statement.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(last.map_or(StreamEnd::Absent, |last| StreamEnd::Present {
        last: Some(position(last)),
        length: u64::try_from(length).unwrap_or(0),
        added: None,
        max_deleted: None,
    }))
}

/// Ids after `after`, in the order of their bytes. Steps from id to id, so it costs as much as there are streams, not events.
pub(super) fn streams(connection: &Connection, after: &str, limit: usize) -> Result<Vec<EntityId>, Fault> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE step (stream) AS (
             SELECT min(stream) FROM events WHERE stream > ?1
             UNION ALL
             SELECT (SELECT min(stream) FROM events WHERE stream > step.stream) FROM step WHERE step.stream IS NOT NULL
             LIMIT ?2
         )
         SELECT stream FROM step WHERE stream IS NOT NULL",
    )?;
    let mut rows = statement.query(params![after, rows_max(limit)])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(entity(row.get(0)?)?);
    }
    Ok(ids)
}

/// What the feed has after a position, oldest first.
pub(super) fn feed(connection: &Connection, after: Position, limit: usize) -> Result<Vec<FeedEntry>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT position, stream, sequence FROM events WHERE position > ?1 ORDER BY position LIMIT ?2",
    )?;
    let mut rows = statement.query(params![rowid(after), rows_max(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get(2)?;
        entries.push(FeedEntry {
            partition: 0,
            position: position(row.get(0)?),
            subject: entity(row.get(1)?)?,
            sequence: u64::try_from(sequence).ok(),
        });
    }
    Ok(entries)
}

pub(super) fn feed_end(connection: &Connection) -> Result<Position, Fault> {
    Ok(position(head(connection)?.position))
}

/// The last event of all streams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    pub position: i64,
    /// Milliseconds since 1970, UTC.
    pub recorded: i64,
}

pub(super) fn head(connection: &Connection) -> Result<Head, Fault> {
    let head = connection
        .prepare_cached("SELECT position, recorded FROM events ORDER BY position DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Head {
                position: row.get(0)?,
                recorded: row.get(1)?,
            })
        })
        .optional()?;
    Ok(head.unwrap_or_default())
}

fn entity(text: String) -> Result<EntityId, Fault> {
    EntityId::new(text).map_err(|error| Fault::Damaged(format!("a stream's name: {error}")))
}

fn position(rowid: i64) -> Position {
    Position::new(u64::try_from(rowid).unwrap_or(0), 0)
}

/// A position beyond what SQLite counts is after everything.
fn rowid(position: Position) -> i64 {
    i64::try_from(position.major).unwrap_or(i64::MAX)
}

fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn recorded(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or(DateTime::UNIX_EPOCH)
}
