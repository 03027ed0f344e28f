//! Lists of findings, worst first. A finding that only the time makes true is listed once its time has come.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    ListError, ListedPage,
    lanes::{Lane, Plan, Segment},
    paging::{self, Order, Start},
};
use crate::{
    domain::findings::{Finding, FindingKind, Severity},
    read_model::columns::{Number, Numbered as _, OptionalMinorUnits, ReadCurrency, Sortable, Time, from_minor_units},
    read_model::time_slots,
    views::lists::{Count, FINDINGS_SHOWN, FindingsQuery},
};

/// The kinds from the worst to the least.
fn kinds_by_severity() -> Vec<FindingKind> {
    let mut kinds = FindingKind::ALL.to_vec();
    kinds.sort_by_key(|kind| (kind.severity(), *kind));
    kinds
}

/// One page of the findings that match, `size` rows at most.
pub fn page(
    connection: &Connection,
    query: &FindingsQuery,
    now: DateTime<Utc>,
    size: usize,
) -> rusqlite::Result<Result<ListedPage<Finding>, ListError>> {
    let order = Order {
        sort: 0,
        descending: false,
    };
    let start = match Start::read(&query.at, order.sort) {
        Ok(start) => start,
        Err(error) => return Ok(Err(error)),
    };
    let kinds = (0..).zip(kinds_by_severity());
    let segments = kinds
        .filter(|(_, kind)| query.kind.is_none_or(|wanted| wanted == *kind))
        .map(|(place, kind): (u32, _)| Segment {
            label: format!("{place:02}"),
            lanes: vec![Lane {
                // What is found about a hold stands there with its expiry, also before it.
                below: (kind == FindingKind::HoldNeverResolved).then(|| Sortable::time(now)),
                ..Lane::of(vec![kind.number().into()])
            }],
        });
    let plan = Plan {
        from: "finding INDEXED BY finding_kind".to_owned(),
        prefix: &["kind"],
        key: Some("since"),
        ties: &["key"],
        segments: segments.collect(),
    };
    let found = paging::of_walk(connection, &plan, order, &start, size, |n| {
        let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM finding WHERE n = ?1"))?;
        select.query_row([n], read).optional()
    })?;
    let counts = counts(connection, now)?;
    let of_kind = counts
        .iter()
        .filter(|(kind, _)| query.kind.is_none_or(|wanted| wanted == *kind));
    let total = of_kind.map(|(_, count)| count).sum();
    Ok(Ok(ListedPage::of(found, Count::Exactly(total))))
}

const COLUMNS: &str = "kind, severity, refund, ord, wallet, amount, currency, since, explanation";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Finding> {
    let currency = row.get::<_, ReadCurrency>(6)?.0;
    let amount = row.get::<_, OptionalMinorUnits>(5)?.0;
    Ok(Finding {
        finding: row.get::<_, Number<FindingKind>>(0)?.0,
        severity: row.get::<_, Number<Severity>>(1)?.0,
        refund: row.get(2)?,
        order: row.get(3)?,
        wallet: row.get(4)?,
        amount: amount.map(|amount| from_minor_units(amount, currency)),
        currency,
        since: row.get::<_, Time>(7)?.0,
        explanation: row.get(8)?,
    })
}

/// Where a list of findings by their subject goes on.
#[derive(Clone, Debug)]
pub struct FindingPlace {
    scope: i64,
    subject: String,
    n: i64,
}

/// The next findings that hold at a time: about refunds, then orders, holds and wallets, each by id. Looks at `size` of them,
/// and answers where the list goes on; `None` at its end.
pub fn by_subject(
    connection: &Connection,
    now: DateTime<Utc>,
    after: Option<&FindingPlace>,
    size: usize,
) -> rusqlite::Result<(Vec<Finding>, Option<FindingPlace>)> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, scope, subject, n, holds_from = x'' OR holds_from < ?4
         FROM finding INDEXED BY finding_subject
         WHERE (scope, subject, n) > (?1, ?2, ?3) ORDER BY scope, subject, n LIMIT ?5"
    ))?;
    let (scope, subject, n) = after.map_or((-1, "", 0), |after| (after.scope, &*after.subject, after.n));
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let mut rows = select.query(params![scope, subject, n, Sortable::time(now), size])?;
    let (mut found, mut looked_at, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if row.get(12)? {
            found.push(read(row)?);
        }
        if looked_at == size {
            last = Some(FindingPlace {
                scope: row.get(9)?,
                subject: row.get(10)?,
                n: row.get(11)?,
            });
        }
    }
    Ok((found, last))
}

/// How many findings there are of each kind that occurs, worst first.
pub fn counts(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<Vec<(FindingKind, u64)>> {
    let mut select = connection.prepare_cached("SELECT kind, rows FROM finding_count")?;
    let rows = select.query_map([], |row| {
        Ok((row.get::<_, Number<FindingKind>>(0)?.0, row.get::<_, i64>(1)?))
    })?;
    let mut counts: Vec<(FindingKind, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    for (kind, count) in &mut counts {
        if *kind == FindingKind::HoldNeverResolved && *count > 0 {
            *count = due_before(connection, now)?;
        }
    }
    counts.retain(|(_, count)| *count > 0);
    counts.sort_by_key(|(kind, _)| (kind.severity(), *kind));
    Ok(counts
        .into_iter()
        .map(|(kind, count)| (kind, count.cast_unsigned()))
        .collect())
}

/// How many holds are past their expiry.
fn due_before(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<i64> {
    let edge = time_slots::minute(now);
    let mut rows = 0;
    for (unit, from, to) in time_slots::before(edge) {
        let mut select = connection.prepare_cached(
            "SELECT coalesce(sum(rows), 0) FROM due_count WHERE unit = ?1 AND slot >= ?2 AND slot < ?3",
        )?;
        let unit = i64::try_from(unit).unwrap_or_default();
        rows += select.query_row([unit, from, to], |row| row.get::<_, i64>(0))?;
    }
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM finding INDEXED BY finding_due
         WHERE holds_from <> x'' AND holds_from >= ?1 AND holds_from < ?2",
    )?;
    let begins = Sortable::time(time_slots::begin(edge));
    let in_minute: i64 = select.query_row(params![begins, Sortable::time(now)], |row| row.get(0))?;
    Ok(rows + in_minute)
}

/// What a finding can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Refund,
    Order,
    Wallet,
}

/// The first [`FINDINGS_SHOWN`] findings that name a refund, an order or a wallet, and the number of all of them.
pub fn about(
    connection: &Connection,
    about: About,
    id: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<(Vec<Finding>, u64)> {
    let (index, column) = match about {
        About::Refund => ("finding_refund", "refund"),
        About::Order => ("finding_order", "ord"),
        About::Wallet => ("finding_wallet", "wallet"),
    };
    let matching = format!("finding INDEXED BY {index} WHERE {column} = ?1 AND (holds_from = x'' OR holds_from < ?2)");
    let named = params![id, Sortable::time(now)];
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {matching} ORDER BY scope, subject, n LIMIT {FINDINGS_SHOWN}"
    ))?;
    let shown = select.query_map(named, read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    if shown.len() < FINDINGS_SHOWN {
        let count = shown.len() as u64;
        return Ok((shown, count));
    }
    let mut count = connection.prepare_cached(&format!("SELECT count(*) FROM {matching}"))?;
    let count: i64 = count.query_row(named, |row| row.get(0))?;
    Ok((shown, count.cast_unsigned()))
}
