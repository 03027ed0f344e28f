//! The table of cases.

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

const TABLES: &str = "
    CREATE TABLE cases (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        position BLOB NOT NULL, entries INTEGER NOT NULL,
        command TEXT NOT NULL,
        domain TEXT NOT NULL, subject TEXT NOT NULL, refund TEXT,
        subjects TEXT NOT NULL,     -- JSON: the streams that it appends to, such as [\"wallet W-1\"]
        amount BLOB NOT NULL, currency TEXT NOT NULL,
        status INTEGER NOT NULL, status_since BLOB NOT NULL,
        waits INTEGER NOT NULL,     -- 1 while it waits for an approval
        expires_at BLOB NOT NULL,   -- while it waits
        proposer TEXT NOT NULL, proposed_at BLOB NOT NULL,
        decided_by TEXT             -- who approved or declined
    ) STRICT;
    CREATE INDEX cases_status_time ON cases (status, currency, proposed_at, id);
    CREATE INDEX cases_status_amount ON cases (status, currency, amount, id);
    CREATE INDEX cases_waits ON cases (waits, proposer);
    CREATE INDEX cases_proposer ON cases (proposer);
    CREATE INDEX cases_decided ON cases (decided_by) WHERE decided_by IS NOT NULL;
    CREATE TABLE case_count (
        status INTEGER NOT NULL, currency TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (status, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER case_added AFTER INSERT ON cases BEGIN
        INSERT INTO case_count VALUES (new.status, new.currency, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TRIGGER case_removed AFTER DELETE ON cases BEGIN
        UPDATE case_count SET rows = rows - 1 WHERE status = old.status AND currency = old.currency;
        DELETE FROM case_text WHERE rowid = old.n;
        DELETE FROM case_subject WHERE n = old.n AND subject IN (SELECT value FROM json_each(old.subjects));
    END;
    CREATE TRIGGER case_changed AFTER UPDATE ON cases BEGIN
        UPDATE case_count SET rows = rows - 1 WHERE status = old.status AND currency = old.currency;
        INSERT INTO case_count VALUES (new.status, new.currency, 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TABLE case_subject (     -- the streams that a case appends to, such as 'wallet W-1'
        subject TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (subject, n)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE case_source (      -- one row: the store that the cases are of, once every one was read
        store TEXT NOT NULL,
        feed TEXT NOT NULL          -- JSON: how far its feed was read
    ) STRICT;
";

/// Creates the tables, empty.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    search_index::create(connection, Texts::Case)
}

/// How far the feed of this store was read; `None` where its cases were not all read.
pub fn feed(connection: &Connection, store: &str) -> rusqlite::Result<Option<FeedPosition>> {
    let mut select = connection.prepare_cached("SELECT feed FROM case_source WHERE store = ?1")?;
    let feed = select.query_row([store], |row| row.get::<_, String>(0)).optional()?;
    Ok(feed
        .and_then(|feed| serde_json::from_str::<Vec<Position>>(&feed).ok())
        .map(FeedPosition))
}

/// Records that the rows stand for this place in the feed of a store.
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

/// Removes every row, so that the cases of another store can be read.
pub fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM cases; DELETE FROM case_source;")
}

/// Writes a case as it is now. A stream without a proposal that can be read has no row.
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
    // What a case appends to does not change once it is proposed.
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO case_subject VALUES (?1, ?2)")?;
    for subject in &row.subjects {
        insert.execute(params![subject, n])?;
    }
    search_index::put(connection, Texts::Case, n, true)
}

/// The ends of the next rows by id.
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

/// Those of the ids that have no row.
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
