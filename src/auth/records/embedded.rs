//! The embedded adapter of records: a SQLite file in the directory of the embedded log. Each process has one
//! connection, used on threads for blocking calls. Expired records are never returned, and are removed from time to
//! time.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{Count, Records, check, milliseconds, unavailable};
use crate::event_log::{BUSY, Clock, Unavailable, keep_plans, make_private_dir, patiently};

/// The file in the store's directory.
const FILE: &str = "records.sqlite3";
/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Expired rows are removed once in this many calls, and at most `SWEEP_MAX` at once.
const SWEEP_EVERY: u32 = 200;
const SWEEP_MAX: i64 = 2_000;

const TABLES: &str = "
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS records (
        key TEXT NOT NULL PRIMARY KEY,
        value BLOB NOT NULL,
        count INTEGER NOT NULL DEFAULT 0,
        expires INTEGER NOT NULL -- milliseconds since 1970, UTC
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS records_expires ON records (expires);
    COMMIT;
";

pub(super) struct Embedded {
    shared: Arc<Shared>,
    /// One call at a time, because a second thread would only wait for the lock of the first.
    turn: Arc<Semaphore>,
    clock: Clock,
}

struct Shared {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    writes: u32,
}

impl Embedded {
    /// An adapter on a directory, which is created on first use.
    pub(super) fn open(dir: &str, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                dir: PathBuf::from(dir),
                state: Mutex::default(),
            }),
            turn: Arc::new(Semaphore::new(1)),
            clock,
        }
    }

    /// Runs `work` with the time in milliseconds, on a thread for blocking calls. Drops a connection that failed.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let closing = || unavailable("the program is shutting down");
        let turn = timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned())
            .await
            .map_err(|_| unavailable("too many calls wait for the disk"))?
            .map_err(|_| closing())?;
        let shared = Arc::clone(&self.shared);
        let now = (self.clock)().timestamp_millis();
        let task = spawn_blocking(move || {
            let answer = shared.run(now, work);
            drop(turn);
            answer
        });
        task.await.map_err(|_| closing())?
    }
}

impl Shared {
    fn run<T>(&self, now: i64, work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T>) -> Result<T, Unavailable> {
        let mut state = self.state.lock();
        let connection = match state.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let answer = work(&connection, now).map_err(reason)?;
        state.writes = state.writes.wrapping_add(1);
        if state.writes.is_multiple_of(SWEEP_EVERY) {
            sweep(&connection, now).map_err(reason)?;
        }
        state.connection = Some(connection);
        Ok(answer)
    }

    fn connect(&self) -> Result<Connection, Unavailable> {
        make_private_dir(&self.dir).map_err(|error| unavailable(format!("its directory can't be created: {error}")))?;
        let connection = Connection::open(self.dir.join(FILE)).map_err(reason)?;
        let set_up = || {
            connection.busy_timeout(BUSY)?;
            patiently(|| connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())))?;
            // A session that was ended must stay ended after a power failure.
            connection.execute_batch("PRAGMA synchronous = FULL;")?;
            keep_plans(&connection)?;
            patiently(|| connection.execute_batch(TABLES))
        };
        set_up().map_err(reason)?;
        Ok(connection)
    }
}

fn sweep(connection: &Connection, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "DELETE FROM records WHERE key IN (SELECT key FROM records WHERE expires <= ?1 LIMIT ?2)",
        params![now, SWEEP_MAX],
    )
}

/// The error for callers. SQLite's messages contain no path.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn reason(error: rusqlite::Error) -> Unavailable {
    tracing::warn!(%error, "the records of the access store failed");
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => unavailable(failure),
        _ => unavailable("its records have an unknown format"),
    }
}

#[async_trait]
impl Records for Embedded {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        check(key, &[])?;
        let key = key.to_owned();
        self.run(move |connection, now| {
            connection
                .prepare_cached("SELECT value FROM records WHERE key = ?1 AND expires > ?2")?
                .query_row(params![key, now], |row| row.get(0))
                .optional()
        })
        .await
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), Unavailable> {
        check(key, value)?;
        let (key, value, ttl) = (key.to_owned(), value.to_owned(), milliseconds(ttl));
        self.run(move |connection, now| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO records (key, value, expires) VALUES (?1, ?2, ?3)")?
                .execute(params![key, value, now.saturating_add(ttl)])
        })
        .await
        .map(|_| ())
    }

    async fn put_new(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, Unavailable> {
        check(key, value)?;
        let (key, value, ttl) = (key.to_owned(), value.to_owned(), milliseconds(ttl));
        let put = self.run(move |connection, now| {
            connection
                .prepare_cached(
                    "INSERT INTO records (key, value, expires) VALUES (?1, ?2, ?3)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value, count = 0, expires = excluded.expires
                     WHERE records.expires <= ?4",
                )?
                .execute(params![key, value, now.saturating_add(ttl), now])
        });
        Ok(put.await? == 1)
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], ttl: Duration) -> Result<bool, Unavailable> {
        check(key, new)?;
        let (key, old, new, ttl) = (key.to_owned(), old.to_owned(), new.to_owned(), milliseconds(ttl));
        let put = self.run(move |connection, now| {
            connection
                .prepare_cached(
                    "UPDATE records SET value = ?3, expires = ?4 WHERE key = ?1 AND value = ?2 AND expires > ?5",
                )?
                .execute(params![key, old, new, now.saturating_add(ttl), now])
        });
        Ok(put.await? == 1)
    }

    async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        check(key, &[])?;
        let key = key.to_owned();
        self.run(move |connection, _| {
            connection
                .prepare_cached("DELETE FROM records WHERE key = ?1")?
                .execute([key])
        })
        .await
        .map(|_| ())
    }

    async fn increment(&self, key: &str, ttl: Duration) -> Result<Count, Unavailable> {
        check(key, &[])?;
        let (key, ttl) = (key.to_owned(), milliseconds(ttl));
        self.run(move |connection, now| {
            connection
                .prepare_cached(
                    "INSERT INTO records (key, value, count, expires) VALUES (?1, x'', 1, ?2)
                     ON CONFLICT (key) DO UPDATE SET
                         count = CASE WHEN expires > ?3 THEN count + 1 ELSE 1 END,
                         expires = CASE WHEN expires > ?3 THEN expires ELSE ?2 END
                     RETURNING count, expires",
                )?
                .query_row(params![key, now.saturating_add(ttl), now], |row| {
                    let (count, expires): (i64, i64) = (row.get(0)?, row.get(1)?);
                    Ok(Count {
                        count: u64::try_from(count).unwrap_or(0),
                        expires_in: Duration::from_millis(u64::try_from(expires - now).unwrap_or(0)),
                    })
                })
        })
        .await
    }

    async fn decrement(&self, key: &str) -> Result<(), Unavailable> {
        check(key, &[])?;
        let key = key.to_owned();
        self.run(move |connection, _| {
            connection
                .prepare_cached("UPDATE records SET count = count - 1 WHERE key = ?1 AND count > 0")?
                .execute([key])
        })
        .await
        .map(|_| ())
    }
}
