//! Customers: one row for each id that is the owner of a wallet or the customer of an order, with the names given for it. Rows
//! are updated with changes of wallets and orders. After a filling they are made from all rows of the domain.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    search_index::{self, Texts},
    totals::List,
};
use crate::domain::{ids::Domain, wallet::Party};

const TABLES: &str = "
    CREATE TABLE customer (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        wallets INTEGER NOT NULL, orders INTEGER NOT NULL, refunds INTEGER NOT NULL, pending INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE customer_name (    -- how many rows of a domain give a customer a name
        customer INTEGER NOT NULL, name TEXT NOT NULL, domain INTEGER NOT NULL, rows INTEGER NOT NULL,
        PRIMARY KEY (customer, name, domain)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE customer_source (  -- one row: customers up to this number are in the search index
        searchable INTEGER NOT NULL
    ) STRICT;
    INSERT INTO customer_source VALUES (0);
    CREATE TRIGGER customer_added AFTER INSERT ON customer BEGIN
        INSERT INTO total VALUES (4, 0, '', 1, x'80', x'80', x'80', x'80') ON CONFLICT DO UPDATE SET rows = rows + 1;
    END;
    CREATE TRIGGER customer_removed AFTER DELETE ON customer BEGIN
        UPDATE total SET rows = rows - 1 WHERE list = 4;
        DELETE FROM customer_name WHERE customer = old.n;
    END;
";

/// Creates the tables, empty.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    debug_assert_eq!(List::Customers as i64, 4, "the number in the triggers");
    connection.execute_batch(TABLES)?;
    search_index::create(connection, Texts::Customer)
}

/// The numbers that a row of a wallet or an order adds to its customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub wallets: i64,
    pub orders: i64,
    pub refunds: i64,
    pub pending: i64,
}

impl Counts {
    fn add(&mut self, other: Self, sign: i64) {
        self.wallets += sign * other.wallets;
        self.orders += sign * other.orders;
        self.refunds += sign * other.refunds;
        self.pending += sign * other.pending;
    }

    const fn is_nobody(self) -> bool {
        self.wallets == 0 && self.orders == 0
    }
}

/// The changes of customers in a batch.
#[derive(Debug, Default)]
pub struct CustomerChanges(BTreeMap<String, Change>);

#[derive(Debug, Default)]
struct Change {
    counts: Counts,
    names: BTreeMap<String, i64>,
}

impl CustomerChanges {
    /// Adds a row to a customer (`sign` is 1) or removes it (-1).
    pub fn note(&mut self, customer: Option<&str>, name: Option<&str>, counts: Counts, sign: i64) {
        let Some(customer) = customer else { return };
        let change = self.0.entry(customer.to_owned()).or_default();
        change.counts.add(counts, sign);
        if let Some(name) = name {
            *change.names.entry(name.to_owned()).or_default() += sign;
        }
    }

    /// Adds a row to its customer.
    pub fn come(&mut self, party: Option<&Party>, counts: Counts) {
        self.note(
            party.map(|party| party.id.as_str()),
            party.and_then(|party| party.name.as_deref()),
            counts,
            1,
        );
    }

    pub fn write(self, connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
        let mut searchable = None;
        for (id, mut change) in self.0 {
            change.names.retain(|_, rows| *rows != 0);
            if change.counts == Counts::default() && change.names.is_empty() {
                continue;
            }
            let searchable = match searchable {
                Some(searchable) => searchable,
                None => *searchable.insert(search_index::customers_searchable(connection)?),
            };
            write_one(connection, domain, &id, &change, searchable)?;
        }
        Ok(())
    }
}

fn write_one(
    connection: &Connection,
    domain: Domain,
    id: &str,
    change: &Change,
    searchable: i64,
) -> rusqlite::Result<()> {
    let mut select =
        connection.prepare_cached("SELECT n, wallets, orders, refunds, pending FROM customer WHERE id = ?1")?;
    let known = select.query_row([id], |row| {
        let counts = Counts {
            wallets: row.get(1)?,
            orders: row.get(2)?,
            refunds: row.get(3)?,
            pending: row.get(4)?,
        };
        Ok((row.get::<_, i64>(0)?, counts))
    });
    let known = known.optional()?;
    let mut counts = known.map(|(_, counts)| counts).unwrap_or_default();
    counts.add(change.counts, 1);
    if counts.is_nobody() {
        if let Some((n, _)) = known {
            connection
                .prepare_cached("DELETE FROM customer WHERE n = ?1")?
                .execute([n])?;
            if n <= searchable {
                search_index::remove(connection, Texts::Customer, n)?;
            }
        }
        return Ok(());
    }
    let n = if let Some((n, _)) = known {
        let mut update = connection
            .prepare_cached("UPDATE customer SET wallets = ?2, orders = ?3, refunds = ?4, pending = ?5 WHERE n = ?1")?;
        update.execute(params![
            n,
            counts.wallets,
            counts.orders,
            counts.refunds,
            counts.pending
        ])?;
        n
    } else {
        let mut insert = connection.prepare_cached(
            "INSERT INTO customer (wallets, orders, refunds, pending, id) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        insert.insert(params![
            counts.wallets,
            counts.orders,
            counts.refunds,
            counts.pending,
            id
        ])?
    };
    let mut renamed = known.is_none();
    for (name, rows) in &change.names {
        renamed |= change_name(connection, domain, n, name, *rows)?;
    }
    if renamed && n <= searchable {
        search_index::put(connection, Texts::Customer, n, known.is_some())?;
    }
    Ok(())
}

/// Changes the number of rows that give a customer a name. Returns whether the name was added or removed.
fn change_name(connection: &Connection, domain: Domain, n: i64, name: &str, more: i64) -> rusqlite::Result<bool> {
    let key = params![n, name, domain as i64];
    let mut select = connection
        .prepare_cached("SELECT rows FROM customer_name WHERE customer = ?1 AND name = ?2 AND domain = ?3")?;
    let known: Option<i64> = select.query_row(key, |row| row.get(0)).optional()?;
    let rows = known.unwrap_or_default() + more;
    if rows == 0 {
        connection
            .prepare_cached("DELETE FROM customer_name WHERE customer = ?1 AND name = ?2 AND domain = ?3")?
            .execute(key)?;
    } else {
        connection
            .prepare_cached("INSERT OR REPLACE INTO customer_name VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![n, name, domain as i64, rows])?;
    }
    Ok(known.is_none() || rows == 0)
}

/// Adds the customers of a domain whose rows were all written. Clears the search index of customers, which is then built again.
pub fn fill(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    // Sorting all rows costs less than reading each in the order of an index.
    let sql = match domain {
        Domain::Wallet => {
            "SELECT owner, owner_name, count(*), 0, 0, 0 FROM wallet NOT INDEXED
             WHERE owner IS NOT NULL GROUP BY owner, owner_name ORDER BY owner"
        }
        Domain::Order => {
            "SELECT customer, customer_name, 0, count(*), sum(refunds), sum(pending_refunds) FROM orders NOT INDEXED
             WHERE customer IS NOT NULL GROUP BY customer, customer_name ORDER BY customer"
        }
    };
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut current: Option<(String, Change)> = None;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        if current.as_ref().is_none_or(|(known, _)| *known != id) {
            if let Some((id, change)) = current.take() {
                write_one(connection, domain, &id, &change, 0)?;
            }
            current = Some((id, Change::default()));
        }
        let Some((_, change)) = &mut current else { continue };
        let counts = Counts {
            wallets: row.get(2)?,
            orders: row.get(3)?,
            refunds: row.get(4)?,
            pending: row.get(5)?,
        };
        change.counts.add(counts, 1);
        if let Some(name) = row.get::<_, Option<String>>(1)? {
            change.names.insert(name, counts.wallets + counts.orders);
        }
    }
    if let Some((id, change)) = current {
        write_one(connection, domain, &id, &change, 0)?;
    }
    forget_texts(connection)
}

/// Removes what a domain contributed to customers.
pub fn reset(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM customer_name WHERE domain = ?1", [domain as i64])?;
    connection.execute_batch(match domain {
        Domain::Wallet => "UPDATE customer SET wallets = 0; DELETE FROM customer WHERE orders = 0;",
        Domain::Order => {
            "UPDATE customer SET orders = 0, refunds = 0, pending = 0; DELETE FROM customer WHERE wallets = 0;"
        }
    })?;
    forget_texts(connection)
}

fn forget_texts(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "INSERT INTO customer_text (customer_text) VALUES ('delete-all'); UPDATE customer_source SET searchable = 0;",
    )
}
