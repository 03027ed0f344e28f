//! Opens the file of an embedded log. Creates or converts it if necessary. No other file knows its location.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    StoreLocation,
    migrate::migrate,
    schema::{self, BUSY, VERSION, version},
};
use crate::{domain::ids::LogName, event_log::fault::Fault};

/// The name of the file in a store's directory.
pub(super) const FILE: &str = "events.sqlite3";
/// Pause between two tries where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether a directory contains a store's file.
pub(in crate::event_log) fn exists(dir: &Path) -> bool {
    dir.join(FILE).exists()
}

/// A connection to the store at `location`. Creates the store if it does not exist and `location.create` is set.
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
    // 8 MB of page cache a connection.
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
        tracing::warn!(dir = %location.dir.display(), %error, "a store's directory can't be created");
        Fault::Unavailable(format!("its directory can't be created: {error}"))
    })
}

/// Keeps prepared statements. By default SQLite looks at the values bound to a statement and prepares it again when a
/// bound of a range changes (<https://www.sqlite.org/queryplanner-ng.html#qpstab>). That takes most of the time of a
/// small read.
pub(crate) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // More than the number of statements that this program uses on any file.
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Creates a directory that only this program's user can access, if it does not exist. Missing parent directories get
/// the usual permissions.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        fs::create_dir_all(above)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        made => made,
    }
}

/// Repeats a step while SQLite is busy, for at most [`BUSY`]. SQLite reports busy at once if two processes both want to
/// upgrade from reading to writing, for example when both create one file.
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
        // This needs an exclusive lock for a moment. Other processes hold it while several create the same store.
        let mode: String = patiently(|| connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)))?;
        if mode != "wal" {
            return Err(Fault::Unavailable(
                "its file system has no shared memory, which the log needs".into(),
            ));
        }
        schema::create(connection, domain)?;
    }
    schema::check(connection, domain)?;
    if version(connection)? < VERSION {
        migrate(connection)?;
    }
    Ok(())
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
    fn a_store_is_created_once_and_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let connection = connect(&location(dir.path(), LogName::Wallet)).unwrap();
            assert_eq!(schema::number(&connection, "user_version").unwrap(), VERSION);
            assert_eq!(schema::number(&connection, "synchronous").unwrap(), 2);
        }
    }

    #[test]
    fn concurrent_opens_create_a_store_once() {
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
    fn the_access_store_is_readable_for_its_user_only() {
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
    fn the_error_of_a_directory_that_cannot_be_created_does_not_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret-name");
        fs::write(&file, "").unwrap();
        let error = connect(&location(&file.join("below"), LogName::Wallet)).unwrap_err();
        assert!(!error.reason().contains("secret-name"));
    }
}
