//! Rows of findings in lists, and their number. A finding that becomes true with time alone is listed from that time on.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    ListRow, Moment,
    spec::{FINDINGS, Spec},
};
use crate::{
    domain::findings::{Finding, FindingKind, Severity},
    read_model::columns::{Number, OptionalMinorUnits, ReadCurrency, Sortable, Time, from_minor_units},
    read_model::time_slots,
    views::{findings::FindingRow, lists::FINDINGS_SHOWN},
};

impl ListRow for FindingRow {
    const SPEC: &'static Spec = &FINDINGS;

    fn fetch(connection: &Connection, n: i64, _: &Moment) -> rusqlite::Result<Option<Self>> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS}, {}, t.key FROM finding t{} WHERE t.n = ?1",
            FINDINGS.customer, FINDINGS.joins
        ))?;
        let row = select.query_row([n], |row| {
            Ok(Self {
                finding: read(row)?,
                customer: row.get(9)?,
                key: row.get(10)?,
            })
        });
        row.optional()
    }
}

const COLUMNS: &str = "t.kind, t.severity, t.refund, t.ord, t.wallet, t.amount, t.currency, t.since, t.explanation";

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

/// The number of findings of each kind that occurs, the worst first.
pub fn counts(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<Vec<(FindingKind, u64)>> {
    let mut select = connection.prepare_cached("SELECT kind, sum(rows) FROM finding_count GROUP BY kind")?;
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

/// The number of holds that are past their expiry.
pub fn due_before(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<i64> {
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

/// The kinds of subjects that a finding can name.
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
    let matching =
        format!("finding AS t INDEXED BY {index} WHERE {column} = ?1 AND (holds_from = x'' OR holds_from < ?2)");
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
