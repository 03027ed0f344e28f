//! The feed: every append once, in order, from any position, whichever process appended.

use std::time::Duration;

use futures::StreamExt as _;
use ledgerscope::{
    domain::ids::Sequence,
    event_log::{Expected, FeedPosition},
};
use tokio::time::timeout;

use super::{TestStore, advanced, event, feed_items, id, next};

pub async fn the_feed_has_every_append_from_any_position(store: &TestStore) {
    let log = store.log();
    let mut expected = vec![];
    for number in 0..40 {
        let wallet = format!("W-{}", number % 7);
        let done = log
            .append(&id(&wallet), Expected::Any, &[event(number), event(number + 100)])
            .await
            .unwrap();
        expected.extend([(wallet.clone(), done.first), (wallet, done.last)]);
    }
    let whole = next(&mut log.follow(FeedPosition::default()), expected.len()).await;
    // Partitions are read side by side. Each partition is in order, and so is each stream.
    let sorted = |mut feed_items: Vec<(String, Sequence)>| {
        feed_items.sort();
        feed_items
    };
    assert_eq!(sorted(feed_items(&whole)), sorted(expected.clone()));
    let partitions = whole.iter().map(|entry| entry.partition).max().unwrap();
    for partition in 0..=partitions {
        let one: Vec<_> = whole.iter().filter(|entry| entry.partition == partition).collect();
        assert!(one.windows(2).all(|two| two[0].position < two[1].position));
    }
    if partitions == 0 {
        assert_eq!(feed_items(&whole), expected);
    }
    let end = log.feed_end().await.unwrap();
    assert_eq!(advanced(FeedPosition::default(), &whole), end);

    // From the middle: earlier entries are not repeated, and no entry is left out.
    for seen in [1, 13, 79] {
        let mut feed = log.follow(advanced(FeedPosition::default(), &whole[..seen]));
        let rest = next(&mut feed, whole.len() - seen).await;
        assert_eq!(sorted(feed_items(&rest)), sorted(feed_items(&whole[seen..])));
    }
    // From the end: no item until an event is appended.
    let mut feed = log.follow(end);
    let silence = timeout(Duration::from_millis(300), feed.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    log.append(&id("W-3"), Expected::Any, &[event(999)]).await.unwrap();
    assert_eq!(feed_items(&next(&mut feed, 1).await)[0].0, "W-3");
}

pub async fn the_feed_has_appends_of_other_processes(store: &TestStore) {
    let (log, other) = (store.log(), store.log());
    let mut feed = log.follow(FeedPosition::default());
    let mut again = other.follow(FeedPosition::default());
    for number in 1..=5 {
        other.append(&id("W-1"), Expected::Any, &[event(number)]).await.unwrap();
        let expected = [("W-1".to_owned(), number as u64)];
        assert_eq!(feed_items(&next(&mut feed, 1).await), expected);
        assert_eq!(feed_items(&next(&mut again, 1).await), expected);
    }
}
