//! The look-up of a customer by the whole name and one more fact, for people who may not search names. The work is bounded for
//! any data. If a bound is exceeded, the answer says so, and is never a wrong "no match".

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::{
    columns::{Numbered, Sortable},
    folding::{Pieces, fold},
    lists, search_index,
};
use crate::{
    domain::{
        ids::EntityId,
        money::{Currency, Money},
        order::OrderStatus,
        refund::RefundState,
    },
    views::look_up::NAME_MAX,
};

/// The largest number of customers with one name that are looked at.
const CUSTOMERS_MAX: usize = 1_000;
/// The largest number of rows of orders, refunds or the search index that one step visits.
pub const ROWS_MAX: usize = 10_000;
/// The largest number of names that are compared.
const NAMES_MAX: usize = 50_000;

/// A whole name, folded as search texts are, with one space between words. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct WholeName(String);

/// Why a text is not accepted as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("enter the whole name")]
    Missing,
    #[error("the name is too long; use at most {NAME_MAX} characters")]
    TooLong,
    #[error("the name contains a control character; remove it")]
    Control,
    #[error("the name has only accents and no letters; enter the whole name")]
    NothingLeft,
}

impl WholeName {
    /// Reads a name as typed: at most [`NAME_MAX`] characters, without control characters other than white space.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Missing);
        }
        if text.chars().count() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        if text
            .chars()
            .any(|letter| letter.is_control() && !letter.is_whitespace())
        {
            return Err(NameError::Control);
        }
        let name = compared(text);
        if name.is_empty() {
            return Err(NameError::NothingLeft);
        }
        Ok(Self(name))
    }

    fn is(&self, stored: &str) -> bool {
        compared(stored) == self.0
    }
}

impl fmt::Debug for WholeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(name)")
    }
}

/// The form in which two names are compared.
fn compared(name: &str) -> String {
    let folded = fold(name);
    let words: Vec<&str> = folded.split_whitespace().collect();
    words.join(" ")
}

/// What the person has to know about the customer besides the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The id of an order.
    Order(EntityId),
    /// An amount and a UTC day. They match the total of an order that was placed or last changed on that day, or a refund that
    /// was requested on it.
    Amount { money: Money, day: NaiveDate },
}

/// The result of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The customer's id.
    Customer(String),
    NoMatch,
    /// No order has the given id. The answer to people is the same as "no match".
    NoSuchOrder,
    /// More than one customer matches.
    Several,
    /// A bound was exceeded before the result was certain.
    TooMany,
}

/// Finds the customer who has this name and whom the fact is about. The customer of an order is the one that it names, or else
/// the owner of its wallet. Both domains have to be filled. Of a customer with more than 1,000 names, the search index has only
/// the first 1,000. Returns `None` if too many rows would be visited without the search index, and the search index does not have
/// every customer yet. `rows_max` is [`ROWS_MAX`], or less in tests.
pub fn look_up(
    connection: &Connection,
    name: &WholeName,
    fact: &Fact,
    rows_max: usize,
) -> rusqlite::Result<Option<Found>> {
    match fact {
        Fact::Order(order) => by_order(connection, name, order).map(Some),
        Fact::Amount { money, day } => {
            let wanted = Wanted::new(*money, *day, rows_max);
            if let Some(orders) = orders_of_the_day(connection, &wanted)? {
                return among(connection, name, &orders).map(Some);
            }
            if !search_index::has_all_customers(connection)? {
                return Ok(None);
            }
            by_name(connection, name, &wanted).map(Some)
        }
    }
}

fn by_order(connection: &Connection, name: &WholeName, order: &EntityId) -> rusqlite::Result<Found> {
    let mut select = connection.prepare_cached("SELECT customer, wallet FROM orders WHERE id = ?1")?;
    let Some(order) = select.query_row([order.as_str()], Parties::read).optional()? else {
        return Ok(Found::NoSuchOrder);
    };
    among(connection, name, &[order])
}

/// Finds the customer with this name among the customers of these orders.
fn among(connection: &Connection, name: &WholeName, orders: &[Parties]) -> rusqlite::Result<Found> {
    let mut customers = BTreeSet::new();
    for order in orders {
        customers.extend(order.customer(connection)?);
    }
    let mut left = NAMES_MAX;
    let mut found = None;
    for customer in customers {
        match has_name(connection, &customer, name, &mut left)? {
            Some(false) => {}
            Some(true) if found.is_some() => return Ok(Found::Several),
            Some(true) => found = Some(customer),
            None => return Ok(Found::TooMany),
        }
    }
    Ok(found.map_or(Found::NoMatch, Found::Customer))
}

/// Whether a customer has a name. `None` if the customer has more than `left` names. `left` is reduced by the number of compared
/// names.
fn has_name(
    connection: &Connection,
    customer: &str,
    name: &WholeName,
    left: &mut usize,
) -> rusqlite::Result<Option<bool>> {
    let mut select = connection
        .prepare_cached("SELECT name FROM customer_name WHERE customer = (SELECT n FROM customer WHERE id = ?1)")?;
    let mut rows = select.query([customer])?;
    while let Some(row) = rows.next()? {
        if !visit(left) {
            return Ok(None);
        }
        if name.is(row.get_ref(0)?.as_str()?) {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// The customer and the wallet that an order names, either of which may be missing.
struct Parties {
    customer: Option<String>,
    wallet: Option<String>,
}

impl Parties {
    /// Reads the first two columns of a row.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            customer: row.get(0)?,
            wallet: row.get(1)?,
        })
    }

    /// The customer of the order: the one that it names, or else the owner of its wallet.
    fn customer(&self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        if self.customer.is_some() {
            return Ok(self.customer.clone());
        }
        let Some(wallet) = &self.wallet else { return Ok(None) };
        let mut select = connection.prepare_cached("SELECT owner FROM wallet WHERE id = ?1")?;
        Ok(select.query_row([wallet], |row| row.get(0)).optional()?.flatten())
    }
}

/// An amount and a day, as the columns encode them.
struct Wanted {
    currency: Currency,
    amount: Sortable,
    /// The start of the day and of the next day, UTC.
    from: Sortable,
    to: Sortable,
    rows_max: usize,
}

impl Wanted {
    fn new(money: Money, day: NaiveDate, rows_max: usize) -> Self {
        let start = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let next = day.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, start);
        Self {
            currency: money.currency(),
            amount: Sortable::amount(money.amount(), Some(money.currency())),
            from: Sortable::time(start(day)),
            to: Sortable::time(next),
            rows_max,
        }
    }

    fn is_amount(&self, amount: &Sortable, currency: &str) -> bool {
        *amount == self.amount && currency == self.currency.code()
    }

    fn is_day(&self, time: &Sortable) -> bool {
        (self.from.as_bytes()..self.to.as_bytes()).contains(&time.as_bytes())
    }
}

/// The orders that match the amount and the day, found by the amount. `None` if there are too many to look at.
fn orders_of_the_day(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Option<Vec<Parties>>> {
    let Some(mut orders) = orders_of_total(connection, wanted)? else {
        return Ok(None);
    };
    let Some(refunded) = refunded_orders(connection, wanted)? else {
        return Ok(None);
    };
    let mut select = connection.prepare_cached("SELECT customer, wallet FROM orders WHERE id = ?1")?;
    for order in refunded {
        orders.extend(select.query_row([order], Parties::read).optional()?);
    }
    Ok(Some(orders))
}

/// The orders of this total that were placed or last changed on the day. `None` if too many orders have the total.
fn orders_of_total(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Option<Vec<Parties>>> {
    let mut select = connection.prepare_cached(
        "SELECT customer, wallet, placed_at, last_time FROM orders INDEXED BY orders_status_amount
         WHERE status = ?1 AND currency = ?2 AND total = ?3 LIMIT ?4",
    )?;
    let mut orders = Vec::new();
    let mut seen = 0;
    for status in <OrderStatus as Numbered>::ALL {
        let mut rows = select.query(params![
            status.number(),
            wanted.currency.code(),
            wanted.amount,
            limit(wanted.rows_max + 1 - seen)
        ])?;
        while let Some(row) = rows.next()? {
            seen += 1;
            if wanted.is_day(&row.get(2)?) || wanted.is_day(&row.get(3)?) {
                orders.push(Parties::read(row)?);
            }
        }
        if seen > wanted.rows_max {
            return Ok(None);
        }
    }
    Ok(Some(orders))
}

/// The orders with a refund of this amount that was requested on the day. Searches by the day, then by the amount. `None` if both
/// find too many refunds.
fn refunded_orders(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Option<BTreeSet<String>>> {
    let by_day = "SELECT ord, amount, requested_at FROM refund INDEXED BY refund_requested
         WHERE state = ?1 AND currency = ?2 AND requested_at >= ?3 AND requested_at < ?4 LIMIT ?5";
    let by_amount = "SELECT ord, amount, requested_at FROM refund INDEXED BY refund_amount
         WHERE state = ?1 AND currency = ?2 AND amount = ?3 LIMIT ?4";
    let day: [&dyn ToSql; 2] = [&wanted.from, &wanted.to];
    let amount: [&dyn ToSql; 1] = [&wanted.amount];
    for (sql, values) in [(by_day, &day[..]), (by_amount, &amount[..])] {
        if let Some(orders) = refunded_by(connection, wanted, sql, values)? {
            return Ok(Some(orders));
        }
    }
    Ok(None)
}

/// Runs one query of [`refunded_orders`]. `values` are the parameters between the currency and the limit.
fn refunded_by(
    connection: &Connection,
    wanted: &Wanted,
    sql: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Option<BTreeSet<String>>> {
    let mut select = connection.prepare_cached(sql)?;
    let mut orders = BTreeSet::new();
    let mut seen = 0;
    for state in <RefundState as Numbered>::ALL {
        let (number, most, currency) = (
            state.number(),
            limit(wanted.rows_max + 1 - seen),
            wanted.currency.code(),
        );
        let mut all: Vec<&dyn ToSql> = vec![&number, &currency];
        all.extend(values);
        all.push(&most);
        let mut rows = select.query(&*all)?;
        while let Some(row) = rows.next()? {
            seen += 1;
            if row.get::<_, Sortable>(1)? == wanted.amount && wanted.is_day(&row.get(2)?) {
                orders.insert(row.get(0)?);
            }
        }
        if seen > wanted.rows_max {
            return Ok(None);
        }
    }
    Ok(Some(orders))
}

/// Finds the customers with the name first, then searches their orders. Used if too many orders have the amount.
fn by_name(connection: &Connection, name: &WholeName, wanted: &Wanted) -> rusqlite::Result<Found> {
    let Some(customers) = customers_named(connection, name, wanted.rows_max)? else {
        return Ok(Found::TooMany);
    };
    let mut left = wanted.rows_max;
    let mut found = None;
    for customer in customers {
        match owns(connection, &customer, wanted, &mut left)? {
            Some(false) => {}
            Some(true) if found.is_some() => return Ok(Found::Several),
            Some(true) => found = Some(customer),
            None => return Ok(Found::TooMany),
        }
    }
    Ok(found.map_or(Found::NoMatch, Found::Customer))
}

/// The ids of the customers with exactly this name, found in the search index. `None` if there are too many, or if no word of the
/// name is long enough for the index.
fn customers_named(
    connection: &Connection,
    name: &WholeName,
    rows_max: usize,
) -> rusqlite::Result<Option<Vec<String>>> {
    let Some(pieces) = Pieces::of(&name.0).ok().flatten() else {
        return Ok(None);
    };
    let Some(hits) = lists::customers_with_name(connection, &pieces, rows_max)? else {
        return Ok(None);
    };
    let mut id_of = connection.prepare_cached("SELECT id FROM customer WHERE n = ?1")?;
    let mut left = NAMES_MAX;
    let mut customers = Vec::new();
    for n in hits {
        let Some(id) = id_of.query_row([n], |row| row.get::<_, String>(0)).optional()? else {
            continue;
        };
        match has_name(connection, &id, name, &mut left)? {
            Some(true) => customers.push(id),
            Some(false) => {}
            None => return Ok(None),
        }
        if customers.len() > CUSTOMERS_MAX {
            return Ok(None);
        }
    }
    Ok(Some(customers))
}

/// Whether a customer has an order, or a refund of an order, with this amount and day. `None` if there are more than `left` rows.
/// `left` is reduced by the number of visited rows.
fn owns(connection: &Connection, customer: &str, wanted: &Wanted, left: &mut usize) -> rusqlite::Result<Option<bool>> {
    let named = "SELECT id, 1, total, currency, placed_at, last_time FROM orders INDEXED BY orders_customer
         WHERE customer = ?1 LIMIT ?2";
    // An order that names a customer does not belong to the owner of its wallet.
    let of_wallets = "SELECT o.id, o.customer IS NULL, o.total, o.currency, o.placed_at, o.last_time
         FROM wallet w INDEXED BY wallet_owner CROSS JOIN orders o INDEXED BY orders_wallet ON o.wallet = w.id
         WHERE w.owner = ?1 LIMIT ?2";
    for sql in [named, of_wallets] {
        let mut select = connection.prepare_cached(sql)?;
        let mut rows = select.query(params![customer, limit(*left + 1)])?;
        while let Some(row) = rows.next()? {
            if !visit(left) {
                return Ok(None);
            }
            if !row.get::<_, bool>(1)? {
                continue;
            }
            let is_amount = wanted.is_amount(&row.get(2)?, row.get_ref(3)?.as_str()?);
            if is_amount && (wanted.is_day(&row.get(4)?) || wanted.is_day(&row.get(5)?)) {
                return Ok(Some(true));
            }
            let refunded = has_refund(connection, row.get_ref(0)?.as_str()?, wanted, left)?;
            if refunded != Some(false) {
                return Ok(refunded);
            }
        }
    }
    Ok(Some(false))
}

/// The same for the refunds of one order.
fn has_refund(
    connection: &Connection,
    order: &str,
    wanted: &Wanted,
    left: &mut usize,
) -> rusqlite::Result<Option<bool>> {
    let mut select = connection.prepare_cached(
        "SELECT amount, currency, requested_at FROM refund INDEXED BY refund_order WHERE ord = ?1 LIMIT ?2",
    )?;
    let mut rows = select.query(params![order, limit(*left + 1)])?;
    while let Some(row) = rows.next()? {
        if !visit(left) {
            return Ok(None);
        }
        if wanted.is_amount(&row.get(0)?, row.get_ref(1)?.as_str()?) && wanted.is_day(&row.get(2)?) {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// Counts a row. Returns `false` if no more rows may be visited.
const fn visit(left: &mut usize) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    true
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
