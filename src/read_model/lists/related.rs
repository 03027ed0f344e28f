//! Relations across domains: the orders and wallets of a refund, the wallet of an order.

use rusqlite::Connection;

use super::orders;
use crate::domain::ids::EntityId;

/// The orders that use a refund's id, by id, at most 1,000.
pub fn orders_naming_refund(connection: &Connection, refund: &str) -> rusqlite::Result<Vec<EntityId>> {
    let mut select = connection.prepare_cached("SELECT ord FROM refund WHERE refund = ?1 ORDER BY ord LIMIT 1000")?;
    let rows = select.query_map([refund], |row| row.get::<_, String>(0))?;
    ids(rows)
}

/// The wallets that were ever credited for a refund, by id, at most 1,000.
pub fn wallets_credited(connection: &Connection, refund: &str) -> rusqlite::Result<Vec<EntityId>> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT w.id FROM credit c JOIN wallet w ON w.n = c.wallet WHERE c.refund = ?1 ORDER BY w.id LIMIT 1000",
    )?;
    let rows = select.query_map([refund], |row| row.get::<_, String>(0))?;
    ids(rows)
}

/// The wallet that an order names.
pub fn wallet_named_by(connection: &Connection, order: &str) -> rusqlite::Result<Option<String>> {
    orders::one(connection, order).map(|row| row.and_then(|row| row.wallet))
}

fn ids(rows: impl Iterator<Item = rusqlite::Result<String>>) -> rusqlite::Result<Vec<EntityId>> {
    let mut ids = Vec::new();
    for row in rows {
        ids.extend(EntityId::new(row?).ok());
    }
    Ok(ids)
}
