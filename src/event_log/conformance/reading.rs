//! Reading: written events are read back, page by page, from any position, and every stream is listed.

use std::collections::HashSet;

use chrono::{TimeDelta, Utc};
use futures::{TryStreamExt as _, future::join_all};
use ledgerscope::{
    domain::{
        event::NewEvent,
        ids::{EntityId, LogName, Position},
    },
    event_log::{APPEND_MAX, Expected, FeedPosition, READ_MAX},
};

use super::{TestStore, appended, event, id, keyed, next, read_all, repeated, sequences};

pub async fn events_come_back_as_they_were_written(store: &TestStore) {
    let log = store.log();
    let full = NewEvent {
        actor: Some("müller@example.com".into()),
        idempotencykey: Some("key with spaces, 'quotes' and \n lines".into()),
        correlationid: Some("R-1".into()),
        causationid: Some("e-0".into()),
        data: r#"{"text":"ünïcödé ✓","nested":{"a":[1,2.50,null]},"big":12345678901234567890}"#.into(),
        extra: vec![("traceparent".into(), "00-ab".into()), ("empty".into(), String::new())],
        ..event(1)
    };
    let before = Utc::now() - TimeDelta::seconds(1);
    let done = log.append(&id("W-1"), Expected::Any, &[full.clone(), event(2)]).await;
    assert_eq!(done, Ok(appended(1, 2)));

    let entries = store.log().read(&id("W-1"), Position::START, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].fields, full.into_fields(1));
    assert_eq!(entries[1].fields, event(2).into_fields(2));
    assert!(entries[0].recorded >= before && entries[0].recorded <= Utc::now());
    assert_eq!(entries[0].recorded.timestamp_subsec_nanos() % 1_000_000, 0);
}

pub async fn a_stream_that_does_not_exist_is_empty(store: &TestStore) {
    let log = store.log();
    assert_eq!(log.name(), LogName::Wallet);
    assert_eq!(log.read(&id("W-1"), Position::START, 10).await, Ok(vec![]));
    let streams: Vec<Vec<EntityId>> = log.streams().try_collect().await.unwrap();
    assert_eq!(streams.concat(), vec![]);
    let end = log.feed_end().await.unwrap();
    assert!(end.0.iter().all(|position| *position == Position::START));
    assert_eq!(log.feed_length().await, Ok(Some(0)));
}

pub async fn a_stream_is_read_in_pages_from_any_position(store: &TestStore) {
    let log = store.log();
    for number in 1..=25 {
        // Another stream is written in between, so that the positions of the feed are not those of the stream.
        for wallet in ["W-1", "W-2"] {
            log.append(&id(wallet), Expected::Any, &[event(number)]).await.unwrap();
        }
    }
    assert_eq!(log.feed_length().await, Ok(Some(50)));
    let whole = log.read(&id("W-1"), Position::START, 100).await.unwrap();
    assert_eq!(sequences(&whole), (1..=25).collect::<Vec<_>>());
    let mut paged = vec![];
    let mut after = Position::START;
    loop {
        let page = log.read(&id("W-1"), after, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() == 7 || paged.len() == 21);
        after = last.position;
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    // Positions of another stream, and a position beyond the end.
    let others = log.read(&id("W-2"), Position::START, 100).await.unwrap();
    for other in others {
        let expected: Vec<_> = whole
            .iter()
            .filter(|entry| entry.position > other.position)
            .cloned()
            .collect();
        assert_eq!(log.read(&id("W-1"), other.position, 100).await.unwrap(), expected);
    }
    let end = Position::END;
    assert_eq!(log.read(&id("W-1"), end, 100).await, Ok(vec![]));
    assert_eq!(log.read(&id("W-1"), Position::START, 0).await, Ok(vec![]));
}

pub async fn ids_that_look_alike_are_different_streams(store: &TestStore) {
    let log = store.log();
    let alike = ["W-1", "w-1", "W-1.", "W-10", "W_1", "keys", "Feed", "meta"];
    for (number, wallet) in alike.iter().enumerate() {
        let done = log.append(&id(wallet), Expected::Exactly(0), &[event(number)]).await;
        assert_eq!(done, Ok(appended(1, 1)), "{wallet}");
    }
    for (number, wallet) in alike.iter().enumerate() {
        let entries = log.read(&id(wallet), Position::START, 10).await.unwrap();
        assert_eq!(entries.len(), 1, "{wallet}");
        assert_eq!(entries[0].fields.id(), Some(format!("e-{number}").as_str()));
    }
}

pub async fn recorded_times_and_positions_do_not_decrease(store: &TestStore) {
    let log = store.log();
    for number in 0..20 {
        log.append(&id("W-1"), Expected::Any, &[event(number), event(number + 100)])
            .await
            .unwrap();
    }
    let entries = read_all(&*log, &id("W-1")).await;
    assert_eq!(entries.len(), 40);
    assert!(
        entries
            .windows(2)
            .all(|two| two[0].position < two[1].position && two[0].recorded <= two[1].recorded)
    );
}

pub async fn every_stream_is_listed(store: &TestStore) {
    let log = store.log();
    let ids: HashSet<EntityId> = (0..2_500).map(|number| id(&format!("W-{number}"))).collect();
    let all: Vec<_> = ids.iter().collect();
    for some in all.chunks(250) {
        let events = [event(1), event(2)];
        let done = some.iter().map(|id| log.append(id, Expected::Any, &events));
        assert!(join_all(done).await.iter().all(Result::is_ok));
    }
    let pages: Vec<Vec<EntityId>> = log.streams().try_collect().await.unwrap();
    assert!(pages.len() > 1, "one page of {}", pages[0].len());
    assert_eq!(pages.concat().into_iter().collect::<HashSet<_>>(), ids);
}

pub async fn a_big_stream_is_written_and_read_whole(store: &TestStore) {
    const EVENTS: usize = 100_000;
    let log = store.log();
    let w = id("W-big");
    let mut expected = 0;
    for chunk in 0..EVENTS / APPEND_MAX {
        let events: Vec<_> = (1..=APPEND_MAX)
            .map(|number| {
                let number = chunk * APPEND_MAX + number;
                keyed(number, &format!("k-{number}"))
            })
            .collect();
        let done = log.append(&w, Expected::Exactly(expected), &events).await;
        let first = expected + 1;
        expected += APPEND_MAX as u64;
        assert_eq!(done, Ok(appended(first, expected)));
    }
    let page = log.read(&w, Position::START, usize::MAX).await.unwrap();
    assert_eq!(page.len(), READ_MAX);
    let entries = read_all(&*log, &w).await;
    assert_eq!(sequences(&entries), (1..=EVENTS as u64).collect::<Vec<_>>());
    assert_eq!(entries[77_776].fields, keyed(77_777, "k-77777").into_fields(77_777));
    // A key from long ago is still known.
    let old = [keyed(123, "k-123"), keyed(124, "k-124")];
    assert_eq!(log.append(&w, Expected::Any, &old).await, Ok(repeated(123, 124)));
    let feed = next(&mut log.follow(FeedPosition::default()), EVENTS).await;
    assert_eq!(feed.len(), EVENTS);
}
