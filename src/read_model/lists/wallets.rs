//! Rows of wallets in lists.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    ListRow, Moment,
    spec::{Spec, WALLETS},
};
use crate::{
    domain::{
        ids::EntityId,
        replay::Balances,
        wallet::{Party, WalletStatus},
    },
    read_model::columns::{MinorUnits, Number, ReadCurrency, Time, from_minor_units},
    views::wallets::WalletRow,
};

impl ListRow for WalletRow {
    const SPEC: &'static Spec = &WALLETS;

    fn fetch(connection: &Connection, n: i64, _: &Moment) -> rusqlite::Result<Option<Self>> {
        fetch(connection, n)
    }
}

/// Reads the wallet of this number.
pub fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<WalletRow>> {
    let mut select = connection.prepare_cached(
        "SELECT id, owner, owner_name, status, currency, posted, held, available, sequence, complete, last_time
         FROM wallet WHERE n = ?1",
    )?;
    let row = select.query_row([n], |row| {
        let currency = row.get::<_, ReadCurrency>(4)?.0;
        let amount = |at: usize| {
            row.get::<_, MinorUnits>(at)
                .map(|read| from_minor_units(read.0, currency))
        };
        let Ok(id) = EntityId::new(row.get::<_, String>(0)?) else {
            return Ok(None);
        };
        Ok(Some(WalletRow {
            id,
            owner: party(row.get(1)?, row.get(2)?),
            status: row.get::<_, Number<WalletStatus>>(3)?.0,
            currency,
            balances: Balances {
                posted: amount(5)?,
                held: amount(6)?,
                available: amount(7)?,
            },
            sequence: row.get::<_, i64>(8)?.cast_unsigned(),
            complete: row.get(9)?,
            last_time: row.get::<_, Time>(10)?.0,
        }))
    });
    row.optional().map(Option::flatten)
}

pub fn party(id: Option<String>, name: Option<String>) -> Option<Party> {
    id.map(|id| Party { id, name })
}

/// The wallets with more than `entries` entries, at least 257, the longest first.
pub fn long(connection: &Connection, entries: u64) -> rusqlite::Result<Vec<(EntityId, u64)>> {
    let mut select = connection.prepare_cached(
        "SELECT id, entries FROM wallet INDEXED BY wallet_entries WHERE entries > 256 AND entries > ?1 ORDER BY entries DESC",
    )?;
    let rows = select.query_map([entries.cast_signed()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    let mut long = Vec::new();
    for row in rows {
        let (id, entries) = row?;
        long.extend(EntityId::new(id).ok().map(|id| (id, entries)));
    }
    Ok(long)
}
