//! Every row of a read model as text, to compare two read models. Used by `verify --replay` and by tests.

use std::collections::BTreeMap;

use rusqlite::{Connection, types::ValueRef};

/// Rows by name, for example `wallet W-1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(pub BTreeMap<String, String>);

/// Queries whose first column is the name of the row. Row numbers are left out, because they depend on the order of writing.
const QUERIES: [(&str, &str); 14] = [
    (
        "wallet",
        "SELECT id, hex(position), hex(digest), entries, sequence, status, currency, hex(posted), hex(held), hex(available), owner, owner_name,
             hex(last_time), hex(negative_since), complete FROM wallet",
    ),
    (
        "hold",
        "SELECT wallet || ' ' || hold, state, hex(amount), currency, ord, hex(since), hex(expires_at) FROM hold",
    ),
    (
        "credit",
        "SELECT w.id || ' ' || c.event, c.refund, c.ord, hex(c.amount), c.currency, hex(c.time), c.reversed
         FROM credit c JOIN wallet w ON w.n = c.wallet",
    ),
    (
        "order",
        "SELECT id, hex(position), hex(digest), entries, sequence, status, currency, hex(total), hex(paid), hex(refunded), hex(pending),
             pending_refunds, refunds, wallet, customer, customer_name, hex(placed_at), hex(last_time), complete FROM orders",
    ),
    (
        "customer",
        "SELECT id, wallets, orders, refunds, pending FROM customer",
    ),
    (
        "customer name",
        "SELECT c.id || ' ' || n.name || ' ' || n.domain, n.rows FROM customer_name n JOIN customer c ON c.n = n.customer",
    ),
    (
        "refund",
        "SELECT ord || ' ' || refund, state, currency, hex(amount), destination, reason, hex(requested_at), hex(state_since),
             approved FROM refund",
    ),
    (
        "payment",
        "SELECT o.id || ' ' || hex(p.position), p.payment, hex(p.amount), p.currency, hex(p.time)
         FROM payment p JOIN orders o ON o.n = p.ord",
    ),
    (
        "transition",
        "SELECT r.ord || ' ' || r.refund || ' ' || t.place, t.state, hex(t.at)
         FROM refund_transition t JOIN refund r ON r.n = t.refund",
    ),
    (
        "finding",
        "SELECT key, hex(evidence), kind, severity, refund, ord, wallet, hex(amount), currency, hex(since), hex(holds_from), explanation FROM finding",
    ),
    (
        "total",
        "SELECT list || ' ' || state || ' ' || currency, rows, hex(sum_1), hex(sum_2), hex(sum_3), hex(sum_4) FROM total WHERE rows <> 0",
    ),
    (
        "age",
        "SELECT clock || ' ' || state || ' ' || currency || ' ' || unit || ' ' || slot, rows, hex(sum) FROM age",
    ),
    ("due", "SELECT unit || ' ' || slot, rows FROM due_count"),
    (
        "findings",
        "SELECT kind || ' ' || currency, rows FROM finding_count WHERE rows <> 0",
    ),
];

pub fn rows(connection: &Connection) -> rusqlite::Result<Rows> {
    let mut all = BTreeMap::new();
    for (name, query) in QUERIES {
        let mut select = connection.prepare_cached(query)?;
        let columns = select.column_count();
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let mut texts = Vec::with_capacity(columns);
            for at in 0..columns {
                texts.push(text(row.get_ref(at)?));
            }
            let line = texts.split_off(1).join("\t");
            all.insert(format!("{name} {}", texts.concat()), line);
        }
    }
    Ok(Rows(all))
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "-".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
