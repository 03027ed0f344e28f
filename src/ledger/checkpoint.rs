//! Checkpoints: the index with the feed positions that it stands for, kept in an embedded store so that a start need not
//! replay everything. A checkpoint is disposable: one that is damaged, of another version or of other stores is set aside,
//! never believed. It is written in one transaction, so a process that dies while it writes leaves the one before.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::index::{
    Index,
    saved::{Loading, SavedError, save},
};
use crate::{
    domain::ids::Position,
    event_log::{FeedPosition, make_private_dir},
};

const FILE: &str = "checkpoints.sqlite3";
/// "LDGC", what `PRAGMA application_id` says of a file of ours.
const APPLICATION: i64 = 0x4C44_4743;
const VERSION: i64 = 1;
/// What a checkpoint is made by. Folds may change from one version of the program to the next, so each trusts only its own.
const MADE_BY: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));
/// Checkpoints that are kept: one to load, and one to fall back to.
const KEPT: i64 = 2;
const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
    CREATE TABLE checkpoint (
        number INTEGER PRIMARY KEY,
        made_by TEXT NOT NULL,
        places TEXT NOT NULL, -- JSON: the feed positions, and when it was made
        chunks INTEGER NOT NULL,
        checksum INTEGER NOT NULL -- CRC-32 of places and of all chunks' checksums
    ) STRICT;
    CREATE TABLE chunk (
        checkpoint INTEGER NOT NULL,
        number INTEGER NOT NULL,
        of INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (checkpoint, number)
    ) STRICT, WITHOUT ROWID;
";

/// Where the index stands in the feeds of its stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    pub wallet: Vec<Position>,
    pub order: Vec<Position>,
    /// Of the domains, whether producers wrote to it without telling the feed.
    pub unfed: [bool; 2],
    pub made_at: DateTime<Utc>,
}

impl Places {
    pub fn feeds(&self) -> [FeedPosition; 2] {
        [FeedPosition(self.wallet.clone()), FeedPosition(self.order.clone())]
    }
}

/// Why a checkpoint was not written, or not read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint store can't be used: {0}")]
    Store(#[from] rusqlite::Error),
    #[error("the checkpoint store's directory can't be used: {0}")]
    Directory(#[from] io::Error),
    #[error("the checkpoint can't be written: {0}")]
    Encode(#[from] postcard::Error),
    #[error("the checkpoint is damaged: {0}")]
    Damaged(String),
}

impl From<SavedError> for CheckpointError {
    fn from(error: SavedError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// The checkpoints in one directory. Several processes may share it.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
}

impl Checkpoints {
    /// Nothing is made or opened yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Writes a checkpoint and forgets the oldest. Answers with its size in bytes. Blocks.
    pub fn save(&self, index: &Index, places: &Places) -> Result<u64, CheckpointError> {
        let mut store = self.open()?;
        let transaction = store.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newest: Option<i64> = transaction.query_row("SELECT max(number) FROM checkpoint", [], |row| row.get(0))?;
        let number = newest.unwrap_or(0) + 1;
        let places = serde_json::to_string(places).unwrap_or_default();
        let mut whole = crc32fast::Hasher::new();
        whole.update(places.as_bytes());
        let (mut chunks, mut size) = (0_i64, 0_u64);
        {
            let mut insert = transaction
                .prepare("INSERT INTO chunk (checkpoint, number, of, checksum, bytes) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            save(index, |(table, bytes)| -> Result<(), CheckpointError> {
                let checksum = crc32fast::hash(&bytes);
                whole.update(&checksum.to_be_bytes());
                size += bytes.len() as u64;
                insert.execute(params![number, chunks, table, checksum, bytes])?;
                chunks += 1;
                Ok(())
            })?;
        }
        transaction.execute(
            "INSERT INTO checkpoint (number, made_by, places, chunks, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![number, MADE_BY, places, chunks, whole.finalize()],
        )?;
        transaction.execute("DELETE FROM chunk WHERE checkpoint <= ?1", [number - KEPT])?;
        transaction.execute("DELETE FROM checkpoint WHERE number <= ?1", [number - KEPT])?;
        transaction.commit()?;
        Ok(size)
    }

    /// The newest good checkpoint. What is not good is set aside on the way, and said in the log. Blocks.
    pub fn load(&self) -> Option<(Index, Places)> {
        if !self.dir.join(FILE).exists() {
            return None;
        }
        let store = self
            .open()
            .inspect_err(|error| tracing::warn!(%error, "no checkpoint is used"));
        let store = store.ok()?;
        loop {
            match newest(&store) {
                Ok(None) => return None,
                Ok(Some((number, read))) => match read {
                    Ok(found) => return Some(found),
                    Err(error) => {
                        tracing::warn!(number, %error, "a checkpoint is set aside");
                        forget(&store, number).ok()?;
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "no checkpoint is used");
                    self.set_file_aside();
                    return None;
                }
            }
        }
    }

    /// Forgets every checkpoint: they are of other stores. Blocks.
    pub fn clear(&self) {
        let cleared = self.open().and_then(|store| {
            store.execute_batch("BEGIN IMMEDIATE; DELETE FROM chunk; DELETE FROM checkpoint; COMMIT;")?;
            Ok(())
        });
        if let Err(error) = cleared {
            tracing::warn!(%error, "the checkpoints of other stores can't be cleared");
        }
    }

    fn open(&self) -> Result<Connection, CheckpointError> {
        make_private_dir(&self.dir)?;
        match self.connect() {
            Err(CheckpointError::Damaged(reason)) => {
                tracing::warn!(reason, "the checkpoint store is set aside");
                self.set_file_aside();
                self.connect()
            }
            connected => connected,
        }
    }

    fn connect(&self) -> Result<Connection, CheckpointError> {
        let store = Connection::open(self.dir.join(FILE))?;
        store.busy_timeout(BUSY)?;
        let version: i64 = sound(store.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        let application: i64 = sound(store.pragma_query_value(None, "application_id", |row| row.get(0)))?;
        let tables: i64 = sound(store.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)))?;
        if tables == 0 {
            store.execute_batch("PRAGMA journal_mode = WAL; PRAGMA auto_vacuum = INCREMENTAL;")?;
            store.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        } else if application != APPLICATION || version != VERSION {
            return Err(CheckpointError::Damaged("it is of another program or version".into()));
        }
        // It can be made again, so a power cut may cost it; the order of writes is kept all the same.
        store.execute_batch("PRAGMA synchronous = NORMAL;")?;
        Ok(store)
    }

    /// Renames the file, so that somebody may look at it; the one that was set aside before is gone.
    fn set_file_aside(&self) {
        for end in ["", "-wal", "-shm"] {
            let file = self.dir.join(format!("{FILE}{end}"));
            let aside = self.dir.join(format!("{FILE}.aside{end}"));
            if file.exists()
                && let Err(error) = fs::rename(&file, &aside)
            {
                tracing::warn!(%error, "a checkpoint file can't be set aside");
            }
        }
    }
}

/// What SQLite can't read is damaged, whatever it says of it; that another process has it locked is no damage.
fn sound<T>(answer: rusqlite::Result<T>) -> Result<T, CheckpointError> {
    answer.map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            CheckpointError::Damaged(error.to_string())
        }
        _ => CheckpointError::Store(error),
    })
}

type Read = Result<(Index, Places), CheckpointError>;

fn newest(store: &Connection) -> Result<Option<(i64, Read)>, CheckpointError> {
    let row = store.query_row(
        "SELECT number, made_by, places, chunks, checksum FROM checkpoint ORDER BY number DESC LIMIT 1",
        [],
        |row| {
            let number: i64 = row.get(0)?;
            let head = Head {
                made_by: row.get(1)?,
                places: row.get(2)?,
                chunks: row.get(3)?,
                checksum: row.get(4)?,
            };
            Ok((number, head))
        },
    );
    let found = row.optional()?;
    Ok(found.map(|(number, head)| (number, read(store, number, &head))))
}

struct Head {
    made_by: String,
    places: String,
    chunks: i64,
    checksum: u32,
}

fn read(store: &Connection, number: i64, head: &Head) -> Read {
    let damaged = |what: &str| CheckpointError::Damaged(what.to_owned());
    if head.made_by != MADE_BY {
        return Err(CheckpointError::Damaged(format!(
            "it was made by version {}",
            head.made_by
        )));
    }
    let places = serde_json::from_str(&head.places).map_err(|_| damaged("its positions can't be read"))?;
    let mut whole = crc32fast::Hasher::new();
    whole.update(head.places.as_bytes());
    let mut loading = Loading::default();
    let mut chunks = 0;
    let mut select = store.prepare("SELECT of, checksum, bytes FROM chunk WHERE checkpoint = ?1 ORDER BY number")?;
    let mut rows = select.query([number])?;
    while let Some(row) = rows.next()? {
        let (table, checksum): (u8, u32) = (row.get(0)?, row.get(1)?);
        let bytes = row.get_ref(2)?.as_blob().map_err(|_| damaged("a chunk is no blob"))?;
        if crc32fast::hash(bytes) != checksum {
            return Err(damaged("a chunk has another checksum"));
        }
        whole.update(&checksum.to_be_bytes());
        loading.take(table, bytes)?;
        chunks += 1;
    }
    if chunks != head.chunks || whole.finalize() != head.checksum {
        return Err(damaged("chunks are missing"));
    }
    Ok((loading.finish()?, places))
}

fn forget(store: &Connection, number: i64) -> rusqlite::Result<()> {
    store.execute("DELETE FROM chunk WHERE checkpoint = ?1", [number])?;
    store.execute("DELETE FROM checkpoint WHERE number = ?1", [number])?;
    Ok(())
}
