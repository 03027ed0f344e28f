//! What only an embedded store can be asked: several processes on one directory, one of them killed while it writes, and
//! files that are not what they should be.
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
use ledgerscope::{
    domain::ids::{Domain, Position, Sequence},
    event_log::{AppendError, EventLog, Expected, FeedPosition, ReadError, open},
};

fn log(dir: &Path) -> Arc<dyn EventLog> {
    open(Domain::Wallet, &format!("embedded:{}", dir.display())).unwrap()
}

/// Where a process of this test that appends finds its directory.
const CHILD: &str = "LEDGERSCOPE_TEST_APPENDER";

/// This test program again, running the one test that knows the role: appends to W-1 for ever and writes down, a line each,
/// the sequences that were acknowledged.
fn spawn_appender(dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "what_was_acknowledged_is_there_after_a_crash", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_crash() {
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
        // Two processes at once; both die in the middle of something.
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
    // At most the one append that each killed process had in hand is there without having been acknowledged.
    assert!(count / 2 - before as u64 <= 8, "{count} events, {before} appends");
    assert_eq!(
        next(&mut log.follow(FeedPosition::default()), entries.len())
            .await
            .len() as u64,
        count
    );
}

#[tokio::test]
async fn a_file_that_is_no_store_is_an_error_and_stays_as_it_is() {
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
    // With the letter out of the way, the same log works.
    fs::remove_file(&file).unwrap();
    log.append(&id("W-1"), Expected::Any, &[keyed(1, "k")]).await.unwrap();
    assert_eq!(read_all(&*log, &id("W-1")).await.len(), 1);
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
    // Told once; then the feed waits, and goes on when the store is there.
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
