//! Changes that come with time alone: a refund becomes overdue, a hold passes its expiry. No row changes then, so no projector
//! publishes them. These queries find the entities, so that open pages are updated.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::{
    changes::Changed,
    columns::{Numbered as _, Sortable, currency_code},
    lists::{refunds::Moment, totals},
    totals::List,
};
use crate::domain::{
    ids::{Domain, EntityId},
    refund::RefundState,
};

/// The largest number of entities that one query returns. With so many, list pages reload in any case.
const TOLD_MAX: i64 = 100;

/// Orders with refunds that became overdue between two moments (from excluded, to included).
pub fn overdue(connection: &Connection, from: &Moment, to: &Moment) -> rusqlite::Result<Vec<Changed>> {
    let mut changed = Vec::new();
    for total in totals(connection, List::Refunds)? {
        let state = RefundState::of_number(total.state).filter(|_| total.tally.rows > 0);
        let bounds = state.and_then(|state| from.overdue_before(state).zip(to.overdue_before(state)));
        let (Some(state), Some((after, before))) = (state, bounds) else {
            continue;
        };
        let mut select = connection.prepare_cached(
            "SELECT ord FROM refund INDEXED BY refund_since
             WHERE state = ?1 AND currency = ?2 AND state_since >= ?3 AND state_since < ?4 LIMIT ?5",
        )?;
        let code = currency_code(total.currency.as_ref());
        let values = params![
            state.number(),
            code,
            Sortable::time(after),
            Sortable::time(before),
            TOLD_MAX
        ];
        let ids = select.query_map(values, |row| row.get::<_, String>(0))?;
        take(Domain::Order, ids, &mut changed)?;
    }
    Ok(changed)
}

/// Wallets with holds that passed their expiry between two times.
pub fn expired(connection: &Connection, from: DateTime<Utc>, to: DateTime<Utc>) -> rusqlite::Result<Vec<Changed>> {
    let mut select = connection.prepare_cached(
        "SELECT wallet FROM finding INDEXED BY finding_due
         WHERE holds_from <> x'' AND holds_from >= ?1 AND holds_from < ?2 AND wallet IS NOT NULL LIMIT ?3",
    )?;
    let values = params![Sortable::time(from), Sortable::time(to), TOLD_MAX];
    let ids = select.query_map(values, |row| row.get::<_, String>(0))?;
    let mut changed = Vec::new();
    take(Domain::Wallet, ids, &mut changed)?;
    Ok(changed)
}

fn take(
    domain: Domain,
    ids: impl Iterator<Item = rusqlite::Result<String>>,
    changed: &mut Vec<Changed>,
) -> rusqlite::Result<()> {
    for id in ids {
        changed.extend(EntityId::new(id?).ok().map(|id| Changed {
            domain,
            id,
            wallet: None,
        }));
    }
    Ok(())
}
