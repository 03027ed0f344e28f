//! A Redis store that is down, silent, cut off or out of memory. Calls end within a time limit, nothing is appended
//! twice, and a follower continues without loss or repetition.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by panicking"
)]

#[allow(dead_code, reason = "the suite runs elsewhere; its helpers are used here")]
#[path = "../src/event_log/conformance.rs"]
mod conformance;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "common/redis.rs"]
mod redis_server;

use std::{
    collections::HashSet,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use conformance::{event, feed_items, id, keyed, next, read_all, sequences, sweeping};
use futures::{StreamExt as _, TryStreamExt as _};
use ledgerscope::{
    domain::ids::{Domain, EntityId, Position},
    event_log::{AppendError, EventLog, Expected, FeedPosition, ReadError, Swept, open},
};
use proxy::Proxy;
use redis_server::{RedisServer, free_port};
use tokio::time::timeout;

fn log(url: &str) -> Arc<dyn EventLog> {
    open(Domain::Wallet, url).unwrap()
}

fn is_unavailable<T>(result: &Result<T, ReadError>) -> bool {
    matches!(result, Err(ReadError::Unavailable { store, .. }) if store == "wallet store")
}

/// Checks that every call of the port fails with the expected kind of error before `limit`.
async fn assert_everything_fails_within(log: &dyn EventLog, limit: Duration) {
    let in_time = async |what: &str, answer: bool, begin: Instant| {
        assert!(answer, "{what}");
        assert!(begin.elapsed() < limit, "{what} took {:?}", begin.elapsed());
    };
    let begin = Instant::now();
    let read = log.read(&id("W-1"), Position::START, 10).await;
    in_time("read", is_unavailable(&read), begin).await;
    let begin = Instant::now();
    in_time("feed_end", is_unavailable(&log.feed_end().await), begin).await;
    let begin = Instant::now();
    in_time("feed_length", is_unavailable(&log.feed_length().await), begin).await;
    let begin = Instant::now();
    in_time("identity", is_unavailable(&log.identity().await), begin).await;
    let begin = Instant::now();
    in_time("ends", is_unavailable(&log.ends(&[id("W-1")]).await), begin).await;
    let begin = Instant::now();
    let streams: Result<Vec<Vec<EntityId>>, _> = log.streams().try_collect().await;
    in_time("streams", is_unavailable(&streams), begin).await;
    let begin = Instant::now();
    let many = log.read_many(&[(id("W-1"), Position::START)], 10).await;
    in_time("read_many", is_unavailable(&many), begin).await;
    let begin = Instant::now();
    let swept: Result<Vec<Vec<Swept>>, _> = log.sweep().try_collect().await;
    in_time("sweep", is_unavailable(&swept), begin).await;
    let begin = Instant::now();
    let fed = log.follow(FeedPosition::default()).next().await.unwrap();
    in_time("follow", is_unavailable(&fed), begin).await;
    for events in [[event(1)], [keyed(1, "k")]] {
        let begin = Instant::now();
        let append = log.append(&id("W-1"), Expected::Any, &events).await;
        let unavailable = matches!(append, Err(AppendError::Unavailable { .. }));
        in_time("append", unavailable, begin).await;
    }
}

#[tokio::test]
async fn a_store_that_is_down_fails_at_once_and_works_again_after_its_start() {
    let mut server = RedisServer::start();
    server.kill();
    let log = log(&server.url());
    assert_everything_fails_within(&*log, Duration::from_secs(4)).await;
    server.resume();
    assert_eq!(log.read(&id("W-1"), Position::START, 10).await, Ok(vec![]));
    log.append(&id("W-1"), Expected::Exactly(0), &[event(1)]).await.unwrap();
}

#[tokio::test]
async fn a_store_that_accepts_but_does_not_answer_fails_within_seconds() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let log = log(&format!("redis://{}/", silent.local_addr().unwrap()));
    assert_everything_fails_within(&*log, Duration::from_secs(4)).await;
    // Many concurrent callers wait no longer than one.
    let begin = Instant::now();
    let reads = (0..50).map(|_| {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.read(&id("W-1"), Position::START, 10).await })
    });
    for read in futures::future::join_all(reads).await {
        assert!(is_unavailable(&read.unwrap()));
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_store_that_falls_silent_fails_within_seconds_and_works_again_later() {
    let server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    let log = log(&server.url());
    log.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    // The server answers nobody while it sleeps.
    let url = server.url();
    let asleep = std::thread::spawn(move || {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd("DEBUG").arg("SLEEP").arg(14).exec(&mut connection)
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (begin, plain, keyed) = (Instant::now(), [event(3)], [keyed(2, "k")]);
    let wallet = id("W-1");
    let (read, unkeyed, doubtful) = tokio::join!(
        log.read(&wallet, Position::START, 10),
        log.append(&wallet, Expected::Any, &plain),
        log.append(&wallet, Expected::Any, &keyed),
    );
    assert!(begin.elapsed() < Duration::from_secs(11), "{:?}", begin.elapsed());
    assert!(is_unavailable(&read), "{read:?}");
    // The append without a key was not sent. The append with a key was sent, and its outcome is unknown.
    assert!(matches!(unkeyed, Err(AppendError::Unavailable { .. })), "{unkeyed:?}");
    assert!(matches!(doubtful, Err(AppendError::Unknown { .. })), "{doubtful:?}");
    asleep.join().unwrap().unwrap();
    let done = log.append(&wallet, Expected::Any, &keyed).await.unwrap();
    assert_eq!((done.first, done.last), (2, 2));
    assert_eq!(sequences(&read_all(&*log, &wallet).await), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_and_keyed_appends_outlast_the_restart_of_a_server() {
    let mut server = RedisServer::start();
    let log = log(&server.url());
    let working = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            for number in 0..2_000 {
                let events = [keyed(number, &format!("k-{number}"))];
                let done = log.append(&id("W-1"), Expected::Any, &events).await.unwrap();
                assert_eq!(done.first, number as u64 + 1);
                let last = log.read(&id("W-1"), Position::START, 1).await.unwrap();
                assert_eq!(last.len(), 1);
            }
        })
    };
    while !working.is_finished() {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        server.resume();
    }
    working.await.unwrap();
    assert_eq!(read_all(&*log, &id("W-1")).await.len(), 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_during_an_append_never_appends_twice() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let (log, direct) = (log(&proxy.url()), log(&server.url()));
    log.append(&id("W-0"), Expected::Any, &[event(0)]).await.unwrap();
    let (mut repeated, mut unknown, mut certain) = (0, 0, vec![]);
    for number in 1..=150_i64 {
        // The cuts fall anywhere from before the call is sent to after its answer, and into the reconnection.
        proxy.cut_after(number * 7 % 1_000);
        let n = usize::try_from(number).unwrap();
        let pair = [keyed(n, &format!("a-{number}")), keyed(n, &format!("b-{number}"))];
        let done = log.append(&id("W-1"), Expected::Any, &pair).await.unwrap();
        assert_eq!((done.first, done.last), (n as u64 * 2 - 1, n as u64 * 2));
        repeated += usize::from(done.repeated);

        proxy.cut_after(number * 11 % 500);
        match log.append(&id("W-2"), Expected::Any, &[event(n)]).await {
            Ok(_) => certain.push(event(n).id),
            Err(AppendError::Unavailable { .. }) => {}
            Err(AppendError::Unknown { .. }) => unknown += 1,
            Err(other) => panic!("{other:?}"),
        }
        proxy.cut_after(i64::MAX);
    }
    assert!(repeated > 0, "no cut fell between a write and its answer");
    assert!(unknown > 0, "no cut fell into a call without a key");
    assert_eq!(
        sequences(&read_all(&*direct, &id("W-1")).await),
        (1..=300).collect::<Vec<_>>()
    );
    // An event without a key is stored once or not at all.
    let entries = read_all(&*direct, &id("W-2")).await;
    let ids: HashSet<_> = entries
        .iter()
        .filter_map(|entry| entry.fields.id().map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), entries.len());
    assert!(certain.iter().all(|id| ids.contains(id)));
    assert!(entries.len() <= certain.len() + unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_is_cut_is_complete_or_an_error() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let (log, direct) = (log(&proxy.url()), log(&server.url()));
    let events: Vec<_> = (1..=30).map(event).collect();
    for number in 0..500 {
        let wallet = id(&format!("W-{number}"));
        direct.append(&wallet, Expected::Any, &events).await.unwrap();
    }
    let long: Vec<_> = (1..=1_000).map(event).collect();
    for _ in 0..5 {
        direct.append(&id("W-long"), Expected::Any, &long).await.unwrap();
    }
    let expected = sweeping::joined(direct.sweep().try_concat().await.unwrap());
    assert_eq!(expected.values().map(Vec::len).sum::<usize>(), 500 * 30 + 5_000);
    let mut cut = 0;
    for round in 0..40_i64 {
        // The cuts fall anywhere from before the connections are made to near the end.
        proxy.cut_after(round * round * 1_500 + round * 7);
        let parts = log.sweep().try_concat().await;
        cut += usize::from(!proxy.is_due());
        proxy.cut_after(i64::MAX);
        match parts {
            Ok(parts) => assert!(sweeping::joined(parts) == expected, "round {round}"),
            Err(error) => assert!(matches!(error, ReadError::Unavailable { .. }), "{error}"),
        }
    }
    assert!(cut > 20, "{cut} sweeps of 40 were cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_of_a_server_that_stops_ends_in_an_error() {
    let mut server = RedisServer::start();
    let log = log(&server.url());
    for number in 0..2_000 {
        let wallet = id(&format!("W-{number}"));
        log.append(&wallet, Expected::Any, &[event(number)]).await.unwrap();
    }
    let mut sweep = log.sweep();
    sweep.next().await.unwrap().unwrap();
    server.kill();
    let rest: Result<Vec<Vec<Swept>>, _> = timeout(Duration::from_secs(30), sweep.try_collect()).await.unwrap();
    assert!(is_unavailable(&rest), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_goes_on_after_every_kind_of_cut() {
    let mut server = RedisServer::start();
    let log = log(&server.url());
    let mut feed = log.follow(FeedPosition::default());
    let mut expected = 0;
    let mut errors = 0;
    for round in 0..12 {
        match round % 3 {
            0 => server.run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]),
            1 => {
                server.kill();
                // The feed reports the cut once. Then it is silent until the store is back.
                let cut = timeout(Duration::from_secs(10), feed.next()).await.unwrap().unwrap();
                assert!(is_unavailable(&cut), "{cut:?}");
                errors += 1;
                let quiet = timeout(Duration::from_millis(500), feed.next()).await;
                assert!(quiet.is_err(), "{quiet:?}");
                server.resume();
            }
            _ => {}
        }
        for _ in 0..3 {
            let done = log
                .append(&id("W-1"), Expected::Any, &[keyed(1, &format!("k-{expected}"))])
                .await;
            expected += 1;
            assert_eq!(done.unwrap().last, expected);
        }
        let entries = next(&mut feed, 3).await;
        assert_eq!(
            feed_items(&entries),
            [2, 1, 0].map(|back| ("W-1".to_owned(), expected - back))
        );
    }
    assert_eq!(errors, 4);
}

#[tokio::test]
async fn a_full_store_appends_nothing_and_says_so() {
    let server = RedisServer::start_with(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let log = log(&server.url());
    let mut appended = 0;
    let error = loop {
        let big = ledgerscope::domain::event::NewEvent {
            data: format!("\"{}\"", "x".repeat(50_000)),
            ..event(1)
        };
        match log.append(&id("W-1"), Expected::Any, &[big.clone(), big]).await {
            Ok(done) => appended = done.last,
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.to_string(),
        "the wallet store does not answer: its memory is full; nothing was appended"
    );
    assert!(appended > 0);
    assert_eq!(read_all(&*log, &id("W-1")).await.len() as u64, appended);
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let server = RedisServer::start_with(&["--requirepass", "s3cret"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/", server.port());
    let good = log(&url("s3cret"));
    good.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!(good.sweep().try_concat().await.unwrap().len(), 1);
    for url in [url("wr0ng"), server.url()] {
        let log = log(&url);
        let errors = [
            log.read(&id("W-1"), Position::START, 1).await.unwrap_err().to_string(),
            log.append(&id("W-1"), Expected::Any, &[event(1)])
                .await
                .unwrap_err()
                .to_string(),
        ];
        for error in errors {
            assert!(error.contains("user and password"), "{error}");
            assert!(!error.contains("wr0ng") && !error.contains("127.0.0.1"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_newer_protocol_works_as_well() {
    let server = RedisServer::start();
    server.run(&["HSET", "wallet:meta", "partitions", "2"]);
    let log = log(&format!("{}?protocol=resp3", server.url()));
    for number in 0..10 {
        let wallet = id(&format!("W-{number}"));
        log.append(&wallet, Expected::Any, &[keyed(1, "k")]).await.unwrap();
        assert_eq!(read_all(&*log, &wallet).await.len(), 1);
    }
    assert_eq!(next(&mut log.follow(FeedPosition::default()), 10).await.len(), 10);
    assert_eq!(log.feed_end().await.unwrap().0.len(), 2);
    let streams: Vec<_> = log.streams().try_collect().await.unwrap();
    assert_eq!(streams.concat().len(), 10);
    assert_eq!(log.sweep().try_concat().await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_server_that_is_not_redis_is_an_error() {
    let port = free_port();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    std::thread::spawn(move || {
        use std::io::Write as _;
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let read = log(&format!("redis://127.0.0.1:{port}/"))
        .read(&id("W-1"), Position::START, 1)
        .await;
    assert!(read.is_err(), "{read:?}");
}

/// Waits until a server has this role and, as a replica, is connected to its master.
async fn has_role(server: &RedisServer, role: &str) {
    for _ in 0..400 {
        let info: String = redis::cmd("INFO")
            .arg("replication")
            .query(&mut server.connection())
            .unwrap();
        if info.contains(&format!("role:{role}")) && (role == "master" || info.contains("master_link_status:up")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the server did not become a {role}");
}

/// A planned failover: the old master becomes a replica and keeps its connections. The address leads to the new master.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_and_reads_go_on_after_a_planned_failover() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    new.run(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    has_role(&new, "slave").await;
    let proxy = Proxy::start(old.port()).await;
    let log = log(&proxy.url());
    log.append(&id("W-1"), Expected::Exactly(0), &[event(1)]).await.unwrap();
    let synced: i64 = redis::cmd("WAIT")
        .arg(1)
        .arg(5_000)
        .query(&mut old.connection())
        .unwrap();
    assert_eq!(synced, 1);
    new.run(&["REPLICAOF", "NO", "ONE"]);
    old.run(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    has_role(&old, "slave").await;
    proxy.lead_to(new.port());
    // Without an idempotency key, too: the old master certainly wrote nothing.
    log.append(&id("W-1"), Expected::Exactly(1), &[event(2)]).await.unwrap();
    log.append(&id("W-1"), Expected::Exactly(2), &[keyed(3, "k")])
        .await
        .unwrap();
    assert_eq!(sequences(&read_all(&*log, &id("W-1")).await), [1, 2, 3]);
}

/// A replica that stays one: nothing is appended, and the reason says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_is_named_as_such() {
    let (master, replica) = (RedisServer::start(), RedisServer::start());
    let writer = log(&master.url());
    writer.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    replica.run(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    has_role(&replica, "slave").await;
    let refused = log(&replica.url()).append(&id("W-1"), Expected::Any, &[event(2)]).await;
    let Err(AppendError::Unavailable { reason, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(reason, "it is a replica and does not accept writes");
    assert_eq!(sequences(&read_all(&*log(&replica.url()), &id("W-1")).await), [1]);
    // A replica that has lost its master and does not serve old data.
    replica.run(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    replica.run(&["REPLICAOF", "127.0.0.1", "1"]);
    let read = log(&replica.url()).read(&id("W-1"), Position::START, 10).await;
    let Err(ReadError::Unavailable { reason, .. }) = read else {
        panic!("{read:?}");
    };
    assert_eq!(reason, "it is a replica that has no connection to its master");
}
