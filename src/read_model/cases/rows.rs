//! The tables of cases.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    domain::{
        compensation::case::Case,
        ids::{EntityId, Position},
    },
    event_log::FeedPosition,
    read_model::{
        columns::{Numbered as _, ReadPosition, Sortable, currency_code},
        search_index::{self, Texts},
        sources::RowEnd,
    },
    views::compensations::CaseRow,
};

/// The position up to which the feed of this store was read. `None` if not all of its cases were read.
pub fn feed(connection: &Connection, store: &str) -> rusqlite::Result<Option<FeedPosition>> {
    let mut select = connection.prepare_cached("SELECT feed FROM case_source WHERE store = ?1")?;
    let feed = select.query_row([store], |row| row.get::<_, String>(0)).optional()?;
    Ok(feed
        .and_then(|feed| serde_json::from_str::<Vec<Position>>(&feed).ok())
        .map(FeedPosition))
}

/// Records the position of a store's feed that the rows reflect.
pub fn set_feed(connection: &Connection, store: &str, feed: &FeedPosition) -> rusqlite::Result<()> {
    let feed = serde_json::to_string(&feed.0).unwrap_or_default();
    let known = connection
        .prepare_cached("UPDATE case_source SET feed = ?2 WHERE store = ?1")?
        .execute([store, &feed])?;
    if known == 0 {
        connection.execute("DELETE FROM case_source", [])?;
        connection.execute("INSERT INTO case_source VALUES (?1, ?2)", [store, &feed])?;
    }
    Ok(())
}

/// Removes every row, before the cases of another store are read.
pub fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM cases; DELETE FROM case_source;")
}

/// Writes the present row of a case. A stream without a readable proposal has no row.
pub fn put(connection: &Connection, case: &Case) -> rusqlite::Result<()> {
    let (Some(row), Some((last, entries))) = (CaseRow::of(case), case.end()) else {
        return connection
            .prepare_cached("DELETE FROM cases WHERE id = ?1")?
            .execute([case.id.as_str()])
            .map(drop);
    };
    let currency = row.amount.currency();
    let n = connection
        .prepare_cached(
            "INSERT INTO cases (id, position, entries, command, domain, subject, refund, subjects, amount, currency, status,
                 status_since, waits, expires_at, proposer, proposed_at, decided_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT (id) DO UPDATE SET position = excluded.position, entries = excluded.entries,
                 command = excluded.command, domain = excluded.domain, subject = excluded.subject, refund = excluded.refund,
                 subjects = excluded.subjects, amount = excluded.amount, currency = excluded.currency,
                 status = excluded.status, status_since = excluded.status_since, waits = excluded.waits, expires_at = excluded.expires_at, proposer = excluded.proposer,
                 proposed_at = excluded.proposed_at, decided_by = excluded.decided_by
             RETURNING n",
        )?
        .query_row(params![
            row.id.as_str(),
            Sortable::position(last),
            entries.cast_signed(),
            row.name.as_str(),
            row.domain.as_str(),
            row.subject.as_str(),
            row.refund,
            serde_json::to_string(&row.subjects).unwrap_or_default(),
            Sortable::amount(row.amount.amount(), Some(currency)),
            currency_code(Some(&currency)),
            row.status.number(),
            Sortable::time(row.status_since),
            row.expires_at.is_some(),
            Sortable::optional_time(row.expires_at),
            row.proposer,
            Sortable::time(row.proposed_at),
            case.state.decided_by,
        ], |row| row.get::<_, i64>(0))?;
    // The streams that a case appends to do not change after the proposal.
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO case_subject VALUES (?1, ?2)")?;
    for subject in &row.subjects {
        insert.execute(params![subject, n])?;
    }
    search_index::put(connection, Texts::Case, n, true)
}

/// The ends of the next rows after an id, by id, at most `size`.
pub fn ends(
    connection: &Connection,
    after: Option<&EntityId>,
    size: usize,
) -> rusqlite::Result<Vec<(EntityId, RowEnd)>> {
    let mut select =
        connection.prepare_cached("SELECT id, position, entries FROM cases WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let mut rows = select.query(params![after.map_or("", EntityId::as_str), size])?;
    let mut ends = Vec::new();
    while let Some(row) = rows.next()? {
        if let Ok(id) = EntityId::new(row.get::<_, String>(0)?) {
            let last = row.get::<_, ReadPosition>(1)?.0;
            let entries = row.get::<_, i64>(2)?.cast_unsigned();
            ends.push((id, RowEnd::Present { last, entries }));
        }
    }
    Ok(ends)
}

/// Those ids that have no row.
pub fn without_row(connection: &Connection, ids: Vec<EntityId>) -> rusqlite::Result<Vec<EntityId>> {
    let mut select = connection.prepare_cached("SELECT 1 FROM cases WHERE id = ?1")?;
    let mut without = Vec::new();
    for id in ids {
        if !select.exists([id.as_str()])? {
            without.push(id);
        }
    }
    Ok(without)
}
