//! Tests of the audit trail: recording, the hash chain over days and processes, detection of changes, search.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::{TryStreamExt as _, future::join_all};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Audit, Broken, Verified, VerifyError};
use crate::{
    domain::{
        audit::{AuditOutcome, NewEntry},
        ids::LogName,
    },
    event_log::{self, Clock},
    views::audit::AuditQuery,
};

/// 2026-01-31T22:00:00Z: two hours before the end of a day and of a month.
const START: i64 = 1_769_896_800_000;

/// An audit trail in a temporary directory, with a clock that the test sets.
struct TestAudit {
    dir: TempDir,
    now: Arc<AtomicI64>,
    audit: Arc<Audit>,
}

impl TestAudit {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(START));
        let audit = open(&dir, &now);
        Self { dir, now, audit }
    }

    /// Another [`Audit`] on the same store, as in another process.
    fn another(&self) -> Arc<Audit> {
        open(&self.dir, &self.now)
    }

    fn time(&self) -> DateTime<Utc> {
        at(&self.now)
    }

    fn pass(&self, time: TimeDelta) {
        self.now.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }

    /// The file of the log.
    fn log_file(&self) -> PathBuf {
        self.dir.path().join("access/events.sqlite3")
    }
}

fn open(dir: &TempDir, now: &Arc<AtomicI64>) -> Arc<Audit> {
    let url = format!("embedded:{}", dir.path().join("access").display());
    let now = Arc::clone(now);
    let clock: Clock = Arc::new(move || at(&now));
    let log = event_log::open(LogName::Access, &url).unwrap();
    Arc::new(Audit::new(log, clock))
}

fn at(now: &AtomicI64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(now.load(Ordering::SeqCst)).unwrap()
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn entry(actor: &str, subject: &str) -> NewEntry {
    NewEntry::new(actor, "test", AuditOutcome::Done).about(subject)
}

async fn fill(audit: &Audit, count: usize) {
    for number in 0..count {
        audit.record(entry("ada", &format!("thing {number}"))).await.unwrap();
    }
}

impl TestAudit {
    async fn verified(&self) -> Verified {
        self.another().verify().await.unwrap()
    }

    async fn broken(&self) -> Broken {
        match self.another().verify().await {
            Err(VerifyError::Broken(broken)) => broken,
            other => panic!("{other:?}"),
        }
    }

    async fn found(&self, query: AuditQuery) -> Vec<String> {
        let page = self.audit.search(&query).await.unwrap();
        page.rows.into_iter().map(|row| row.subject.unwrap()).collect()
    }

    /// Changes the store's file with SQL, as an attacker with access to the file could.
    fn tamper(&self, sql: &str) {
        let file = Connection::open(self.log_file()).unwrap();
        let changed = file.execute(sql, []).unwrap();
        assert!(changed > 0, "{sql}");
        // Removes the checksums of rows: they detect accidental damage, but an attacker can remove them.
        file.execute_batch(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE store SET checksums_from = 1000000;
             UPDATE events SET checksum = NULL;",
        )
        .unwrap();
    }
}

#[tokio::test]
async fn a_recorded_entry_is_read_back() {
    let trail = TestAudit::new();
    assert_eq!(trail.verified().await.entries, 0);
    let whole = NewEntry::new("ada", "sign_in", AuditOutcome::Refused)
        .about("operator kim")
        .of_case("CMP-1")
        .from(address(7))
        .in_session("abc")
        .detail("x".repeat(3_000));
    trail.audit.record(whole).await.unwrap();
    let entries: Vec<_> = trail.another().export().try_collect().await.unwrap();
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}")
    };
    assert_eq!((entry.place.as_str(), entry.time), ("AUD-20260131/1", trail.time()));
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
    let verified = trail.verified().await;
    assert_eq!((verified.days, verified.entries, &verified.head), (1, 1, &entry.hash));
}

#[tokio::test]
async fn an_act_that_began_is_in_the_trail_before_it_is_done() {
    let trail = TestAudit::new();
    let act = entry("ada", "thing").detail("more");
    trail.audit.begin(&act).await.unwrap();
    trail.audit.record(act.ended(AuditOutcome::Done)).await.unwrap();
    let entries: Vec<_> = trail.audit.export().try_collect().await.unwrap();
    let outcomes: Vec<_> = entries
        .iter()
        .map(|entry| (entry.outcome, entry.detail.as_deref()))
        .collect();
    assert_eq!(outcomes, [(AuditOutcome::Asked, None), (AuditOutcome::Done, None)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_write_one_chain() {
    let trail = TestAudit::new();
    let processes = [trail.another(), trail.another(), trail.another()];
    let recording = (0..150).map(|n| {
        let audit = std::sync::Arc::clone(&processes[n % 3]);
        tokio::spawn(async move { audit.record(entry("ada", &format!("thing {n}"))).await })
    });
    for done in join_all(recording).await {
        done.unwrap().unwrap();
    }
    assert_eq!(trail.verified().await.entries, 150);
    let mut subjects: Vec<_> = trail.audit.export().try_collect::<Vec<_>>().await.unwrap();
    subjects.sort_by(|a, b| a.subject.cmp(&b.subject));
    subjects.dedup_by(|a, b| a.subject == b.subject);
    assert_eq!(subjects.len(), 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_continues_over_days_with_several_writers() {
    let trail = TestAudit::new();
    let processes = [trail.another(), trail.another()];
    for (days, count) in [(0, 3), (1, 2), (5, 4)] {
        trail.pass(TimeDelta::days(days));
        let recording = (0..count).map(|n| processes[n % 2].record(entry("ada", "thing")));
        assert!(join_all(recording).await.iter().all(Result::is_ok));
    }
    // A clock that was set back does not move the chain back to an earlier day.
    trail.pass(TimeDelta::days(-3));
    fill(&trail.another(), 1).await;
    let verified = trail.verified().await;
    assert_eq!((verified.days, verified.entries), (3, 10));
    let places: Vec<_> = trail
        .audit
        .export()
        .map_ok(|entry| entry.place)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(places.first().map(String::as_str), Some("AUD-20260131/1"));
    assert_eq!(places.last().map(String::as_str), Some("AUD-20260206/5"));
}

/// Three entries on one day and three on the next.
async fn two_days() -> TestAudit {
    let trail = TestAudit::new();
    fill(&trail.audit, 3).await;
    trail.pass(TimeDelta::days(1));
    fill(&trail.audit, 3).await;
    trail
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
        let trail = two_days().await;
        trail.tamper(&format!(
            "UPDATE events SET {column} = {value} WHERE stream = 'AUD-20260131' AND sequence = 2"
        ));
        let broken = trail.broken().await;
        assert_eq!(
            (broken.day.as_str(), broken.sequence),
            ("AUD-20260131", 2),
            "{column} = {value}: {broken}"
        );
    }
}

#[tokio::test]
async fn a_changed_entry_with_a_recomputed_hash_is_found() {
    let trail = two_days().await;
    // An entry is changed and its hash recomputed; the `prev` of the next entry shows it.
    let other = TestAudit::new();
    for subject in ["thing 0", "another", "thing 2"] {
        other.audit.record(entry("ada", subject)).await.unwrap();
    }
    let (file, sql) = (
        other.log_file(),
        "SELECT data FROM events WHERE stream = 'AUD-20260131' AND sequence = 2",
    );
    let forged: String = Connection::open(file)
        .unwrap()
        .query_row(sql, [], |row| row.get(0))
        .unwrap();
    trail.tamper(&format!(
        "UPDATE events SET data = '{forged}' WHERE stream = 'AUD-20260131' AND sequence = 2"
    ));
    assert_eq!(trail.broken().await.sequence, 2);
}

#[tokio::test]
async fn a_removed_or_moved_entry_is_found() {
    for (sql, day, sequence) in [
        (
            "DELETE FROM events WHERE stream = 'AUD-20260131' AND sequence = 2",
            "AUD-20260131",
            2,
        ),
        // The last entry of a day, without and with its seal.
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
        // A whole day, and the start of the chain.
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
        let trail = two_days().await;
        assert_eq!(trail.verified().await.entries, 6);
        trail.tamper(sql);
        let broken = trail.broken().await;
        assert_eq!(
            (broken.day.as_str(), broken.sequence),
            (day, sequence),
            "{sql}: {broken}"
        );
    }
}

#[tokio::test]
async fn entries_in_another_order_are_found() {
    let trail = two_days().await;
    for (from, to) in [(1, 90), (2, 1), (90, 2)] {
        trail.tamper(&format!(
            "UPDATE events SET sequence = {to} WHERE stream = 'AUD-20260201' AND sequence = {from}"
        ));
    }
    assert_eq!(trail.broken().await.sequence, 1);
}

#[tokio::test]
async fn a_cut_end_shows_in_the_head() {
    let trail = two_days().await;
    let head = trail.verified().await.head;
    trail.tamper("DELETE FROM events WHERE stream = 'AUD-20260201' AND sequence = 3");
    assert_ne!(trail.verified().await.head, head);
}

#[tokio::test]
async fn entries_are_recorded_after_a_damaged_one() {
    let trail = two_days().await;
    trail.tamper("UPDATE events SET data = '[]' WHERE stream = 'AUD-20260201' AND sequence = 3");
    fill(&trail.another(), 2).await;
    assert_eq!(trail.broken().await.sequence, 3);
    let entries: Vec<_> = trail.audit.export().try_collect().await.unwrap();
    assert_eq!(entries.len(), 7);
}

#[tokio::test]
async fn a_search_is_newest_first_and_combines_all_filters() {
    let trail = TestAudit::new();
    let query = AuditQuery::default;
    trail.audit.record(entry("ada", "Wallet W-1")).await.unwrap();
    let refused = NewEntry::new("kim", "test", AuditOutcome::Refused).about("wallet W-2");
    trail.audit.record(refused).await.unwrap();
    trail.pass(TimeDelta::days(1));
    trail.audit.record(entry("kim", "order O-1")).await.unwrap();
    let day = |day: u32| NaiveDate::from_ymd_opt(2026, 1, 30 + day).or(NaiveDate::from_ymd_opt(2026, 2, 1));
    let text = |text: &str| AuditQuery {
        text: text.into(),
        ..query()
    };
    assert_eq!(trail.found(query()).await, ["order O-1", "wallet W-2", "Wallet W-1"]);
    assert_eq!(trail.found(text("WALLET")).await, ["wallet W-2", "Wallet W-1"]);
    assert_eq!(trail.found(text("kim")).await, ["order O-1", "wallet W-2"]);
    let refused = AuditQuery {
        outcome: Some(AuditOutcome::Refused),
        ..text("w")
    };
    assert_eq!(trail.found(refused).await, ["wallet W-2"]);
    assert_eq!(
        trail
            .found(AuditQuery {
                from: day(2),
                ..query()
            })
            .await,
        ["order O-1"]
    );
    assert_eq!(
        trail.found(AuditQuery { to: day(1), ..query() }).await,
        ["wallet W-2", "Wallet W-1"]
    );
    assert_eq!(trail.found(AuditQuery { to: day(0), ..query() }).await, [""; 0]);
    assert_eq!(trail.found(AuditQuery { page: 2, ..query() }).await, [""; 0]);
}

#[tokio::test]
async fn a_search_has_pages() {
    let trail = TestAudit::new();
    fill(&trail.audit, 30).await;
    trail.pass(TimeDelta::days(1));
    fill(&trail.audit, 30).await;
    let page = |page| AuditQuery {
        page,
        ..AuditQuery::default()
    };
    let first = trail.audit.search(&page(1)).await.unwrap();
    assert_eq!((first.rows.len(), first.pages, first.total), (50, 2, 60));
    let second = trail.audit.search(&page(2)).await.unwrap();
    assert_eq!(second.rows.len(), 10);
    assert_eq!(second.rows.last().unwrap().place, "AUD-20260131/1");
}

#[tokio::test]
async fn a_failed_write_is_an_error() {
    let trail = TestAudit::new();
    std::fs::write(trail.dir.path().join("access"), "no directory").unwrap();
    let error = trail.audit.record(entry("ada", "thing")).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the audit trail can't be written"),
        "{error}"
    );
    assert!(!error.to_string().contains(&trail.dir.path().display().to_string()));
}
