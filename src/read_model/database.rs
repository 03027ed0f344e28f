//! The file of the read model: one SQLite database, one writer, several readers, one owner process. Files are numbered, and a
//! small file names the one in use; a file that can't be used is replaced by a new one beside it, never renamed over another,
//! since a write-ahead log that belongs to another file would damage it.

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

/// Names the file in use.
const CURRENT: &str = "current";
const LOCK: &str = "lock";
/// Directories of temporary read models begin with this.
const TEMPORARY: &str = "tmp-ledgerscope-";
/// A temporary read model that nobody uses is removed after this time: a younger one may be just being made.
const ABANDONED_AFTER: Duration = Duration::from_mins(1);
/// Files of earlier versions of the program.
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
/// How long a process waits to own a directory, and the pause between two tries.
const LOCKED_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
const BUSY: Duration = Duration::from_secs(10);
/// Idle connections that are kept.
const READERS_KEPT: usize = 8;

/// Why the read model can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    #[error(
        "another process uses the read model in {0}; stop it, or give this one a directory of its own with --read-model"
    )]
    InUse(PathBuf),
    #[error("the directory of the read model, {dir}, can't be used: {source}; choose another with --read-model")]
    Directory { dir: PathBuf, source: io::Error },
    #[error("the disk of the read model is full; make room, or choose another place with --read-model")]
    Full,
    #[error(
        "the file of the read model can't be written; check its permissions, or choose another place with --read-model"
    )]
    ReadOnly,
    #[error("the file of the read model is damaged; the next start builds it anew from the stores")]
    Damaged,
    #[error("the program is shutting down")]
    Stopped,
    #[error("the list has changed where it was to go on; ask for it again")]
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

/// The names of the stores that a read model is made of: their URLs without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreNames {
    pub wallet: String,
    pub order: String,
}

impl StoreNames {
    /// What a file says; `None` where it says nothing of them.
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

/// The database in use. Calls block.
pub struct Database {
    dir: PathBuf,
    file: PathBuf,
    /// Removed with everything in it when dropped.
    temporary: bool,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Held as long as this process owns the directory.
    lock: Mutex<Option<File>>,
}

/// What a command that runs beside servers may do with the read model in a directory.
pub enum Claim {
    /// No other process uses it.
    Owned(Database),
    /// Another process owns it, and it can be read.
    Observed(Connection),
    /// There is none that this command may use.
    Unusable,
}

impl Database {
    /// Opens the read model in `dir`, or an empty one where there is none of these stores that this version can use. Without a
    /// directory it is temporary.
    pub fn open(dir: Option<&Path>, stores: &StoreNames) -> Result<Self, ReadModelError> {
        let Some(dir) = dir else {
            return Self::temporary(&std::env::temp_dir(), stores);
        };
        make_dir(dir)?;
        let lock = lock_soon(dir)?;
        remove_abandoned(dir).map_err(|source| unusable(dir, source))?;
        Self::open_locked(dir.to_owned(), lock, stores, false)
    }

    /// Makes an empty read model in a directory of its own within `dir`.
    pub fn temporary(dir: &Path, stores: &StoreNames) -> Result<Self, ReadModelError> {
        let dir = dir.join(format!("{TEMPORARY}{}", Uuid::now_v7().simple()));
        make_dir(&dir)?;
        let lock = lock(&dir)?;
        Self::open_locked(dir, lock, stores, true)
    }

    /// Takes the read model in `dir` for a command. One of other stores, or of stores that can't be told, is never written. A new
    /// one is made only if `create` says so.
    pub fn claim(dir: &Path, stores: &StoreNames, create: bool) -> Result<Claim, ReadModelError> {
        let known = current(dir)?;
        if known.is_none() {
            if !create {
                return Ok(Claim::Unusable);
            }
            make_dir(dir)?;
        }
        let lock = match lock(dir) {
            Err(ReadModelError::InUse(_)) => {
                let observed = observe(dir, stores)?;
                return Ok(observed.map_or(Claim::Unusable, Claim::Observed));
            }
            lock => lock?,
        };
        // Another process may have made one just before.
        if let Some(number) = current(dir)?
            && names_in(dir, number).as_ref() != Some(stores)
        {
            return Ok(Claim::Unusable);
        }
        remove_abandoned(dir).map_err(|source| unusable(dir, source))?;
        Self::open_locked(dir.to_owned(), lock, stores, false).map(Claim::Owned)
    }

    /// Whether a read model of any stores is in `dir`.
    pub fn is_in(dir: &Path) -> Result<bool, ReadModelError> {
        Ok(current(dir)?.is_some())
    }

    /// Lets another process own the directory from now on. What was written can still be read.
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
                    Err(error) => tracing::warn!(%error, "the read model can't be used and is built anew"),
                    Ok(Err(why)) => tracing::info!("the read model is {why} and is built anew"),
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

    /// Runs `work` in a transaction that ends with it: committed where it succeeds, undone where it fails.
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

    /// Runs `work` on one state of the database, whatever is written meanwhile.
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

    /// Copies the database of these stores as it is into another directory, which then holds a read model of its own. Nothing is
    /// written beside the original.
    pub fn copy_to(dir: &Path, to: &Path, stores: &StoreNames) -> Result<bool, ReadModelError> {
        // As long as this is held, nobody begins to write.
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

    /// Bounds the size of the file, so that a full disk can be tested.
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
            tracing::error!(%error, "the read model");
            // So that the next start begins a new file.
            let _ = remove(&self.dir.join(CURRENT));
        }
        error
    }

    fn is_owned(&self) -> bool {
        self.lock.lock().is_some()
    }

    /// Removes what earlier files of this directory left.
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

/// A command holds the lock while it brings the rows up to date, most of the time for less than a second.
fn lock_soon(dir: &Path) -> Result<File, ReadModelError> {
    let begun = Instant::now();
    loop {
        match lock(dir) {
            Err(ReadModelError::InUse(_)) if begun.elapsed() < LOCKED_WITHIN => sleep(PAUSE),
            done => return done,
        }
    }
}

/// Removes temporary read models of processes that have ended without removing them.
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
            tracing::info!(dir = %entry.path().display(), "a temporary read model that nobody uses is removed");
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A connection that reads the file in use, which another process owns; `None` where there is none of these stores that this
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

/// A connection that reads a file which no process owns or comes to own. By itself, SQLite makes a write-ahead log even to read;
/// here it makes none.
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

/// The stores that a file names which no process owns; `None` where that can't be told.
fn names_in(dir: &Path, number: u64) -> Option<StoreNames> {
    StoreNames::read(&connect_unowned(dir, number).ok()?).ok()?
}

/// The number of the file in use; `None` where no file is named.
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

/// Replaced at once or not at all, also if the machine stops meanwhile.
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

/// Makes an empty database, and names it as the one in use once it is whole.
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

/// The database of a number, or why it is not used.
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
    // The read model can be made again, so a power cut may cost the last transactions; their order is kept.
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

/// Removes a file, if it is there.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
