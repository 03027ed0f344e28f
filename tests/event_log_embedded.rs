//! Tests for embedded stores only: several processes on one directory, one of them killed while it writes, and damaged
//! files.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by panicking"
)]

#[allow(dead_code, reason = "the suite runs elsewhere; its helpers are used here")]
#[path = "../src/event_log/conformance.rs"]
mod conformance;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::Duration,
};

use conformance::{event, id, keyed, next, read_all, sequences};
use futures::TryStreamExt as _;
use ledgerscope::{
    domain::{
        event::NewEvent,
        ids::{Domain, Position, Sequence},
    },
    event_log::{AppendError, EventLog, Expected, FeedPosition, ReadError, open},
};

fn log(dir: &Path) -> Arc<dyn EventLog> {
    open(Domain::Wallet, &format!("embedded:{}", dir.display())).unwrap()
}

/// The variable that has the directory for a child process of this test.
const CHILD: &str = "LEDGERSCOPE_TEST_APPENDER";

/// Starts this test program again, as a child that runs only the test with the role. It appends to W-1 until it is
/// killed and prints the acknowledged sequences, one a line.
fn spawn_appender(dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "acknowledged_events_survive_a_crash", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_a_crash() {
    if let Some(dir) = env::var_os(CHILD) {
        let log = log(Path::new(&dir));
        loop {
            let done = log
                .append(&id("W-1"), Expected::Any, &[event(1), event(2)])
                .await
                .unwrap();
            writeln!(std::io::stdout(), "\nsequence {}", done.last).unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<Sequence> = vec![];
    for round in 0..4 {
        // Two processes append at once. Both are killed while appending.
        let mut appenders = [spawn_appender(dir.path()), spawn_appender(dir.path())];
        sleep(Duration::from_millis(300 + 50 * round));
        for appender in &mut appenders {
            appender.kill().unwrap();
            appender.wait().unwrap();
            let lines = BufReader::new(appender.stdout.take().unwrap()).lines();
            acknowledged
                .extend(lines.filter_map(|line| line.ok()?.strip_prefix("sequence ")?.parse::<Sequence>().ok()));
        }
    }
    let log = log(dir.path());
    let entries = read_all(&*log, &id("W-1")).await;
    let count = entries.len() as u64;
    assert_eq!(sequences(&entries), (1..=count).collect::<Vec<_>>());
    assert_eq!(count % 2, 0, "half an append");
    acknowledged.sort_unstable();
    let before = acknowledged.len();
    acknowledged.dedup();
    assert_eq!(acknowledged.len(), before, "a sequence was acknowledged twice");
    assert!(before > 50, "only {before} appends were seen");
    assert!(acknowledged.last().unwrap() <= &count);
    // For each killed process, at most one append is stored without having been acknowledged.
    assert!(count / 2 - before as u64 <= 8, "{count} events, {before} appends");
    assert_eq!(
        next(&mut log.follow(FeedPosition::default()), entries.len())
            .await
            .len() as u64,
        count
    );
}

#[tokio::test]
async fn a_file_that_is_no_store_is_an_error_and_is_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.sqlite3");
    let text = "this is a letter, not a database; ".repeat(100);
    fs::write(&file, &text).unwrap();
    let log = log(dir.path());
    let read = log.read(&id("W-1"), Position::START, 1).await;
    assert!(matches!(read, Err(ReadError::Damaged { .. })), "{read:?}");
    let append = log.append(&id("W-1"), Expected::Any, &[event(1)]).await;
    assert!(matches!(append, Err(AppendError::Unavailable { .. })), "{append:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // After the file is removed, the same log works.
    fs::remove_file(&file).unwrap();
    log.append(&id("W-1"), Expected::Any, &[keyed(1, "k")]).await.unwrap();
    assert_eq!(read_all(&*log, &id("W-1")).await.len(), 1);
}

#[tokio::test]
async fn every_store_has_its_own_stable_identity() {
    let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let identity = log(one.path()).identity().await.unwrap();
    log(one.path())
        .append(&id("W-1"), Expected::Any, &[event(1)])
        .await
        .unwrap();
    assert_eq!(log(one.path()).identity().await.unwrap(), identity);
    let others = log(other.path()).identity().await.unwrap();
    assert!(others.history.is_some() && others.history != identity.history);
    assert_eq!(
        (identity.run, identity.offset, identity.partitions),
        (None, None, Some(1))
    );
}

/// Columns of an event of W-2, and the values that they are changed to outside of the program.
const CHANGES: [(&str, &str); 14] = [
    ("data", r#"'{"number":5}'"#),
    ("data", "NULL"),
    ("data", "CAST(x'ff' AS TEXT)"),
    ("extra", "NULL"),
    ("extra", r#"'[["own","y"]]'"#),
    ("id", "'e-x'"),
    ("type", "'wallet.debited'"),
    ("time", "'2026-03-01T12:00:01Z'"),
    ("actor", "'eve'"),
    ("idempotencykey", "'other'"),
    ("sequence", "9"),
    ("recorded", "recorded + 1"),
    ("position", "position + 1000"),
    ("checksum", "checksum + 1"),
];

#[tokio::test]
async fn a_changed_row_damages_only_its_stream() {
    for (column, value) in CHANGES {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path());
        let own = NewEvent {
            extra: vec![("own".into(), "x".into())],
            ..keyed(4, "k")
        };
        for wallet in ["W-1", "W-2", "W-3"] {
            let events = [event(1), event(2), event(3), own.clone()];
            log.append(&id(wallet), Expected::Any, &events).await.unwrap();
        }
        rusqlite::Connection::open(dir.path().join("events.sqlite3"))
            .unwrap()
            .execute(
                &format!("UPDATE events SET {column} = {value} WHERE stream = 'W-2' AND sequence = 4"),
                [],
            )
            .unwrap();
        let read = log.read(&id("W-2"), Position::START, 9).await;
        let Err(ReadError::Damaged { reason, .. }) = read else {
            panic!("{column}: {read:?}")
        };
        let position = if column == "position" { "1008" } else { "8" };
        assert!(reason.contains(&format!("of W-2 at position {position} ")), "{reason}");
        // The events before it can be read, and so can other streams.
        assert_eq!(log.read(&id("W-2"), Position::START, 3).await.unwrap().len(), 3);
        assert_eq!(read_all(&*log, &id("W-3")).await.len(), 4);
        let parts = log.sweep().try_concat().await.unwrap();
        let facts: Vec<_> = parts
            .iter()
            .map(|part| (part.subject.as_str(), part.entries.len(), part.unreadable.is_some()))
            .collect();
        assert_eq!(facts, [("W-1", 4, false), ("W-2", 0, true), ("W-3", 4, false)]);
    }
}

#[tokio::test]
async fn a_sweep_goes_on_after_a_long_stream_that_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    let events: Vec<_> = (0..1_000).map(event).collect();
    for _ in 0..12 {
        log.append(&id("W-2"), Expected::Any, &events).await.unwrap();
    }
    for wallet in ["W-1", "W-3"] {
        log.append(&id(wallet), Expected::Any, &[event(1)]).await.unwrap();
    }
    let file = rusqlite::Connection::open(dir.path().join("events.sqlite3")).unwrap();
    // In the first page of a sweep, in a middle one, and in the last.
    for position in [7, 6_000, 12_000] {
        let change = |by: i64| {
            let change = "UPDATE events SET recorded = recorded + ?1 WHERE stream = 'W-2' AND position = ?2";
            assert_eq!(file.execute(change, (by, position)).unwrap(), 1);
        };
        change(1);
        let parts = log.sweep().try_concat().await.unwrap();
        let last = |wallet| parts.iter().rfind(|part| part.subject == id(wallet)).unwrap();
        assert!(last("W-2").last && last("W-2").unreadable.is_some(), "{position}");
        assert!(last("W-1").last && last("W-3").last);
        assert_eq!((last("W-1").entries.len(), last("W-3").entries.len()), (1, 1));
        assert_eq!(parts.iter().filter(|part| part.unreadable.is_some()).count(), 1);
        change(-1);
    }
    assert!(
        log.sweep()
            .try_concat()
            .await
            .unwrap()
            .iter()
            .all(|part| part.unreadable.is_none())
    );
}

#[tokio::test]
async fn events_of_other_programs_may_lack_columns() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    log.append(&id("W-1"), Expected::Any, &[keyed(1, "k")]).await.unwrap();
    // Rows that this program does not write: a repeated key, no sequence, only `extra`, nothing at all. They need no
    // checksums.
    let file = rusqlite::Connection::open(dir.path().join("events.sqlite3")).unwrap();
    file.execute_batch(
        r#"UPDATE store SET checksums_from = 10;
        PRAGMA ignore_check_constraints = ON;
        INSERT INTO events (stream, position, sequence, recorded, idempotencykey, type, data) VALUES
            ('W-1', 2, 7, 5, 'k', 'other', '{}'), ('W-1', 3, NULL, 5, 'k', 'wallet.credited', '{"number":1}');
        INSERT INTO events (stream, position, recorded, extra) VALUES
            ('W-1', 4, 5, '[["sequence","07"],["id","a"],["own","x"],["id","b"]]'), ('W-1', 5, 5, NULL);"#,
    )
    .unwrap();
    let entries = read_all(&*log, &id("W-1")).await;
    assert_eq!(sequences(&entries), [1, 7, 7]);
    assert_eq!(
        (entries[3].fields.sequence(), entries[3].fields.id()),
        (Some("07"), Some("a"))
    );
    assert_eq!(entries[3].fields.extra.len(), 2);
    assert_eq!(entries[4].fields.iter().count(), 0);
    let feed = next(&mut log.follow(FeedPosition::default()), 5).await;
    assert_eq!(feed[1].sequence, Some(7));
    assert_eq!(feed[2].sequence, None);
    // A repeated append is found among both, and an append comes after the highest sequence.
    let again = log.append(&id("W-1"), Expected::Any, &[keyed(1, "k")]).await.unwrap();
    assert_eq!((again.first, again.repeated), (1, true));
    let other = log.append(&id("W-1"), Expected::Any, &[keyed(2, "k")]).await;
    assert_eq!(other, Err(AppendError::KeyReused("k".into())));
    let done = log.append(&id("W-1"), Expected::Exactly(7), &[event(2)]).await.unwrap();
    assert_eq!(done.first, 8);
    // Nothing is appended beyond the highest sequence that is counted exactly.
    file.execute_batch("UPDATE events SET sequence = 9223372036854775807 WHERE position = 2")
        .unwrap();
    let refused = log.append(&id("W-1"), Expected::Any, &[event(3)]).await;
    assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_an_error_without_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("private-name");
    fs::write(&blocked, "").unwrap();
    let log = log(&blocked.join("store"));
    let read = log.read(&id("W-1"), Position::START, 1).await.unwrap_err();
    assert!(matches!(read, ReadError::Unavailable { .. }), "{read:?}");
    assert!(!read.to_string().contains("private-name"));
    let mut feed = log.follow(FeedPosition::default());
    assert!(futures::StreamExt::next(&mut feed).await.unwrap().is_err());
    // The feed reports the error once. Then it waits, and continues when the store is there.
    fs::remove_file(&blocked).unwrap();
    log.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!(next(&mut feed, 1).await.len(), 1);
}

#[tokio::test]
async fn a_url_is_checked_before_anything_is_touched() {
    for url in [
        "",
        "embedded",
        "embedded:",
        "sqlite:x",
        "redis:/x",
        "kafka://x",
        "redis-cluster://x",
        "http://x",
    ] {
        assert!(open(Domain::Wallet, url).is_err(), "{url}");
    }
    assert!(
        open(Domain::Wallet, "user:s3cret@host")
            .err()
            .is_some_and(|error| !error.to_string().contains("s3cret"))
    );
    let dir = tempfile::tempdir().unwrap();
    open(Domain::Order, &format!("embedded:{}/orders", dir.path().display())).unwrap();
    assert!(!dir.path().join("orders").exists());
}
