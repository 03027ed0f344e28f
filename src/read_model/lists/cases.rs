//! Rows of compensation cases in lists.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    ListRow, Moment,
    spec::{CASES, Spec},
};
use crate::{
    domain::{
        compensation::{case::CaseStatus, command::CommandName},
        ids::{Domain, EntityId},
        money::Money,
    },
    read_model::columns::{MinorUnits, Number, ReadCurrency, Time},
    views::compensations::CaseRow,
};

impl ListRow for CaseRow {
    const SPEC: &'static Spec = &CASES;

    fn fetch(connection: &Connection, n: i64, _: &Moment) -> rusqlite::Result<Option<Self>> {
        fetch(connection, n)
    }
}

/// The newest cases that append to one of these streams (for example `wallet W-1`), at most `most`.
pub fn cases_about(connection: &Connection, subjects: &[String], most: usize) -> rusqlite::Result<Vec<CaseRow>> {
    let mut numbers = BTreeSet::new();
    let mut select =
        connection.prepare_cached("SELECT n FROM case_subject WHERE subject = ?1 ORDER BY n DESC LIMIT ?2")?;
    for subject in subjects {
        let of_subject = select.query_map(params![subject, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
            row.get(0)
        })?;
        for n in of_subject {
            numbers.insert(n?);
        }
    }
    let mut rows = Vec::with_capacity(numbers.len());
    for n in numbers {
        rows.extend(fetch(connection, n)?);
    }
    rows.sort_unstable_by(|a, b| (b.proposed_at, &b.id).cmp(&(a.proposed_at, &a.id)));
    rows.truncate(most);
    Ok(rows)
}

/// The number of cases that wait for an approval and were not proposed by `reader`, who is allowed to approve.
pub fn count_waiting(connection: &Connection, reader: &str) -> rusqlite::Result<u64> {
    let mut select = connection
        .prepare_cached("SELECT count(*) FROM cases INDEXED BY cases_waits WHERE waits = 1 AND proposer <> ?1")?;
    select
        .query_row([reader], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<CaseRow>> {
    let mut select = connection.prepare_cached(
        "SELECT id, command, domain, subject, refund, amount, currency, status, status_since, proposer, proposed_at, expires_at,
             decided_by, subjects
         FROM cases WHERE n = ?1",
    )?;
    let row = select.query_row([n], |row| {
        let text = |at: usize| row.get_ref(at).and_then(|value| Ok(value.as_str()?.to_owned()));
        let time = |at: usize| row.get::<_, Time>(at).map(|time| time.0.unwrap_or_default());
        let currency = row.get::<_, ReadCurrency>(6)?.0;
        let amount = row.get::<_, MinorUnits>(5)?.0;
        let (id, subject) = (EntityId::new(text(0)?), EntityId::new(text(3)?));
        let (name, domain) = (text(1)?.parse::<CommandName>(), text(2)?.parse::<Domain>());
        let amount = currency.and_then(|currency| Money::from_minor(amount, currency).ok());
        // The projector wrote these values, so parsing succeeds.
        let (Ok(id), Ok(subject), Ok(name), Ok(domain), Some(amount)) = (id, subject, name, domain, amount) else {
            return Ok(None);
        };
        Ok(Some(CaseRow {
            id,
            name,
            domain,
            subject,
            refund: row.get(4)?,
            amount,
            status: row.get::<_, Number<CaseStatus>>(7)?.0,
            status_since: time(8)?,
            proposer: row.get(9)?,
            proposed_at: time(10)?,
            expires_at: row.get::<_, Time>(11)?.0,
            decided_by: row.get(12)?,
            subjects: serde_json::from_str(&text(13)?).unwrap_or_default(),
        }))
    });
    row.optional().map(Option::flatten)
}
