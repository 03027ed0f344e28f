//! The file of the read model: one SQLite database with one writer, several readers and one owner process. Files are numbered,
//! and the file `current` names the one in use. A file that can't be used is replaced by a new one beside it. A new file never
//! takes the name of an old one, since a write-ahead log of the old file would damage it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};
use uuid::Uuid;

use super::{functions, schema};
use crate::event_log::{keep_plans, make_private_dir};

/// The name of the file that holds the number of the database in use.
const CURRENT: &str = "current";
const LOCK: &str = "lock";
/// The prefix of directories of temporary read models.
const TEMPORARY: &str = "tmp-ledgerscope-";
/// A temporary read model that no process uses is removed after this time. A younger one may belong to a process that is just
/// starting.
const ABANDONED_AFTER: Duration = Duration::from_mins(1);
/// Files of earlier versions of the program, which are removed.
const OBSOLETE: [&str; 12] = [
    "checkpoints.sqlite3",
    "checkpoints.sqlite3-wal",
    "checkpoints.sqlite3-shm",
    "checkpoints.sqlite3.aside",
    "checkpoints.sqlite3.aside-wal",
    "checkpoints.sqlite3.aside-shm",
    "history.sqlite3",
    "history.sqlite3-wal",
    "history.sqlite3-shm",
    "history.sqlite3.aside",
    "history.sqlite3.aside-wal",
    "history.sqlite3.aside-shm",
];
/// How long a process waits for the lock of a directory, and the pause between two attempts.
const LOCKED_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
const BUSY: Duration = Duration::from_secs(10);
/// The largest number of idle connections that are kept.
const READERS_KEPT: usize = 8;

/// Why the read model can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    #[error(
        "another process uses the read model in {0}; stop that process, or choose another directory with --read-model"
    )]
    InUse(PathBuf),
    #[error("the read model's directory {dir} can't be used: {source}; choose another directory with --read-model")]
    Directory { dir: PathBuf, source: io::Error },
    #[error("the read model's disk is full; free some space, or choose another directory with --read-model")]
    Full,
    #[error(
        "the read model's file can't be written; check its permissions, or choose another directory with --read-model"
    )]
    ReadOnly,
    #[error("the read model's file is damaged; restart the program to rebuild it from the stores")]
    Damaged,
    #[error("the program is shutting down")]
    Stopped,
    #[error("the list changed while it was read; run the command again")]
    Changed,
    #[error("the read model can't be used: {0}")]
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for ReadModelError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Database(error),
        }
    }
}

/// The names of a read model's stores: their URLs without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreNames {
    pub wallet: String,
    pub order: String,
}

impl StoreNames {
    /// The names that a file records; `None` if it records none.
    fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let value = |name: &str| {
            let mut select = connection.prepare("SELECT value FROM meta WHERE name = ?1")?;
            select.query_row([name], |row| row.get::<_, String>(0)).optional()
        };
        let (wallet, order) = (value("wallet_store")?, value("order_store")?);
        Ok(wallet.zip(order).map(|(wallet, order)| Self { wallet, order }))
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
        insert.execute(["wallet_store", &self.wallet])?;
        insert.execute(["order_store", &self.order])?;
        Ok(())
    }
}

/// The database in use. All calls block the thread.
pub struct Database {
    dir: PathBuf,
    file: PathBuf,
    /// The directory is temporary and is removed on drop.
    temporary: bool,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// The lock file. This process owns the directory while it holds the lock.
    lock: Mutex<Option<File>>,
}

/// What a command may do with the read model in a directory.
pub enum Ownership {
    /// No other process uses the read model.
    Owned(Database),
    /// Another process owns the read model, and this connection reads it.
    Observed(Connection),
    /// There is no read model that this command may use.
    Unusable,
}

impl Database {
    /// Opens the read model in `dir`. Begins an empty one if `dir` has none of these stores that this version can use. Without a
    /// directory, the read model is temporary.
    pub fn open(dir: Option<&Path>, stores: &StoreNames) -> Result<Self, ReadModelError> {
        let Some(dir) = dir else {
            return Self::temporary(&std::env::temp_dir(), stores);
        };
        make_dir(dir)?;
        let lock = lock_soon(dir)?;
        remove_abandoned(dir).map_err(|source| unusable(dir, source))?;
        Self::open_locked(dir.to_owned(), lock, stores, false)
    }

    /// Creates an empty read model in a new directory within `dir`.
    pub fn temporary(dir: &Path, stores: &StoreNames) -> Result<Self, ReadModelError> {
        let dir = dir.join(format!("{TEMPORARY}{}", Uuid::now_v7().simple()));
        make_dir(&dir)?;
        let lock = lock(&dir)?;
        Self::open_locked(dir, lock, stores, true)
    }

    /// Takes the read model in `dir` for a command. A read model of other or unknown stores is never written. A new one is
    /// created only if `create` is true.
    pub fn acquire(dir: &Path, stores: &StoreNames, create: bool) -> Result<Ownership, ReadModelError> {
        let known = current(dir)?;
        if known.is_none() {
            if !create {
                return Ok(Ownership::Unusable);
            }
            make_dir(dir)?;
        }
        let lock = match lock(dir) {
            Err(ReadModelError::InUse(_)) => {
                let observed = observe(dir, stores)?;
                return Ok(observed.map_or(Ownership::Unusable, Ownership::Observed));
            }
            lock => lock?,
        };
        // Another process may have created one just before.
        if let Some(number) = current(dir)?
            && names_in(dir, number).as_ref() != Some(stores)
        {
            return Ok(Ownership::Unusable);
        }
        remove_abandoned(dir).map_err(|source| unusable(dir, source))?;
        Self::open_locked(dir.to_owned(), lock, stores, false).map(Ownership::Owned)
    }

    /// Whether `dir` has a read model, of any stores.
    pub fn is_in(dir: &Path) -> Result<bool, ReadModelError> {
        Ok(current(dir)?.is_some())
    }

    /// Releases the lock, so that another process can own the directory. The database can still be read.
    pub fn release(&self) {
        *self.lock.lock() = None;
    }

    /// Removes the directory of a temporary read model.
    pub fn discard(&self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    fn open_locked(dir: PathBuf, lock: File, stores: &StoreNames, temporary: bool) -> Result<Self, ReadModelError> {
        let unusable = |source| unusable(&dir, source);
        for name in OBSOLETE {
            remove(&dir.join(name)).map_err(unusable)?;
        }
        let (file, writer) = match current(&dir)?.map(|number| (number, connect(&dir, number, stores, temporary))) {
            Some((number, Ok(Ok(connection)))) => (file_name(&dir, number), connection),
            Some((number, found)) => {
                match &found {
                    Err(error) => tracing::warn!(%error, "the read model can't be used and is rebuilt"),
                    Ok(Err(why)) => tracing::info!("the read model is {why} and is rebuilt"),
                    Ok(Ok(_)) => {}
                }
                drop(found);
                begin(&dir, number + 1, stores, temporary)?
            }
            None => begin(&dir, 1, stores, temporary)?,
        };
        let database = Self {
            dir,
            file,
            temporary,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            lock: Mutex::new(Some(lock)),
        };
        database
            .remove_others()
            .map_err(|source| self::unusable(&database.dir, source))?;
        Ok(database)
    }

    /// Runs `work` in one write transaction. Commits if `work` succeeds, rolls back if it fails.
    pub fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, ReadModelError> {
        let mut writer = self.writer();
        let done = (|| {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })();
        done.map_err(|error| self.failed(error))
    }

    /// Runs `work` in one read transaction, on one consistent state of the database.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadModelError> {
        let done = (|| {
            let idle = self.readers().pop();
            let connection = match idle {
                Some(connection) => connection,
                None => self.connect_reader()?,
            };
            let transaction = connection.unchecked_transaction()?;
            let answer = work(&transaction)?;
            transaction.finish()?;
            let mut readers = self.readers();
            if readers.len() < READERS_KEPT {
                readers.push(connection);
            }
            Ok(answer)
        })();
        done.map_err(|error| self.failed(error))
    }

    /// Copies the database of these stores into another directory, which then holds a read model of its own. Writes nothing
    /// beside the original. Returns `false` if `dir` has no database of these stores that this version can use.
    pub fn copy_to(dir: &Path, to: &Path, stores: &StoreNames) -> Result<bool, ReadModelError> {
        // While this lock is held, no other process begins to write.
        let unowned = File::open(dir.join(LOCK)).ok().filter(|lock| lock.try_lock().is_ok());
        let Some(number) = current(dir)? else { return Ok(false) };
        let connection = if unowned.is_some() {
            connect_unowned(dir, number)
        } else {
            connect_read_only(dir, number)
        };
        let connection = connection?;
        if !is_of(&connection, stores)? {
            return Ok(false);
        }
        make_dir(to)?;
        connection.execute("VACUUM INTO ?1", [file_name(to, 1).to_string_lossy()])?;
        name_current(to, 1)?;
        Ok(true)
    }

    /// Limits the size of the file, to test a full disk.
    #[cfg(test)]
    pub fn set_pages_max(&self, pages: u32) {
        let _ = self.writer().pragma_update(None, "max_page_count", pages);
    }

    fn connect_reader(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.file)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096;")?;
        functions::add(&connection)?;
        keep_plans(&connection)?;
        Ok(connection)
    }

    fn failed(&self, error: rusqlite::Error) -> ReadModelError {
        let error = ReadModelError::from(error);
        if matches!(error, ReadModelError::Damaged) && self.is_owned() {
            tracing::error!(%error, "the read model is damaged; the next start rebuilds it");
            // The next start then begins a new file.
            let _ = remove(&self.dir.join(CURRENT));
        }
        error
    }

    fn is_owned(&self) -> bool {
        self.lock.lock().is_some()
    }

    /// Removes earlier database files of this directory.
    fn remove_others(&self) -> io::Result<()> {
        let own = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("read_model.") && !name.starts_with(&own) {
                remove(&self.dir.join(name))?;
            }
        }
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock()
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.discard();
    }
}

fn file_name(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("read_model.{number}.sqlite3"))
}

fn unusable(dir: &Path, source: io::Error) -> ReadModelError {
    ReadModelError::Directory {
        dir: dir.to_owned(),
        source,
    }
}

fn make_dir(dir: &Path) -> Result<(), ReadModelError> {
    make_private_dir(dir).map_err(|source| unusable(dir, source))
}

fn lock(dir: &Path) -> Result<File, ReadModelError> {
    let options = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join(LOCK));
    let file = options.map_err(|source| unusable(dir, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ReadModelError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(dir, source)),
    }
}

/// Waits for the lock. A command holds the lock while it brings the rows up to date, mostly for less than a second.
fn lock_soon(dir: &Path) -> Result<File, ReadModelError> {
    let begun = Instant::now();
    loop {
        match lock(dir) {
            Err(ReadModelError::InUse(_)) if begun.elapsed() < LOCKED_WITHIN => sleep(PAUSE),
            done => return done,
        }
    }
}

/// Removes temporary read models whose processes have ended without removing them.
fn remove_abandoned(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            continue;
        }
        let age = entry.metadata().and_then(|about| about.modified());
        let is_old = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED_AFTER));
        let lock = File::open(entry.path().join(LOCK));
        if is_old && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            tracing::info!(dir = %entry.path().display(), "an abandoned temporary read model is removed");
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A read-only connection to the file in use, which another process owns. `None` if there is no file of these stores that this
/// version can use.
fn observe(dir: &Path, stores: &StoreNames) -> Result<Option<Connection>, ReadModelError> {
    let Some(number) = current(dir)? else { return Ok(None) };
    let connection = connect_read_only(dir, number)?;
    Ok(is_of(&connection, stores)?.then_some(connection))
}

fn is_of(connection: &Connection, stores: &StoreNames) -> rusqlite::Result<bool> {
    Ok(is_ours(connection)? && StoreNames::read(connection)?.as_ref() == Some(stores))
}

fn connect_read_only(dir: &Path, number: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file_name(dir, number), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("PRAGMA cache_size = -4096;")?;
    functions::add(&connection)?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// A read-only connection to a file that no process owns or begins to own. SQLite creates a write-ahead log even for reading. The
/// option `immutable` prevents this, and is used if there is no write-ahead log.
fn connect_unowned(dir: &Path, number: u64) -> rusqlite::Result<Connection> {
    let file = file_name(dir, number);
    let mut log = file.clone().into_os_string();
    log.push("-wal");
    let has_log = fs::metadata(Path::new(&log)).is_ok_and(|log| log.len() > 0);
    let Some(path) = file.to_str().filter(|_| !has_log) else {
        return connect_read_only(dir, number);
    };
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)
}

/// The stores that an unowned file names. `None` if they can't be read.
fn names_in(dir: &Path, number: u64) -> Option<StoreNames> {
    StoreNames::read(&connect_unowned(dir, number).ok()?).ok()?
}

/// The number of the file in use. `None` if no number is recorded.
fn current(dir: &Path) -> Result<Option<u64>, ReadModelError> {
    match fs::read_to_string(dir.join(CURRENT)) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadModelError::Directory {
            dir: dir.to_owned(),
            source,
        }),
    }
}

/// Records the number of the file in use. The write is atomic, even if the machine stops during it.
fn name_current(dir: &Path, number: u64) -> Result<(), ReadModelError> {
    let write = || {
        let next = dir.join("current.next");
        fs::write(&next, format!("{number}\n"))?;
        File::open(&next)?.sync_all()?;
        fs::rename(&next, dir.join(CURRENT))?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|source| ReadModelError::Directory {
        dir: dir.to_owned(),
        source,
    })
}

/// Creates an empty database, then records it as the one in use.
fn begin(
    dir: &Path,
    number: u64,
    stores: &StoreNames,
    temporary: bool,
) -> Result<(PathBuf, Connection), ReadModelError> {
    let file = file_name(dir, number);
    for end in ["", "-wal", "-shm"] {
        let mut name = file.clone().into_os_string();
        name.push(end);
        remove(Path::new(&name)).map_err(|source| ReadModelError::Directory {
            dir: dir.to_owned(),
            source,
        })?;
    }
    let mut connection = Connection::open(&file)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::create(&transaction)?;
    stores.write(&transaction)?;
    transaction.commit()?;
    set_up(&connection, temporary)?;
    name_current(dir, number)?;
    Ok((file, connection))
}

/// Opens the database of this number. The inner error says why it is not used.
fn connect(
    dir: &Path,
    number: u64,
    stores: &StoreNames,
    temporary: bool,
) -> rusqlite::Result<Result<Connection, &'static str>> {
    let connection = Connection::open_with_flags(file_name(dir, number), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    if !is_ours(&connection)? {
        return Ok(Err("of another version of the program"));
    }
    if StoreNames::read(&connection)?.as_ref() != Some(stores) {
        return Ok(Err("of other stores"));
    }
    set_up(&connection, temporary)?;
    Ok(Ok(connection))
}

fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != schema::APPLICATION {
        return Ok(false);
    }
    let format: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| row.get(0))
        .optional()?;
    Ok(format.as_deref() == Some(schema::FORMAT))
}

fn set_up(connection: &Connection, temporary: bool) -> rusqlite::Result<()> {
    // A power cut may lose the last transactions, but not their order. The projector reads the lost ones again.
    let synchronous = if temporary { "OFF" } else { "NORMAL" };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864; \
         PRAGMA wal_autocheckpoint = 4000; PRAGMA threads = 2;"
    ))?;
    functions::add(connection)?;
    keep_plans(connection)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Removes a file if it exists.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
