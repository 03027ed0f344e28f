//! Reading many streams at once and sweeping through all. Both return what reading stream by stream returns.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt as _, TryStreamExt as _, future::join_all};
use ledgerscope::{
    domain::{
        event::{Entry, NewEvent},
        ids::{EntityId, Position},
    },
    event_log::{APPEND_MAX, EventLog, Expected, READ_MANY_MAX, READ_MAX, Swept},
};

use super::{TestStore, event, id, read_all, sequences};

/// Joins the parts of a sweep to streams. A stream that comes twice begins anew. Asserts that the parts of each stream
/// are in order and without a gap, and that each stream ends.
pub fn joined(parts: Vec<Swept>) -> BTreeMap<EntityId, Vec<Entry>> {
    let mut streams = BTreeMap::new();
    let mut open = HashSet::new();
    for part in parts {
        let entries: &mut Vec<Entry> = streams.entry(part.subject.clone()).or_default();
        if part.first {
            entries.clear();
        } else {
            assert!(
                open.contains(&part.subject),
                "{} continues before it begins",
                part.subject
            );
        }
        assert_eq!(part.unreadable, None, "{}", part.subject);
        let before = entries.len();
        entries.extend(part.entries);
        let seam = before.saturating_sub(1);
        assert!(entries[seam..].windows(2).all(|two| two[0].position < two[1].position));
        if part.last {
            open.remove(&part.subject);
        } else {
            open.insert(part.subject);
        }
    }
    assert_eq!(open, HashSet::new(), "streams without an end");
    streams
}

pub async fn swept(log: &dyn EventLog) -> BTreeMap<EntityId, Vec<Entry>> {
    let parts: Vec<Vec<Swept>> = log.sweep().try_collect().await.unwrap();
    joined(parts.concat())
}

async fn append(log: &dyn EventLog, wallet: &str, events: usize) {
    let events: Vec<NewEvent> = (1..=events).map(event).collect();
    for some in events.chunks(APPEND_MAX) {
        log.append(&id(wallet), Expected::Any, some).await.unwrap();
    }
}

/// Writes short and long streams. Some have the size of an adapter's page, and one has dots in its id.
async fn filled(log: &dyn EventLog) -> Vec<EntityId> {
    let short = (0..300).map(|number| (format!("W-{number}"), 1 + number % 3));
    let long = [
        ("W.a.b", 3),
        ("W-63", 63),
        ("W-64", 64),
        ("W-65", 65),
        ("W-1000", 1_000),
        ("W-4097", 4_097),
    ];
    let long = long.map(|(wallet, events)| (wallet.to_owned(), events));
    let wallets: Vec<(String, usize)> = short.chain(long).collect();
    for some in wallets.chunks(32) {
        join_all(some.iter().map(|(wallet, events)| append(log, wallet, *events))).await;
    }
    append(log, "W-12000", 12_000).await;
    let mut ids: HashSet<EntityId> = wallets.iter().map(|(wallet, _)| id(wallet)).collect();
    ids.insert(id("W-12000"));
    ids.into_iter().collect()
}

pub async fn a_store_without_events_is_swept_at_once(store: &TestStore) {
    let log = store.log();
    assert_eq!(swept(&*log).await, BTreeMap::new());
    assert_eq!(log.read_many(&[], 10).await, Ok(vec![]));
    let nobody = [(id("W-1"), Position::START), (id("W-2"), Position::new(7, 0))];
    assert_eq!(log.read_many(&nobody, 10).await, Ok(vec![vec![], vec![]]));
}

pub async fn a_sweep_returns_what_reading_each_stream_returns(store: &TestStore) {
    let log = store.log();
    let ids = filled(&*log).await;
    let streams = swept(&*store.log()).await;
    assert_eq!(
        streams.keys().cloned().collect::<HashSet<_>>(),
        ids.iter().cloned().collect()
    );
    for id in &ids {
        assert_eq!(streams[id], read_all(&*log, id).await, "{id}");
    }
}

pub async fn reading_many_streams_equals_reading_each(store: &TestStore) {
    let log = store.log();
    let mut ids = filled(&*log).await;
    ids.push(id("W-nobody"));
    for limit in [0, 1, 64, 100, usize::MAX] {
        let mut wanted: Vec<(EntityId, Position)> = vec![];
        for (number, id) in ids.iter().enumerate() {
            // From the beginning, from the middle, from the end.
            let entries = log.read(id, Position::START, 1 + number % 70).await.unwrap();
            let after = match number % 3 {
                0 => Position::START,
                1 => entries.last().map_or(Position::START, |last| last.position),
                _ => Position::END,
            };
            wanted.push((id.clone(), after));
        }
        assert!(wanted.len() <= READ_MANY_MAX);
        let found = log.read_many(&wanted, limit).await.unwrap();
        assert_eq!(found.len(), wanted.len());
        for ((id, after), entries) in wanted.iter().zip(found) {
            assert!(entries.len() <= limit.min(READ_MAX));
            assert_eq!(
                entries,
                log.read(id, *after, limit).await.unwrap(),
                "{id} after {after}"
            );
        }
    }
    // One stream may be requested twice.
    let twice = [(id("W-2"), Position::START), (id("W-2"), Position::START)];
    let found = log.read_many(&twice, 9).await.unwrap();
    assert_eq!(found[0], found[1]);
    assert_eq!(sequences(&found[0]), [1, 2, 3]);
}

pub async fn a_sweep_during_appends_returns_complete_prefixes(store: &TestStore) {
    let (log, other) = (store.log(), store.log());
    for number in 0..200 {
        append(&*log, &format!("W-{number}"), 40).await;
    }
    let writing = tokio::spawn(async move {
        for round in 0..20 {
            for number in 0..20 {
                append(&*other, &format!("W-{}", number * 10), 1).await;
            }
            append(&*other, &format!("new-{round}"), 1).await;
        }
    });
    let mut sweeps = 0;
    while !writing.is_finished() || sweeps == 0 {
        let streams = swept(&*log).await;
        for number in 0..200 {
            let feed_items = sequences(&streams[&id(&format!("W-{number}"))]);
            assert!(feed_items.len() >= 40);
            assert_eq!(feed_items, (1..=feed_items.len() as u64).collect::<Vec<_>>());
        }
        sweeps += 1;
    }
    writing.await.unwrap();
    let streams = swept(&*log).await;
    assert_eq!(streams.len(), 220);
    assert_eq!(streams.values().map(Vec::len).sum::<usize>(), 200 * 40 + 20 * 20 + 20);
}

pub async fn a_dropped_sweep_does_not_block_others(store: &TestStore) {
    let log = store.log();
    append(&*log, "W-1", 12_000).await;
    for number in 2..400 {
        append(&*log, &format!("W-{number}"), 1).await;
    }
    // More sweeps than an adapter has connections, each dropped midway.
    for _ in 0..20 {
        let mut sweep = log.sweep();
        assert!(!sweep.next().await.unwrap().unwrap().is_empty());
    }
    assert_eq!(swept(&*log).await.len(), 399);
}
