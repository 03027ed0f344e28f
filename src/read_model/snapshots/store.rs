//! The tables of snapshots of long wallets, and of the postings and holds that changed between two snapshots. They are in the
//! read model's database. Missing or damaged rows are made again from the log.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    chart::Chart,
    recorder::{Fact, Milestone, Snapshot},
};
use crate::{
    domain::{
        ids::{EntityId, Position},
        wallet::{Part, WalletState},
    },
    read_model::database::{Database, ReadModelError, StoreNames},
};

/// Why snapshots can't be used. The wallet is then read from the log.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
    #[error("a snapshot in the read model is damaged")]
    Damaged,
}

impl From<rusqlite::Error> for SnapshotError {
    fn from(error: rusqlite::Error) -> Self {
        Self::ReadModel(error.into())
    }
}

pub type Stored<T> = Result<T, SnapshotError>;

/// The snapshots in one read model. Calls block for the duration of a query.
#[derive(Clone)]
pub struct SnapshotStore {
    database: Arc<Database>,
}

/// The rows of a snapshot and its parts, encoded.
struct NewSnapshot<'a> {
    at: &'a Snapshot,
    body: Vec<u8>,
    parts: Vec<(&'a Fact, Vec<u8>)>,
}

impl<'a> NewSnapshot<'a> {
    fn of(milestone: &'a Milestone) -> Stored<Self> {
        Ok(Self {
            at: &milestone.snapshot,
            body: written(&milestone.snapshot)?,
            parts: milestone
                .facts
                .iter()
                .map(|fact| Ok((fact, written(fact)?)))
                .collect::<Stored<_>>()?,
        })
    }

    fn insert(&self, connection: &Connection, wallet: i64) -> rusqlite::Result<()> {
        let at = self.at;
        let mut snapshot = connection.prepare_cached(
            "INSERT OR IGNORE INTO snapshot (wallet, number, major, minor, latest_time, latest_recorded, place, late,
             first_time, first_recorded, gap_first, gap_last, opens, checksum, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        snapshot.execute(params![
            wallet,
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
            crc32fast::hash(&self.body),
            self.body
        ])?;
        let mut part = connection.prepare_cached(
            "INSERT OR IGNORE INTO snapshot_part (wallet, hold, name, number, refund, ord, checksum, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for (fact, body) in &self.parts {
            let (hold, name, refund, order) = match fact {
                Fact::Posting(id, posting) => (false, id, posting.refund.as_deref(), posting.order.as_deref()),
                Fact::Hold(id, hold) => (true, id, None, hold.order.as_deref()),
            };
            part.execute(params![
                wallet,
                hold,
                name,
                signed(at.number),
                refund,
                order,
                crc32fast::hash(body),
                body
            ])?;
        }
        Ok(())
    }
}

impl SnapshotStore {
    pub(in crate::read_model) const fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// A snapshot store in a temporary read model without stores.
    pub fn temporary() -> Stored<Self> {
        let none = StoreNames {
            wallet: String::new(),
            order: String::new(),
        };
        let database = Database::temporary(&std::env::temp_dir(), &none)?;
        Ok(Self::new(Arc::new(database)))
    }

    /// The file of the database.
    pub fn file(&self) -> &Path {
        self.database.file()
    }

    /// Runs queries in one read transaction.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Stored<T>) -> Stored<T> {
        self.database.read(|connection| Ok(work(connection)))?
    }

    /// Adds the snapshots and touched parts of these segments, and the chart up to the last of them. Returns `false`, and adds
    /// nothing, if the snapshot before them does not exist any more. Blocks while others write.
    pub fn keep(&self, id: &EntityId, milestones: &[Milestone], chart: &Chart) -> Stored<bool> {
        let (Some(first), Some(last)) = (milestones.first(), milestones.last()) else {
            return Ok(true);
        };
        let new = milestones.iter().map(NewSnapshot::of).collect::<Stored<Vec<_>>>()?;
        let chart = postcard::to_stdvec(chart).map_err(|_| SnapshotError::Damaged)?;
        let added = self.database.write(|connection| {
            if let Some(before) = first.snapshot.number.checked_sub(1)
                && !has_snapshot(connection, id, before)?
            {
                return Ok(false);
            }
            connection
                .prepare_cached("INSERT OR IGNORE INTO long_wallet (id) VALUES (?1)")?
                .execute([id.as_str()])?;
            let mut select = connection.prepare_cached("SELECT n FROM long_wallet WHERE id = ?1")?;
            let wallet: i64 = select.query_row([id.as_str()], |row| row.get(0))?;
            for snapshot in &new {
                snapshot.insert(connection, wallet)?;
            }
            connection
                .prepare_cached(
                    "UPDATE long_wallet SET chart = ?2, chart_number = ?3
                     WHERE n = ?1 AND (chart_number IS NULL OR chart_number < ?3)",
                )?
                .execute(params![wallet, chart, signed(last.snapshot.number)])?;
            Ok(true)
        });
        Ok(added?)
    }

    /// Removes a wallet's snapshots, because its stream has changed or a row is damaged. Blocks while others write, unless there
    /// is nothing to remove.
    pub fn forget(&self, id: &EntityId) -> Stored<()> {
        let known = self.read(|store| {
            let mut select = store.prepare_cached("SELECT 1 FROM long_wallet WHERE id = ?1")?;
            Ok(select.exists([id.as_str()])?)
        });
        if !known? {
            return Ok(());
        }
        let forgotten = self.database.write(|connection| {
            for table in ["snapshot", "snapshot_part"] {
                let statement = format!("DELETE FROM {table} WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1)");
                connection.prepare_cached(&statement)?.execute([id.as_str()])?;
            }
            connection
                .prepare_cached("DELETE FROM long_wallet WHERE id = ?1")?
                .execute([id.as_str()])
                .map(drop)
        });
        Ok(forgotten?)
    }

    /// The chart of a wallet, and the number of the snapshot up to which it goes.
    pub fn chart(&self, id: &EntityId) -> Stored<Option<(u64, Chart)>> {
        self.read(|store| {
            let mut select = store
                .prepare_cached("SELECT chart_number, chart FROM long_wallet WHERE id = ?1 AND chart IS NOT NULL")?;
            let found = select.query_row([id.as_str()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            });
            let Some((number, bytes)) = found.optional()? else {
                return Ok(None);
            };
            let chart = postcard::from_bytes(&bytes).map_err(|_| SnapshotError::Damaged)?;
            Ok(Some((unsigned(number), chart)))
        })
    }

    fn one(&self, id: &EntityId, rest: &str, of: &[i64]) -> Stored<Option<Snapshot>> {
        self.read(|store| {
        let mut select = store.prepare_cached(&format!(
            "SELECT checksum, body FROM snapshot WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) {rest} LIMIT 1"
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
        })
    }

    /// The last snapshot.
    pub fn last(&self, id: &EntityId) -> Stored<Option<Snapshot>> {
        self.one(id, "ORDER BY number DESC", &[])
    }

    pub fn numbered(&self, id: &EntityId, number: u64) -> Stored<Option<Snapshot>> {
        self.one(id, "AND number = ?2", &[signed(number)])
    }

    /// The last snapshot for which every entry up to it is within these bounds: time, recorded time and sequence.
    pub fn whole(&self, id: &EntityId, time: i64, recorded: i64, place: u64) -> Stored<Option<Snapshot>> {
        // None of the three values ever decreases from one snapshot to the next, so a binary search finds the last one.
        let Some(last) = self.last_number(id)? else {
            return Ok(None);
        };
        let (mut good, mut bad) = (0, last + 1);
        while good < bad {
            let middle = good + (bad - good) / 2;
            let Some((latest_time, latest_recorded, reached)) = self.latest(id, middle)? else {
                return Err(SnapshotError::Damaged);
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

    /// Whether a wallet has the snapshot of this number.
    pub fn has(&self, id: &EntityId, number: u64) -> Stored<bool> {
        self.read(|store| Ok(has_snapshot(store, id, number)?))
    }

    fn last_number(&self, id: &EntityId) -> Stored<Option<u64>> {
        self.read(|store| {
            let mut select = store.prepare_cached(
                "SELECT max(number) FROM snapshot WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1)",
            )?;
            let number: Option<i64> = select.query_row([id.as_str()], |row| row.get(0))?;
            Ok(number.map(unsigned))
        })
    }

    fn latest(&self, id: &EntityId, number: u64) -> Stored<Option<(i64, i64, u64)>> {
        self.read(|store| {
            let mut select = store.prepare_cached(
                "SELECT latest_time, latest_recorded, place FROM snapshot
             WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND number = ?2",
            )?;
            let row = select.query_row(params![id.as_str(), signed(number)], |row| {
                Ok((row.get(0)?, row.get(1)?, unsigned(row.get(2)?)))
            });
            Ok(row.optional()?)
        })
    }

    /// The last snapshot at or before a position.
    pub fn not_after(&self, id: &EntityId, position: Position) -> Stored<Option<Snapshot>> {
        let at = [signed(position.major), signed(position.minor)];
        self.one(
            id,
            "AND (major, minor) <= (?2, ?3) ORDER BY major DESC, minor DESC",
            &at,
        )
    }

    /// The next segment after `number` that has entries earlier than those of preceding segments, and at or before these times.
    pub fn next_late(&self, id: &EntityId, number: u64, time: i64, recorded: i64) -> Stored<Option<Snapshot>> {
        let rest = "AND late AND number > ?2 AND first_time <= ?3 AND first_recorded <= ?4 ORDER BY number";
        self.one(id, rest, &[signed(number), time, recorded])
    }

    /// For the segments `from` to `to`, both included: the first and the last sequence that is missing, and whether one of the
    /// segments opens the wallet.
    pub fn gaps(&self, id: &EntityId, from: u64, to: u64) -> Stored<(Option<(u64, u64)>, bool)> {
        self.read(|store| {
        let mut select = store.prepare_cached(
            "SELECT min(gap_first), max(gap_last) FROM snapshot INDEXED BY snapshot_gap
             WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND number BETWEEN ?2 AND ?3 AND gap_first IS NOT NULL",
        )?;
        let bounds = params![id.as_str(), signed(from), signed(to)];
        let gap: (Option<i64>, Option<i64>) = select.query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut select = store.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM snapshot INDEXED BY snapshot_opens WHERE wallet = (SELECT n FROM long_wallet
             WHERE id = ?1) AND number BETWEEN ?2 AND ?3 AND opens LIMIT 1)",
        )?;
        let opens = select.query_row(bounds, |row| row.get::<_, i64>(0))? > 0;
        Ok((
            gap.0.zip(gap.1).map(|(first, last)| (unsigned(first), unsigned(last))),
            opens,
        ))
        })
    }

    /// A part as it was after segment `number`. `None` if no segment up to it touched the part.
    pub fn fact(&self, id: &EntityId, part: &Part, number: u64) -> Stored<Option<Fact>> {
        let (hold, name) = match part {
            Part::Posting(name) => (false, name),
            Part::Hold(name) => (true, name),
        };
        self.read(|store| {
            let mut select = store.prepare_cached(
                "SELECT checksum, body FROM snapshot_part WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1)
             AND hold = ?2 AND name = ?3 AND number <= ?4 ORDER BY number DESC LIMIT 1",
            )?;
            let found = select
                .query_row(params![id.as_str(), hold, name, signed(number)], body)
                .optional()?;
            found.map(|row| read(&row)).transpose()
        })
    }

    /// The numbers of the segments that touched a posting or hold naming the refund or the order: the newest, at most `most`, in
    /// ascending order.
    pub fn segments_naming(&self, id: &EntityId, refund: &str, order: &str, most: u32) -> Stored<Vec<u64>> {
        self.read(|store| {
        let mut select = store.prepare_cached(
            "SELECT DISTINCT number FROM (
               SELECT number FROM snapshot_part WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND refund = ?2
               UNION SELECT number FROM snapshot_part WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND ord = ?3)
             ORDER BY number DESC LIMIT ?4",
        )?;
        let rows = select.query_map(params![id.as_str(), refund, order, most], |row| row.get::<_, i64>(0))?;
        let mut numbers: Vec<u64> = rows.map(|number| number.map(unsigned)).collect::<Result<_, _>>()?;
        numbers.reverse();
        Ok(numbers)
        })
    }

    /// The ids of all credits for a refund.
    pub fn credits(&self, id: &EntityId, refund: &str) -> Stored<Vec<String>> {
        self.read(|store| {
        let mut select = store.prepare_cached(
            "SELECT DISTINCT name FROM snapshot_part WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND refund = ?2
             AND hold = 0",
        )?;
        let names = select.query_map(params![id.as_str(), refund], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// The numbers of the segments that touched a posting, newest first.
    pub fn segments_touching(&self, id: &EntityId, posting: &str) -> Stored<Vec<u64>> {
        self.read(|store| {
        let mut select = store.prepare_cached(
            "SELECT number FROM snapshot_part WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND hold = 0 AND name = ?2
             ORDER BY number DESC",
        )?;
        let numbers = select.query_map(params![id.as_str(), posting], |row| row.get(0))?;
        Ok(numbers.map(|number| number.map(unsigned)).collect::<Result<_, _>>()?)
        })
    }

    /// Adds to a state those of these parts that it lacks, as they were after segment `number`.
    pub fn recall(&self, id: &EntityId, state: &mut WalletState, parts: Vec<Part>, number: u64) -> Stored<()> {
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

fn has_snapshot(connection: &Connection, id: &EntityId, number: u64) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached(
        "SELECT 1 FROM snapshot WHERE wallet = (SELECT n FROM long_wallet WHERE id = ?1) AND number = ?2",
    )?;
    select.exists(params![id.as_str(), signed(number)])
}

fn written(value: &impl Serialize) -> Stored<Vec<u8>> {
    serde_json::to_vec(value).map_err(|_| SnapshotError::Damaged)
}

fn body(row: &Row<'_>) -> rusqlite::Result<(u32, Vec<u8>)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn read<T: DeserializeOwned>((checksum, bytes): &(u32, Vec<u8>)) -> Stored<T> {
    if crc32fast::hash(bytes) != *checksum {
        return Err(SnapshotError::Damaged);
    }
    serde_json::from_slice(bytes).map_err(|_| SnapshotError::Damaged)
}

/// SQLite has only signed 64-bit integers. Flipping the highest bit keeps the order of unsigned numbers.
const fn signed(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}
