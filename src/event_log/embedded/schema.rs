//! The tables of an embedded log, how a connection to them is set up, and what SQLite's errors mean to a person. The
//! only place that knows where the file is; a file of another kind, another domain or a newer version is refused, never changed.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};
use uuid::Uuid;

use super::{StoreLocation, migrate::migrate};
use crate::{domain::ids::LogName, event_log::fault::Fault};

/// The file in a store's directory.
pub(super) const FILE: &str = "events.sqlite3";
/// What `PRAGMA user_version` says of the tables below.
const VERSION: i64 = 2;
/// "LDGR", what `PRAGMA application_id` says of a file of ours.
const APPLICATION: i64 = 0x4C44_4752;
/// How long a lock of another process is waited for.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// Between two tries where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(5);

/// An event's own stream is its place on the disk, so that reading a stream reads neighbours. `position` numbers the events
/// of all streams in the order of their commits. Everything else about an event may be missing or be there twice, because a
/// store may hold what was copied from another one; the append checks what this program writes. The index of the feed has the
/// primary key in it, too, and so answers the whole feed. Statements name their index, because SQLite without statistics takes the
/// primary key where that means to walk through a whole stream.
///
/// Rows from `checksums_from` on have a checksum. The table checks that as well: a program of version 1 that has the file open
/// while it is converted can then write no row without one.
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
            return Self::Damaged(format!("a row has another shape ({error})"));
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

/// Whether a directory has the file of a store.
pub(in crate::event_log) fn exists(dir: &Path) -> bool {
    dir.join(FILE).exists()
}

/// A connection to the store at `location`, which is made where there is none yet if `location` says so.
pub(super) fn connect(location: &StoreLocation) -> Result<Connection, Fault> {
    if location.create {
        make_dir(location)?;
    } else if !exists(&location.dir) {
        return Err(Fault::Unavailable("it does not exist".into()));
    }
    let flags = if location.create {
        OpenFlags::default()
    } else {
        OpenFlags::default() - OpenFlags::SQLITE_OPEN_CREATE
    };
    let mut connection = Connection::open_with_flags(location.dir.join(FILE), flags).inspect_err(|error| {
        tracing::warn!(dir = %location.dir.display(), %error, "a store's file can't be opened");
    })?;
    connection.busy_timeout(BUSY)?;
    create_or_check(&mut connection, location.domain)?;
    // 8 MB of pages a connection; statements of this program are few.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;")?;
    keep_plans(&connection)?;
    Ok(connection)
}

fn make_dir(location: &StoreLocation) -> Result<(), Fault> {
    let made = match location.domain {
        LogName::Access => make_private_dir(&location.dir),
        LogName::Wallet | LogName::Order | LogName::Compensation => fs::create_dir_all(&location.dir),
    };
    made.map_err(|error| {
        tracing::warn!(dir = %location.dir.display(), %error, "a store's directory can't be made");
        Fault::Unavailable(format!("its directory can't be made: {error}"))
    })
}

/// Keeps a statement as it was prepared. By itself SQLite looks at the values bound to it and prepares it again whenever one
/// of a range changes (<https://www.sqlite.org/queryplanner-ng.html#qpstab>): most of the time of a small read.
pub(crate) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Every statement of this program, of which no file sees more than these.
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Makes a directory that only this program's user may look into, unless it is there; those above it are made as usual.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        fs::create_dir_all(above)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        made => made,
    }
}

/// SQLite does not wait for another process where both want to turn what they read into what they write, as two that make
/// one file do: it says at once that it is busy.
pub(crate) fn patiently<T>(step: impl Fn() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let begun = Instant::now();
    loop {
        match step() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY => {
                sleep(PAUSE);
            }
            done => return done,
        }
    }
}

fn create_or_check(connection: &mut Connection, domain: LogName) -> Result<(), Fault> {
    if version(connection)? == 0 {
        // Needs the file for itself for a moment, which others have where several processes make one store.
        let mode: String = patiently(|| connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)))?;
        if mode != "wal" {
            return Err(Fault::Unavailable(
                "its file system has no shared memory, which the log needs".into(),
            ));
        }
        create(connection, domain)?;
    }
    check(connection, domain)?;
    if version(connection)? < VERSION {
        migrate(connection)?;
    }
    Ok(())
}

fn create(connection: &mut Connection, domain: LogName) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody else may have been faster, and a file of somebody else's is left alone.
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

/// Makes the tables, and gives the file its id.
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

fn check(connection: &Connection, domain: LogName) -> Result<(), Fault> {
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

fn number(connection: &Connection, pragma: &str) -> Result<i64, Fault> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn location(dir: &Path, domain: LogName) -> StoreLocation {
        StoreLocation {
            domain,
            dir: dir.to_owned(),
            create: true,
        }
    }

    #[test]
    fn a_store_is_made_once_and_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let connection = connect(&location(dir.path(), LogName::Wallet)).unwrap();
            assert_eq!(number(&connection, "user_version").unwrap(), VERSION);
            assert_eq!(number(&connection, "synchronous").unwrap(), 2);
        }
    }

    #[test]
    fn a_store_that_many_make_at_once_is_made_once() {
        for _ in 0..10 {
            let dir = tempfile::tempdir().unwrap();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| connect(&location(dir.path(), LogName::Wallet)).unwrap());
                }
            });
        }
    }

    #[test]
    fn what_is_about_people_is_for_nobody_else_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let access = dir.path().join("new/access");
        for _ in 0..2 {
            connect(&location(&access, LogName::Access)).unwrap();
        }
        assert_eq!(fs::metadata(&access).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn another_domain_a_newer_version_and_a_foreign_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let connection = connect(&location(dir.path(), LogName::Wallet)).unwrap();
        let refused = |domain| match connect(&location(dir.path(), domain)) {
            Err(Fault::Damaged(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert!(refused(LogName::Order).contains("the wallet store"));
        connection.pragma_update(None, "user_version", 3).unwrap();
        assert!(refused(LogName::Wallet).contains("version 3"));
        connection.pragma_update(None, "application_id", 7).unwrap();
        assert!(refused(LogName::Wallet).contains("another program"));

        let dir = tempfile::tempdir().unwrap();
        Connection::open(dir.path().join(FILE))
            .unwrap()
            .execute_batch("CREATE TABLE theirs (x)")
            .unwrap();
        assert!(matches!(
            connect(&location(dir.path(), LogName::Wallet)),
            Err(Fault::Damaged(_))
        ));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_said_without_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret-name");
        fs::write(&file, "").unwrap();
        let error = connect(&location(&file.join("below"), LogName::Wallet)).unwrap_err();
        assert!(!error.reason().contains("secret-name"));
    }
}
