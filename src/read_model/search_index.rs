//! The search index: trigrams of ids and names, without a copy of them. It is built after the rows of a domain were written for
//! the first time, a step at a time; from then on a row's texts are indexed with the row.

use rusqlite::{Connection, params};

use super::sources;
use crate::domain::ids::Domain;

/// Rows of one step of building the index.
const STEP: i64 = 20_000;

/// A table whose texts are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    Wallet,
    Orders,
    Refund,
}

impl Texts {
    const fn of(domain: Domain) -> &'static [Self] {
        match domain {
            Domain::Wallet => &[Self::Wallet],
            Domain::Order => &[Self::Orders, Self::Refund],
        }
    }

    /// Indexes the rows after one number, up to another.
    const fn insert(self) -> &'static str {
        match self {
            Self::Wallet => {
                "INSERT INTO wallet_text (rowid, ids, names)
                 SELECT n, id || char(10) || coalesce(owner, ''), owner_name FROM wallet WHERE n > ?1 AND n <= ?2"
            }
            Self::Orders => {
                "INSERT INTO orders_text (rowid, ids, names)
                 SELECT n, id || char(10) || coalesce(wallet, '') || char(10) || coalesce(customer, ''), customer_name
                 FROM orders WHERE n > ?1 AND n <= ?2"
            }
            Self::Refund => {
                "INSERT INTO refund_text (rowid, refund, reason)
                 SELECT n, refund, reason FROM refund WHERE n > ?1 AND n <= ?2"
            }
        }
    }

    const fn delete(self) -> &'static str {
        match self {
            Self::Wallet => "DELETE FROM wallet_text WHERE rowid = ?1",
            Self::Orders => "DELETE FROM orders_text WHERE rowid = ?1",
            Self::Refund => "DELETE FROM refund_text WHERE rowid = ?1",
        }
    }

    /// Numbers of the rows that a question finds.
    pub const fn matching(self) -> &'static str {
        match self {
            Self::Wallet => "SELECT rowid FROM wallet_text WHERE wallet_text MATCH ?1 LIMIT ?2",
            Self::Orders => "SELECT rowid FROM orders_text WHERE orders_text MATCH ?1 LIMIT ?2",
            Self::Refund => "SELECT rowid FROM refund_text WHERE refund_text MATCH ?1 LIMIT ?2",
        }
    }

    /// The texts of a row. The last one is that of the index's second column.
    pub const fn of_row(self) -> &'static str {
        match self {
            Self::Wallet => "SELECT id, owner, owner_name FROM wallet WHERE n = ?1",
            Self::Orders => "SELECT id, wallet, customer, customer_name FROM orders WHERE n = ?1",
            Self::Refund => "SELECT refund, reason FROM refund WHERE n = ?1",
        }
    }

    /// The name of the index's first column.
    pub const fn first_column(self) -> &'static str {
        match self {
            Self::Wallet | Self::Orders => "ids",
            Self::Refund => "refund",
        }
    }

    const fn last_row(self) -> &'static str {
        match self {
            Self::Wallet => "SELECT coalesce(max(n), 0) FROM wallet",
            Self::Orders => "SELECT coalesce(max(n), 0) FROM orders",
            Self::Refund => "SELECT coalesce(max(n), 0) FROM refund",
        }
    }
}

/// Indexes the texts of a row; `indexed`: those that it had before are in the index.
pub fn put(connection: &Connection, texts: Texts, n: i64, indexed: bool) -> rusqlite::Result<()> {
    if indexed {
        remove(connection, texts, n)?;
    }
    connection.prepare_cached(texts.insert())?.execute([n - 1, n]).map(drop)
}

/// Removes the texts of a row from the index.
pub fn remove(connection: &Connection, texts: Texts, n: i64) -> rusqlite::Result<()> {
    connection.prepare_cached(texts.delete())?.execute([n]).map(drop)
}

/// Indexes the next rows. `false`: every row is in the index.
pub fn extend(connection: &Connection, domain: Domain) -> rusqlite::Result<bool> {
    let from = sources::read(connection, domain)?.searchable;
    if from == i64::MAX {
        return Ok(false);
    }
    let to = from.saturating_add(STEP);
    let mut last = 0;
    for texts in Texts::of(domain) {
        connection.prepare_cached(texts.insert())?.execute([from, to])?;
        last = last.max(connection.query_row(texts.last_row(), [], |row| row.get(0))?);
    }
    let done = if to >= last { i64::MAX } else { to };
    connection.execute(
        "UPDATE source SET searchable = ?2 WHERE domain = ?1",
        params![domain.as_str(), done],
    )?;
    Ok(done != i64::MAX)
}
