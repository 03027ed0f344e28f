//! Finds the entities whose events carry an id: the id of an event, a correlation, a payment, or the reference of a refund step.
//! The index has only a hash of 8 bytes for each id, to stay small. The caller has to compare the whole id, because two ids may
//! have the same hash, and a stream that was read anew may not carry the id any more.
//!
//! A filling writes the hashes of a batch as one row of `id_batch`. A task moves them to the index afterwards, sorted, in steps.

use rusqlite::{Connection, OptionalExtension as _, params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId},
        order::{OrderEvent, RefundStep},
        refund::RefundState,
    },
    views::search::IdKind,
};

/// The tables of this module in the read model's schema.
pub const TABLES: &str = "
    CREATE TABLE event_id (         -- ids that events carry, by their hash
        hash INTEGER NOT NULL,
        holder INTEGER NOT NULL,    -- number of the entity's row * 8 + kind of id * 2 + domain
        PRIMARY KEY (hash, holder)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE id_batch (n INTEGER PRIMARY KEY, domain INTEGER NOT NULL, ids BLOB NOT NULL) STRICT;
";

/// The largest number of ids in one row of `id_batch`.
const BATCH: usize = 20_000;
/// The approximate number of ids that one step moves.
const STEP: usize = 50_000;
/// Bytes of a hash with its holder.
const BYTES: usize = 16;

/// The hash of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdHash {
    kind: u8,
    hash: i64,
}

impl IdHash {
    pub fn of(kind: IdKind, id: &str) -> Self {
        let kind = kind as u8;
        Self {
            kind,
            hash: xxh3_64_with_seed(id.as_bytes(), kind.into()).cast_signed(),
        }
    }
}

/// Adds the ids that these entries carry outside their payloads.
pub fn gather(entries: &[Entry], ids: &mut Vec<IdHash>) {
    for entry in entries {
        of_envelope(entry, |kind, id| ids.push(IdHash::of(kind, id)));
    }
}

/// Whether an entry carries this id.
pub fn carries(domain: Domain, entry: &Entry, kind: IdKind, id: &str) -> bool {
    let mut found = false;
    let mut compare = |its_kind, its_id: &str| found |= its_kind == kind && its_id == id;
    of_envelope(entry, &mut compare);
    if domain == Domain::Order
        && let Some(kind @ ("order.paid" | "order.refund_processing" | "order.refund_succeeded")) =
            entry.fields.r#type()
        && let Ok(event) = OrderEvent::parse(kind, entry.fields.data())
    {
        of_payload(&event, compare);
    }
    found
}

fn of_envelope(entry: &Entry, mut visit: impl FnMut(IdKind, &str)) {
    if let Some(id) = entry.fields.id() {
        visit(IdKind::Event, id);
    }
    if let Some(id) = entry.fields.correlationid() {
        visit(IdKind::Correlation, id);
    }
}

/// Calls `visit` for each id in the payload of an order's event.
pub fn of_payload(event: &OrderEvent, mut visit: impl FnMut(IdKind, &str)) {
    match event {
        OrderEvent::Paid { payment, .. } => visit(IdKind::Payment, payment),
        OrderEvent::Refund(RefundStep {
            reference: Some(reference),
            enters: RefundState::Processing | RefundState::Succeeded,
            ..
        }) => visit(IdKind::Reference, reference),
        _ => {}
    }
}

/// Hashes with their holders, collected for one transaction.
#[derive(Debug, Default)]
pub struct NewIds(Vec<(i64, i64)>);

impl NewIds {
    /// Collects the ids of the row with this number.
    pub fn note(&mut self, domain: Domain, n: i64, ids: &[IdHash]) {
        let holder = |id: &IdHash| n << 3 | i64::from(id.kind) << 1 | domain as i64;
        self.0.extend(ids.iter().map(|id| (id.hash, holder(id))));
    }

    /// Writes the collected ids to the index. While filling, or while `id_batch` has rows, writes them to `id_batch`.
    pub fn write(self, connection: &Connection, domain: Domain, filling: bool) -> rusqlite::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        if !filling && is_complete(connection)? {
            return insert(connection, &self.0);
        }
        let mut add = connection.prepare_cached("INSERT INTO id_batch (domain, ids) VALUES (?1, ?2)")?;
        for ids in self.0.chunks(BATCH) {
            let mut bytes = Vec::with_capacity(ids.len() * BYTES);
            for (hash, holder) in ids {
                bytes.extend_from_slice(&hash.to_le_bytes());
                bytes.extend_from_slice(&holder.to_le_bytes());
            }
            add.execute(params![domain as i64, bytes])?;
        }
        Ok(())
    }
}

fn insert(connection: &Connection, ids: &[(i64, i64)]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO event_id VALUES (?1, ?2)")?;
    for (hash, holder) in ids {
        insert.execute([hash, holder])?;
    }
    Ok(())
}

/// The hashes and holders of a row of `id_batch`.
fn pairs(bytes: &[u8]) -> impl Iterator<Item = (i64, i64)> + '_ {
    let (pairs, _) = bytes.as_chunks::<BYTES>();
    pairs.iter().map(|pair| {
        let number = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&pair[from..from + 8]);
            i64::from_le_bytes(bytes)
        };
        (number(0), number(8))
    })
}

/// Moves the next rows of `id_batch` to the index. Returns `false` if there are none.
pub fn extend(connection: &Connection) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT n, ids FROM id_batch ORDER BY n")?;
    let mut rows = select.query([])?;
    let (mut ids, mut last) = (Vec::new(), None);
    while ids.len() < STEP
        && let Some(row) = rows.next()?
    {
        last = Some(row.get::<_, i64>(0)?);
        ids.extend(pairs(row.get_ref(1)?.as_blob()?));
    }
    let Some(last) = last else { return Ok(false) };
    // Sorted ids write each page of the index only once.
    ids.sort_unstable();
    insert(connection, &ids)?;
    connection
        .prepare_cached("DELETE FROM id_batch WHERE n <= ?1")?
        .execute([last])?;
    Ok(true)
}

/// Whether the index has the ids of all rows.
pub fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT 1 FROM id_batch LIMIT 1")?;
    Ok(!select.exists([])?)
}

/// Removes the ids of a domain whose rows are removed.
pub fn reset(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM event_id WHERE holder & 1 = ?1", [domain as i64])?;
    connection
        .execute("DELETE FROM id_batch WHERE domain = ?1", [domain as i64])
        .map(drop)
}

/// An entity whose events may carry an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub kind: IdKind,
    pub domain: Domain,
    pub id: EntityId,
    /// The number of the entity's row.
    pub n: i64,
}

/// The entities whose events may carry this id, at most `most`, those with the highest row numbers first. With `waiting`, reads
/// also all ids that are not in the index yet.
pub fn holders(
    connection: &Connection,
    kind: IdKind,
    id: &str,
    most: usize,
    waiting: bool,
) -> rusqlite::Result<Vec<Holder>> {
    let hash = IdHash::of(kind, id);
    let mut select = connection.prepare_cached(
        "SELECT holder FROM event_id WHERE hash = ?1 AND holder & 6 = ?2 ORDER BY holder DESC LIMIT ?3",
    )?;
    let rows = select.query_map(
        [
            hash.hash,
            i64::from(hash.kind) << 1,
            i64::try_from(most).unwrap_or(i64::MAX),
        ],
        |row| row.get::<_, i64>(0),
    )?;
    let mut numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    if waiting {
        let mut select = connection.prepare_cached("SELECT ids FROM id_batch ORDER BY n")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let ids = pairs(row.get_ref(0)?.as_blob()?);
            let same =
                ids.filter(|(its_hash, holder)| *its_hash == hash.hash && holder & 6 == i64::from(hash.kind) << 1);
            numbers.extend(same.map(|(_, holder)| holder));
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
    }
    let mut holders = Vec::new();
    for holder in numbers.into_iter().take(most) {
        let (domain, table) = if holder & 1 == Domain::Wallet as i64 {
            (Domain::Wallet, "wallet")
        } else {
            (Domain::Order, "orders")
        };
        let n = holder >> 3;
        let mut entity = connection.prepare_cached(&format!("SELECT id FROM {table} WHERE n = ?1"))?;
        let id = entity.query_row([n], |row| row.get::<_, String>(0)).optional()?;
        let id = id.and_then(|id| EntityId::new(id).ok());
        holders.extend(id.map(|id| Holder { kind, domain, id, n }));
    }
    Ok(holders)
}
