//! Rows of customers in lists.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, params};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    COUNTED_MAX, ListRow, Moment,
    spec::{CUSTOMERS, Spec},
};
use crate::{
    domain::money::Currency,
    read_model::columns::{MinorUnits, ReadCurrency, from_minor_units},
    views::customers::{CustomerRow, CustomerSums},
};

/// The largest number of names of a customer that are listed.
const NAMES_MAX: usize = 1_000;

impl ListRow for CustomerRow {
    const SPEC: &'static Spec = &CUSTOMERS;

    fn fetch(connection: &Connection, n: i64, _: &Moment) -> rusqlite::Result<Option<Self>> {
        let mut select =
            connection.prepare_cached("SELECT id, wallets, orders, refunds, pending FROM customer WHERE n = ?1")?;
        let row = select.query_row([n], |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(|count| count.max(0).cast_unsigned());
            Ok(Self {
                customer: row.get(0)?,
                names: Vec::new(),
                wallets: count(1)?,
                orders: count(2)?,
                refunds: count(3)?,
                pending_refunds: count(4)?,
            })
        });
        let Some(mut row) = row.optional()? else {
            return Ok(None);
        };
        let mut select = connection.prepare_cached(&format!(
            "SELECT DISTINCT name FROM customer_name WHERE customer = ?1 ORDER BY name LIMIT {NAMES_MAX}"
        ))?;
        let names = select.query_map([n], |row| row.get::<_, String>(0))?;
        let names: BTreeSet<String> = names
            .map(|name| Ok(name?.nfc().collect()))
            .collect::<rusqlite::Result<_>>()?;
        row.names = names.into_iter().collect();
        Ok(Some(row))
    }
}

/// Reads the customer of this id.
pub fn one(connection: &Connection, id: &str, moment: &Moment) -> rusqlite::Result<Option<CustomerRow>> {
    let mut select = connection.prepare_cached("SELECT n FROM customer WHERE id = ?1")?;
    match select.query_row([id], |row| row.get(0)).optional()? {
        Some(n) => CustomerRow::fetch(connection, n, moment),
        None => Ok(None),
    }
}

/// The number of wallets and orders of a customer.
pub fn rows_of(connection: &Connection, id: &str) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached("SELECT wallets + orders FROM customer WHERE id = ?1")?;
    let rows: Option<i64> = select.query_row([id], |row| row.get(0)).optional()?;
    Ok(rows.unwrap_or_default().max(0).cast_unsigned())
}

/// The sums of a customer's wallets and orders, by currency. `None` if there are more than [`COUNTED_MAX`] wallets or orders.
pub fn sums(connection: &Connection, id: &str) -> rusqlite::Result<Option<Vec<CustomerSums>>> {
    let mut sums: BTreeMap<Currency, [i128; 5]> = BTreeMap::new();
    for (sql, first) in [
        (
            "SELECT currency, available, held FROM wallet INDEXED BY wallet_owner WHERE owner = ?1 LIMIT ?2",
            0,
        ),
        (
            "SELECT currency, paid, refunded, pending FROM orders INDEXED BY orders_customer WHERE customer = ?1 LIMIT ?2",
            2,
        ),
    ] {
        let mut select = connection.prepare_cached(sql)?;
        let columns = select.column_count();
        let mut rows = select.query(params![id, i64::try_from(COUNTED_MAX).unwrap_or(i64::MAX) + 1])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            if count > COUNTED_MAX {
                return Ok(None);
            }
            let Some(currency) = row.get::<_, ReadCurrency>(0)?.0 else {
                continue;
            };
            let of_currency = sums.entry(currency).or_default();
            for column in 1..columns {
                of_currency[first + column - 1] += row.get::<_, MinorUnits>(column)?.0;
            }
        }
    }
    let sums = sums.into_iter().map(|(currency, sums)| {
        let [available, held, paid, refunded, pending] = sums.map(|sum| from_minor_units(sum, Some(currency)));
        CustomerSums {
            currency,
            available,
            held,
            paid,
            refunded,
            pending,
        }
    });
    Ok(Some(sums.collect()))
}
