//! Appending: at the expected sequence or not at all, all events or none, within the limits.

use std::{collections::HashSet, sync::Arc};

use futures::future::join_all;
use ledgerscope::{
    domain::{event::NewEvent, ids::Position},
    event_log::{APPEND_MAX, AppendError, EVENT_BYTES_MAX, Expected, FeedPosition},
};

use super::{TestStore, appended, event, id, keyed, next, read_all, sequences};

pub async fn an_append_at_another_than_the_expected_sequence_is_refused(store: &TestStore) {
    let log = store.log();
    let append = async |expected| log.append(&id("W-1"), Expected::Exactly(expected), &[event(1)]).await;
    let conflict = |expected, actual| Err(AppendError::Conflict { expected, actual });
    assert_eq!(append(1).await, conflict(1, 0));
    assert_eq!(append(0).await, Ok(appended(1, 1)));
    assert_eq!(append(0).await, conflict(0, 1));
    assert_eq!(append(2).await, conflict(2, 1));
    assert_eq!(append(1).await, Ok(appended(2, 2)));
    assert_eq!(append(u64::MAX).await, conflict(u64::MAX, 2));
    assert_eq!(sequences(&read_all(&*log, &id("W-1")).await), [1, 2]);
}

pub async fn of_concurrent_appends_with_one_expected_sequence_one_succeeds(store: &TestStore) {
    let logs = [store.log(), store.log()];
    logs[0]
        .append(&id("W-1"), Expected::Exactly(0), &[event(0)])
        .await
        .unwrap();
    let racing = (1..=200).map(|number| {
        let log = Arc::clone(&logs[number % 2]);
        tokio::spawn(async move { log.append(&id("W-1"), Expected::Exactly(1), &[event(number)]).await })
    });
    let results = join_all(racing).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!(won, [Ok(appended(2, 2))]);
    let conflict = AppendError::Conflict { expected: 1, actual: 2 };
    assert_eq!(lost, vec![Err(conflict); 199]);
    assert_eq!(sequences(&read_all(&*logs[0], &id("W-1")).await), [1, 2]);
}

pub async fn concurrent_appends_without_an_expected_sequence_all_succeed(store: &TestStore) {
    let logs = [store.log(), store.log()];
    let racing = (0..200).map(|number| {
        let log = Arc::clone(&logs[number % 2]);
        tokio::spawn(async move {
            log.append(&id(&format!("W-{}", number % 3)), Expected::Any, &[event(number)])
                .await
        })
    });
    for result in join_all(racing).await {
        assert!(!result.unwrap().unwrap().repeated);
    }
    let mut ids = HashSet::new();
    for wallet in ["W-0", "W-1", "W-2"] {
        let entries = read_all(&*logs[0], &id(wallet)).await;
        assert_eq!(sequences(&entries), (1..=entries.len() as u64).collect::<Vec<_>>());
        ids.extend(entries.iter().map(|entry| entry.fields.id().map(str::to_owned)));
    }
    assert_eq!(ids.len(), 200);
}

pub async fn several_events_are_appended_whole_or_not_at_all(store: &TestStore) {
    let log = store.log();
    let w = id("W-1");
    let many: Vec<_> = (1..=APPEND_MAX).map(event).collect();
    assert_eq!(
        log.append(&w, Expected::Exactly(0), &many).await,
        Ok(appended(1, APPEND_MAX as u64))
    );
    let bad = NewEvent {
        data: "not JSON".into(),
        ..event(2)
    };
    for events in [
        vec![event(1), bad.clone()],
        vec![bad, event(1)],
        vec![event(1), keyed(2, "k"), keyed(3, "k")],
    ] {
        let refused = log.append(&w, Expected::Any, &events).await;
        assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    }
    let conflict = log
        .append(&w, Expected::Exactly(7), &[keyed(1, "x"), keyed(2, "y")])
        .await;
    assert_eq!(
        conflict,
        Err(AppendError::Conflict {
            expected: 7,
            actual: APPEND_MAX as u64
        })
    );
    assert_eq!(read_all(&*log, &w).await.len(), APPEND_MAX);
    let mut feed = log.follow(FeedPosition::default());
    let entries = next(&mut feed, APPEND_MAX).await;
    assert_eq!(entries.len(), APPEND_MAX);
    // The keys of a refused append can still be used.
    let fresh = log.append(&w, Expected::Any, &[keyed(1, "x")]).await;
    assert_eq!(fresh, Ok(appended(APPEND_MAX as u64 + 1, APPEND_MAX as u64 + 1)));
}

pub async fn what_is_beyond_the_limits_is_refused(store: &TestStore) {
    let log = store.log();
    let w = id("W-1");
    let sized = |bytes: usize| {
        let mut event = NewEvent {
            data: "\"\"".into(),
            ..event(1)
        };
        let rest: usize = event
            .clone()
            .into_fields(1)
            .iter()
            .filter(|(name, _)| *name != "sequence")
            .map(|(name, value)| name.len() + value.len())
            .sum();
        event.data = format!("\"{}\"", "x".repeat(bytes - rest));
        event
    };
    let too_many = vec![event(1); APPEND_MAX + 1];
    for events in [vec![], too_many, vec![sized(EVENT_BYTES_MAX + 1)]] {
        let refused = log.append(&w, Expected::Any, &events).await;
        assert!(matches!(refused, Err(AppendError::Invalid(_))), "{refused:?}");
    }
    let largest = [sized(EVENT_BYTES_MAX)];
    assert_eq!(log.append(&w, Expected::Any, &largest).await, Ok(appended(1, 1)));
    let entries = log.read(&w, Position::START, usize::MAX).await.unwrap();
    assert_eq!(entries[0].fields, largest[0].clone().into_fields(1));
}
