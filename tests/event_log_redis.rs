//! Tests for Redis stores only: events that others wrote with plain commands, the function called by a plain client,
//! and keys with unexpected content.
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

use std::{collections::BTreeMap, sync::Arc};

use conformance::{event, feed_items, id, keyed, next, read_all, sequences, sweeping};
use futures::TryStreamExt as _;
use ledgerscope::{
    domain::{
        event::{Entry, NewEvent},
        ids::{Domain, EntityId, Position},
    },
    event_log::{AppendError, EventLog, Expected, FeedPosition, ReadError, StreamEnd, Swept, open},
};
use redis::{RedisResult, Value};
use redis_server::RedisServer;

fn log(server: &RedisServer) -> Arc<dyn EventLog> {
    open(Domain::Wallet, &server.url()).unwrap()
}

/// Adds one entry as a program would that knows only the keys of the contract.
fn add(server: &RedisServer, key: &str, place: &str, fields: &[(&[u8], &[u8])]) {
    let mut add = redis::cmd("XADD");
    add.arg(key).arg(place);
    for (name, value) in fields {
        add.arg(name).arg(value);
    }
    add.exec(&mut server.connection()).unwrap();
}

/// The result of a sweep: the entries of each stream, and the reasons why others can't be read.
async fn swept(log: &dyn EventLog) -> (BTreeMap<EntityId, Vec<Entry>>, BTreeMap<EntityId, String>) {
    let parts = log.sweep().try_concat().await.unwrap();
    let (unreadable, readable) = parts.into_iter().partition(|part| part.unreadable.is_some());
    let reasons = |part: Swept| {
        assert!(part.last && part.entries.is_empty());
        Some((part.subject, part.unreadable?))
    };
    let unreadable: Vec<Swept> = unreadable;
    (
        sweeping::joined(readable),
        unreadable.into_iter().filter_map(reasons).collect(),
    )
}

#[tokio::test]
async fn entries_of_other_programs_are_read_as_they_are() {
    let server = RedisServer::start();
    let w = "wallet:{0}:W-1";
    add(
        &server,
        w,
        "1700000000000-0",
        &[
            (b"id", b"x"),
            (b"type", b"wallet.opened"),
            (b"sequence", b"1"),
            (b"data", b"{"),
        ],
    );
    add(&server, w, "1700000000000-1", &[(b"unknown", b"only")]);
    add(
        &server,
        w,
        "1700000000001-0",
        &[(b"sequence", b"1"), (b"data", b"\xff\xfe"), (b"\xff", b"")],
    );
    add(&server, w, "1700000000002-0", &[(b"sequence", b"007")]);
    add(&server, w, "18446744073709551615-0", &[(b"sequence", b"-8")]);
    let log = log(&server);
    let entries = read_all(&*log, &id("W-1")).await;
    assert_eq!(entries.len(), 5);
    assert_eq!(entries[0].fields.data(), Some("{"));
    assert_eq!(entries[1].fields.extra, [("unknown".to_owned(), "only".to_owned())]);
    assert_eq!(entries[2].fields.data(), Some("\u{fffd}\u{fffd}"));
    assert_eq!(entries[2].fields.extra, [("\u{fffd}".to_owned(), String::new())]);
    assert_eq!(sequences(&entries), [1, 1, 7]);
    assert_eq!(entries[0].recorded.timestamp_millis(), 1_700_000_000_000);
    // Paged reads give the same entries, whatever the positions are.
    let after = entries[3].position;
    assert_eq!(log.read(&id("W-1"), after, 9).await.unwrap(), entries[4..]);
    let beyond = [(id("W-1"), Position::START), (id("W-1"), entries[4].position)];
    assert_eq!(log.read_many(&beyond, 9).await.unwrap(), [entries.clone(), vec![]]);
    // A stream without a feed is found by its key. Keys that only look like a stream are not listed.
    for key in ["wallet:{1}:W-2", "wallet:{0}:a b", "wallets:{0}:W-3", "order:{0}:O-1"] {
        add(&server, key, "*", &[(b"sequence", b"1")]);
    }
    server.run(&["SET", "wallet:{0}:W-4", "text"]);
    let streams: Vec<_> = log.streams().try_collect().await.unwrap();
    assert_eq!(streams.concat(), [id("W-1")]);
    // A sweep gives the same entries. A stream that others emptied has none.
    server.run(&["XGROUP", "CREATE", "wallet:{0}:W-5", "theirs", "$", "MKSTREAM"]);
    let (readable, unreadable) = swept(&*log).await;
    assert_eq!(unreadable.keys().collect::<Vec<_>>(), [&id("W-4")]);
    assert_eq!(
        readable.into_iter().collect::<Vec<_>>(),
        [(id("W-1"), entries), (id("W-5"), vec![])]
    );
    assert!(!log.feed_is_complete());
}

#[tokio::test]
async fn a_feed_with_invalid_entries_goes_on() {
    let server = RedisServer::start();
    let feed = "wallet:{0}:feed";
    add(&server, feed, "*", &[(b"sequence", b"1")]);
    add(&server, feed, "*", &[(b"subject", b"not an id"), (b"sequence", b"1")]);
    add(&server, feed, "*", &[(b"subject", b"W-1"), (b"sequence", b"one")]);
    add(&server, feed, "*", &[(b"subject", b"W-2"), (b"sequence", b"5")]);
    let log = log(&server);
    let mut following = log.follow(FeedPosition::default());
    let entries = next(&mut following, 2).await;
    assert_eq!(entries[0].subject, id("W-1"));
    assert_eq!(entries[0].sequence, None);
    assert_eq!(feed_items(&entries[1..]), [("W-2".to_owned(), 5)]);
    log.append(&id("W-3"), Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!(feed_items(&next(&mut following, 1).await), [("W-3".to_owned(), 1)]);
}

#[tokio::test]
async fn an_append_goes_after_the_highest_sequence_whatever_the_order() {
    let server = RedisServer::start();
    let log = log(&server);
    for (number, sequence) in ["3", "9", "x", "9223372036854775808", "4"].iter().enumerate() {
        add(
            &server,
            "wallet:{0}:W-1",
            &format!("5-{}", number + 1),
            &[(b"sequence", sequence.as_bytes())],
        );
    }
    let conflict = log.append(&id("W-1"), Expected::Exactly(4), &[event(1)]).await;
    assert_eq!(conflict, Err(AppendError::Conflict { expected: 4, actual: 9 }));
    let done = log
        .append(&id("W-1"), Expected::Exactly(9), &[keyed(1, "k")])
        .await
        .unwrap();
    assert_eq!((done.first, done.last), (10, 10));
    // A repeated append is also found in a stream that is out of order.
    let again = log.append(&id("W-1"), Expected::Any, &[keyed(1, "k")]).await.unwrap();
    assert_eq!((again.first, again.repeated), (10, true));
    // Nothing is appended beyond the highest sequence that a server counts exactly.
    add(&server, "wallet:{0}:W-2", "*", &[(b"sequence", b"9223372036854775807")]);
    let refused = log.append(&id("W-2"), Expected::Any, &[event(1)]).await;
    assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn an_entry_comes_after_all_others_whatever_the_clock() {
    let server = RedisServer::start();
    let log = log(&server);
    // The stream has entries from the future, the feed from an even later time.
    add(&server, "wallet:{0}:W-1", "4000000000000-7", &[(b"sequence", b"1")]);
    let append = async |wallet| log.append(&id(wallet), Expected::Any, &[event(1), event(2)]).await;
    append("W-1").await.unwrap();
    add(
        &server,
        "wallet:{0}:feed",
        "5000000000000-18446744073709551615",
        &[(b"subject", b"W-9"), (b"sequence", b"1")],
    );
    append("W-2").await.unwrap();
    let place = async |wallet, index: usize| {
        let entries = log.read(&id(wallet), Position::START, 9).await.unwrap();
        entries[index].position.to_string()
    };
    assert_eq!(place("W-1", 1).await, "4000000000000-8");
    assert_eq!(place("W-2", 0).await, "5000000000001-0");
    assert_eq!(place("W-2", 1).await, "5000000000001-1");
    // Each event has the id of its entry in the feed.
    let feed = next(&mut log.follow(FeedPosition::default()), 5).await;
    let places: Vec<_> = feed.iter().map(|entry| entry.position.to_string()).collect();
    assert_eq!(places[0], "4000000000000-8");
    assert_eq!(places[4], "5000000000001-1");
    // After the highest possible id there is no room.
    add(
        &server,
        "wallet:{0}:W-3",
        "18446744073709551615-1",
        &[(b"sequence", b"1")],
    );
    let refused = append("W-3").await;
    assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    assert_eq!(read_all(&*log, &id("W-3")).await.len(), 1);
}

#[tokio::test]
async fn keys_of_another_type_are_refused_and_left_alone() {
    let server = RedisServer::start();
    let log = log(&server);
    for key in ["wallet:{0}:W-1", "wallet:{0}:W-2:keys"] {
        server.run(&["SET", key, "text"]);
    }
    let read = log.read(&id("W-1"), Position::START, 9).await;
    assert!(matches!(read, Err(ReadError::Damaged { .. })), "{read:?}");
    for wallet in ["W-1", "W-2"] {
        let refused = log.append(&id(wallet), Expected::Any, &[keyed(1, "k")]).await;
        assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    }
    server.run(&["SET", "wallet:{0}:feed", "text"]);
    let refused = log.append(&id("W-3"), Expected::Any, &[event(1)]).await;
    assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    assert_eq!(read_all(&*log, &id("W-3")).await, []);

    for nonsense in ["0", "-1", "many", "99999999"] {
        let server = RedisServer::start();
        server.run(&["HSET", "wallet:meta", "partitions", nonsense]);
        let read = open(Domain::Wallet, &server.url())
            .unwrap()
            .read(&id("W-1"), Position::START, 9)
            .await;
        assert!(matches!(read, Err(ReadError::Damaged { .. })), "{read:?}");
    }
}

#[tokio::test]
async fn deleted_entries_show_in_the_end_of_a_stream() {
    let server = RedisServer::start();
    let log = log(&server);
    let end = async |wallet| log.ends(&[id(wallet)]).await.unwrap().remove(0);
    let present = |last: Option<&str>, length, added, max_deleted: Option<&str>| StreamEnd::Present {
        last: last.map(|last| last.parse().unwrap()),
        length,
        added: Some(added),
        max_deleted: max_deleted.map(|position| position.parse().unwrap()),
    };
    let w = "wallet:{0}:W-1";
    for place in ["1-1", "1-2", "2-0", "3-0", "4-0"] {
        add(&server, w, place, &[(b"sequence", b"1")]);
    }
    assert_eq!(end("W-1").await, present(Some("4-0"), 5, 5, None));
    let whole = log.read(&id("W-1"), Position::START, 9).await.unwrap();
    server.run(&["XDEL", w, "1-2"]);
    assert_eq!(end("W-1").await, present(Some("4-0"), 4, 5, Some("1-2")));
    server.run(&["XTRIM", w, "MAXLEN", "2"]);
    assert_eq!(end("W-1").await, present(Some("4-0"), 2, 5, Some("1-2")));
    // The last entry that is present, not the last one ever added.
    server.run(&["XDEL", w, "4-0"]);
    assert_eq!(end("W-1").await, present(Some("3-0"), 1, 5, Some("4-0")));
    server.run(&["XDEL", w, "3-0"]);
    assert_eq!(end("W-1").await, present(None, 0, 5, Some("4-0")));
    server.run(&["DEL", w]);
    assert_eq!(end("W-1").await, StreamEnd::Absent);
    // The same position with other bytes is another entry.
    add(&server, w, "1-1", &[(b"sequence", b"2")]);
    let other = log.read(&id("W-1"), Position::START, 9).await.unwrap();
    assert_eq!(other[0].position, whole[0].position);
    assert_ne!(other[0].digest, whole[0].digest);

    server.run(&["SET", "wallet:{0}:W-2", "text"]);
    server.run(&["HSET", "wallet:{0}:W-3", "a", "b"]);
    server.run(&["XGROUP", "CREATE", "wallet:{0}:W-4", "theirs", "$", "MKSTREAM"]);
    let ends = log.ends(&["W-1", "W-2", "W-3", "W-4", "W-5"].map(id)).await.unwrap();
    assert_eq!(
        ends,
        [
            present(Some("1-1"), 1, 1, None),
            StreamEnd::WrongType("string".into()),
            StreamEnd::WrongType("hash".into()),
            present(None, 0, 0, None),
            StreamEnd::Absent,
        ]
    );
}

#[tokio::test]
async fn a_key_of_another_type_does_not_affect_other_streams() {
    let server = RedisServer::start();
    let log = log(&server);
    for number in 0..300 {
        add(
            &server,
            &format!("wallet:{{0}}:W-{number}"),
            "*",
            &[(b"sequence", b"1")],
        );
    }
    for number in [3, 77, 299] {
        server.run(&["SET", &format!("wallet:{{0}}:W-{number}"), "text"]);
    }
    server.run(&["HSET", "wallet:{0}:W-7:keys", "k", "1"]);
    server.run(&["HSET", "wallet:{0}:W-bad", "k", "1"]);
    // With the fast reader, and with the newer protocol.
    for url in [server.url(), format!("{}?protocol=resp3", server.url())] {
        let log = open(Domain::Wallet, &url).unwrap();
        let (readable, unreadable) = swept(&*log).await;
        assert_eq!(readable.len(), 297);
        assert!(readable.values().all(|entries| entries.len() == 1));
        let expected = ["W-299", "W-3", "W-77", "W-bad"].map(id);
        assert_eq!(
            unreadable.keys().collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>()
        );
        assert!(
            unreadable[&id("W-bad")].contains("'wallet:{0}:W-bad'"),
            "{unreadable:?}"
        );
    }
    let mut streams = log.streams().try_concat().await.unwrap();
    streams.sort();
    streams.dedup();
    assert_eq!(streams.len(), 297);
    let read = log
        .read_many(&["W-1", "W-3"].map(|wallet| (id(wallet), Position::START)), 9)
        .await;
    let Err(ReadError::Damaged { reason, .. }) = read else {
        panic!("{read:?}")
    };
    assert!(reason.contains("'wallet:{0}:W-3'"), "{reason}");
    assert_eq!(read_all(&*log, &id("W-1")).await.len(), 1);
    // A feed key of the wrong type is named in the error.
    server.run(&["SET", "wallet:{0}:feed", "text"]);
    for error in [log.feed_end().await.unwrap_err(), log.feed_length().await.unwrap_err()] {
        assert!(matches!(&error, ReadError::Damaged { reason, .. } if reason.contains("'wallet:{0}:feed'")));
    }
}

/// A log for a user with these permissions.
fn log_as(server: &RedisServer, user: &str, rules: &[&str]) -> Arc<dyn EventLog> {
    server.run(&[&["ACL", "SETUSER", user, "reset", "on", ">p@ss"], rules].concat());
    let url = format!("redis://{user}:p%40ss@127.0.0.1:{}/", server.port());
    open(Domain::Wallet, &url).unwrap()
}

const README: [&str; 5] = ["+xrange", "+xread", "+xinfo", "+scan", "+hget"];

#[tokio::test]
async fn a_reader_needs_no_more_than_the_readme_says() {
    let server = RedisServer::start();
    let all = log(&server);
    for wallet in ["W-1", "W-2"] {
        all.append(&id(wallet), Expected::Any, &[event(1), event(2)])
            .await
            .unwrap();
    }
    server.run(&["SET", "wallet:{0}:W-3", "text"]);
    let few = log_as(&server, "few", &[&["~*"], &README[..]].concat());
    assert_eq!(few.feed_end().await.unwrap(), all.feed_end().await.unwrap());
    assert_eq!(few.feed_length().await, Ok(Some(4)));
    assert_eq!(few.streams().try_concat().await.unwrap().len(), 2);
    assert_eq!(next(&mut few.follow(FeedPosition::default()), 4).await.len(), 4);
    assert_eq!(swept(&*few).await, swept(&*all).await);
    assert_eq!(read_all(&*few, &id("W-1")).await, read_all(&*all, &id("W-1")).await);
    let ids = ["W-1", "W-3", "W-4"].map(id);
    let mut ends = all.ends(&ids).await.unwrap();
    assert_eq!(ends[1], StreamEnd::WrongType("string".into()));
    // The user may not ask for the type of a key.
    ends[1] = StreamEnd::WrongType("not a stream".into());
    assert_eq!(few.ends(&ids).await.unwrap(), ends);
    // The user may not ask for the server's identity either.
    let identity = few.identity().await.unwrap();
    assert_eq!((identity.run, identity.history, identity.offset), (None, None, None));
    assert_eq!((identity.previous_history, identity.partitions), (None, Some(1)));
}

#[tokio::test]
async fn missing_permissions_are_named_and_xinfo_is_optional() {
    let server = RedisServer::start();
    let all = log(&server);
    all.append(&id("W-1"), Expected::Any, &[event(1), event(2)])
        .await
        .unwrap();
    server.run(&["SET", "wallet:{0}:W-2", "text"]);
    server.run(&["XGROUP", "CREATE", "wallet:{0}:W-3", "theirs", "$", "MKSTREAM"]);
    let ids = ["W-1", "W-2", "W-3", "W-4"].map(id);
    let old = ["~*", "+xrange", "+xread", "+scan", "+hget", "+xlen", "+xrevrange"];
    let present = |last, length| StreamEnd::Present {
        last,
        length,
        added: None,
        max_deleted: None,
    };
    let last = read_all(&*all, &id("W-1")).await[1].position;
    let none = StreamEnd::Absent;
    for (user, rules, wrong_type, empty) in [
        ("old", &old[..], "not a stream", none.clone()),
        ("typed", &[&old[..], &["+type"]].concat(), "string", present(None, 0)),
    ] {
        let log = log_as(&server, user, rules);
        assert_eq!(log.feed_end().await.unwrap(), all.feed_end().await.unwrap());
        assert_eq!(log.feed_length().await, Ok(Some(2)));
        let expected = [
            present(Some(last), 2),
            StreamEnd::WrongType(wrong_type.into()),
            empty,
            none.clone(),
        ];
        assert_eq!(log.ends(&ids).await.unwrap(), expected, "{user}");
    }
    let reason = |error: ReadError| match error {
        ReadError::Unavailable { reason, .. } => reason,
        ReadError::Damaged { .. } => panic!("{error:?}"),
    };
    let less = log_as(&server, "less", &["~*", "+xread", "+hget"]);
    for error in [less.feed_end().await.unwrap_err(), less.ends(&ids).await.unwrap_err()] {
        assert_eq!(reason(error), "its user has no permission to run XINFO STREAM");
    }
    let read = less.read(&id("W-1"), Position::START, 9).await.unwrap_err();
    assert_eq!(reason(read), "its user has no permission to run XRANGE");
    let scan = less.streams().try_concat().await.unwrap_err();
    assert_eq!(reason(scan), "its user has no permission to run SCAN");
    let strange = log_as(&server, "strange", &["~order:*", "+@all"]);
    let read = strange.read(&id("W-1"), Position::START, 9).await.unwrap_err();
    assert_eq!(reason(read), "its user has no permission for a key of the log");
}

#[tokio::test]
async fn the_identity_changes_with_a_restart_a_history_and_partitions() {
    let mut server = RedisServer::start();
    let log = log(&server);
    let first = log.identity().await.unwrap();
    assert_eq!(first, log.identity().await.unwrap());
    assert!(first.run.is_some() && first.offset.is_some());
    server.kill();
    server.resume();
    let second = log.identity().await.unwrap();
    assert_ne!(second.run, first.run);
    // A replica that becomes the master remembers its previous history.
    server.run(&["REPLICAOF", "127.0.0.1", "1"]);
    server.run(&["REPLICAOF", "NO", "ONE"]);
    let third = log.identity().await.unwrap();
    assert_eq!(third.run, second.run);
    assert_ne!(third.history, second.history);
    let (previous, offset) = third.previous_history.unwrap();
    assert_eq!(Some(previous), second.history);
    assert!(offset > 0);
    // The next read uses the new number of partitions.
    server.run(&["HSET", "wallet:meta", "partitions", "4"]);
    assert_eq!(log.identity().await.unwrap().partitions, Some(4));
    assert_eq!(log.feed_end().await.unwrap().0.len(), 4);
}

/// Calls the function as contract §2 shows it to producers in other languages.
fn call(server: &RedisServer, keys: &[&str], arguments: &[&str]) -> RedisResult<Vec<Value>> {
    redis::cmd("FCALL")
        .arg("ledgerscope_append")
        .arg(keys.len())
        .arg(keys)
        .arg(arguments)
        .query(&mut server.connection())
}

const KEYS: [&str; 3] = ["wallet:{0}:W-1", "wallet:{0}:feed", "wallet:{0}:W-1:keys"];

#[tokio::test]
async fn a_plain_client_calls_the_same_function() {
    let server = RedisServer::start();
    let log = log(&server);
    // The first append loads the library.
    log.append(&id("W-0"), Expected::Any, &[event(1)]).await.unwrap();
    let arguments = [
        "0",
        "2", //
        "5",
        "id",
        "e-1",
        "type",
        "wallet.opened",
        "time",
        "2026-01-01T00:00:00Z",
        "data",
        "{}",
        "own",
        "x", //
        "5",
        "time",
        "2026-01-01T00:00:01+01:00",
        "data",
        "[1]",
        "idempotencykey",
        "k",
        "id",
        "e-2",
        "type",
        "t",
    ];
    let answer = call(&server, &KEYS, &arguments).unwrap();
    assert_eq!(answer[0], Value::BulkString(b"appended".into()));
    assert_eq!(answer[1..3], [Value::Int(1), Value::Int(2)]);
    let entries = read_all(&*log, &id("W-1")).await;
    assert_eq!(
        answer[3],
        Value::BulkString(entries[0].position.to_string().into_bytes())
    );
    assert_eq!(entries[0].fields.extra, [("own".to_owned(), "x".to_owned())]);
    assert_eq!(entries[1].fields.sequence(), Some("2"));
    let again = call(&server, &KEYS, &arguments).unwrap();
    assert_eq!(again[0], Value::BulkString(b"repeated".into()));
    assert_eq!(again[1..], answer[1..]);
}

#[tokio::test]
async fn the_function_refuses_invalid_arguments_and_writes_nothing() {
    let server = RedisServer::start();
    let log = log(&server);
    log.append(&id("W-0"), Expected::Any, &[event(1)]).await.unwrap();
    let whole = [
        "any",
        "1",
        "4",
        "id",
        "e",
        "type",
        "t",
        "time",
        "2026-01-01T00:00:00Z",
        "data",
        "{}",
    ];
    let spoilt: [(usize, &str, &str); 21] = [
        (0, "", "INVALID"),
        (0, "-1", "INVALID"),
        (0, "1", "CONFLICT"),
        (1, "0", "INVALID"),
        (1, "2", "INVALID"),
        (1, "1001", "INVALID"),
        (1, "x", "INVALID"),
        (2, "3", "INVALID"),
        (2, "5", "INVALID"),
        (2, "999", "INVALID"),
        (3, "sequence", "INVALID"),
        (3, "subject", "INVALID"),
        (3, "", "INVALID"),
        (3, "type", "INVALID"),
        (4, "é", "INVALID"),
        (4, "", "INVALID"),
        (6, "", "INVALID"),
        (8, "2026-13-01T00:00:00Z", "INVALID"),
        (8, "2026-01-01T00:00:00", "INVALID"),
        (10, "{", "INVALID"),
        (10, "", "INVALID"),
    ];
    for (place, text, code) in spoilt {
        let mut arguments = whole;
        arguments[place] = text;
        let error = call(&server, &KEYS, &arguments).unwrap_err();
        assert_eq!(error.code(), Some(code), "{place} {text:?}: {error}");
    }
    let cut = call(&server, &KEYS, &whole[..10]).unwrap_err();
    assert_eq!(cut.code(), Some("INVALID"));
    let big = "x".repeat(70_000);
    let mut arguments = whole.to_vec();
    arguments[2] = "5";
    arguments.extend(["own", &big]);
    assert_eq!(call(&server, &KEYS, &arguments).unwrap_err().code(), Some("INVALID"));
    for keys in [
        &KEYS[..2],
        &["wallet:{0}:feed", KEYS[1], "wallet:{0}:feed:keys"],
        &["wallet:W-1", KEYS[1], "wallet:W-1:keys"],
        &["wallet:{0}:-1", KEYS[1], "wallet:{0}:-1:keys"],
        &["wallet:{0}:a b", KEYS[1], "wallet:{0}:a b:keys"],
        &[KEYS[0], "wallet:{1}:feed", KEYS[2]],
        &[KEYS[0], "order:{0}:feed", KEYS[2]],
        &[KEYS[0], KEYS[1], "wallet:{0}:W-2:keys"],
    ] {
        let error = call(&server, keys, &whole).unwrap_err();
        assert_eq!(error.code(), Some("INVALID"), "{keys:?}: {error}");
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*W-1*").query(&mut server.connection()).unwrap();
    assert_eq!(keys, [""; 0]);
    call(&server, &KEYS, &whole).unwrap();
}

#[tokio::test]
async fn the_library_is_replaced_only_by_a_newer_one_and_restored_if_removed() {
    let server = RedisServer::start();
    let version = || -> i64 {
        redis::cmd("FCALL_RO")
            .arg("ledgerscope_version")
            .arg(0)
            .query(&mut server.connection())
            .unwrap()
    };
    let load = |version: i64| {
        let code = format!(
            "#!lua name=ledgerscope\nredis.register_function{{function_name='ledgerscope_version', \
             callback=function() return {version} end, flags={{'no-writes'}}}}"
        );
        server.run(&["FUNCTION", "LOAD", "REPLACE", &code]);
    };
    load(0);
    let first = log(&server);
    first.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!(version(), 2);
    // The library is removed after the connection has used it.
    server.run(&["FUNCTION", "FLUSH"]);
    first.append(&id("W-1"), Expected::Any, &[event(2)]).await.unwrap();
    assert_eq!(version(), 2);
    // A newer library is not replaced, even though this one can't append.
    load(3);
    let refused = log(&server).append(&id("W-1"), Expected::Any, &[event(3)]).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    assert_eq!(version(), 3);
    assert_eq!(sequences(&read_all(&*first, &id("W-1")).await), [1, 2]);
}

#[tokio::test]
async fn a_key_from_long_ago_is_found_in_a_stream_with_many_events_a_millisecond() {
    let server = RedisServer::start();
    let log = log(&server);
    // 3,000 events over a few milliseconds and some years, in order and without gaps.
    let mut connection = server.connection();
    for number in 1..=3_000_u64 {
        let place = match number {
            ..=1_000 => format!("1500000000000-{number}"),
            1_001..=2_000 => format!("{}-0", 1_600_000_000_000 + number * 86_400_000),
            _ => format!("1790000000000-{number}"),
        };
        redis::cmd("XADD")
            .arg("wallet:{0}:W-1")
            .arg(place)
            .arg(&["sequence", &number.to_string(), "type", "wallet.credited"])
            .arg(&["idempotencykey", &format!("k-{number}"), "data", "{}"])
            .exec(&mut connection)
            .unwrap();
        redis::cmd("HSET")
            .arg("wallet:{0}:W-1:keys")
            .arg(format!("k-{number}"))
            .arg(number)
            .exec(&mut connection)
            .unwrap();
    }
    for number in [1, 2, 500, 999, 1_000, 1_001, 1_500, 2_000, 2_001, 2_999, 3_000] {
        let again = NewEvent {
            data: "{}".into(),
            ..keyed(number, &format!("k-{number}"))
        };
        let done = log.append(&id("W-1"), Expected::Any, &[again]).await.unwrap();
        assert_eq!((done.first, done.repeated), (number as u64, true));
    }
    // A key whose event is missing or unreadable was not used for this append.
    server.run(&["HSET", "wallet:{0}:W-1:keys", "gone", "4000", "odd", "x"]);
    for key in ["gone", "odd"] {
        let refused = log.append(&id("W-1"), Expected::Any, &[keyed(1, key)]).await;
        assert_eq!(refused, Err(AppendError::KeyReused(key.into())));
    }
}
