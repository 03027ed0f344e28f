//! The queries of an embedded log, as SQL: for example a page of a stream, of ids, or of the feed. The caller provides
//! the connection and the thread.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Fault,
    row::{COLUMNS, RowReader, position},
};
use crate::{
    domain::{
        event::Entry,
        ids::{EntityId, Position},
    },
    event_log::{FeedEntry, StreamEnd, Swept},
};

/// Entries of one stream after a position, oldest first.
pub(super) fn entries(
    connection: &Connection,
    id: &EntityId,
    after: Position,
    limit: usize,
) -> Result<Vec<Entry>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM events WHERE stream = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    ))?;
    let mut rows = statement.query(params![id.as_str(), rowid(after), rows_max(limit)])?;
    let (mut entries, mut reader) = (Vec::new(), RowReader::new(connection));
    while let Some(row) = rows.next()? {
        entries.push(reader.entry(row)?);
    }
    Ok(entries)
}

/// The position of a sweep: after this position of this stream. No stream's name is empty; `i64::MAX` is after all
/// events of a stream.
pub(super) type Cursor = (String, i64);

/// Events of all streams after a cursor, in parts, by stream and position, and the cursor to continue with, if there is
/// more. A stream with a damaged event is reported as unreadable and not read further.
pub(super) fn swept(
    connection: &Connection,
    after: &Cursor,
    limit: usize,
) -> Result<(Vec<Swept>, Option<Cursor>), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM events WHERE (stream, position) > (?1, ?2) ORDER BY stream, position LIMIT ?3",
    ))?;
    // One row more than `limit` shows whether the last stream continues.
    let mut rows = statement.query(params![after.0, after.1, rows_max(limit.saturating_add(1))])?;
    let (mut parts, mut reader): (Vec<Swept>, _) = (Vec::new(), RowReader::new(connection));
    let (mut left, mut position) = (limit, 0);
    while let Some(row) = rows.next()? {
        let stream = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let begins = parts.last().is_none_or(|part| part.subject.as_str() != stream);
        if left == 0 {
            // A stream that was returned whole is not continued, even if events are appended to it meanwhile.
            let goes_on = parts.last_mut().filter(|part| !begins && part.unreadable.is_none());
            let place = goes_on.map_or(i64::MAX, |part| {
                part.last = false;
                position
            });
            let next = parts.last().map(|part| (part.subject.to_string(), place));
            return Ok((parts, next));
        }
        left -= 1;
        position = row.get(1)?;
        if begins {
            parts.push(Swept {
                first: stream != after.0,
                last: true,
                subject: entity(stream.to_owned())?,
                entries: Vec::new(),
                unreadable: None,
            });
        }
        let Some(part) = parts.last_mut().filter(|part| part.unreadable.is_none()) else {
            continue;
        };
        match reader.entry(row) {
            Ok(entry) => part.entries.push(entry),
            Err(Fault::Damaged(reason)) => {
                part.entries.clear();
                part.unreadable = Some(reason);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok((parts, None))
}

/// The highest sequence of the stream, after which an append continues; 0 if the stream has none.
pub(super) fn last_sequence(connection: &Connection, id: &EntityId) -> Result<i64, Fault> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(sequence) FROM events INDEXED BY events_sequence WHERE stream = ?1")?
        .query_row([id.as_str()], |row| row.get(0))?;
    Ok(last.unwrap_or(0))
}

/// The id of the file.
pub(super) fn store_id(connection: &Connection) -> Result<String, Fault> {
    let mut statement = connection.prepare_cached("SELECT id FROM store")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The end of a stream. The count walks an index of the stream, not its events.
pub(super) fn end(connection: &Connection, id: &EntityId) -> Result<StreamEnd, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT max(position), count(*) FROM events INDEXED BY events_sequence WHERE stream = ?1")?;
    let (last, length): (Option<i64>, i64) =
        statement.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(last.map_or(StreamEnd::Absent, |last| StreamEnd::Present {
        last: Some(position(last)),
        length: u64::try_from(length).unwrap_or(0),
        added: None,
        max_deleted: None,
    }))
}

/// Ids after `after`, in byte order. The query steps from id to id, so its cost depends on the number of streams, not
/// of events.
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

/// Feed entries after a position, oldest first.
pub(super) fn feed(connection: &Connection, after: Position, limit: usize) -> Result<Vec<FeedEntry>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT position, stream, sequence FROM events INDEXED BY events_feed WHERE position > ?1 ORDER BY position LIMIT ?2",
    )?;
    let mut rows = statement.query(params![rowid(after), rows_max(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: Option<i64> = row.get(2)?;
        entries.push(FeedEntry {
            partition: 0,
            position: position(row.get(0)?),
            subject: entity(row.get(1)?)?,
            sequence: sequence.and_then(|sequence| u64::try_from(sequence).ok()),
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

/// A position beyond SQLite's integers is after all rows.
fn rowid(position: Position) -> i64 {
    i64::try_from(position.major).unwrap_or(i64::MAX)
}

fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
