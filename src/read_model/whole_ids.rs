//! Finds the entities whose events carry an id: the id of an event, a correlation, a payment, or the reference of a refund step. Only
//! a hash of 8 bytes is kept of each id, so that millions of UUIDs stay small. Whoever asks compares the whole id: two ids may
//! have one hash, and a stream that was read anew may not carry an id any more.
//!
//! A filling writes the hashes of a batch as one row of `id_batch`. They are moved to the index afterwards, sorted, a step at a
//! time.

use rusqlite::{Connection, params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId},
        order::OrderEvent,
    },
    views::search::IdKind,
};

/// The tables of the read model's schema that are used here.
pub const TABLES: &str = "
    CREATE TABLE event_id (         -- ids that events carry, by their hash
        hash INTEGER NOT NULL,
        holder INTEGER NOT NULL,    -- number of the entity's row * 8 + kind of id * 2 + domain
        PRIMARY KEY (hash, holder)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE id_batch (n INTEGER PRIMARY KEY, domain INTEGER NOT NULL, ids BLOB NOT NULL) STRICT;
";

/// Ids of one row of `id_batch` at most.
const BATCH: usize = 20_000;
/// Ids that one step moves, about.
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
    fn of(kind: IdKind, id: &str) -> Self {
        let kind = kind as u8;
        Self {
            kind,
            hash: xxh3_64_with_seed(id.as_bytes(), kind.into()).cast_signed(),
        }
    }
}

/// Adds the ids that these entries carry.
pub fn gather(domain: Domain, entries: &[Entry], ids: &mut Vec<IdHash>) {
    for entry in entries {
        for_each_id(domain, entry, |kind, id| ids.push(IdHash::of(kind, id)));
    }
}

/// Whether an entry carries this id.
pub fn carries(domain: Domain, entry: &Entry, kind: IdKind, id: &str) -> bool {
    let mut found = false;
    for_each_id(domain, entry, |its_kind, its_id| {
        found |= its_kind == kind && its_id == id;
    });
    found
}

fn for_each_id(domain: Domain, entry: &Entry, mut visit: impl FnMut(IdKind, &str)) {
    if let Some(id) = entry.fields.id() {
        visit(IdKind::Event, id);
    }
    if let Some(id) = entry.fields.correlationid() {
        visit(IdKind::Correlation, id);
    }
    match entry.fields.r#type().filter(|_| domain == Domain::Order) {
        Some(kind @ "order.paid") => {
            if let Ok(OrderEvent::Paid { payment, .. }) = OrderEvent::parse(kind, entry.fields.data()) {
                visit(IdKind::Payment, &payment);
            }
        }
        Some(kind @ ("order.refund_processing" | "order.refund_succeeded")) => {
            if let Ok(OrderEvent::Refund(step)) = OrderEvent::parse(kind, entry.fields.data())
                && let Some(reference) = &step.reference
            {
                visit(IdKind::Reference, reference);
            }
        }
        _ => {}
    }
}

/// Hashes with their holders, as they are gathered for a transaction.
#[derive(Debug, Default)]
pub struct NewIds(Vec<(i64, i64)>);

impl NewIds {
    /// Notes the ids of the row of this number.
    pub fn note(&mut self, domain: Domain, n: i64, ids: &[IdHash]) {
        let holder = |id: &IdHash| n << 3 | i64::from(id.kind) << 1 | domain as i64;
        self.0.extend(ids.iter().map(|id| (id.hash, holder(id))));
    }

    /// Writes what was noted. While rows wait in `id_batch`, they are added there.
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

/// Moves the next rows of `id_batch` to the index. `false`: there are none.
pub fn extend(connection: &Connection) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT n, ids FROM id_batch ORDER BY n")?;
    let mut rows = select.query([])?;
    let (mut ids, mut last) = (Vec::new(), None);
    while ids.len() < STEP
        && let Some(row) = rows.next()?
    {
        last = Some(row.get::<_, i64>(0)?);
        let (pairs, _) = row.get_ref(1)?.as_blob()?.as_chunks::<BYTES>();
        ids.extend(pairs.iter().map(|pair| {
            let number = |from: usize| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&pair[from..from + 8]);
                i64::from_le_bytes(bytes)
            };
            (number(0), number(8))
        }));
    }
    let Some(last) = last else { return Ok(false) };
    // In the order of the index, neighbours are on the same page.
    ids.sort_unstable();
    insert(connection, &ids)?;
    connection
        .prepare_cached("DELETE FROM id_batch WHERE n <= ?1")?
        .execute([last])?;
    Ok(true)
}

/// Whether the index has every id of the rows.
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
}

/// The first entities, `most` of each kind, whose events may carry this id.
pub fn holders(connection: &Connection, id: &str, most: usize) -> rusqlite::Result<Vec<Holder>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut select =
        connection.prepare_cached("SELECT holder FROM event_id WHERE hash = ?1 AND holder & 6 = ?2 LIMIT ?3")?;
    let mut holders = Vec::new();
    for kind in IdKind::ALL {
        let hash = IdHash::of(kind, id);
        let mut rows = select.query([hash.hash, i64::from(hash.kind) << 1, most])?;
        while let Some(row) = rows.next()? {
            let holder: i64 = row.get(0)?;
            let (domain, table) = if holder & 1 == Domain::Wallet as i64 {
                (Domain::Wallet, "wallet")
            } else {
                (Domain::Order, "orders")
            };
            let mut entity = connection.prepare_cached(&format!("SELECT id FROM {table} WHERE n = ?1"))?;
            let mut entity = entity.query([holder >> 3])?;
            let id = match entity.next()? {
                Some(row) => EntityId::new(row.get::<_, String>(0)?).ok(),
                None => None,
            };
            holders.extend(id.map(|id| Holder { kind, domain, id }));
        }
    }
    Ok(holders)
}
