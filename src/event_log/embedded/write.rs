//! Appends to the tables, a batch of appends in one transaction. Each request is checked completely before its first
//! row is written, so a refused request leaves nothing behind. A fault of the store rolls back the batch.

use chrono::Utc;
use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    Fault,
    read::{self, Head},
    row::Columns,
};
use crate::{
    domain::{
        event::NewEvent,
        ids::{EntityId, SEQUENCE_MAX, Sequence},
    },
    event_log::{AppendError, Appended, Expected, digest::Digester},
};

/// One append.
pub(super) struct Request {
    pub id: EntityId,
    pub expected: Expected,
    pub events: Vec<NewEvent>,
}

/// When the store failed. Before the commit, nothing can have been written.
pub(super) enum Failed {
    Before(Fault),
    InCommit(Fault),
}

impl<E: Into<Fault>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// Executes every request in order and commits. Returns one answer a request.
pub(super) fn write(
    connection: &mut Connection,
    requests: &[Request],
) -> Result<Vec<Result<Appended, AppendError>>, Failed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut head = read::head(&transaction)?;
    // Recorded times never decrease, even if the clock of this machine goes back.
    head.recorded = head.recorded.max(Utc::now().timestamp_millis());
    let mut digester = Digester::default();
    let answers = requests
        .iter()
        .map(|request| append(&transaction, &mut head, &mut digester, request))
        .collect::<Result<_, _>>()?;
    transaction.commit().map_err(|error| Failed::InCommit(error.into()))?;
    Ok(answers)
}

fn append(
    connection: &Connection,
    head: &mut Head,
    digester: &mut Digester,
    request: &Request,
) -> Result<Result<Appended, AppendError>, Fault> {
    // The keys are checked first: a repeat gets the first answer, whatever sequence the stream has now.
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
    if SEQUENCE_MAX.saturating_sub(actual) < count {
        return Ok(Err(AppendError::Invalid(
            "the stream has reached the highest sequence".into(),
        )));
    }
    for (sequence, event) in (actual + 1..).zip(&request.events) {
        head.position += 1;
        insert(connection, *head, digester, &request.id, sequence, event)?;
    }
    Ok(Ok(Appended {
        first: actual + 1,
        last: actual + count,
        repeated: false,
    }))
}

/// What the idempotency keys of a request show.
enum Earlier<'a> {
    /// None of them was used on this stream.
    None,
    /// The same append was made before.
    Same(Appended),
    /// This key was used for something else.
    Other(&'a str),
}

/// Looks for the first key that was used. The request is a repeat if the stored events around that key are the events
/// of the request. Events copied from another store may share a key; each of them is compared.
fn earlier<'a>(connection: &Connection, request: &'a Request) -> Result<Earlier<'a>, Fault> {
    let mut used = connection.prepare_cached(
        "SELECT sequence FROM events INDEXED BY events_key WHERE stream = ?1 AND idempotencykey = ?2",
    )?;
    for (index, event) in (0..).zip(&request.events) {
        let Some(key) = &event.idempotencykey else {
            continue;
        };
        let found = used.query_map(params![request.id.as_str(), key], |row| row.get(0))?;
        let found: Vec<Option<i64>> = found.collect::<Result<_, _>>()?;
        for first in found.iter().flatten().map(|found| found.saturating_sub(index)) {
            if is_all_stored(connection, request, first)? {
                let first = sequence(first);
                return Ok(Earlier::Same(Appended {
                    first,
                    last: first + request.events.len() as u64 - 1,
                    repeated: true,
                }));
            }
        }
        if !found.is_empty() {
            return Ok(Earlier::Other(key));
        }
    }
    Ok(Earlier::None)
}

/// Whether the events of a request are stored, beginning at the sequence `first`.
fn is_all_stored(connection: &Connection, request: &Request, first: i64) -> Result<bool, Fault> {
    for (sequence, event) in (first..).zip(&request.events) {
        if !is_stored(connection, &request.id, sequence, event)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the event at a sequence has the same key, type and data. Its id and time may differ, because a producer may
/// use new ones when it tries again.
fn is_stored(connection: &Connection, id: &EntityId, sequence: i64, event: &NewEvent) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (
             SELECT 1 FROM events INDEXED BY events_sequence
             WHERE stream = ?1 AND sequence = ?2 AND idempotencykey IS ?3 AND type = ?4 AND data = ?5
         )",
    )?;
    let same = statement.query_row(
        params![id.as_str(), sequence, event.idempotencykey, event.r#type, event.data],
        |row| row.get(0),
    )?;
    Ok(same)
}

fn insert(
    connection: &Connection,
    head: Head,
    digester: &mut Digester,
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
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    let texts = [
        Some(event.id.as_str()),
        Some(event.r#type.as_str()),
        Some(event.time.as_str()),
        event.actor.as_deref(),
        event.idempotencykey.as_deref(),
        event.correlationid.as_deref(),
        event.causationid.as_deref(),
        Some(event.data.as_str()),
        extra.as_deref(),
    ];
    let columns = Columns {
        stream: id.as_str().as_bytes(),
        position: head.position,
        sequence: Some(sequence),
        recorded: head.recorded,
        texts: texts.map(|text| text.map(str::as_bytes)),
    };
    let checksum = columns.checksum(columns.digest(digester));
    let [event_id, kind, time, actor, key, correlation, causation, data, extra] = texts;
    connection
        .prepare_cached(
            "INSERT INTO events (stream, position, sequence, recorded, id, type, time, actor, idempotencykey,
                 correlationid, causationid, data, extra, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            id.as_str(),
            head.position,
            sequence,
            head.recorded,
            event_id,
            kind,
            time,
            actor,
            key,
            correlation,
            causation,
            data,
            extra,
            checksum,
        ])?;
    Ok(())
}

fn sequence(stored: i64) -> Sequence {
    u64::try_from(stored).unwrap_or(0)
}
