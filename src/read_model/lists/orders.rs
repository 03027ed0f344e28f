//! Rows of orders in lists.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    amount_label,
    paging::RowKey,
    search::{Columns, Hits, Needle, add_related, is_in_ids, rows_with},
    wallets::party,
};
use crate::{
    domain::{ids::EntityId, order::OrderStatus, replay::OrderSums},
    read_model::{
        columns::{MinorUnits, Number, OptionalMinorUnits, ReadCurrency, Sortable, Time, from_minor_units},
        search_index::Texts,
    },
    views::{lists::ListSort, orders::OrderRow},
};

const COLUMNS: &str = "id, customer, customer_name, wallet, status, currency, total, paid, refunded, pending, \
                       pending_refunds, complete, placed_at, last_time";

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
        pending_refunds: row.get::<_, i64>(10)?.cast_unsigned(),
        complete: row.get(11)?,
        placed_at: row.get::<_, Time>(12)?.0,
        last_time: row.get::<_, Time>(13)?.0,
    }))
}

/// The order of this number.
pub fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<OrderRow>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM orders WHERE n = ?1"))?;
    select.query_row([n], read).optional().map(Option::flatten)
}

/// The order of this id.
pub fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<OrderRow>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM orders WHERE id = ?1"))?;
    select.query_row([id], read).optional().map(Option::flatten)
}

/// Orders that name a wallet, the last changed first, `most` at most.
pub fn naming(connection: &Connection, wallet: &EntityId, most: usize) -> rusqlite::Result<Vec<OrderRow>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM orders INDEXED BY orders_wallet WHERE wallet = ?1 ORDER BY last_time DESC, id DESC LIMIT ?2"
    ))?;
    let rows = select.query_map(params![wallet.as_str(), i64::try_from(most).unwrap_or(i64::MAX)], read)?;
    rows.filter_map(Result::transpose).collect()
}

pub fn key(row: &OrderRow, sort: ListSort) -> RowKey {
    let (segment, value) = match sort {
        ListSort::Recent => (String::new(), Sortable::optional_time(row.last_time)),
        ListSort::Id => (String::new(), Sortable::MISSING),
        ListSort::AmountDown | ListSort::AmountUp => (
            amount_label(row.currency, row.total.is_none()),
            Sortable::optional_amount(row.total, row.currency),
        ),
    };
    RowKey {
        segment,
        value: value.as_bytes().to_vec(),
        ties: vec![row.id.to_string()],
    }
}

/// Whether a text is in the id, in the wallet's, in the customer, or in the id of a refund of the order.
pub fn mentions(connection: &Connection, row: &OrderRow, needle: &Needle) -> rusqlite::Result<bool> {
    if needle.is_in(row.id.as_str())
        || row.wallet.as_ref().is_some_and(|wallet| needle.is_in(wallet))
        || needle.is_of(row.customer.as_ref())
    {
        return Ok(true);
    }
    is_in_ids(
        connection,
        "SELECT refund FROM refund WHERE ord = ?1",
        row.id.as_str(),
        needle,
    )
}

pub fn search(connection: &Connection, needle: &Needle) -> rusqlite::Result<Hits> {
    let Some(own) = rows_with(connection, Texts::Orders, needle.columns(), needle)? else {
        return Ok(Hits::Many);
    };
    let Some(refunds) = rows_with(connection, Texts::Refund, Columns::First, needle)? else {
        return Ok(Hits::Unknown);
    };
    let mut numbers = own.into_iter().collect();
    let sql = "SELECT o.n FROM refund r JOIN orders o ON o.id = r.ord WHERE r.n = ?1";
    add_related(connection, sql, &refunds, &mut numbers)
}
