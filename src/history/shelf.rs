//! The shelf: where waypoints of long wallets and the postings and holds between them are kept, in an embedded store. It can
//! be thrown away at any time: what is not there, or can't be read, is made again from the log. Rows follow from the log
//! alone, so several processes may share a shelf and write the same.

use std::{
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    chart::Chart,
    track::{Fact, Milestone, Waypoint},
};
use crate::{
    domain::{
        ids::{EntityId, Position},
        wallet::{Part, WalletState},
    },
    event_log::{keep_plans, make_private_dir},
};

const FILE: &str = "history.sqlite3";
/// "LDGH", what `PRAGMA application_id` says of a file of ours.
const APPLICATION: i64 = 0x4C44_4748;
const VERSION: i64 = 1;
/// Folds may change from one version of the program to the next, so each trusts only its own shelf.
const MADE_BY: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE made_by (version TEXT NOT NULL) STRICT;
    CREATE TABLE stream (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chart BLOB, chart_number INTEGER) STRICT;
    CREATE TABLE waypoint (
        stream INTEGER NOT NULL,
        number INTEGER NOT NULL,
        major INTEGER NOT NULL,
        minor INTEGER NOT NULL,
        latest_time INTEGER NOT NULL,
        latest_recorded INTEGER NOT NULL,
        place INTEGER NOT NULL,
        late INTEGER NOT NULL,
        first_time INTEGER NOT NULL,
        first_recorded INTEGER NOT NULL,
        gap_first INTEGER,
        gap_last INTEGER,
        opens INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        body BLOB NOT NULL, -- JSON
        PRIMARY KEY (stream, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX waypoint_late ON waypoint (stream, number, first_time, first_recorded) WHERE late;
    CREATE INDEX waypoint_opens ON waypoint (stream, number) WHERE opens;
    CREATE INDEX waypoint_gap ON waypoint (stream, number, gap_first, gap_last) WHERE gap_first IS NOT NULL;
    CREATE INDEX waypoint_place ON waypoint (stream, major, minor);
    CREATE TABLE fact (
        stream INTEGER NOT NULL,
        hold INTEGER NOT NULL,
        name TEXT NOT NULL,
        number INTEGER NOT NULL,
        refund TEXT,
        of_order TEXT,
        checksum INTEGER NOT NULL,
        body BLOB NOT NULL, -- JSON
        PRIMARY KEY (stream, hold, name, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX fact_refund ON fact (stream, refund) WHERE refund IS NOT NULL;
    CREATE INDEX fact_order ON fact (stream, of_order) WHERE of_order IS NOT NULL;
";

/// Why the shelf is of no use now; everything is read from the log instead.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("the shelf can't be used: {0}")]
    Store(#[from] rusqlite::Error),
    #[error("the shelf's directory can't be used: {0}")]
    Directory(#[from] std::io::Error),
    #[error("a row of the shelf is damaged")]
    Damaged,
}

pub type Shelved<T> = Result<T, ShelfError>;

/// One shelf, for one process.
pub struct Shelf {
    store: Mutex<Connection>,
}

impl Shelf {
    /// Opens the shelf in a directory, or makes it; what lies there of another version or kind is set aside.
    pub fn open(dir: &Path) -> Shelved<Self> {
        make_private_dir(dir)?;
        let store = match connect(dir) {
            Ok(store) => store,
            Err(error) => {
                tracing::warn!(%error, "the shelf of long histories is set aside");
                for end in ["", "-wal", "-shm"] {
                    let file = dir.join(format!("{FILE}{end}"));
                    let _ = fs::rename(&file, dir.join(format!("{FILE}.aside{end}")));
                }
                connect(dir)?
            }
        };
        Ok(Self {
            store: Mutex::new(store),
        })
    }

    fn store(&self) -> MutexGuard<'_, Connection> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a stretch of segments left, and the chart as it is after them.
    pub fn keep(&self, id: &EntityId, milestones: &[Milestone], chart: &Chart) -> Shelved<()> {
        let Some(last) = milestones.last() else { return Ok(()) };
        let mut store = self.store();
        let transaction = store.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("INSERT OR IGNORE INTO stream (id) VALUES (?1)", [id.as_str()])?;
        let key: i64 =
            transaction.query_row("SELECT key FROM stream WHERE id = ?1", [id.as_str()], |row| row.get(0))?;
        {
            let mut waypoint = transaction.prepare_cached(
                "INSERT OR IGNORE INTO waypoint (stream, number, major, minor, latest_time, latest_recorded, place, late,
                 first_time, first_recorded, gap_first, gap_last, opens, checksum, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?;
            let mut fact = transaction.prepare_cached(
                "INSERT OR IGNORE INTO fact (stream, hold, name, number, refund, of_order, checksum, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for milestone in milestones {
                let at = &milestone.waypoint;
                let body = written(at)?;
                waypoint.execute(params![
                    key,
                    signed(at.number),
                    signed(at.position.major),
                    signed(at.position.minor),
                    at.latest_time,
                    at.latest_recorded,
                    signed(at.place),
                    at.late,
                    at.times.first,
                    at.recorded.first,
                    at.missing.map(|(first, _)| signed(first)),
                    at.missing.map(|(_, last)| signed(last)),
                    at.opens,
                    crc32fast::hash(&body),
                    body
                ])?;
                for of in &milestone.facts {
                    let body = written(of)?;
                    let (hold, name, refund, order) = match of {
                        Fact::Posting(id, posting) => (false, id, posting.refund.as_deref(), posting.order.as_deref()),
                        Fact::Hold(id, hold) => (true, id, None, hold.order.as_deref()),
                    };
                    let checksum = crc32fast::hash(&body);
                    fact.execute(params![
                        key,
                        hold,
                        name,
                        signed(at.number),
                        refund,
                        order,
                        checksum,
                        body
                    ])?;
                }
            }
        }
        let chart = postcard::to_stdvec(chart).map_err(|_| ShelfError::Damaged)?;
        transaction.execute(
            "UPDATE stream SET chart = ?2, chart_number = ?3 WHERE key = ?1 AND (chart_number IS NULL OR chart_number < ?3)",
            params![key, chart, signed(last.waypoint.number)],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets a stream: it is another one now, or a row of it is damaged.
    pub fn forget(&self, id: &EntityId) -> Shelved<()> {
        let store = self.store();
        for table in ["waypoint", "fact"] {
            let statement = format!("DELETE FROM {table} WHERE stream = (SELECT key FROM stream WHERE id = ?1)");
            store.execute(&statement, [id.as_str()])?;
        }
        store.execute("DELETE FROM stream WHERE id = ?1", [id.as_str()])?;
        Ok(())
    }

    /// The chart, if it goes up to this very waypoint.
    pub fn chart(&self, id: &EntityId) -> Shelved<Option<(u64, Chart)>> {
        let store = self.store();
        let mut select =
            store.prepare_cached("SELECT chart_number, chart FROM stream WHERE id = ?1 AND chart IS NOT NULL")?;
        let found = select.query_row([id.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        let Some((number, bytes)) = found.optional()? else {
            return Ok(None);
        };
        let chart = postcard::from_bytes(&bytes).map_err(|_| ShelfError::Damaged)?;
        Ok(Some((unsigned(number), chart)))
    }

    fn one(&self, id: &EntityId, rest: &str, of: &[i64]) -> Shelved<Option<Waypoint>> {
        let store = self.store();
        let mut select = store.prepare_cached(&format!(
            "SELECT checksum, body FROM waypoint WHERE stream = (SELECT key FROM stream WHERE id = ?1) {rest} LIMIT 1"
        ))?;
        let mut values: Vec<&dyn rusqlite::ToSql> = Vec::new();
        let id = id.as_str();
        values.push(&id);
        values.extend(of.iter().map(|value| value as &dyn rusqlite::ToSql));
        select
            .query_row(&values[..], body)
            .optional()?
            .map(|row| read(&row))
            .transpose()
    }

    /// The last waypoint.
    pub fn last(&self, id: &EntityId) -> Shelved<Option<Waypoint>> {
        self.one(id, "ORDER BY number DESC", &[])
    }

    pub fn numbered(&self, id: &EntityId, number: u64) -> Shelved<Option<Waypoint>> {
        self.one(id, "AND number = ?2", &[signed(number)])
    }

    /// The last waypoint up to which everything happened, was recorded and has a place not after these.
    pub fn whole(&self, id: &EntityId, time: i64, recorded: i64, place: u64) -> Shelved<Option<Waypoint>> {
        // Each of the three only grows from waypoint to waypoint, so the last good one is found by halving.
        let Some(last) = self.last_number(id)? else {
            return Ok(None);
        };
        let (mut good, mut bad) = (0, last + 1);
        while good < bad {
            let middle = good + (bad - good) / 2;
            let Some((latest_time, latest_recorded, reached)) = self.latest(id, middle)? else {
                return Err(ShelfError::Damaged);
            };
            let keeps = |latest: i64, limit: i64| latest != i64::MAX && latest <= limit;
            if keeps(latest_time, time) && keeps(latest_recorded, recorded) && reached <= place {
                good = middle + 1;
            } else {
                bad = middle;
            }
        }
        match good.checked_sub(1) {
            Some(number) => self.numbered(id, number),
            None => Ok(None),
        }
    }

    fn last_number(&self, id: &EntityId) -> Shelved<Option<u64>> {
        let store = self.store();
        let mut select = store
            .prepare_cached("SELECT max(number) FROM waypoint WHERE stream = (SELECT key FROM stream WHERE id = ?1)")?;
        let number: Option<i64> = select.query_row([id.as_str()], |row| row.get(0))?;
        Ok(number.map(unsigned))
    }

    fn latest(&self, id: &EntityId, number: u64) -> Shelved<Option<(i64, i64, u64)>> {
        let store = self.store();
        let mut select = store.prepare_cached(
            "SELECT latest_time, latest_recorded, place FROM waypoint
             WHERE stream = (SELECT key FROM stream WHERE id = ?1) AND number = ?2",
        )?;
        let row = select.query_row(params![id.as_str(), signed(number)], |row| {
            Ok((row.get(0)?, row.get(1)?, unsigned(row.get(2)?)))
        });
        Ok(row.optional()?)
    }

    /// The last waypoint that is not after a position.
    pub fn not_after(&self, id: &EntityId, position: Position) -> Shelved<Option<Waypoint>> {
        let at = [signed(position.major), signed(position.minor)];
        self.one(
            id,
            "AND (major, minor) <= (?2, ?3) ORDER BY major DESC, minor DESC",
            &at,
        )
    }

    /// The next segment after a number that begins before something that came before it, and not after these moments.
    pub fn next_late(&self, id: &EntityId, number: u64, time: i64, recorded: i64) -> Shelved<Option<Waypoint>> {
        let rest = "AND late AND number > ?2 AND first_time <= ?3 AND first_recorded <= ?4 ORDER BY number";
        self.one(id, rest, &[signed(number), time, recorded])
    }

    /// Of the segments from one up to another: the first and the last sequence that none of their events has, and whether
    /// one of them opens the wallet.
    pub fn gaps(&self, id: &EntityId, from: u64, to: u64) -> Shelved<(Option<(u64, u64)>, bool)> {
        let store = self.store();
        let mut select = store.prepare_cached(
            "SELECT min(gap_first), max(gap_last) FROM waypoint INDEXED BY waypoint_gap
             WHERE stream = (SELECT key FROM stream WHERE id = ?1) AND number BETWEEN ?2 AND ?3 AND gap_first IS NOT NULL",
        )?;
        let bounds = params![id.as_str(), signed(from), signed(to)];
        let gap: (Option<i64>, Option<i64>) = select.query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut select = store.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM waypoint INDEXED BY waypoint_opens WHERE stream = (SELECT key FROM stream
             WHERE id = ?1) AND number BETWEEN ?2 AND ?3 AND opens LIMIT 1)",
        )?;
        let opens = select.query_row(bounds, |row| row.get::<_, i64>(0))? > 0;
        Ok((
            gap.0.zip(gap.1).map(|(first, last)| (unsigned(first), unsigned(last))),
            opens,
        ))
    }

    /// A part as it was after a segment, if it was ever touched before.
    pub fn fact(&self, id: &EntityId, part: &Part, number: u64) -> Shelved<Option<Fact>> {
        let (hold, name) = match part {
            Part::Posting(name) => (false, name),
            Part::Hold(name) => (true, name),
        };
        let store = self.store();
        let mut select = store.prepare_cached(
            "SELECT checksum, body FROM fact WHERE stream = (SELECT key FROM stream WHERE id = ?1)
             AND hold = ?2 AND name = ?3 AND number <= ?4 ORDER BY number DESC LIMIT 1",
        )?;
        let found = select
            .query_row(params![id.as_str(), hold, name, signed(number)], body)
            .optional()?;
        found.map(|row| read(&row)).transpose()
    }

    /// The segments in which postings and holds that name a refund or an order were touched, at most so many.
    pub fn segments_naming(&self, id: &EntityId, refund: &str, order: &str, most: u32) -> Shelved<Vec<u64>> {
        let store = self.store();
        let mut select = store.prepare_cached(
            "SELECT DISTINCT number FROM (
               SELECT number FROM fact WHERE stream = (SELECT key FROM stream WHERE id = ?1) AND refund = ?2
               UNION SELECT number FROM fact WHERE stream = (SELECT key FROM stream WHERE id = ?1) AND of_order = ?3)
             ORDER BY number DESC LIMIT ?4",
        )?;
        let rows = select.query_map(params![id.as_str(), refund, order, most], |row| row.get::<_, i64>(0))?;
        let mut numbers: Vec<u64> = rows.map(|number| number.map(unsigned)).collect::<Result<_, _>>()?;
        numbers.reverse();
        Ok(numbers)
    }

    /// The ids of all credits for a refund.
    pub fn credits(&self, id: &EntityId, refund: &str) -> Shelved<Vec<String>> {
        let store = self.store();
        let mut select = store.prepare_cached(
            "SELECT DISTINCT name FROM fact WHERE stream = (SELECT key FROM stream WHERE id = ?1) AND refund = ?2
             AND hold = 0",
        )?;
        let names = select.query_map(params![id.as_str(), refund], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The segments in which a posting was touched, newest first.
    pub fn segments_touching(&self, id: &EntityId, posting: &str) -> Shelved<Vec<u64>> {
        let store = self.store();
        let mut select = store.prepare_cached(
            "SELECT number FROM fact WHERE stream = (SELECT key FROM stream WHERE id = ?1) AND hold = 0 AND name = ?2
             ORDER BY number DESC",
        )?;
        let numbers = select.query_map(params![id.as_str(), posting], |row| row.get(0))?;
        Ok(numbers.map(|number| number.map(unsigned)).collect::<Result<_, _>>()?)
    }

    /// Puts those of these parts back into a state that it lacks, as they were after a segment.
    pub fn recall(&self, id: &EntityId, state: &mut WalletState, parts: Vec<Part>, number: u64) -> Shelved<()> {
        for part in parts {
            if state.holds_part(&part) {
                continue;
            }
            match self.fact(id, &part, number)? {
                Some(Fact::Posting(name, posting)) => state.put_posting(name, posting),
                Some(Fact::Hold(name, hold)) => state.put_hold(name, hold),
                None => {}
            }
        }
        Ok(())
    }
}

fn connect(dir: &Path) -> Shelved<Connection> {
    let store = Connection::open(dir.join(FILE))?;
    store.busy_timeout(BUSY)?;
    let tables: i64 = store.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        store.execute_batch("PRAGMA journal_mode = WAL;")?;
        store.execute_batch(&format!(
            "BEGIN IMMEDIATE; {TABLES} INSERT INTO made_by VALUES ('{MADE_BY}');
             PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    }
    let application: i64 = store.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = store.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if application != APPLICATION || version != VERSION {
        return Err(ShelfError::Damaged);
    }
    let made_by: String = store.query_row("SELECT version FROM made_by", [], |row| row.get(0))?;
    if made_by != MADE_BY {
        return Err(ShelfError::Damaged);
    }
    // It can be made again, so a power cut may cost it. 16 MB of pages.
    store.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;")?;
    keep_plans(&store)?;
    Ok(store)
}

fn written(value: &impl Serialize) -> Shelved<Vec<u8>> {
    serde_json::to_vec(value).map_err(|_| ShelfError::Damaged)
}

fn body(row: &Row<'_>) -> rusqlite::Result<(u32, Vec<u8>)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn read<T: DeserializeOwned>((checksum, bytes): &(u32, Vec<u8>)) -> Shelved<T> {
    if crc32fast::hash(bytes) != *checksum {
        return Err(ShelfError::Damaged);
    }
    serde_json::from_slice(bytes).map_err(|_| ShelfError::Damaged)
}

/// SQLite counts in signed 64 bits; the order of numbers above them is kept by their bits.
const fn signed(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}
