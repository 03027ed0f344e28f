//! What an append does to the tables, for a batch of appends in one transaction. Each request is checked whole before its
//! first row is written, so a refusal leaves nothing behind; a fault of the store undoes the batch.

use chrono::Utc;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{
    Fault,
    read::{self, Head},
};
use crate::{
    domain::{
        event::NewEvent,
        ids::{EntityId, SEQUENCE_MAX, Sequence},
    },
    event_log::{AppendError, Appended, Expected},
};

/// One append.
pub(super) struct Request {
    pub id: EntityId,
    pub expected: Expected,
    pub events: Vec<NewEvent>,
}

/// When the store failed: before the commit nothing can have been written.
pub(super) enum Failed {
    Before(Fault),
    InCommit(Fault),
}

impl<E: Into<Fault>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// Carries out every request, in turn, and commits; one answer a request.
pub(super) fn write(
    connection: &mut Connection,
    requests: &[Request],
) -> Result<Vec<Result<Appended, AppendError>>, Failed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut head = read::head(&transaction)?;
    // Recorded times never decrease, whatever the clock of this machine does.
    head.recorded = head.recorded.max(Utc::now().timestamp_millis());
    let answers = requests
        .iter()
        .map(|request| append(&transaction, &mut head, request))
        .collect::<Result<_, _>>()?;
    transaction.commit().map_err(|error| Failed::InCommit(error.into()))?;
    Ok(answers)
}

fn append(connection: &Connection, head: &mut Head, request: &Request) -> Result<Result<Appended, AppendError>, Fault> {
    // The key comes first: a repeat gets the first answer, wherever the stream is by now.
    match earlier(connection, request)? {
        Earlier::None => {}
        Earlier::Same(appended) => return Ok(Ok(appended)),
        Earlier::Other(key) => return Ok(Err(AppendError::KeyReused(key.to_owned()))),
    }
    let actual = sequence(read::last_sequence(connection, &request.id)?);
    if let Expected::Exactly(expected) = request.expected
        && expected != actual
    {
        return Ok(Err(AppendError::Conflict { expected, actual }));
    }
    let count = request.events.len() as u64;
    if SEQUENCE_MAX - actual < count {
        return Ok(Err(AppendError::Invalid(
            "the stream's sequence has come to its end".into(),
        )));
    }
    for (sequence, event) in (actual + 1..).zip(&request.events) {
        head.position += 1;
        insert(connection, *head, &request.id, sequence, event)?;
    }
    Ok(Ok(Appended {
        first: actual + 1,
        last: actual + count,
        repeated: false,
    }))
}

/// What the idempotency keys of a request tell.
enum Earlier<'a> {
    /// None of them was used on this stream.
    None,
    /// This very append was made.
    Same(Appended),
    /// This key was used for something else.
    Other(&'a str),
}

/// Looks for the first key that was used. It was this append if the events from there on, and those before, are the same.
fn earlier<'a>(connection: &Connection, request: &'a Request) -> Result<Earlier<'a>, Fault> {
    let mut used =
        connection.prepare_cached("SELECT sequence FROM events WHERE stream = ?1 AND idempotencykey = ?2")?;
    for (index, event) in (0..).zip(&request.events) {
        let Some(key) = &event.idempotencykey else {
            continue;
        };
        let found: Option<i64> = used
            .query_row(params![request.id.as_str(), key], |row| row.get(0))
            .optional()?;
        let Some(found) = found else { continue };
        let first = found - index;
        for (sequence, event) in (first..).zip(&request.events) {
            if !is_stored(connection, &request.id, sequence, event)? {
                return Ok(Earlier::Other(key));
            }
        }
        let first = sequence(first);
        return Ok(Earlier::Same(Appended {
            first,
            last: first + request.events.len() as u64 - 1,
            repeated: true,
        }));
    }
    Ok(Earlier::None)
}

/// Whether the event at a sequence is this one: the same key, type and data. Its id and time may differ, as a producer that
/// tries again may take new ones.
fn is_stored(connection: &Connection, id: &EntityId, sequence: i64, event: &NewEvent) -> Result<bool, Fault> {
    let same = connection
        .prepare_cached(
            "SELECT idempotencykey IS ?3 AND type = ?4 AND data = ?5 FROM events WHERE stream = ?1 AND sequence = ?2",
        )?
        .query_row(
            params![id.as_str(), sequence, event.idempotencykey, event.r#type, event.data],
            |row| row.get(0),
        )
        .optional()?;
    Ok(same.unwrap_or(false))
}

fn insert(
    connection: &Connection,
    head: Head,
    id: &EntityId,
    sequence: Sequence,
    event: &NewEvent,
) -> Result<(), Fault> {
    let extra = match event.extra.as_slice() {
        [] => None,
        extra => {
            Some(serde_json::to_string(extra).map_err(|error| Fault::Damaged(format!("the extra fields: {error}")))?)
        }
    };
    connection
        .prepare_cached(
            "INSERT INTO events (stream, sequence, position, recorded, id, type, time, actor, idempotencykey,
                 correlationid, causationid, data, extra)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            id.as_str(),
            i64::try_from(sequence).unwrap_or(i64::MAX),
            head.position,
            head.recorded,
            event.id,
            event.r#type,
            event.time,
            event.actor,
            event.idempotencykey,
            event.correlationid,
            event.causationid,
            event.data,
            extra,
        ])?;
    Ok(())
}

fn sequence(stored: i64) -> Sequence {
    u64::try_from(stored).unwrap_or(0)
}
