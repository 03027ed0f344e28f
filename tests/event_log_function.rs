//! The Redis Function: what it checks before it writes, what it answers after a failed write, and how it finds the
//! sequence of a stream that others wrote out of order.
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

use std::sync::Arc;

use conformance::{event, id, keyed, read_all, sequences};
use ledgerscope::{
    domain::ids::Domain,
    event_log::{AppendError, EventLog, Expected, open},
};
use redis::{RedisError, Value};
use redis_server::RedisServer;

const STREAM: &str = "wallet:{0}:W-1";
const FEED: &str = "wallet:{0}:feed";
const KEYS: &str = "wallet:{0}:W-1:keys";
const LIBRARY: &str = include_str!("../src/event_log/redis/ledgerscope.lua");

fn log(server: &RedisServer) -> Arc<dyn EventLog> {
    open(Domain::Wallet, &server.url()).unwrap()
}

/// A log for a user with these permissions. The library is loaded already.
fn log_as(server: &RedisServer, rules: &[&str]) -> Arc<dyn EventLog> {
    server.run(&[&["ACL", "SETUSER", "u", "reset", "on", ">p", "~*"], rules].concat());
    open(Domain::Wallet, &format!("redis://u:p@127.0.0.1:{}/", server.port())).unwrap()
}

async fn load(server: &RedisServer) {
    let append = log(server).append(&id("W-0"), Expected::Any, &[event(1)]).await;
    append.unwrap();
}

/// Adds entries with these sequences, as a program that does not use the function.
fn add(server: &RedisServer, sequences: &[u64]) -> Vec<String> {
    let mut connection = server.connection();
    let add = |sequence: &u64| {
        redis::cmd("XADD")
            .arg(STREAM)
            .arg("*")
            .arg("sequence")
            .arg(*sequence)
            .query(&mut connection)
            .unwrap()
    };
    sequences.iter().map(add).collect()
}

/// Calls the function with one event that has no idempotency key. Returns its sequence.
fn call(server: &RedisServer, expected: &str, event: &str) -> Result<u64, RedisError> {
    let fields = ["id", event, "type", "t", "time", "2026-01-01T00:00:00Z", "data", "{}"];
    let answer: Vec<Value> = redis::cmd("FCALL")
        .arg("ledgerscope_append")
        .arg(3)
        .arg(&[STREAM, FEED, KEYS])
        .arg(&[expected, "1", "4"])
        .arg(&fields)
        .query(&mut server.connection())?;
    Ok(redis::from_redis_value(answer[1].clone()).unwrap())
}

fn code(answer: Result<u64, RedisError>) -> String {
    answer.unwrap_err().code().unwrap_or_default().to_owned()
}

fn last_id(server: &RedisServer) -> String {
    let last: Vec<(String, Vec<String>)> = redis::cmd("XREVRANGE")
        .arg(&[STREAM, "+", "-", "COUNT", "1"])
        .query(&mut server.connection())
        .unwrap();
    last[0].0.clone()
}

fn kept(server: &RedisServer) -> Option<String> {
    redis::cmd("HGET")
        .arg(&[KEYS, ""])
        .query(&mut server.connection())
        .unwrap()
}

/// How often a command was called since the last reset of the statistics.
fn calls_of(server: &RedisServer, command: &str) -> u64 {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut server.connection())
        .unwrap();
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_permission_that_is_missing_is_found_before_the_first_write() {
    let server = RedisServer::start();
    load(&server).await;
    for (rules, command) in [(&["+@all", "-hset"][..], "HSET"), (&["+@all", "-xadd"][..], "XADD")] {
        let refused = log_as(&server, rules)
            .append(&id("W-1"), Expected::Any, &[keyed(1, "k")])
            .await;
        let Err(AppendError::Unavailable { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(reason.contains(command), "{reason}");
        assert_eq!(sequences(&read_all(&*log(&server), &id("W-1")).await), [0; 0]);
    }
    // A user who may not write the feed alone.
    server.run(&[
        "ACL",
        "SETUSER",
        "u",
        "reset",
        "on",
        ">p",
        "+@all",
        "%R~*",
        "~wallet:{0}:W-1*",
    ]);
    let url = format!("redis://u:p@127.0.0.1:{}/", server.port());
    let refused = open(Domain::Wallet, &url)
        .unwrap()
        .append(&id("W-1"), Expected::Any, &[event(1)])
        .await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    assert_eq!(sequences(&read_all(&*log(&server), &id("W-1")).await), [0; 0]);
}

#[tokio::test]
async fn a_key_of_another_type_is_found_before_the_first_write() {
    let server = RedisServer::start();
    load(&server).await;
    server.run(&["SET", KEYS, "x"]);
    // Also without an idempotency key.
    for events in [[event(1)], [keyed(1, "k")]] {
        let refused = log(&server).append(&id("W-1"), Expected::Any, &events).await;
        assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(sequences(&read_all(&*log(&server), &id("W-1")).await), [0; 0]);
}

/// A library of a later version whose writes fail after the first one.
#[tokio::test]
async fn an_append_that_fails_after_its_first_write_is_found_out_by_its_event_ids() {
    let server = RedisServer::start();
    let failing = LIBRARY.replace("local VERSION = 2", "local VERSION = 9").replace(
        "    put('XADD', keys[2],",
        "    error('the second write')\n    put('XADD', keys[2],",
    );
    assert!(failing.contains("the second write"));
    server.run(&["FUNCTION", "LOAD", "REPLACE", &failing]);
    assert_eq!(code(call(&server, "0", "a")), "UNKNOWN");
    // One event: it was written. Two events: one of them was, so the outcome stays unknown.
    let done = log(&server)
        .append(&id("W-2"), Expected::Exactly(0), &[keyed(1, "k")])
        .await
        .unwrap();
    assert_eq!((done.first, done.last), (1, 1));
    let unknown = log(&server)
        .append(&id("W-3"), Expected::Exactly(0), &[keyed(1, "k"), keyed(2, "l")])
        .await;
    assert!(matches!(unknown, Err(AppendError::Unknown { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_new_event_never_has_a_sequence_that_is_used() {
    let server = RedisServer::start();
    load(&server).await;
    // The last sequence equals the number of entries, and yet a higher one was used.
    add(&server, &[1, 7, 3]);
    assert_eq!(call(&server, "any", "a").unwrap(), 8);
    server.run(&["DEL", STREAM, KEYS]);
    add(&server, &[5, 2]);
    assert_eq!(code(call(&server, "2", "a")), "CONFLICT");
    assert_eq!(call(&server, "5", "a").unwrap(), 6);
    // Entries that others add later, and entries that are deleted.
    add(&server, &[9, 4]);
    assert_eq!(call(&server, "any", "b").unwrap(), 10);
    server.run(&["XTRIM", STREAM, "MAXLEN", "0"]);
    assert_eq!(call(&server, "any", "c").unwrap(), 11);
}

#[tokio::test]
async fn an_append_after_a_gap_looks_only_at_new_entries() {
    let server = RedisServer::start();
    load(&server).await;
    let sequences: Vec<u64> = (1..=3_000).map(|n| if n < 1_000 { n } else { n + 1 }).collect();
    add(&server, &sequences);
    server.run(&["CONFIG", "RESETSTAT"]);
    assert_eq!(call(&server, "3001", "a").unwrap(), 3_002);
    assert!(calls_of(&server, "xrange") > 5, "the whole stream is looked at once");
    assert_eq!(kept(&server).unwrap(), format!("3002@{}", last_id(&server)));
    for n in 0..10 {
        server.run(&["CONFIG", "RESETSTAT"]);
        assert_eq!(call(&server, "any", &format!("b{n}")).unwrap(), 3_003 + n);
        assert_eq!(calls_of(&server, "xrange"), 1);
    }
    // A stream that only the function wrote, with idempotency keys, needs no look and keeps nothing.
    let keyed_only = log(&server);
    for n in 1..=3 {
        let event = keyed(1, &n.to_string());
        let done = keyed_only.append(&id("W-9"), Expected::Exactly(n - 1), &[event]).await;
        assert_eq!(done.unwrap().first, n);
    }
    let none: Option<String> = redis::cmd("HGET")
        .arg(&["wallet:{0}:W-9:keys", ""])
        .query(&mut server.connection())
        .unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn an_expected_entry_is_the_last_one_or_a_conflict() {
    let server = RedisServer::start();
    load(&server).await;
    let ids = add(&server, &[1, 2, 7]);
    for (expected, wrong) in [
        (format!("7@{}", ids[1]), "another entry than the last"),
        (format!("6@{}", ids[2]), "less than the entry's own sequence"),
        ("7@1-1".to_owned(), "an entry that does not exist"),
    ] {
        assert_eq!(code(call(&server, &expected, "a")), "CONFLICT", "{wrong}");
    }
    for wrong in ["7@", "7@x", "@1-1", "x@1-1", "7@1"] {
        assert_eq!(code(call(&server, wrong, "a")), "INVALID", "{wrong}");
    }
    server.run(&["CONFIG", "RESETSTAT"]);
    assert_eq!(call(&server, &format!("7@{}", ids[2]), "a").unwrap(), 8);
    assert_eq!(calls_of(&server, "xrange"), 0, "nothing is looked at");
    // The highest sequence that is kept must not exceed the expected one either.
    add(&server, &[3]);
    let last = last_id(&server);
    assert_eq!(code(call(&server, &format!("3@{last}"), "b")), "CONFLICT");
    assert_eq!(call(&server, &format!("8@{last}"), "b").unwrap(), 9);
    // After a deletion the last entry that exists counts, not the last id of the stream.
    let deleted = last_id(&server);
    server.run(&["XDEL", STREAM, &deleted]);
    assert_eq!(code(call(&server, &format!("9@{deleted}"), "c")), "CONFLICT");
    assert_eq!(call(&server, &format!("9@{last}"), "c").unwrap(), 10);
}

#[tokio::test]
async fn a_conflict_keeps_what_was_looked_at() {
    let server = RedisServer::start();
    load(&server).await;
    let sequences: Vec<u64> = (1..=3_000).map(|n| if n < 1_000 { n } else { n + 1 }).collect();
    add(&server, &sequences);
    for looks in [true, false] {
        server.run(&["CONFIG", "RESETSTAT"]);
        assert_eq!(code(call(&server, "2999", "a")), "CONFLICT");
        assert_eq!(calls_of(&server, "xrange") > 1, looks);
    }
}

/// Another program uses the sequence of an event, and the stream seems to be in order again afterwards.
#[tokio::test]
async fn a_repeat_is_recognized_by_its_key() {
    let server = RedisServer::start();
    let log = log(&server);
    let append = async |n: usize| {
        log.append(&id("W-1"), Expected::Any, &[keyed(n, &n.to_string())])
            .await
            .unwrap()
    };
    for n in 1..=7 {
        append(n).await;
    }
    add(&server, &[7, 9]);
    let repeated = append(7).await;
    assert_eq!((repeated.first, repeated.repeated), (7, true));
    let newer = append(10).await;
    assert_eq!(newer.first, 10);
    let reused = log.append(&id("W-1"), Expected::Any, &[keyed(99, "7")]).await;
    assert!(matches!(reused, Err(AppendError::KeyReused(_))), "{reused:?}");
    // An event in the middle of a long stream with a gap, and the newest one without a look at all.
    add(&server, &(20..9_000).collect::<Vec<_>>());
    assert!(append(3).await.repeated);
    append(11).await;
    server.run(&["CONFIG", "RESETSTAT"]);
    assert!(append(11).await.repeated);
    assert!(calls_of(&server, "xrange") <= 2, "{}", calls_of(&server, "xrange"));
}
