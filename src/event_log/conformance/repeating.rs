//! Idempotency: an append with keys is safe to repeat, and a key is valid for one append only.

use std::sync::Arc;

use futures::future::join_all;
use ledgerscope::{
    domain::event::NewEvent,
    event_log::{AppendError, Appended, Expected, FeedPosition},
};

use super::{TestStore, appended, event, feed_items, id, keyed, next, read_all, repeated, sequences};

pub async fn a_repeated_append_changes_nothing(store: &TestStore) {
    let log = store.log();
    let w = id("W-1");
    let pair = [keyed(1, "a"), keyed(2, "b")];
    assert_eq!(log.append(&w, Expected::Exactly(0), &pair).await, Ok(appended(1, 2)));
    log.append(&w, Expected::Exactly(2), &[event(3)]).await.unwrap();
    // The first answer counts, whatever sequence is expected. A producer may use a new id and a new time when it tries
    // again.
    let again = [
        NewEvent {
            id: "other".into(),
            time: "2027-01-01T00:00:00Z".into(),
            ..keyed(1, "a")
        },
        keyed(2, "b"),
    ];
    for expected in [
        Expected::Exactly(0),
        Expected::Exactly(3),
        Expected::Exactly(9),
        Expected::Any,
    ] {
        assert_eq!(log.append(&w, expected, &again).await, Ok(repeated(1, 2)));
    }
    // The second event alone is a repeat as well, and so is an append in which only one event has a key.
    assert_eq!(log.append(&w, Expected::Any, &pair[1..]).await, Ok(repeated(2, 2)));
    let half = [keyed(4, "c"), event(5)];
    assert_eq!(log.append(&w, Expected::Any, &half).await, Ok(appended(4, 5)));
    assert_eq!(log.append(&w, Expected::Any, &half).await, Ok(repeated(4, 5)));
    assert_eq!(sequences(&read_all(&*log, &w).await), [1, 2, 3, 4, 5]);
    // A key counts on its own stream only.
    let other = log.append(&id("W-2"), Expected::Any, &pair).await;
    assert_eq!(other, Ok(appended(1, 2)));
}

pub async fn concurrent_repeats_write_once(store: &TestStore) {
    let logs = [store.log(), store.log()];
    let racing = (0..100).map(|number| {
        let log = Arc::clone(&logs[number % 2]);
        tokio::spawn(async move {
            log.append(&id("W-1"), Expected::Exactly(0), &[keyed(1, "k"), keyed(2, "l")])
                .await
        })
    });
    let results: Vec<Appended> = join_all(racing)
        .await
        .into_iter()
        .map(|result| result.unwrap().unwrap())
        .collect();
    assert!(results.iter().all(|done| (done.first, done.last) == (1, 2)));
    assert_eq!(results.iter().filter(|done| !done.repeated).count(), 1);
    assert_eq!(sequences(&read_all(&*logs[0], &id("W-1")).await), [1, 2]);
    let mut feed = logs[0].follow(FeedPosition::default());
    assert_eq!(feed_items(&next(&mut feed, 2).await).len(), 2);
}

pub async fn a_key_used_for_something_else_is_refused(store: &TestStore) {
    let log = store.log();
    let w = id("W-1");
    log.append(&w, Expected::Any, &[keyed(1, "a"), keyed(2, "b")])
        .await
        .unwrap();
    let other_type = NewEvent {
        r#type: "wallet.debited".into(),
        ..keyed(1, "a")
    };
    let reused: [(&[NewEvent], &str); 7] = [
        (&[keyed(9, "a")], "a"),
        (&[other_type], "a"),
        (&[keyed(1, "a"), keyed(3, "c")], "a"),
        (&[keyed(3, "c"), keyed(2, "b")], "b"),
        (&[keyed(2, "b"), keyed(1, "a")], "b"),
        (&[keyed(1, "a"), event(2)], "a"),
        (&[keyed(1, "a"), keyed(2, "b"), keyed(3, "c")], "a"),
    ];
    for (events, key) in reused {
        assert_eq!(
            log.append(&w, Expected::Any, events).await,
            Err(AppendError::KeyReused(key.into())),
            "{events:?}"
        );
    }
    assert_eq!(sequences(&read_all(&*log, &w).await), [1, 2]);
    // A refused append does not use up its keys.
    assert_eq!(
        log.append(&w, Expected::Any, &[keyed(3, "c")]).await,
        Ok(appended(3, 3))
    );
}
