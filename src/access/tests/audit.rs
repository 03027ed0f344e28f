//! The trail tells what was done, in one chain, and shows it when somebody has been at it.

use chrono::{NaiveDate, TimeDelta};
use futures::{TryStreamExt as _, future::join_all};
use rusqlite::Connection;

use super::{Bench, address};
use crate::{
    access::{
        Access,
        audit::{Broken, NewEntry, Verified, VerifyError},
    },
    domain::audit::AuditOutcome,
    views::audit::AuditQuery,
};

fn entry(actor: &str, subject: &str) -> NewEntry {
    NewEntry::new(actor, "test", AuditOutcome::Done).about(subject)
}

async fn fill(access: &Access, count: usize) {
    for number in 0..count {
        access
            .audit()
            .record(entry("ada", &format!("thing {number}")))
            .await
            .unwrap();
    }
}

impl Bench {
    async fn verified(&self) -> Verified {
        self.another().audit().verify().await.unwrap()
    }

    async fn broken(&self) -> Broken {
        match self.another().audit().verify().await {
            Err(VerifyError::Broken(broken)) => broken,
            other => panic!("{other:?}"),
        }
    }

    async fn found(&self, query: AuditQuery) -> Vec<String> {
        let page = self.access.audit().search(&query).await.unwrap();
        page.rows.into_iter().map(|row| row.subject.unwrap()).collect()
    }

    /// What somebody does who has got hold of the file.
    fn tamper(&self, sql: &str) {
        let file = Connection::open(self.log_file()).unwrap();
        let changed = file.execute(sql, []).unwrap();
        assert!(changed > 0, "{sql}");
        // The checksums of rows find accidents. Who changes rows on purpose can take them away.
        file.execute_batch(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE store SET checksums_from = 1000000;
             UPDATE events SET checksum = NULL;",
        )
        .unwrap();
    }
}

#[tokio::test]
async fn what_is_recorded_is_read_again() {
    let bench = Bench::new();
    assert_eq!(bench.verified().await.entries, 0);
    let whole = NewEntry::new("ada", "sign_in", AuditOutcome::Refused)
        .about("operator kim")
        .of_case("CMP-1")
        .from(address(7))
        .in_session("abc")
        .detail("x".repeat(3_000));
    bench.access.audit().record(whole).await.unwrap();
    let entries: Vec<_> = bench.another().audit().export().try_collect().await.unwrap();
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}")
    };
    assert_eq!((entry.place.as_str(), entry.time), ("AUD-20260131/1", bench.now()));
    assert_eq!(
        (entry.actor.as_str(), entry.act.as_str(), entry.outcome),
        ("ada", "sign_in", AuditOutcome::Refused)
    );
    assert_eq!(
        (entry.subject.as_deref(), entry.case.as_deref()),
        (Some("operator kim"), Some("CMP-1"))
    );
    assert_eq!(
        (entry.from.as_deref(), entry.session.as_deref()),
        (Some("192.0.2.7"), Some("abc"))
    );
    assert_eq!(entry.detail.as_ref().unwrap().chars().count(), 2_001);
    let verified = bench.verified().await;
    assert_eq!((verified.days, verified.entries, &verified.head), (1, 1, &entry.hash));
}

#[tokio::test]
async fn an_act_that_began_is_in_the_trail_before_it_is_done() {
    let bench = Bench::new();
    let act = entry("ada", "thing").detail("more");
    bench.access.audit().begin(&act).await.unwrap();
    bench
        .access
        .audit()
        .record(act.ended(AuditOutcome::Done))
        .await
        .unwrap();
    let entries: Vec<_> = bench.access.audit().export().try_collect().await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.outcome, entry.detail.as_deref()))
        .collect();
    assert_eq!(told, [(AuditOutcome::Asked, None), (AuditOutcome::Done, None)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_write_one_chain() {
    let bench = Bench::new();
    let processes = [bench.another(), bench.another(), bench.another()];
    let recording = (0..150).map(|n| {
        let access = std::sync::Arc::clone(&processes[n % 3]);
        tokio::spawn(async move { access.audit().record(entry("ada", &format!("thing {n}"))).await })
    });
    for done in join_all(recording).await {
        done.unwrap().unwrap();
    }
    assert_eq!(bench.verified().await.entries, 150);
    let mut subjects: Vec<_> = bench.access.audit().export().try_collect::<Vec<_>>().await.unwrap();
    subjects.sort_by(|a, b| a.subject.cmp(&b.subject));
    subjects.dedup_by(|a, b| a.subject == b.subject);
    assert_eq!(subjects.len(), 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_goes_on_over_days_whoever_writes() {
    let bench = Bench::new();
    let processes = [bench.another(), bench.another()];
    for (days, count) in [(0, 3), (1, 2), (5, 4)] {
        bench.pass(TimeDelta::days(days));
        let recording = (0..count).map(|n| processes[n % 2].audit().record(entry("ada", "thing")));
        assert!(join_all(recording).await.iter().all(Result::is_ok));
    }
    // A clock that was put back does not make the chain go back.
    bench.pass(TimeDelta::days(-3));
    fill(&bench.another(), 1).await;
    let verified = bench.verified().await;
    assert_eq!((verified.days, verified.entries), (3, 10));
    let places: Vec<_> = bench
        .access
        .audit()
        .export()
        .map_ok(|entry| entry.place)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(places.first().map(String::as_str), Some("AUD-20260131/1"));
    assert_eq!(places.last().map(String::as_str), Some("AUD-20260206/5"));
}

/// Three entries on one day and three on the next.
async fn two_days() -> Bench {
    let bench = Bench::new();
    fill(&bench.access, 3).await;
    bench.pass(TimeDelta::days(1));
    fill(&bench.access, 3).await;
    bench
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    for (column, value) in [
        ("actor", "'eve'"),
        ("time", "'2026-01-31T22:00:01Z'"),
        ("id", "'e-1'"),
        ("type", "'audit.sealed'"),
        ("correlationid", "'CMP-1'"),
        ("extra", r#"'[["note","x"]]'"#),
        ("data", "replace(data, 'thing', 'thong')"),
        ("data", "replace(data, '\"done\"', '\"refused\"')"),
        ("data", r#"replace(data, '{"act"', '{"note":"x","act"')"#),
    ] {
        let bench = two_days().await;
        bench.tamper(&format!(
            "UPDATE events SET {column} = {value} WHERE stream = 'AUD-20260131' AND sequence = 2"
        ));
        let broken = bench.broken().await;
        assert_eq!(
            (broken.day.as_str(), broken.sequence),
            ("AUD-20260131", 2),
            "{column} = {value}: {broken}"
        );
    }
}

#[tokio::test]
async fn an_entry_that_was_hashed_anew_does_not_fit() {
    let bench = two_days().await;
    // Somebody who knows the rule changes an entry and its hash; the next one tells.
    let other = Bench::new();
    for subject in ["thing 0", "another", "thing 2"] {
        other.access.audit().record(entry("ada", subject)).await.unwrap();
    }
    let (file, sql) = (
        other.log_file(),
        "SELECT data FROM events WHERE stream = 'AUD-20260131' AND sequence = 2",
    );
    let forged: String = Connection::open(file)
        .unwrap()
        .query_row(sql, [], |row| row.get(0))
        .unwrap();
    bench.tamper(&format!(
        "UPDATE events SET data = '{forged}' WHERE stream = 'AUD-20260131' AND sequence = 2"
    ));
    assert_eq!(bench.broken().await.sequence, 2);
}

#[tokio::test]
async fn a_removed_or_moved_entry_is_found() {
    for (sql, day, sequence) in [
        (
            "DELETE FROM events WHERE stream = 'AUD-20260131' AND sequence = 2",
            "AUD-20260131",
            2,
        ),
        // The last of a day, without and with its seal.
        (
            "DELETE FROM events WHERE stream = 'AUD-20260131' AND sequence = 3",
            "AUD-20260131",
            3,
        ),
        (
            "DELETE FROM events WHERE stream = 'AUD-20260131' AND sequence >= 3",
            "AUD-20260201",
            1,
        ),
        // A whole day, and the start.
        ("DELETE FROM events WHERE stream = 'AUD-20260131'", "AUD-20260201", 1),
        ("DELETE FROM events WHERE stream = 'AUD'", "AUD-20260131", 1),
        (
            "UPDATE events SET sequence = 9 WHERE stream = 'AUD-20260131' AND sequence = 1",
            "AUD-20260131",
            1,
        ),
        (
            "UPDATE events SET stream = 'AUD-20260202' WHERE stream = 'AUD-20260201'",
            "AUD-20260202",
            1,
        ),
    ] {
        let bench = two_days().await;
        assert_eq!(bench.verified().await.entries, 6);
        bench.tamper(sql);
        let broken = bench.broken().await;
        assert_eq!(
            (broken.day.as_str(), broken.sequence),
            (day, sequence),
            "{sql}: {broken}"
        );
    }
}

#[tokio::test]
async fn entries_in_another_order_are_found() {
    let bench = two_days().await;
    for (from, to) in [(1, 90), (2, 1), (90, 2)] {
        bench.tamper(&format!(
            "UPDATE events SET sequence = {to} WHERE stream = 'AUD-20260201' AND sequence = {from}"
        ));
    }
    assert_eq!(bench.broken().await.sequence, 1);
}

#[tokio::test]
async fn a_cut_end_shows_in_the_head() {
    let bench = two_days().await;
    let head = bench.verified().await.head;
    bench.tamper("DELETE FROM events WHERE stream = 'AUD-20260201' AND sequence = 3");
    assert_ne!(bench.verified().await.head, head);
}

#[tokio::test]
async fn what_was_damaged_does_not_keep_others_from_being_recorded() {
    let bench = two_days().await;
    bench.tamper("UPDATE events SET data = '[]' WHERE stream = 'AUD-20260201' AND sequence = 3");
    fill(&bench.another(), 2).await;
    assert_eq!(bench.broken().await.sequence, 3);
    let entries: Vec<_> = bench.access.audit().export().try_collect().await.unwrap();
    assert_eq!(entries.len(), 7);
}

#[tokio::test]
async fn a_search_is_newest_first_and_all_that_is_asked_must_hold() {
    let bench = Bench::new();
    let query = AuditQuery::default;
    bench.access.audit().record(entry("ada", "Wallet W-1")).await.unwrap();
    let refused = NewEntry::new("kim", "test", AuditOutcome::Refused).about("wallet W-2");
    bench.access.audit().record(refused).await.unwrap();
    bench.pass(TimeDelta::days(1));
    bench.access.audit().record(entry("kim", "order O-1")).await.unwrap();
    let day = |day: u32| NaiveDate::from_ymd_opt(2026, 1, 30 + day).or(NaiveDate::from_ymd_opt(2026, 2, 1));
    let text = |text: &str| AuditQuery {
        text: text.into(),
        ..query()
    };
    assert_eq!(bench.found(query()).await, ["order O-1", "wallet W-2", "Wallet W-1"]);
    assert_eq!(bench.found(text("WALLET")).await, ["wallet W-2", "Wallet W-1"]);
    assert_eq!(bench.found(text("kim")).await, ["order O-1", "wallet W-2"]);
    let refused = AuditQuery {
        outcome: Some(AuditOutcome::Refused),
        ..text("w")
    };
    assert_eq!(bench.found(refused).await, ["wallet W-2"]);
    assert_eq!(
        bench
            .found(AuditQuery {
                from: day(2),
                ..query()
            })
            .await,
        ["order O-1"]
    );
    assert_eq!(
        bench.found(AuditQuery { to: day(1), ..query() }).await,
        ["wallet W-2", "Wallet W-1"]
    );
    assert_eq!(bench.found(AuditQuery { to: day(0), ..query() }).await, [""; 0]);
    assert_eq!(bench.found(AuditQuery { page: 2, ..query() }).await, [""; 0]);
}

#[tokio::test]
async fn a_search_has_pages() {
    let bench = Bench::new();
    fill(&bench.access, 30).await;
    bench.pass(TimeDelta::days(1));
    fill(&bench.access, 30).await;
    let page = |page| AuditQuery {
        page,
        ..AuditQuery::default()
    };
    let first = bench.access.audit().search(&page(1)).await.unwrap();
    assert_eq!((first.rows.len(), first.pages, first.total), (50, 2, 60));
    let second = bench.access.audit().search(&page(2)).await.unwrap();
    assert_eq!(second.rows.len(), 10);
    assert_eq!(second.rows.last().unwrap().place, "AUD-20260131/1");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_an_error() {
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("access"), "no directory").unwrap();
    let error = bench.access.audit().record(entry("ada", "thing")).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the audit trail can't be written"),
        "{error}"
    );
    assert!(!error.to_string().contains(&bench.dir.path().display().to_string()));
}
