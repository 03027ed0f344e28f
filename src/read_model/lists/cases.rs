//! Lists of compensation cases, newest first.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    COUNTED_MAX, ListError, ListedPage,
    lanes::{Lane, Plan, Segment},
    paging::{self, Order, Start},
};
use crate::{
    domain::{
        compensation::{case::CaseStatus, command::CommandName},
        ids::{Domain, EntityId},
        money::Money,
    },
    read_model::columns::{MinorUnits, Number, ReadCurrency, Time},
    views::{
        compensations::{CASES_ON_A_PAGE, CaseList, CaseRow},
        lists::{Count, PageAt},
    },
};

/// One page of a list, as `reader` sees it.
pub fn page(
    connection: &Connection,
    list: CaseList,
    reader: &str,
    at: &PageAt,
) -> rusqlite::Result<Result<ListedPage<CaseRow>, ListError>> {
    let order = Order {
        sort: 0,
        descending: true,
    };
    let start = match Start::read(at, order.sort) {
        Ok(start) => start,
        Err(error) => return Ok(Err(error)),
    };
    let (index, prefix, lanes): (_, &[&str], Vec<rusqlite::types::Value>) = match list {
        CaseList::All => ("cases_open", &["open"], vec![0.into(), 1.into()]),
        CaseList::Open => ("cases_open", &["open"], vec![1.into()]),
        CaseList::ForMe => ("cases_waits", &["waits"], vec![1.into()]),
        CaseList::Mine => ("cases_proposer", &["proposer"], vec![reader.to_owned().into()]),
    };
    let plan = Plan {
        from: format!("cases INDEXED BY {index}"),
        prefix,
        key: Some("proposed_at"),
        ties: &["id"],
        segments: vec![Segment::of(lanes.into_iter().map(|value| Lane::of(vec![value])))],
    };
    let found = paging::of_walk(connection, &plan, order, &start, CASES_ON_A_PAGE as usize, |n| {
        let row = fetch(connection, n)?;
        // Nobody approves what they proposed themselves.
        Ok(row.filter(|row| list != CaseList::ForMe || row.proposer != reader))
    })?;
    let total = match list {
        CaseList::All => Count::Exactly(count_by_open(connection, true)?),
        CaseList::Open => Count::Exactly(count_by_open(connection, false)?),
        CaseList::ForMe => Count::Exactly(count_waiting(connection, reader)?),
        CaseList::Mine => count_of(connection, reader)?,
    };
    Ok(Ok(ListedPage::of(found, total)))
}

/// How many cases wait for an approval that `reader`, who may approve, can give.
pub fn count_waiting(connection: &Connection, reader: &str) -> rusqlite::Result<u64> {
    let mut select = connection
        .prepare_cached("SELECT count(*) FROM cases INDEXED BY cases_waits WHERE waits = 1 AND proposer <> ?1")?;
    select
        .query_row([reader], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn count_by_open(connection: &Connection, ended: bool) -> rusqlite::Result<u64> {
    let mut select = connection.prepare_cached("SELECT coalesce(sum(rows), 0) FROM case_count WHERE open = 1 OR ?1")?;
    select
        .query_row([ended], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn count_of(connection: &Connection, proposer: &str) -> rusqlite::Result<Count> {
    let most = i64::try_from(COUNTED_MAX).unwrap_or(i64::MAX);
    let mut select = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM cases INDEXED BY cases_proposer WHERE proposer = ?1 LIMIT ?2)",
    )?;
    let count: i64 = select.query_row(params![proposer, most + 1], |row| row.get(0))?;
    Ok(if count > most {
        Count::AtLeast(most.cast_unsigned())
    } else {
        Count::Exactly(count.cast_unsigned())
    })
}

fn fetch(connection: &Connection, n: i64) -> rusqlite::Result<Option<CaseRow>> {
    let mut select = connection.prepare_cached(
        "SELECT id, command, domain, subject, refund, amount, currency, status, status_since, proposer, proposed_at, expires_at
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
        // What the projector wrote reads back.
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
        }))
    });
    row.optional().map(Option::flatten)
}
