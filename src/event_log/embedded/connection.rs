//! Opens the file of an embedded log, and creates or converts it if necessary. No other file knows where the file is.

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

/// The file in a store's directory.
pub(super) const FILE: &str = "events.sqlite3";
/// Between two tries where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(5);

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
    fn a_store_is_made_once_and_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let connection = connect(&location(dir.path(), LogName::Wallet)).unwrap();
            assert_eq!(schema::number(&connection, "user_version").unwrap(), VERSION);
            assert_eq!(schema::number(&connection, "synchronous").unwrap(), 2);
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
