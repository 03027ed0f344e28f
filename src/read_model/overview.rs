//! The figures of the overview page. They come from totals and ages alone, so their cost does not grow with the number of orders.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::{
    columns::{Numbered as _, from_minor_units},
    lists::{
        Total, findings,
        refunds::{self, Moment, Sums},
        totals,
    },
    recent, sources,
    totals::{List, Tally},
};
use crate::{
    domain::{ids::Domain, money::Currency, refund::RefundState},
    views::{
        events::Recent,
        overview::{AgeBucket, Overview, StateSummary, Totals},
    },
};

/// The age groups of pending refunds, in hours: each group reaches from one bound to the next.
const AGE_BOUNDS: [u32; 6] = [0, 4, 24, 72, 168, 720];
const LONGEST_OVERDUE: usize = 8;

/// The numbers of rows and entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub wallets: u64,
    pub orders: u64,
    pub refunds: u64,
    pub pending: u64,
    pub events: u64,
    pub findings: u64,
}

pub fn counts(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<Counts> {
    let rows = |totals: &[Total]| -> u64 { totals.iter().map(|total| total.tally.rows.max(0).cast_unsigned()).sum() };
    let refunds = totals(connection, List::Refunds)?;
    let is_pending = |total: &Total| RefundState::of_number(total.state).is_some_and(RefundState::is_pending);
    let pending = refunds.iter().filter(|total| is_pending(total));
    Ok(Counts {
        wallets: rows(&totals(connection, List::Wallets)?),
        orders: rows(&totals(connection, List::Orders)?),
        pending: pending.map(|total| total.tally.rows.max(0).cast_unsigned()).sum(),
        refunds: rows(&refunds),
        events: connection
            .prepare_cached("SELECT coalesce(sum(events), 0) FROM source")?
            .query_row([], |row| row.get::<_, i64>(0))?
            .max(0)
            .cast_unsigned(),
        findings: findings::counts(connection, now)?
            .into_iter()
            .map(|(_, count)| count)
            .sum(),
    })
}

/// The figures of the overview page. `filled`: all orders and their indexes are written. Until then, there are no figures of
/// refunds.
pub fn overview(connection: &Connection, moment: &Moment, filled: bool) -> rusqlite::Result<Overview> {
    let counts = counts(connection, moment.now)?;
    let refunds = if filled {
        totals(connection, List::Refunds)?
    } else {
        Vec::new()
    };
    let mut overdue = Sums::default();
    let mut by_state = Vec::new();
    for state in RefundState::PENDING {
        by_state.push(state_summary(connection, state, &refunds, moment, &mut overdue)?);
    }
    Ok(Overview {
        overdue: by_state.iter().map(|summary| summary.overdue).sum(),
        by_age: by_age(connection, &refunds, moment.now)?,
        by_state,
        overdue_sums: overdue.finish(),
        longest_overdue: if filled {
            refunds::longest_overdue(connection, moment, LONGEST_OVERDUE)?
        } else {
            Vec::new()
        },
        recent: recent::list(connection)?
            .into_iter()
            .map(|recorded| Recent {
                domain: recorded.domain,
                subject: recorded.subject,
                entry: recorded.entry,
            })
            .collect(),
        wallets: counts.wallets,
        orders: counts.orders,
        refunds: counts.refunds,
        events: counts.events,
        totals: by_currency(connection)?,
        findings: findings::counts(connection, moment.now)?,
        checked: Domain::ALL
            .into_iter()
            .map(|domain| Ok((domain, sources::read(connection, domain)?.checked_at)))
            .collect::<rusqlite::Result<_>>()?,
        now: moment.now,
    })
}

fn state_summary(
    connection: &Connection,
    state: RefundState,
    totals: &[Total],
    moment: &Moment,
    overdue: &mut Sums,
) -> rusqlite::Result<StateSummary> {
    let (mut rows, mut late, mut sums) = (0, 0, Sums::default());
    for total in totals
        .iter()
        .filter(|total| total.state == state.number() && total.tally.rows > 0)
    {
        rows += total.tally.rows;
        sums.add(total.currency, &total.tally);
        if let Some(before) = moment.overdue_before(state) {
            let tally = refunds::entered_before(connection, (state, total.currency), before)?;
            late += tally.rows;
            overdue.add(total.currency, &tally);
        }
    }
    Ok(StateSummary {
        state,
        count: rows.max(0).cast_unsigned(),
        overdue: late.max(0).cast_unsigned(),
        sums: sums.finish(),
    })
}

/// Pending refunds by age since the request. Refunds requested in the future are in the youngest group.
fn by_age(connection: &Connection, totals: &[Total], now: DateTime<Utc>) -> rusqlite::Result<Vec<AgeBucket>> {
    let lanes: Vec<(RefundState, Option<Currency>, Tally)> = totals
        .iter()
        .filter(|total| total.tally.rows > 0)
        .filter_map(|total| Some((RefundState::of_number(total.state)?, total.currency, total.tally)))
        .filter(|(state, ..)| state.is_pending())
        .collect();
    let mut buckets = Vec::new();
    // A group is what is at least as old as its lower bound, less what is at least as old as its upper bound.
    let at_least = |hours: Option<u32>| -> rusqlite::Result<Vec<Tally>> {
        lanes
            .iter()
            .map(|(state, currency, all)| match hours {
                Some(0) => Ok(*all),
                None => Ok(Tally::default()),
                Some(hours) => {
                    let age = TimeDelta::hours(hours.into()) - TimeDelta::nanoseconds(1);
                    let before = now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC);
                    refunds::requested_before(connection, (*state, *currency), before)
                }
            })
            .collect()
    };
    let mut older = at_least(Some(AGE_BOUNDS[0]))?;
    for (place, from_hours) in AGE_BOUNDS.into_iter().enumerate() {
        let to_hours = AGE_BOUNDS.get(place + 1).copied();
        let rest = at_least(to_hours)?;
        let (mut count, mut sums) = (0, Sums::default());
        for (((_, currency, _), from), to) in lanes.iter().zip(&older).zip(&rest) {
            let mut within = *from;
            within.rows -= to.rows;
            within.sums[0] -= to.sums[0];
            count += within.rows;
            sums.add(*currency, &within);
        }
        buckets.push(AgeBucket {
            from_hours,
            to_hours,
            count: count.max(0).cast_unsigned(),
            sums: sums.finish(),
        });
        older = rest;
    }
    Ok(buckets)
}

/// The totals of wallets and orders by currency.
fn by_currency(connection: &Connection) -> rusqlite::Result<Vec<Totals>> {
    let mut added: Vec<(Currency, [Tally; 2])> = Vec::new();
    for (place, list) in [List::Orders, List::Wallets].into_iter().enumerate() {
        for total in totals(connection, list)? {
            let Some(currency) = total.currency.filter(|_| total.tally.rows > 0) else {
                continue;
            };
            let at = added
                .iter()
                .position(|(known, _)| *known == currency)
                .unwrap_or_else(|| {
                    added.push((currency, [Tally::default(); 2]));
                    added.len() - 1
                });
            let sum = &mut added[at].1[place];
            sum.rows += total.tally.rows;
            for (sum, more) in sum.sums.iter_mut().zip(total.tally.sums) {
                *sum += more;
            }
        }
    }
    added.sort_by_key(|(currency, _)| *currency);
    let totals = added.into_iter().map(|(currency, [orders, wallets])| {
        let amount = |minor_units| from_minor_units(minor_units, Some(currency));
        Totals {
            currency,
            orders: orders.rows.max(0).cast_unsigned(),
            total: amount(orders.sums[0]),
            paid: amount(orders.sums[1]),
            refunded: amount(orders.sums[2]),
            pending: amount(orders.sums[3]),
            wallets: wallets.rows.max(0).cast_unsigned(),
            posted: amount(wallets.sums[0]),
            held: amount(wallets.sums[1]),
        }
    });
    Ok(totals.collect())
}
