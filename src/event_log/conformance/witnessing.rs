//! What a store reports about itself and its streams, and digests. Together they show that a store is another one or
//! has lost entries.

use ledgerscope::{
    domain::{
        event::{Entry, NewEvent, RawDigest},
        ids::Position,
    },
    event_log::{Expected, READ_MANY_MAX, StreamEnd, roll},
};

use super::{TestStore, event, id, keyed, read_all, sweeping};

pub async fn an_identity_is_the_same_for_all_who_open_a_store(store: &TestStore) {
    let log = store.log();
    let before = log.identity().await.unwrap();
    log.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    assert!(before.history.is_some());
    let after = store.log().identity().await.unwrap();
    assert_eq!((&before.run, &before.history), (&after.run, &after.history));
    assert_eq!(before.previous_history, after.previous_history);
    assert!(after.offset >= before.offset);
    let partitions = log.feed_end().await.unwrap().0.len();
    for identity in [before, after] {
        assert_eq!(identity.partitions, u32::try_from(partitions).ok());
    }
}

/// Asserts that the end of a stream matches its entries. Facts about deletions are not compared.
fn assert_ends_with(end: &StreamEnd, entries: &[Entry]) {
    let StreamEnd::Present { last, length, .. } = end else {
        panic!("{end:?}")
    };
    assert_eq!(*last, entries.last().map(|last| last.position));
    assert_eq!(*length, entries.len() as u64);
}

pub async fn the_ends_of_many_streams_are_returned_in_order(store: &TestStore) {
    let log = store.log();
    assert_eq!(log.ends(&[]).await, Ok(vec![]));
    assert_eq!(log.ends(&[id("W-1")]).await, Ok(vec![StreamEnd::Absent]));
    let mut ids = vec![];
    for number in 0..READ_MANY_MAX {
        let id = id(&format!("W-{number}"));
        // Every seventh stream exists, with one to four events.
        for event in (0..=number % 4).map(event).filter(|_| number % 7 == 0) {
            log.append(&id, Expected::Any, &[event]).await.unwrap();
        }
        ids.push(id);
    }
    ids.swap(0, 700);
    let ends = log.ends(&ids).await.unwrap();
    assert_eq!(ends.len(), ids.len());
    for (id, end) in ids.iter().zip(&ends) {
        match read_all(&*log, id).await.as_slice() {
            [] => assert_eq!(*end, StreamEnd::Absent, "{id}"),
            entries => assert_ends_with(end, entries),
        }
    }
    // One stream may be requested twice. Its end changes with an append.
    log.append(&ids[0], Expected::Any, &[event(99)]).await.unwrap();
    let again = log.ends(&[ids[0].clone(), ids[0].clone()]).await.unwrap();
    assert_eq!(again[0], again[1]);
    assert_ends_with(&again[0], &read_all(&*log, &ids[0]).await);
    assert_ne!(again[0], ends[0]);
}

fn digests(entries: &[Entry]) -> Vec<RawDigest> {
    entries.iter().map(|entry| entry.digest).collect()
}

fn rolled(entries: &[Entry]) -> RawDigest {
    let digests = entries.iter().map(|entry| entry.digest);
    digests.fold(RawDigest::default(), roll)
}

pub async fn digests_are_the_same_however_a_stream_is_read(store: &TestStore) {
    let log = store.log();
    let mut events: Vec<NewEvent> = (1..=300).map(event).collect();
    events[7].extra = vec![("traceparent".into(), "00-ä".into()), ("empty".into(), String::new())];
    events[8] = keyed(9, "k-9");
    for wallet in ["W-1", "W-2"] {
        log.append(&id(wallet), Expected::Any, &events).await.unwrap();
    }
    let whole = log.read(&id("W-1"), Position::START, 1_000).await.unwrap();
    let expected = digests(&whole);
    assert_eq!(expected.len(), 300);
    // In pages, by another process, together with other streams, and in a sweep.
    let other = store.log();
    let mut paged = other.read(&id("W-1"), Position::START, 7).await.unwrap();
    paged.extend(other.read(&id("W-1"), paged[6].position, 1_000).await.unwrap());
    assert_eq!(digests(&paged), expected);
    let wanted = ["W-2", "W-1"].map(|wallet| (id(wallet), Position::START));
    let many = other.read_many(&wanted, 1_000).await.unwrap();
    assert_eq!(digests(&many[1]), expected);
    let swept = sweeping::swept(&*other).await;
    assert_eq!(digests(&swept[&id("W-1")]), expected);
    assert_eq!(digests(&swept[&id("W-2")]), digests(&many[0]));
    // The rolling digest of a prefix can be continued to that of the whole stream.
    let beginning = rolled(&whole[..100]);
    let whole_rolled = whole[100..].iter().map(|entry| entry.digest).fold(beginning, roll);
    assert_eq!(whole_rolled, rolled(&paged));
    assert_ne!(whole_rolled, rolled(&whole[..299]));
    assert_ne!(whole_rolled, rolled(&many[0]));
    let mut swapped = whole.clone();
    swapped.swap(3, 4);
    assert_ne!(whole_rolled, rolled(&swapped));
}

pub async fn digests_differ_wherever_an_event_differs(store: &TestStore) {
    let log = store.log();
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let with = |extra: Vec<(String, String)>| NewEvent { extra, ..event(1) };
    // The same event again has another digest, because its position differs.
    let events = [
        event(1),
        event(1),
        keyed(1, "k"),
        NewEvent {
            data: r#"{"number": 1}"#.into(),
            ..event(1)
        },
        with(vec![own("a", "1"), own("b", "2")]),
        with(vec![own("b", "2"), own("a", "1")]),
        with(vec![own("a", "1"), own("c", "2")]),
        with(vec![own("a", "12"), own("b", "")]),
    ];
    log.append(&id("W-1"), Expected::Any, &events).await.unwrap();
    let entries = read_all(&*log, &id("W-1")).await;
    let mut different = digests(&entries);
    assert!(!different.contains(&RawDigest::default()));
    different.sort_by_key(|digest| digest.0);
    different.dedup();
    assert_eq!(different.len(), events.len());
}
