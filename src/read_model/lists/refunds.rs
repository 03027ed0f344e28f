//! Rows of refunds in lists, their number and their sums.

mod sums;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Ask, ListRow, Search,
    paging::Collected,
    question::Question,
    spec::{REFUNDS, Spec},
};
use crate::{
    domain::{
        ids::EntityId,
        refund::{Limits, RefundRow, RefundState},
    },
    read_model::columns::{MinorUnits, Number, Numbered as _, ReadCurrency, Sortable, Time, from_minor_units},
    views::lists::{Count, ListQuery, Sort, Sum},
};

pub use self::sums::{Sums, entered_before, requested_before};

/// The time and the limits for which a list is made.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: DateTime<Utc>,
    pub limits: Limits,
}

impl Moment {
    /// The time before which an overdue refund entered this state. `None` if the state is not pending.
    pub fn overdue_before(&self, state: RefundState) -> Option<DateTime<Utc>> {
        let limit = self.limits.of(state)?;
        Some(self.now.checked_sub_signed(limit).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }
}

/// The number and the sums of the matching rows. `None` if too many rows match to be read, or if the sums are not wanted.
#[derive(Debug)]
pub struct Summary {
    pub total: Count,
    pub overdue: Option<u64>,
    pub sums: Option<Vec<Sum>>,
}

impl Summary {
    pub const fn counted(total: Count) -> Self {
        Self {
            total,
            overdue: None,
            sums: None,
        }
    }
}

impl ListRow for RefundRow {
    const SPEC: &'static Spec = &REFUNDS;

    fn fetch(connection: &Connection, n: i64, moment: &Moment) -> rusqlite::Result<Option<Self>> {
        fetch(connection, n, moment)
    }

    fn summary(question: &Question<'_>) -> rusqlite::Result<Summary> {
        sums::summary(question)
    }

    fn summary_of(collected: &[Collected], moment: &Moment) -> Summary {
        let (mut overdue, mut sums) = (0, Sums::default());
        for row in collected {
            let before = RefundState::of_number(row.state).and_then(|state| moment.overdue_before(state));
            overdue += u64::from(before.is_some_and(|before| row.since < Sortable::time(before)));
            sums.add_row(row.currency, row.amount);
        }
        Summary {
            total: Count::Exactly(collected.len() as u64),
            overdue: Some(overdue),
            sums: Some(sums.finish()),
        }
    }
}

/// Reads the refund of this number.
fn fetch(connection: &Connection, n: i64, moment: &Moment) -> rusqlite::Result<Option<RefundRow>> {
    let mut select = connection.prepare_cached(
        "SELECT r.refund, r.ord, o.wallet, r.state, r.amount, r.currency, r.destination, r.reason, r.requested_at,
             r.state_since, o.customer
         FROM refund r LEFT JOIN orders o ON o.id = r.ord WHERE r.n = ?1",
    )?;
    let row = select.query_row([n], |row| {
        let currency = row.get::<_, ReadCurrency>(5)?.0;
        let order = EntityId::new(row.get::<_, String>(1)?).ok();
        let times = (row.get::<_, Time>(8)?.0, row.get::<_, Time>(9)?.0);
        let (Some(currency), Some(order), (Some(requested_at), Some(state_since))) = (currency, order, times) else {
            return Ok(None);
        };
        let state = row.get::<_, Number<RefundState>>(3)?.0;
        let age = moment.now - state_since;
        Ok(Some(RefundRow {
            refund: row.get(0)?,
            order,
            wallet: row.get(2)?,
            customer: row.get(10)?,
            state,
            waits_for: state.waits_for(),
            amount: from_minor_units(row.get::<_, MinorUnits>(4)?.0, Some(currency)),
            currency,
            destination: row.get::<_, String>(6)?.into(),
            reason: row.get::<_, String>(7)?.into(),
            requested_at,
            state_since,
            age_seconds: age.num_seconds(),
            overdue: moment.limits.of(state).is_some_and(|limit| age > limit),
        }))
    });
    row.optional().map(Option::flatten)
}

/// The refunds that have been overdue for the longest time, at most `most`.
pub fn longest_overdue(connection: &Connection, moment: &Moment, most: usize) -> rusqlite::Result<Vec<RefundRow>> {
    let query = ListQuery {
        overdue: true,
        sort: Some(Sort::Stuck),
        ..ListQuery::default()
    };
    let ask = Ask::part(most, Search::Ids, *moment);
    // A query without a search text has no error.
    let page = super::page::<RefundRow>(connection, &query, &ask)?;
    Ok(page.map(|page| page.rows).unwrap_or_default())
}
