//! What the read model records about its stores: the position up to which each feed was read, and whether every stream was read.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::columns::{Sortable, Time};
use crate::{
    domain::ids::{Domain, EntityId, Position},
    event_log::{EventLog, FeedPosition, READ_MANY_MAX, ReadError, StreamEnd},
};

/// The state of reading one domain's store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The feed position that the rows of the domain reflect.
    pub feed: FeedPosition,
    /// Every stream was read to its end once.
    pub filled: bool,
    /// The store has entries that its feed does not name.
    pub unfed: bool,
    /// Rows up to this number are in the search index. `i64::MAX`: all rows.
    pub searchable: i64,
    /// The number of entries in all streams.
    pub events: u64,
    /// When rows or the position were last written.
    pub updated_at: Option<DateTime<Utc>>,
    /// The store's [`Identity`](crate::event_log::Identity), as JSON.
    pub identity: String,
    /// Rows up to this number were compared with the store in the current pass.
    pub checked_to: i64,
    /// When the last pass ended.
    pub checked_at: Option<DateTime<Utc>>,
}

pub fn read(connection: &Connection, domain: Domain) -> rusqlite::Result<Source> {
    let mut select = connection
        .prepare_cached("SELECT feed, filled, unfed, searchable, events, updated_at, identity, checked_to, checked_at FROM source WHERE domain = ?1")?;
    select.query_row([domain.as_str()], |row| {
        let feed: Vec<Position> = serde_json::from_str(row.get_ref(0)?.as_str()?).unwrap_or_default();
        Ok(Source {
            feed: FeedPosition(feed),
            filled: row.get(1)?,
            unfed: row.get(2)?,
            searchable: row.get(3)?,
            events: row.get::<_, i64>(4)?.max(0).cast_unsigned(),
            updated_at: row.get::<_, Time>(5)?.0,
            identity: row.get(6)?,
            checked_to: row.get(7)?,
            checked_at: row.get::<_, Time>(8)?.0,
        })
    })
}

/// Records the position up to which the feed was read. Belongs in the transaction that writes the rows.
pub fn set_feed(
    connection: &Connection,
    domain: Domain,
    feed: &FeedPosition,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let feed = serde_json::to_string(&feed.0).unwrap_or_default();
    connection
        .prepare_cached("UPDATE source SET feed = ?2, updated_at = ?3 WHERE domain = ?1")?
        .execute(params![domain.as_str(), feed, Sortable::time(now)])
        .map(drop)
}

pub fn set_filled(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    connection
        .execute("UPDATE source SET filled = 1 WHERE domain = ?1", [domain.as_str()])
        .map(drop)
}

pub fn set_identity(connection: &Connection, domain: Domain, identity: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE source SET identity = ?2 WHERE domain = ?1")?
        .execute([domain.as_str(), identity])
        .map(drop)
}

/// Records the progress of a pass.
pub fn set_checked_to(connection: &Connection, domain: Domain, n: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE source SET checked_to = ?2 WHERE domain = ?1")?
        .execute(params![domain.as_str(), n])
        .map(drop)
}

/// Records the end of a pass.
pub fn set_checked(connection: &Connection, domain: Domain, at: DateTime<Utc>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE source SET checked_to = 0, checked_at = ?2 WHERE domain = ?1")?
        .execute(params![domain.as_str(), Sortable::time(at)])
        .map(drop)
}

pub fn set_unfed(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE source SET unfed = 1 WHERE domain = ?1")?
        .execute([domain.as_str()])
        .map(drop)
}

/// Streams that have new entries and could not be read, by id.
pub fn stale(connection: &Connection, domain: Domain) -> rusqlite::Result<Vec<EntityId>> {
    let mut select = connection.prepare_cached("SELECT id FROM stale WHERE domain = ?1 ORDER BY id")?;
    let rows = select.query_map([domain.as_str()], |row| row.get::<_, String>(0))?;
    let mut ids = Vec::new();
    for row in rows {
        ids.extend(EntityId::new(row?).ok());
    }
    Ok(ids)
}

/// Whether some stream of the domain could not be read.
pub fn has_stale(connection: &Connection, domain: Domain) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM stale WHERE domain = ?1)")?;
    select.query_row([domain.as_str()], |row| row.get(0))
}

/// The number of streams that could not be read, in all domains.
pub fn count_stale(connection: &Connection) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached("SELECT count(*) FROM stale")?;
    select.query_row([], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// A stream that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub id: String,
    pub reason: String,
}

/// Streams that can't be read, with the reason, by id.
pub fn unreadable(connection: &Connection, domain: Domain) -> rusqlite::Result<Vec<Unreadable>> {
    let mut select = connection.prepare_cached("SELECT id, reason FROM stale WHERE domain = ?1 ORDER BY id")?;
    let rows = select.query_map([domain.as_str()], |row| {
        Ok(Unreadable {
            id: row.get(0)?,
            reason: row.get(1)?,
        })
    })?;
    rows.collect()
}

/// The end of a stream according to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowEnd {
    Absent,
    Unreadable,
    Present { last: Position, entries: u64 },
}

pub fn row_end(connection: &Connection, domain: Domain, id: &EntityId) -> rusqlite::Result<RowEnd> {
    use rusqlite::OptionalExtension as _;

    use super::columns::ReadPosition;
    let mut stale = connection.prepare_cached("SELECT 1 FROM stale WHERE domain = ?1 AND id = ?2")?;
    if stale.exists([domain.as_str(), id.as_str()])? {
        return Ok(RowEnd::Unreadable);
    }
    let mut select = connection.prepare_cached(match domain {
        Domain::Wallet => "SELECT position, entries FROM wallet WHERE id = ?1",
        Domain::Order => "SELECT position, entries FROM orders WHERE id = ?1",
    })?;
    let end = select.query_row([id.as_str()], |row| {
        Ok(RowEnd::Present {
            last: row.get::<_, ReadPosition>(0)?.0,
            entries: row.get::<_, i64>(1)?.cast_unsigned(),
        })
    });
    // A stream that no longer exists keeps a row without entries.
    let end = end
        .optional()?
        .filter(|end| !matches!(end, RowEnd::Present { entries: 0, .. }));
    Ok(end.unwrap_or(RowEnd::Absent))
}

/// The ends of the next rows after an id, by id, at most `size`.
pub fn row_ends(
    connection: &Connection,
    domain: Domain,
    after: Option<&EntityId>,
    size: usize,
) -> rusqlite::Result<Vec<(EntityId, RowEnd)>> {
    let mut select = connection.prepare_cached(match domain {
        Domain::Wallet => "SELECT id FROM wallet INDEXED BY wallet_id WHERE id > ?1 ORDER BY id LIMIT ?2",
        Domain::Order => "SELECT id FROM orders INDEXED BY orders_id WHERE id > ?1 ORDER BY id LIMIT ?2",
    })?;
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let ids = select.query_map(params![after.map_or("", EntityId::as_str), size], |row| {
        row.get::<_, String>(0)
    })?;
    let mut ends = Vec::new();
    for id in ids {
        if let Ok(id) = EntityId::new(id?) {
            let end = row_end(connection, domain, &id)?;
            ends.push((id, end));
        }
    }
    Ok(ends)
}

/// The position of the last entry that an entity's rows reflect. `None` if the entity has no row or has to be read anew.
pub fn known(connection: &Connection, domain: Domain, id: &EntityId) -> rusqlite::Result<Option<Position>> {
    use rusqlite::OptionalExtension as _;

    use super::columns::ReadPosition;
    let mut stale = connection.prepare_cached("SELECT 1 FROM stale WHERE domain = ?1 AND id = ?2")?;
    if stale.exists([domain.as_str(), id.as_str()])? {
        return Ok(None);
    }
    let mut select = connection.prepare_cached(match domain {
        Domain::Wallet => "SELECT position FROM wallet WHERE id = ?1",
        Domain::Order => "SELECT position FROM orders WHERE id = ?1",
    })?;
    let position = select.query_row([id.as_str()], |row| Ok(row.get::<_, ReadPosition>(0)?.0));
    position.optional()
}

/// The streams that do not end where their rows say.
pub async fn differing(log: &dyn EventLog, rows: &[(EntityId, RowEnd)]) -> Result<Vec<EntityId>, ReadError> {
    let mut differing = Vec::new();
    for rows in rows.chunks(READ_MANY_MAX) {
        let ids: Vec<_> = rows.iter().map(|(id, _)| id.clone()).collect();
        for ((id, row), end) in rows.iter().zip(log.ends(&ids).await?) {
            let agrees = match (end, *row) {
                (_, RowEnd::Unreadable) => true,
                (StreamEnd::Absent | StreamEnd::Present { last: None, .. }, row) => row == RowEnd::Absent,
                (StreamEnd::WrongType(_), _) => false,
                (
                    StreamEnd::Present {
                        last: Some(last),
                        length,
                        ..
                    },
                    row,
                ) => row == RowEnd::Present { last, entries: length },
            };
            if !agrees {
                differing.push(id.clone());
            }
        }
    }
    Ok(differing)
}
