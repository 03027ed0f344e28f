//! Rows of orders in lists.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    ListRow, Moment,
    spec::{ORDERS, Spec},
    wallets::party,
};
use crate::{
    domain::{ids::EntityId, order::OrderStatus, replay::OrderSums},
    read_model::columns::{MinorUnits, Number, OptionalMinorUnits, ReadCurrency, Time, from_minor_units},
    views::orders::OrderRow,
};

impl ListRow for OrderRow {
    const SPEC: &'static Spec = &ORDERS;

    fn fetch(connection: &Connection, n: i64, _: &Moment) -> rusqlite::Result<Option<Self>> {
        fetch(connection, n)
    }
}

const COLUMNS: &str = "id, customer, customer_name, wallet, status, currency, total, paid, refunded, pending, \
                       pending_refunds, complete, placed_at, last_time, sequence";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<OrderRow>> {
    let currency = row.get::<_, ReadCurrency>(5)?.0;
    let minor = |at: usize| row.get::<_, MinorUnits>(at).map(|read| read.0);
    let (paid, refunded, pending) = (minor(7)?, minor(8)?, minor(9)?);
    let amount = |minor_units| from_minor_units(minor_units, currency);
    let Ok(id) = EntityId::new(row.get::<_, String>(0)?) else {
        return Ok(None);
    };
    Ok(Some(OrderRow {
        id,
        customer: party(row.get(1)?, row.get(2)?),
        wallet: row.get(3)?,
        status: row.get::<_, Number<OrderStatus>>(4)?.0,
        currency,
        total: row.get::<_, OptionalMinorUnits>(6)?.0.map(amount),
        sums: OrderSums {
            paid: amount(paid),
            refunded: amount(refunded),
            pending: amount(pending),
            refundable: amount((paid - refunded - pending).max(0)),
        },
        sequence: row.get::<_, i64>(14)?.cast_unsigned(),
        pending_refunds: row.get::<_, i64>(10)?.cast_unsigned(),
        complete: row.get(11)?,
        placed_at: row.get::<_, Time>(12)?.0,
        last_time: row.get::<_, Time>(13)?.0,
    }))
}

/// Reads the order of this number.
pub fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<OrderRow>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM orders WHERE n = ?1"))?;
    select.query_row([n], read).optional().map(Option::flatten)
}

/// Reads the order of this id.
pub fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<OrderRow>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM orders WHERE id = ?1"))?;
    select.query_row([id], read).optional().map(Option::flatten)
}

/// The orders that name a wallet, the most recently changed first, at most `most`.
pub fn naming(connection: &Connection, wallet: &EntityId, most: usize) -> rusqlite::Result<Vec<OrderRow>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM orders INDEXED BY orders_wallet WHERE wallet = ?1 ORDER BY last_time DESC, id DESC LIMIT ?2"
    ))?;
    let rows = select.query_map(params![wallet.as_str(), i64::try_from(most).unwrap_or(i64::MAX)], read)?;
    rows.filter_map(Result::transpose).collect()
}
