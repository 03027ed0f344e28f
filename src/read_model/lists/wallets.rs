//! Rows of wallets in lists.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    COUNTED_MAX, amount_label,
    paging::RowKey,
    search::{Columns, Hits, Needle, add_related, is_in_ids, rows_with},
};
use crate::{
    domain::{
        ids::EntityId,
        replay::Balances,
        wallet::{Party, WalletStatus},
    },
    read_model::{
        columns::{MinorUnits, Number, ReadCurrency, Sortable, Time, from_minor_units},
        search_index::Texts,
    },
    views::{lists::ListSort, wallets::WalletRow},
};

/// The wallet of this number.
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

pub fn key(row: &WalletRow, sort: ListSort) -> RowKey {
    let (segment, value) = match sort {
        ListSort::Recent => (String::new(), Sortable::optional_time(row.last_time)),
        ListSort::Id => (String::new(), Sortable::MISSING),
        ListSort::AmountDown | ListSort::AmountUp => (
            amount_label(row.currency, false),
            Sortable::amount(row.balances.available, row.currency),
        ),
    };
    RowKey {
        segment,
        value: value.as_bytes().to_vec(),
        ties: vec![row.id.to_string()],
    }
}

/// Whether a text is in the id, in the owner, or in the id of a refund that the wallet was credited for.
pub fn mentions(connection: &Connection, row: &WalletRow, n: i64, needle: &Needle) -> rusqlite::Result<bool> {
    if needle.is_in(row.id.as_str()) || needle.is_of(row.owner.as_ref()) {
        return Ok(true);
    }
    is_in_ids(connection, "SELECT refund FROM credit WHERE wallet = ?1", n, needle)
}

pub fn search(connection: &Connection, needle: &Needle) -> rusqlite::Result<Hits> {
    let Some(own) = rows_with(connection, Texts::Wallet, needle.columns(), needle)? else {
        return Ok(Hits::Many);
    };
    let Some(refunds) = rows_with(connection, Texts::Refund, Columns::First, needle)? else {
        return Ok(Hits::Unknown);
    };
    let mut numbers: BTreeSet<i64> = own.into_iter().collect();
    // A refund that no order knows is found by its whole id.
    let mut select = connection.prepare_cached("SELECT wallet FROM credit WHERE refund = ?1")?;
    let mut credited = select.query([needle.given()])?;
    while let Some(row) = credited.next()? {
        numbers.insert(row.get(0)?);
        if numbers.len() > COUNTED_MAX {
            return Ok(Hits::Many);
        }
    }
    let sql = "SELECT c.wallet FROM refund r JOIN credit c ON c.refund = r.refund WHERE r.n = ?1";
    add_related(connection, sql, &refunds, &mut numbers)
}

/// Wallets with more entries than this, the longest first.
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
