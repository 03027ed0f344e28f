//! The tables of an embedded log and their version, and SQLite's errors in words for people. A file of another program,
//! another domain or a newer version is refused and never changed.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use uuid::Uuid;

use crate::{domain::ids::LogName, event_log::fault::Fault};

/// The `PRAGMA user_version` of the tables below.
pub(super) const VERSION: i64 = 2;
/// "LDGR", the `PRAGMA application_id` of a store's file.
const APPLICATION: i64 = 0x4C44_4752;
/// How long to wait for a lock of another process.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// The primary key keeps the events of a stream together on disk. `position` numbers the events of all streams in
/// commit order. Other columns may be null or repeated, because a store may hold copies from another store; the append
/// checks what this program writes. The index of the feed also contains the primary key, so it answers feed queries
/// alone. Statements name their index, because SQLite without statistics would use the primary key and walk a whole
/// stream.
///
/// Rows from `checksums_from` on have a checksum. A constraint of the table enforces it: a program of version 1 that
/// has the file open during the conversion can't write a row without one.
fn tables(checksums_from: i64) -> String {
    format!(
        "CREATE TABLE store (domain TEXT NOT NULL, id TEXT NOT NULL, checksums_from INTEGER NOT NULL) STRICT;
        CREATE TABLE events (
            stream TEXT NOT NULL,
            position INTEGER NOT NULL,
            sequence INTEGER,
            recorded INTEGER NOT NULL, -- milliseconds since 1970, UTC
            id TEXT,
            type TEXT,
            time TEXT,
            actor TEXT,
            idempotencykey TEXT,
            correlationid TEXT,
            causationid TEXT,
            data TEXT,
            extra TEXT, -- JSON: [[name, value], …]
            checksum INTEGER CHECK (checksum IS NOT NULL OR position < {checksums_from}),
            PRIMARY KEY (stream, position)
        ) STRICT, WITHOUT ROWID;"
    )
}

const INDEXES: &str = "
    CREATE INDEX events_feed ON events (position, sequence);
    CREATE INDEX events_sequence ON events (stream, sequence);
    CREATE INDEX events_key ON events (stream, idempotencykey) WHERE idempotencykey IS NOT NULL;
";

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = &error else {
            return Self::Damaged(format!("a row has the wrong column types ({error})"));
        };
        match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Self::Unavailable("another process keeps its file locked".into())
            }
            ErrorCode::DiskFull => Self::Unavailable("the disk is full".into()),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                Self::Damaged("its file is damaged or is not a SQLite file".into())
            }
            _ => Self::Unavailable(failure.to_string()),
        }
    }
}

/// Creates the tables, unless the file has any table.
pub(super) fn create(connection: &mut Connection, domain: LogName) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have created the tables meanwhile. A file of another program is not changed.
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        make_tables(&transaction, domain.as_str(), 0)?;
        make_indexes(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        set_version(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Creates the tables and gives the file its id.
pub(super) fn make_tables(connection: &Connection, domain: &str, checksums_from: i64) -> Result<(), Fault> {
    connection.execute_batch(&tables(checksums_from))?;
    connection.execute(
        "INSERT INTO store (domain, id, checksums_from) VALUES (?1, ?2, ?3)",
        (domain, Uuid::now_v7().to_string(), checksums_from),
    )?;
    Ok(())
}

pub(super) fn make_indexes(connection: &Connection) -> Result<(), Fault> {
    Ok(connection.execute_batch(INDEXES)?)
}

pub(super) fn set_version(connection: &Connection) -> Result<(), Fault> {
    Ok(connection.pragma_update(None, "user_version", VERSION)?)
}

pub(super) fn version(connection: &Connection) -> Result<i64, Fault> {
    number(connection, "user_version")
}

/// Fails if the file is not an embedded log of `domain`, or is of a newer version.
pub(super) fn check(connection: &Connection, domain: LogName) -> Result<(), Fault> {
    if number(connection, "application_id")? != APPLICATION {
        return Err(Fault::Damaged("its file belongs to another program".into()));
    }
    let version = version(connection)?;
    if !(1..=VERSION).contains(&version) {
        return Err(Fault::Damaged(format!(
            "its file has version {version}, and this program knows only version {VERSION}; use a newer program"
        )));
    }
    let owner: String = connection.query_row("SELECT domain FROM store", [], |row| row.get(0))?;
    if owner != domain.as_str() {
        return Err(Fault::Damaged(format!(
            "its directory holds the {owner} store; give each domain a directory of its own"
        )));
    }
    Ok(())
}

/// The value of a PRAGMA.
pub(super) fn number(connection: &Connection, pragma: &str) -> Result<i64, Fault> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}
