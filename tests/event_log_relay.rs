//! The relay on real servers: killed, run twice, cut off, and with producers that do not use the function. The queue
//! always ends up equal to the feed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by panicking"
)]

#[allow(dead_code, reason = "the suite runs elsewhere; its helpers are used here")]
#[path = "../src/event_log/conformance.rs"]
mod conformance;
#[path = "common/redis.rs"]
mod redis_server;

use std::{
    collections::HashMap,
    env,
    future::pending,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use conformance::{event, id, keyed};
use ledgerscope::{
    domain::ids::Domain,
    event_log::{EventLog, Expected, ReadError, open, relay::Relay},
};
use redis_server::RedisServer;

/// The bytes of an entry: its id, and its fields in order.
type Raw = (String, Vec<(Vec<u8>, Vec<u8>)>);

struct Servers {
    store: RedisServer,
    queue: RedisServer,
}

impl Servers {
    fn start(partitions: u32) -> Self {
        let store = RedisServer::start();
        store.run(&["HSET", "wallet:meta", "partitions", &partitions.to_string()]);
        Self {
            store,
            queue: RedisServer::start(),
        }
    }

    fn log(&self) -> Arc<dyn EventLog> {
        open(Domain::Wallet, &self.store.url()).unwrap()
    }

    fn relay(&self) -> Relay {
        Relay::new(Domain::Wallet, &self.store.url(), &self.queue.url()).unwrap()
    }

    /// Checks that the queue has, in every partition, the feed's ids in the feed's order, each with its event.
    fn assert_queue_is_feed(&self, partitions: u32) -> usize {
        let mut seen = 0;
        for partition in 0..partitions {
            let feed = range(&self.store, &format!("wallet:{{{partition}}}:feed"));
            let queue = range(&self.queue, &format!("wallet:{{{partition}}}:events"));
            let mut streams: HashMap<String, HashMap<String, Raw>> = HashMap::new();
            assert_eq!(queue.len(), feed.len(), "partition {partition}");
            seen += feed.len();
            for ((place, fed), (queued_at, queued)) in feed.iter().zip(&queue) {
                assert_eq!(place, queued_at);
                let subject = value(fed, "subject");
                let stream = streams.entry(subject.clone()).or_insert_with(|| {
                    range(&self.store, &format!("wallet:{{{partition}}}:{subject}"))
                        .into_iter()
                        .map(|raw| (value(&raw.1, "sequence"), raw))
                        .collect()
                });
                let (_, fields) = &stream[&value(fed, "sequence")];
                let mut expected = vec![(b"subject".to_vec(), subject.into_bytes())];
                expected.extend(fields.iter().cloned());
                assert_eq!(*queued, expected);
            }
        }
        seen
    }
}

fn range(server: &RedisServer, key: &str) -> Vec<Raw> {
    let entries: Vec<(String, Vec<Vec<u8>>)> = redis::cmd("XRANGE")
        .arg(key)
        .arg("-")
        .arg("+")
        .query(&mut server.connection())
        .unwrap();
    entries
        .into_iter()
        .map(|(place, flat)| {
            let pairs = flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
            (place, pairs.collect())
        })
        .collect()
}

fn value(fields: &[(Vec<u8>, Vec<u8>)], name: &str) -> String {
    let (_, value) = fields.iter().find(|(field, _)| field == name.as_bytes()).unwrap();
    String::from_utf8(value.clone()).unwrap()
}

async fn append_some(log: &dyn EventLog, round: usize, appends: usize) {
    for number in 0..appends {
        let wallet = id(&format!("W-{}", number % 17));
        let events = [event(round * 1_000 + number), event(number)];
        log.append(&wallet, Expected::Any, &events[..=number % 2])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn events_are_copied_once_under_the_ids_of_the_feed() {
    for partitions in [1, 4] {
        let servers = Servers::start(partitions);
        let relay = servers.relay();
        assert_eq!(relay.catch_up().await, Ok(0));
        append_some(&*servers.log(), 1, 500).await;
        assert_eq!(relay.catch_up().await, Ok(750));
        assert_eq!(servers.assert_queue_is_feed(partitions), 750);
        assert_eq!(relay.catch_up().await, Ok(0));
        // A consumer may trim the queue, even to nothing. Trimmed entries are not copied again.
        for partition in 0..partitions {
            servers
                .queue
                .run(&["XTRIM", &format!("wallet:{{{partition}}}:events"), "MAXLEN", "0"]);
        }
        assert_eq!(relay.catch_up().await, Ok(0));
    }
}

#[tokio::test]
async fn events_of_other_programs_are_found_by_sequence_and_copied_exactly() {
    let servers = Servers::start(1);
    let mut store = servers.store.connection();
    // More than one page between the feed's entry and the event, and bytes that are not text.
    for number in 1..=1_200 {
        redis::cmd("XADD")
            .arg("wallet:{0}:W-1")
            .arg(format!("1700000000000-{number}"))
            .arg("sequence")
            .arg(number)
            .arg(b"bin\xffary")
            .arg(b"\x00\xfe")
            .arg("subject")
            .arg("not this one")
            .exec(&mut store)
            .unwrap();
    }
    for (place, sequence) in [("1700000000000-5000", "3"), ("1700000000001-0", "1200")] {
        let feed = ["XADD", "wallet:{0}:feed", place, "subject", "W-1", "sequence", sequence];
        servers.store.run(&feed);
    }
    // A feed entry that was written before its event.
    let feed = [
        "XADD",
        "wallet:{0}:feed",
        "1700000000002-0",
        "subject",
        "W-2",
        "sequence",
        "1",
    ];
    servers.store.run(&feed);
    servers
        .store
        .run(&["XADD", "wallet:{0}:W-2", "1700000009999-0", "sequence", "1"]);

    assert_eq!(servers.relay().catch_up().await, Ok(3));
    let queue = range(&servers.queue, "wallet:{0}:events");
    let field = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
    assert_eq!(queue[0].0, "1700000000000-5000");
    assert_eq!(
        queue[0].1,
        [
            field(b"subject", b"W-1"),
            field(b"sequence", b"3"),
            field(b"bin\xffary", b"\x00\xfe")
        ]
    );
    assert_eq!(value(&queue[1].1, "sequence"), "1200");
    assert_eq!(queue[2].1, [field(b"subject", b"W-2"), field(b"sequence", b"1")]);
}

#[tokio::test]
async fn a_late_event_is_waited_for_and_a_missing_one_is_left_out() {
    let servers = Servers::start(1);
    for (place, subject, sequence) in [
        ("1700000000000-1", "W-gone", "1"),
        ("1700000000000-2", "no id!", "1"),
        ("1700000000000-3", "W-1", "nonsense"),
    ] {
        let feed = [
            "XADD",
            "wallet:{0}:feed",
            place,
            "subject",
            subject,
            "sequence",
            sequence,
        ];
        servers.store.run(&feed);
    }
    let begin = Instant::now();
    assert_eq!(servers.relay().catch_up().await, Ok(0));
    assert!(begin.elapsed() < Duration::from_secs(1), "the old are not waited for");

    servers
        .store
        .run(&["XADD", "wallet:{0}:feed", "*", "subject", "W-late", "sequence", "1"]);
    let relay = servers.relay();
    let relaying = tokio::spawn(async move { relay.catch_up().await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    servers.store.run(&["XADD", "wallet:{0}:W-late", "*", "sequence", "1"]);
    assert_eq!(relaying.await.unwrap(), Ok(1));

    // An event that never arrives does not block the next one for ever.
    servers
        .store
        .run(&["XADD", "wallet:{0}:feed", "*", "subject", "W-never", "sequence", "1"]);
    append_some(&*servers.log(), 1, 1).await;
    assert_eq!(servers.relay().catch_up().await, Ok(1));
    assert_eq!(range(&servers.queue, "wallet:{0}:events").len(), 2);
}

/// The variable that has the servers for a child process of this test.
const CHILD: &str = "LEDGERSCOPE_TEST_RELAY";

/// A child process that is killed on drop.
struct Doomed(Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts a relay in a child process: this test program again, running only the test with the role.
fn spawn_relay(servers: &Servers) -> Doomed {
    let child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "relays_that_are_killed_and_run_side_by_side_copy_everything_once",
        ])
        .env(CHILD, format!("{} {}", servers.store.url(), servers.queue.url()))
        .stdout(Stdio::null())
        .spawn();
    Doomed(child.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_are_killed_and_run_side_by_side_copy_everything_once() {
    if let Ok(urls) = env::var(CHILD) {
        let (store, queue) = urls.split_once(' ').unwrap();
        Relay::new(Domain::Wallet, store, queue).unwrap().run(pending()).await;
        return;
    }
    let servers = Servers::start(4);
    let log = servers.log();
    let producing = tokio::spawn(async move {
        for round in 1..=40 {
            append_some(&*log, round, 150).await;
        }
    });
    // Two relays run all the time. One of them is killed every few milliseconds.
    let mut relays = [spawn_relay(&servers), spawn_relay(&servers)];
    for kill in 0..30_usize {
        sleep(Duration::from_millis(37 + 11 * (kill as u64 % 7)));
        relays[kill % 2] = spawn_relay(&servers);
    }
    producing.await.unwrap();
    drop(relays);
    let before = (0..4)
        .map(|partition| range(&servers.queue, &format!("wallet:{{{partition}}}:events")).len())
        .sum::<usize>();
    let rest = servers.relay().catch_up().await.unwrap();
    assert_eq!(servers.assert_queue_is_feed(4), 9_000);
    assert!(before > 0, "the killed relays copied nothing");
    assert_eq!(before as u64 + rest, 9_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_outlives_both_its_servers() {
    let mut servers = Servers::start(1);
    let relay = servers.relay();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let stop = async { drop(stopped.await) };
        relay.run(stop).await;
    });
    let log = servers.log();
    let copied = async |servers: &Servers, count: usize| {
        for _ in 0..400 {
            if range(&servers.queue, "wallet:{0}:events").len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the relay did not go on");
    };
    log.append(&id("W-1"), Expected::Any, &[keyed(1, "a")]).await.unwrap();
    copied(&servers, 1).await;
    servers.queue.kill();
    log.append(&id("W-1"), Expected::Any, &[keyed(2, "b")]).await.unwrap();
    servers.queue.resume();
    copied(&servers, 2).await;
    servers.store.kill();
    servers.store.resume();
    log.append(&id("W-1"), Expected::Any, &[keyed(3, "c")]).await.unwrap();
    copied(&servers, 3).await;
    servers.assert_queue_is_feed(1);
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_relay_that_cannot_copy_gives_an_error() {
    let redis = "redis://127.0.0.1:1/";
    for (store, queue) in [("embedded:./data", redis), (redis, "kafka://x"), (redis, "redis://")] {
        assert!(Relay::new(Domain::Wallet, store, queue).is_err(), "{store} {queue}");
    }
    let servers = Servers::start(1);
    let nowhere = Relay::new(Domain::Wallet, &servers.store.url(), redis).unwrap();
    match nowhere.catch_up().await {
        Err(ReadError::Unavailable { store, .. }) => assert_eq!(store, "wallet queue"),
        other => panic!("{other:?}"),
    }
    servers.queue.run(&["SET", "wallet:{0}:events", "no stream"]);
    append_some(&*servers.log(), 1, 1).await;
    assert!(matches!(
        servers.relay().catch_up().await,
        Err(ReadError::Damaged { .. })
    ));
}

/// Copies what there is. The error's text if the relay refuses.
async fn refusal(servers: &Servers) -> String {
    match servers.relay().catch_up().await {
        Err(ReadError::Damaged { store, reason }) => {
            assert_eq!(store, "wallet queue");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_relay_refuses_a_queue_that_is_ahead_of_its_store() {
    let servers = Servers::start(1);
    append_some(&*servers.log(), 1, 5).await;
    servers.relay().catch_up().await.unwrap();
    let before = range(&servers.queue, "wallet:{0}:events");
    // The store is empty again, or an older backup.
    servers.store.run(&["FLUSHALL"]);
    assert!(refusal(&servers).await.contains("after the end of the store's feed"));
    append_some(&*servers.log(), 2, 1).await;
    // The new events are later than the queue's end, which the new feed does not have.
    assert!(refusal(&servers).await.contains("does not have"));
    assert_eq!(range(&servers.queue, "wallet:{0}:events"), before, "nothing was copied");
}

#[tokio::test]
async fn a_relay_refuses_a_queue_that_another_program_writes() {
    let servers = Servers::start(1);
    append_some(&*servers.log(), 1, 2).await;
    servers.relay().catch_up().await.unwrap();
    append_some(&*servers.log(), 2, 2).await;
    // In another millisecond than the last event, whose id it would have otherwise.
    sleep(Duration::from_millis(5));
    servers.queue.run(&["XADD", "wallet:{0}:events", "*", "subject", "W-1"]);
    sleep(Duration::from_millis(5));
    append_some(&*servers.log(), 3, 2).await;
    assert!(refusal(&servers).await.contains("does not have"));
}

#[tokio::test]
async fn a_relay_goes_on_after_a_feed_or_a_queue_was_trimmed() {
    let servers = Servers::start(1);
    let (feed, queue) = ("wallet:{0}:feed", "wallet:{0}:events");
    append_some(&*servers.log(), 1, 5).await;
    servers.relay().catch_up().await.unwrap();
    for (server, key) in [(&servers.store, feed), (&servers.queue, queue)] {
        server.run(&["XTRIM", key, "MAXLEN", "0"]);
        append_some(&*servers.log(), 2, 3).await;
        assert!(servers.relay().catch_up().await.unwrap() > 0);
        let [feed, queue] = [range(&servers.store, feed), range(&servers.queue, queue)];
        assert_eq!(feed.last().unwrap().0, queue.last().unwrap().0);
    }
}
