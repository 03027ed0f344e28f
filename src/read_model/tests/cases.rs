//! Tests of the rows of compensation cases.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{ReadModel, ReadModelError, Settings, Stores, stores};
use crate::{
    domain::{
        event::{NewEvent, format_time},
        ids::{EntityId, LogName},
    },
    event_log::{EventLog, Expected, open},
    read_model::{Store, cases::Cases},
    views::{
        compensations::CaseRow,
        lists::{Count, ListName, ListQuery, PageAt},
        query::list_query,
    },
};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::minutes(minute)
}

fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

/// A compensation store in a directory.
fn log_in(dir: &Path) -> Arc<dyn EventLog> {
    open(LogName::Compensation, &format!("embedded:{}", dir.display())).unwrap()
}

fn store(log: &Arc<dyn EventLog>, url: &str) -> Store {
    Store {
        log: Arc::clone(log),
        adapter: "embedded",
        url: url.to_owned(),
    }
}

async fn append(log: &Arc<dyn EventLog>, case: &str, actor: &str, minute: i64, kind: &str, data: serde_json::Value) {
    let event = NewEvent {
        id: uuid::Uuid::now_v7().to_string(),
        r#type: kind.to_owned(),
        time: format_time(at(minute)),
        actor: Some(actor.to_owned()),
        idempotencykey: None,
        correlationid: None,
        causationid: None,
        data: data.to_string(),
        extra: Vec::new(),
    };
    log.append(&id(case), Expected::Any, &[event]).await.unwrap();
}

async fn propose(log: &Arc<dyn EventLog>, case: &str, actor: &str, minute: i64) {
    let amount = json!({"amount": "12.50", "currency": "EUR"});
    let data = json!({
        "command": {"name": "credit_wallet", "wallet": "W-1", "amount": amount, "reason": "goodwill", "note": "n"},
        "command_hash": "hash",
        "target": {"domain": "wallet", "id": "W-1", "sequence": 1},
        "before": {}, "after": {}, "reason": "goodwill", "note": "n", "expires_at": format_time(at(10_000)),
        "steps": [], "amount": amount, "authority": "four_eyes",
    });
    append(log, case, actor, minute, "compensation.proposed", data).await;
}

async fn withdraw(log: &Arc<dyn EventLog>, case: &str, actor: &str, minute: i64) {
    append(
        log,
        case,
        actor,
        minute,
        "compensation.withdrawn",
        json!({"why": "a mistake"}),
    )
    .await;
}

/// Approves or declines a case.
async fn decide(log: &Arc<dyn EventLog>, case: &str, actor: &str, minute: i64, what: &str) {
    let data = json!({"command_hash": "hash", "note": "n"});
    append(log, case, actor, minute, &format!("compensation.{what}"), data).await;
}

fn all() -> ListQuery {
    ListQuery::default()
}

fn waiting() -> ListQuery {
    ListQuery {
        states: vec!["proposed".to_owned()],
        ..all()
    }
}

fn of(operator: &str) -> ListQuery {
    ListQuery {
        operator: Some(operator.to_owned()),
        ..all()
    }
}

/// Waits until the first page of a list has exactly these ids.
async fn shows(cases: &Cases, query: &ListQuery, expected: &[&str]) {
    let ids = |rows: &[CaseRow]| rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>();
    let mut last = Vec::new();
    for _ in 0..500 {
        if let Ok(page) = cases.page(query).await {
            last = ids(&page.rows);
            if last == expected {
                assert_eq!(page.total, Count::Exactly(expected.len() as u64));
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(last, expected, "{query:?}");
}

/// Starts a read model in a directory that an earlier one may still be releasing.
async fn start(stores: &Stores, dir: &Path) -> Arc<ReadModel> {
    let settings = Settings {
        dir: Some(dir.to_owned()),
        rescan: Duration::from_millis(50),
        ..Settings::default()
    };
    loop {
        match ReadModel::start(stores.clone(), settings.clone()) {
            Ok(model) => return model,
            Err(ReadModelError::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn lists_show_the_matching_cases() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    propose(&log, "CMP-1", "sue", 1).await;
    propose(&log, "CMP-2", "fred", 2).await;
    let cases = Cases::temporary(Arc::clone(&log)).unwrap();
    propose(&log, "CMP-3", "sue", 3).await;
    // Streams with other ids are no cases, even if they have events of cases.
    propose(&log, "NOTE-1", "sue", 4).await;
    append(&log, "CMP-4", "sue", 4, "compensation.mystery", json!({})).await;
    withdraw(&log, "CMP-1", "sue", 5).await;
    shows(&cases, &all(), &["CMP-3", "CMP-2", "CMP-1"]).await;
    shows(&cases, &waiting(), &["CMP-3", "CMP-2"]).await;
    shows(&cases, &of("sue"), &["CMP-3", "CMP-1"]).await;
    assert_eq!(cases.waiting_for("fred").await.unwrap(), 1);
    // Withdrawing is no decision, and an undecided case names no decider.
    shows(&cases, &of("ann"), &[]).await;
    decide(&log, "CMP-2", "ann", 6, "declined").await;
    shows(&cases, &of("ann"), &["CMP-2"]).await;
    let page = cases.page(&waiting()).await.unwrap();
    let row = &page.rows[0];
    assert_eq!(
        (row.proposer.as_str(), row.proposed_at, row.expires_at),
        ("sue", at(3), Some(at(10_000)))
    );
    assert_eq!(
        (row.amount.to_string(), row.subject.as_str()),
        ("12.50 EUR".to_owned(), "W-1")
    );
}

#[tokio::test]
async fn rows_survive_a_restart_and_follow_the_present_store() {
    let (dir, kept, other) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let (_, stores) = stores();
    let log = log_in(kept.path());
    propose(&log, "CMP-1", "sue", 1).await;
    propose(&log, "CMP-2", "sue", 2).await;
    let model = start(&stores, dir.path()).await;
    let cases = model.follow_cases(store(&log, "a"));
    shows(&cases, &waiting(), &["CMP-2", "CMP-1"]).await;
    drop((cases, model));
    // Changes made while no process follows are shown after the next start.
    withdraw(&log, "CMP-1", "sue", 3).await;
    propose(&log, "CMP-3", "sue", 4).await;
    let model = start(&stores, dir.path()).await;
    let cases = model.follow_cases(store(&log, "a"));
    shows(&cases, &waiting(), &["CMP-3", "CMP-2"]).await;
    drop((cases, model));
    // A store of the same name with fewer and other cases.
    let log = log_in(other.path());
    propose(&log, "CMP-2", "kim", 7).await;
    let model = start(&stores, dir.path()).await;
    let cases = model.follow_cases(store(&log, "a"));
    shows(&cases, &all(), &["CMP-2"]).await;
    shows(&cases, &of("kim"), &["CMP-2"]).await;
    drop((cases, model));
    // A store of another name.
    let log = log_in(kept.path());
    let model = start(&stores, dir.path()).await;
    let cases = model.follow_cases(store(&log, "b"));
    shows(&cases, &all(), &["CMP-3", "CMP-2", "CMP-1"]).await;
}

#[tokio::test]
async fn paging_lists_every_case_once_while_others_are_added_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    for n in 0..170 {
        propose(&log, &format!("CMP-{n:03}"), "sue", n / 3).await;
    }
    let cases = Cases::temporary(Arc::clone(&log)).unwrap();
    let (mut seen, mut next, mut extra) = (Vec::new(), PageAt::First, 0);
    loop {
        let page = cases.page(&waiting().page(next)).await.unwrap();
        seen.extend(page.rows.iter().map(|row| row.id.to_string()));
        // Before the next page is read, a newer case is added and a listed one ends.
        extra += 1;
        let new = format!("CMP-new-{extra}");
        propose(&log, &new, "sue", 1_000 + extra).await;
        withdraw(&log, &seen[0], "sue", 2_000).await;
        cases.note(&id(&new));
        cases.note(&id(&seen[0]));
        match page.next {
            Some(cursor) => next = PageAt::After(cursor),
            None => break,
        }
    }
    let all: BTreeSet<_> = (0..170).map(|n| format!("CMP-{n:03}")).collect();
    assert_eq!(seen.len(), 170);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn cases_are_found_by_every_filter_and_sort() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    propose(&log, "CMP-1", "sue", 1).await;
    propose(&log, "CMP-2", "fred", 2).await;
    propose(&log, "CMP-3", "sue", 2).await;
    withdraw(&log, "CMP-1", "sue", 3).await;
    let cases = Cases::temporary(Arc::clone(&log)).unwrap();
    let query = |search: &str| list_query(ListName::Cases, search);
    for (search, expected) in [
        ("", "3 2 1"),
        ("state=proposed", "3 2"),
        ("state=withdrawn", "1"),
        ("operator=fred", "2"),
        ("sort=oldest", "1 2 3"),
        ("currency=EUR&sort=amount_down", "3 2 1"),
        ("currency=EUR&min=12.50&max=12.50", "3 2 1"),
        ("currency=EUR&min=12.51", ""),
        ("currency=JPY", ""),
        ("from=2026-01-01T00:02:00Z", "3 2"),
        ("to=2026-01-01T00:02:00Z", "1"),
        ("q=cmp-2", "2"),
        ("q=w-1+sue", "3 1"),
        ("q=wallet", ""),
        ("q=fre", "2"),
        ("q=re", ""),
    ] {
        let parsed = query(search);
        assert!(parsed.ignored.is_empty(), "{search}");
        let ids: Vec<_> = expected.split_whitespace().map(|n| format!("CMP-{n}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        shows(&cases, &parsed.query, &ids).await;
        let (rows, next) = cases.list(&parsed.query).await.unwrap();
        let listed: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!((listed, next), (ids, None), "{search}");
    }
}
