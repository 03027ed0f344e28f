//! The most recently recorded entries of both domains, with long texts truncated.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::columns::Sortable;
use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId, Position},
    },
    views::truncate,
};

/// The number of entries that are kept.
pub const KEPT: usize = 20;
/// [`KEPT`] as an SQLite integer.
const KEPT_ROWS: i64 = 20;

/// A recent entry, truncated by [`truncate::row`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub domain: Domain,
    pub subject: EntityId,
    pub entry: Entry,
}

/// The newest entries of a batch.
#[derive(Debug)]
pub struct Newest {
    /// Entries recorded earlier are not among the newest.
    floor: Sortable,
    entries: BTreeMap<(Sortable, EntityId, Position), Entry>,
}

impl Newest {
    pub fn new(connection: &Connection) -> rusqlite::Result<Self> {
        use rusqlite::OptionalExtension as _;
        let mut select =
            connection.prepare_cached("SELECT recorded FROM recent ORDER BY recorded DESC LIMIT 1 OFFSET ?1")?;
        let floor = select
            .query_row([KEPT_ROWS - 1], |row| row.get::<_, Sortable>(0))
            .optional()?;
        Ok(Self {
            // If fewer entries are kept, every entry is among the newest.
            floor: floor.unwrap_or(Sortable::MISSING),
            entries: BTreeMap::new(),
        })
    }

    /// Adds those entries of one stream that are among the newest.
    pub fn note(&mut self, id: &EntityId, entries: &[Entry]) {
        for entry in entries.iter().rev().take(KEPT) {
            let recorded = Sortable::time(entry.recorded);
            if recorded < self.floor {
                continue;
            }
            self.entries
                .insert((recorded, id.clone(), entry.position), truncate::row(entry));
            if self.entries.len() > KEPT {
                self.entries.pop_first();
                self.floor = self.entries.first_key_value().map_or(self.floor, |(key, _)| key.0);
            }
        }
    }

    /// Writes the entries, and removes those that are no longer among the newest.
    pub fn write(self, connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO recent VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for ((recorded, id, position), entry) in &self.entries {
            let text = serde_json::to_string(entry).unwrap_or_default();
            insert.execute(params![
                recorded,
                domain as i64,
                id.as_str(),
                Sortable::position(*position),
                text
            ])?;
        }
        connection
            .prepare_cached(
                "DELETE FROM recent WHERE (recorded, domain, subject, position) IN (
                     SELECT recorded, domain, subject, position FROM recent
                     ORDER BY recorded DESC, domain DESC, subject DESC, position DESC LIMIT -1 OFFSET ?1)",
            )?
            .execute([KEPT_ROWS])
            .map(drop)
    }
}

/// Removes entries that the store no longer has.
pub fn remove(connection: &Connection, missing: &[Recorded]) -> rusqlite::Result<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM recent WHERE recorded = ?1 AND domain = ?2 AND subject = ?3 AND position = ?4")?;
    for gone in missing {
        delete.execute(params![
            Sortable::time(gone.entry.recorded),
            gone.domain as i64,
            gone.subject.as_str(),
            Sortable::position(gone.entry.position)
        ])?;
    }
    Ok(())
}

/// The recent entries, newest first.
pub fn list(connection: &Connection) -> rusqlite::Result<Vec<Recorded>> {
    let mut select = connection.prepare_cached(
        "SELECT domain, subject, entry FROM recent ORDER BY recorded DESC, domain DESC, subject DESC, position DESC",
    )?;
    let mut rows = select.query([])?;
    let mut recorded = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let subject = EntityId::new(row.get_ref(1)?.as_str()?);
        let entry = serde_json::from_str::<Entry>(row.get_ref(2)?.as_str()?);
        if let (Some(domain), Ok(subject), Ok(entry)) = (
            usize::try_from(number).ok().and_then(|number| Domain::ALL.get(number)),
            subject,
            entry,
        ) {
            recorded.push(Recorded {
                domain: *domain,
                subject,
                entry,
            });
        }
    }
    Ok(recorded)
}
