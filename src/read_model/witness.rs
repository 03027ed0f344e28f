//! A witness is what a row was made from: the position of the last entry, the number of entries and the raw digest. It is
//! compared with the store. Differing streams are read again, because the store is authoritative. What the store has lost is
//! recorded in table `loss`.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    columns::{ReadPosition, Sortable},
    lists,
};
use crate::{
    domain::{
        event::RawDigest,
        ids::{Domain, EntityId, Position},
    },
    event_log::StreamEnd,
};

/// What a row was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The row's number.
    pub n: i64,
    pub id: EntityId,
    /// The position of the last entry.
    pub position: Position,
    pub entries: u64,
    /// The raw digest of all entries.
    pub digest: RawDigest,
}

/// The result of comparing a row with the end of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    Same,
    /// The stream has entries after those of the row.
    Ahead,
    /// The stream lacks entries that the row was made from.
    Lost,
}

impl Witness {
    pub fn compare(&self, end: &StreamEnd) -> Compared {
        match end {
            StreamEnd::Absent | StreamEnd::WrongType(_) if self.entries == 0 => Compared::Same,
            StreamEnd::Absent | StreamEnd::WrongType(_) => Compared::Lost,
            StreamEnd::Present { last, length, .. } => {
                let last = last.unwrap_or(Position::START);
                if last == self.position && *length == self.entries {
                    Compared::Same
                } else if last > self.position && *length > self.entries {
                    Compared::Ahead
                } else {
                    Compared::Lost
                }
            }
        }
    }
}

const fn table(domain: Domain) -> &'static str {
    match domain {
        Domain::Wallet => "wallet",
        Domain::Order => "orders",
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Witness>> {
    let Ok(id) = EntityId::new(row.get::<_, String>(1)?) else {
        return Ok(None);
    };
    Ok(Some(Witness {
        n: row.get(0)?,
        id,
        position: row.get::<_, ReadPosition>(2)?.0,
        entries: row.get::<_, i64>(3)?.max(0).cast_unsigned(),
        digest: RawDigest(row.get(4)?),
    }))
}

/// The witness of an entity's row, if it has one.
pub fn of(connection: &Connection, domain: Domain, id: &EntityId) -> rusqlite::Result<Option<Witness>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT n, id, position, entries, digest FROM {} WHERE id = ?1",
        table(domain)
    ))?;
    select.query_row([id.as_str()], read).optional().map(Option::flatten)
}

/// The witnesses of the next rows after number `n`, at most `most`.
pub fn after(connection: &Connection, domain: Domain, n: i64, most: usize) -> rusqlite::Result<Vec<Witness>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT n, id, position, entries, digest FROM {} WHERE n > ?1 ORDER BY n LIMIT ?2",
        table(domain)
    ))?;
    let rows = select.query_map(params![n, i64::try_from(most).unwrap_or(i64::MAX)], read)?;
    rows.filter_map(Result::transpose).collect()
}

/// Records what a row was made from that the store no longer has. A loss that is already recorded stays unchanged.
pub fn keep_loss(connection: &Connection, domain: Domain, lost: &Witness, now: DateTime<Utc>) -> rusqlite::Result<()> {
    let figures = match domain {
        Domain::Wallet => serde_json::to_string(&lists::wallets_row(connection, lost.n)?),
        Domain::Order => serde_json::to_string(&lists::orders_row(connection, lost.n)?),
    };
    connection
        .prepare_cached(&format!(
            "INSERT OR IGNORE INTO loss
             SELECT ?1, id, position, entries, digest, sequence, ?3, ?4 FROM {} WHERE n = ?2",
            table(domain)
        ))?
        .execute(params![
            domain.as_str(),
            lost.n,
            figures.unwrap_or_default(),
            Sortable::time(now)
        ])
        .map(drop)
}

/// The number of recorded losses.
pub fn losses(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM loss")?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}
