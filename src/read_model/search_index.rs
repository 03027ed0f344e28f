//! The search index: trigrams of folded ids and names, without a copy of the texts. It is built in steps after the first filling
//! of a domain. From then on, a row's texts are indexed with the row.

use rusqlite::{Connection, params};

use super::sources;
use crate::domain::ids::Domain;

/// The number of rows that one step of building the index takes.
const STEP: i64 = 50_000;

/// The largest number of bytes of new index entries that FTS5 keeps in memory. It is enough for a whole step, so the index has
/// few large segments. Merging them takes half the time that many small segments take.
const HASH_SIZE: u32 = 16 << 20;

/// A table with indexed texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    Wallet,
    Hold,
    Orders,
    Refund,
    Finding,
    Case,
    Customer,
}

/// When an index has every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Always: the index is written with the rows.
    Always,
    /// After all steps of this domain.
    With(Domain),
    /// After both domains are filled: the index is made then, and written with the rows from then on.
    OnceBothAreFilled,
    /// After all steps of customers.
    Customers,
}

impl Texts {
    const fn of(domain: Domain) -> &'static [Self] {
        match domain {
            Domain::Wallet => &[Self::Wallet, Self::Hold],
            Domain::Order => &[Self::Orders, Self::Refund],
        }
    }

    pub const fn kept(self) -> Kept {
        match self {
            Self::Wallet | Self::Hold => Kept::With(Domain::Wallet),
            Self::Orders | Self::Refund => Kept::With(Domain::Order),
            Self::Finding => Kept::OnceBothAreFilled,
            Self::Case => Kept::Always,
            Self::Customer => Kept::Customers,
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Wallet => "wallet_text",
            Self::Hold => "hold_text",
            Self::Orders => "orders_text",
            Self::Refund => "refund_text",
            Self::Finding => "finding_text",
            Self::Case => "case_text",
            Self::Customer => "customer_text",
        }
    }

    /// Indexes the rows after number `?1`, up to number `?2`. The texts are those that `lists::spec` searches.
    const fn insert(self) -> &'static str {
        match self {
            Self::Wallet => {
                "INSERT INTO wallet_text (rowid, own, ids, names)
                 SELECT n, fold(id), fold(owner), fold(owner_name)
                 FROM wallet WHERE n > ?1 AND n <= ?2"
            }
            Self::Hold => {
                "INSERT INTO hold_text (rowid, own, ids)
                 SELECT n, fold(hold), fold(wallet || char(10) || coalesce(ord, ''))
                 FROM hold WHERE n > ?1 AND n <= ?2"
            }
            Self::Orders => {
                "INSERT INTO orders_text (rowid, own, ids, names)
                 SELECT o.n, fold(o.id), fold(coalesce(o.wallet, '') || char(10) || coalesce(o.customer, '')
                     || char(10) || coalesce((SELECT group_concat(refund, char(10)) FROM
                         (SELECT refund FROM refund INDEXED BY refund_order WHERE ord = o.id ORDER BY refund LIMIT 1000)), '')),
                     fold(o.customer_name)
                 FROM orders o WHERE o.n > ?1 AND o.n <= ?2"
            }
            Self::Refund => {
                "INSERT INTO refund_text (rowid, own, ids, names)
                 SELECT r.n, fold(r.refund), fold(r.ord || char(10) || coalesce(o.wallet, '') || char(10)
                     || coalesce(o.customer, '') || char(10) || r.reason), fold(o.customer_name)
                 FROM refund r LEFT JOIN orders o ON o.id = r.ord WHERE r.n > ?1 AND r.n <= ?2"
            }
            Self::Finding => {
                "INSERT INTO finding_text (rowid, ids, names)
                 SELECT f.n, fold(coalesce(f.refund, '') || char(10) || coalesce(f.ord, '') || char(10)
                     || coalesce(f.wallet, '') || char(10) || coalesce(o.customer, w.owner, '')),
                     fold(CASE WHEN o.customer IS NULL THEN w.owner_name ELSE o.customer_name END)
                 FROM finding f LEFT JOIN orders o ON o.id = f.ord LEFT JOIN wallet w ON w.id = f.wallet
                 WHERE f.n > ?1 AND f.n <= ?2"
            }
            Self::Case => {
                "INSERT INTO case_text (rowid, own, ids)
                 SELECT n, fold(id), fold(proposer || char(10) || coalesce(decided_by, '') || char(10)
                     || coalesce((SELECT group_concat(substr(value, instr(value, ' ') + 1), char(10)) FROM json_each(subjects)), ''))
                 FROM cases WHERE n > ?1 AND n <= ?2"
            }
            Self::Customer => {
                "INSERT INTO customer_text (rowid, own, names)
                 SELECT c.n, fold(c.id), fold((SELECT group_concat(name, char(10)) FROM
                     (SELECT DISTINCT name FROM customer_name WHERE customer = c.n ORDER BY name LIMIT 1000)))
                 FROM customer c WHERE c.n > ?1 AND c.n <= ?2"
            }
        }
    }

    const fn delete(self) -> &'static str {
        match self {
            Self::Wallet => "DELETE FROM wallet_text WHERE rowid = ?1",
            Self::Hold => "DELETE FROM hold_text WHERE rowid = ?1",
            Self::Orders => "DELETE FROM orders_text WHERE rowid = ?1",
            Self::Refund => "DELETE FROM refund_text WHERE rowid = ?1",
            Self::Finding => "DELETE FROM finding_text WHERE rowid = ?1",
            Self::Case => "DELETE FROM case_text WHERE rowid = ?1",
            Self::Customer => "DELETE FROM customer_text WHERE rowid = ?1",
        }
    }

    /// Selects the numbers of the rows that match the FTS5 query `?1`.
    pub const fn matching(self) -> &'static str {
        match self {
            Self::Wallet => "SELECT rowid FROM wallet_text WHERE wallet_text MATCH ?1",
            Self::Hold => "SELECT rowid FROM hold_text WHERE hold_text MATCH ?1",
            Self::Orders => "SELECT rowid FROM orders_text WHERE orders_text MATCH ?1",
            Self::Refund => "SELECT rowid FROM refund_text WHERE refund_text MATCH ?1",
            Self::Finding => "SELECT rowid FROM finding_text WHERE finding_text MATCH ?1",
            Self::Case => "SELECT rowid FROM case_text WHERE case_text MATCH ?1",
            Self::Customer => "SELECT rowid FROM customer_text WHERE customer_text MATCH ?1",
        }
    }

    const fn last_row(self) -> &'static str {
        match self {
            Self::Wallet => "SELECT coalesce(max(n), 0) FROM wallet",
            Self::Hold => "SELECT coalesce(max(n), 0) FROM hold",
            Self::Orders => "SELECT coalesce(max(n), 0) FROM orders",
            Self::Refund => "SELECT coalesce(max(n), 0) FROM refund",
            Self::Finding => "SELECT coalesce(max(n), 0) FROM finding",
            Self::Case => "SELECT coalesce(max(n), 0) FROM cases",
            Self::Customer => "SELECT coalesce(max(n), 0) FROM customer",
        }
    }
}

/// Creates an index, empty, in place of an existing one. Column `own` has the row's own id, `ids` the other ids and codes,
/// `names` the names of people.
pub fn create(connection: &Connection, texts: Texts) -> rusqlite::Result<()> {
    let table = texts.table();
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS {table};
         CREATE VIRTUAL TABLE {table} USING fts5 (
             own, ids, names, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
         );
         INSERT INTO {table} ({table}, rank) VALUES ('hashsize', {HASH_SIZE});"
    ))
}

/// Creates the indexes of a domain, empty, in place of existing ones.
pub fn create_of(connection: &Connection, domain: Domain) -> rusqlite::Result<()> {
    Texts::of(domain)
        .iter()
        .try_for_each(|texts| create(connection, *texts))
}

/// Builds the index of findings again.
pub fn index_findings(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("INSERT INTO finding_text (finding_text) VALUES ('delete-all');")?;
    connection
        .prepare_cached(Texts::Finding.insert())?
        .execute([0, i64::MAX])
        .map(drop)
}

/// Indexes the texts of a row. `indexed`: the row's earlier texts are in the index and are removed.
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

/// Indexes the rows after number `from`, up to number `to`. Returns the number of the table's last row.
pub fn index_step(connection: &Connection, texts: Texts, from: i64, to: i64) -> rusqlite::Result<i64> {
    connection.prepare_cached(texts.insert())?.execute([from, to])?;
    connection
        .prepare_cached(texts.last_row())?
        .query_row([], |row| row.get(0))
}

/// Indexes the next rows of a domain, and after all of them the next customers. Returns `false` if every row is in the index.
pub fn extend(connection: &Connection, domain: Domain) -> rusqlite::Result<bool> {
    let from = sources::read(connection, domain)?.searchable;
    if from == i64::MAX {
        return extend_customers(connection);
    }
    let to = from.saturating_add(STEP);
    let mut last = 0;
    for texts in Texts::of(domain) {
        last = last.max(index_step(connection, *texts, from, to)?);
    }
    let done = if to >= last { i64::MAX } else { to };
    connection.execute(
        "UPDATE source SET searchable = ?2 WHERE domain = ?1",
        params![domain.as_str(), done],
    )?;
    Ok(done != i64::MAX || extend_customers(connection)?)
}

/// Customers up to this number are in the index. `i64::MAX`: all.
pub fn customers_searchable(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT searchable FROM customer_source")?
        .query_row([], |row| row.get(0))
}

/// Whether the index has every customer.
pub fn has_all_customers(connection: &Connection) -> rusqlite::Result<bool> {
    customers_searchable(connection).map(|searchable| searchable == i64::MAX)
}

/// Indexes the texts of the next customers. Returns `false` if all are in the index, or if a domain is not filled yet.
fn extend_customers(connection: &Connection) -> rusqlite::Result<bool> {
    let from = customers_searchable(connection)?;
    let filled: bool = connection
        .prepare_cached("SELECT min(filled) FROM source")?
        .query_row([], |row| row.get(0))?;
    if from == i64::MAX || !filled {
        return Ok(false);
    }
    let to = from.saturating_add(STEP);
    let last = index_step(connection, Texts::Customer, from, to)?;
    let done = if to >= last { i64::MAX } else { to };
    connection
        .prepare_cached("UPDATE customer_source SET searchable = ?1")?
        .execute([done])?;
    Ok(done != i64::MAX)
}
