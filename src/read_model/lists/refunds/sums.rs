//! The number and the sums of matching refunds, from totals and ages.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::Summary;
use crate::{
    domain::{money::Currency, refund::RefundState},
    read_model::{
        columns::{MinorUnits, Numbered as _, Sortable, currency_code, from_minor_units},
        lists::{COUNTED_MAX, Total, conditions, question::Question},
        time_slots,
        totals::{Clock, Tally},
    },
    views::lists::{Count, Sum},
};

/// The number of the matching refunds, the number of overdue ones, and the sums.
pub fn summary(question: &Question<'_>) -> rusqlite::Result<Summary> {
    let (connection, moment, totals) = (question.connection, &question.ask.moment, &question.totals);
    let (mut rows, mut overdue, mut exact) = (0_u64, 0_u64, true);
    let mut sums = Sums::default();
    for (state, currency) in &question.lanes {
        let Some(state) = RefundState::of_number(*state) else {
            continue;
        };
        let Ok(before) = conditions::entered_before(question.query, moment, state) else {
            continue;
        };
        let lane = (state, *currency);
        let tally = match before {
            None => total_of(totals, state, *currency),
            Some(before) if state.is_pending() => entered_before(connection, lane, before)?,
            Some(before) => {
                exact = false;
                Tally {
                    rows: count_before(connection, lane, before)?,
                    ..Tally::default()
                }
            }
        };
        rows += tally.rows.max(0).cast_unsigned();
        sums.add(*currency, &tally);
        if let Some(limit) = moment.overdue_before(state) {
            let before = before.map_or(limit, |before| before.min(limit));
            overdue += entered_before(connection, lane, before)?.rows.max(0).cast_unsigned();
        }
    }
    let counted = exact || rows <= COUNTED_MAX as u64;
    Ok(Summary {
        total: if counted {
            Count::Exactly(rows)
        } else {
            Count::AtLeast(COUNTED_MAX as u64)
        },
        overdue: Some(overdue),
        sums: exact.then(|| sums.finish()),
    })
}

fn total_of(totals: &[Total], state: RefundState, currency: Option<Currency>) -> Tally {
    let found = totals
        .iter()
        .find(|total| total.state == state.number() && total.currency == currency);
    found.map(|total| total.tally).unwrap_or_default()
}

/// Sums by currency.
#[derive(Debug, Default)]
pub struct Sums(Vec<(Currency, Tally)>);

impl Sums {
    pub fn add(&mut self, currency: Option<Currency>, tally: &Tally) {
        let Some(currency) = currency.filter(|_| tally.rows > 0) else {
            return;
        };
        match self.0.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => {
                sum.rows += tally.rows;
                sum.sums[0] += tally.sums[0];
            }
            None => self.0.push((currency, *tally)),
        }
    }

    /// Adds one row.
    pub fn add_row(&mut self, currency: Option<Currency>, amount: i128) {
        let tally = Tally {
            rows: 1,
            sums: [amount, 0, 0, 0],
        };
        self.add(currency, &tally);
    }

    /// The sums in the order of the currency codes.
    pub fn finish(mut self) -> Vec<Sum> {
        self.0.sort_by_key(|(currency, _)| *currency);
        let sum = |(currency, tally): (Currency, Tally)| Sum {
            currency,
            amount: from_minor_units(tally.sums[0], Some(currency)),
            count: tally.rows.max(0).cast_unsigned(),
        };
        self.0.into_iter().map(sum).collect()
    }
}

type LaneName = (RefundState, Option<Currency>);

/// The tally of pending refunds that entered their state before a time.
pub fn entered_before(connection: &Connection, lane: LaneName, before: DateTime<Utc>) -> rusqlite::Result<Tally> {
    aged(connection, Clock::InState, lane, before)
}

/// The tally of pending refunds that were requested before a time.
pub fn requested_before(connection: &Connection, lane: LaneName, before: DateTime<Utc>) -> rusqlite::Result<Tally> {
    aged(connection, Clock::Requested, lane, before)
}

/// Adds whole days, hours and minutes from table `age`, and the rows of the last minute.
fn aged(
    connection: &Connection,
    clock: Clock,
    (state, currency): LaneName,
    before: DateTime<Utc>,
) -> rusqlite::Result<Tally> {
    let code = currency_code(currency.as_ref());
    let edge = time_slots::minute(before);
    let mut tally = Tally::default();
    for (unit, from, to) in time_slots::before(edge) {
        let mut select = connection.prepare_cached(
            "SELECT rows, sum FROM age
             WHERE clock = ?1 AND state = ?2 AND currency = ?3 AND unit = ?4 AND slot >= ?5 AND slot < ?6",
        )?;
        let unit = i64::try_from(unit).unwrap_or_default();
        let mut rows = select.query(params![clock as i64, state.number(), code, unit, from, to])?;
        while let Some(row) = rows.next()? {
            tally.rows += row.get::<_, i64>(0)?;
            tally.sums[0] += row.get::<_, MinorUnits>(1)?.0;
        }
    }
    let mut select = connection.prepare_cached(match clock {
        Clock::InState => {
            "SELECT amount FROM refund INDEXED BY refund_since
             WHERE state = ?1 AND currency = ?2 AND state_since >= ?3 AND state_since < ?4"
        }
        Clock::Requested => {
            "SELECT amount FROM refund INDEXED BY refund_requested
             WHERE state = ?1 AND currency = ?2 AND requested_at >= ?3 AND requested_at < ?4"
        }
    })?;
    let begins = time_slots::begin(edge);
    let mut rows = select.query(params![
        state.number(),
        code,
        Sortable::time(begins),
        Sortable::time(before)
    ])?;
    while let Some(row) = rows.next()? {
        tally.rows += 1;
        tally.sums[0] += row.get::<_, MinorUnits>(0)?.0;
    }
    Ok(tally)
}

/// The number of refunds that entered this state before a time, counted up to [`COUNTED_MAX`] + 1. The state may be any.
fn count_before(connection: &Connection, (state, currency): LaneName, before: DateTime<Utc>) -> rusqlite::Result<i64> {
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM refund INDEXED BY refund_since
             WHERE state = ?1 AND currency = ?2 AND state_since < ?3 LIMIT ?4)",
    )?;
    let most = i64::try_from(COUNTED_MAX).unwrap_or(i64::MAX) + 1;
    let code = currency_code(currency.as_ref());
    select.query_row(params![state.number(), code, Sortable::time(before), most], |row| {
        row.get(0)
    })
}
