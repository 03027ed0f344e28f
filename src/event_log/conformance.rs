//! The conformance suite: scenarios that use only the port. [`super::open`] makes the log from a URL. The suite is
//! compiled for tests only; `tests/event_log_conformance.rs` runs it on every adapter. Tests of a single adapter are
//! beside its code.

#[path = "conformance/appending.rs"]
pub mod appending;
#[path = "conformance/following.rs"]
pub mod following;
#[path = "conformance/reading.rs"]
pub mod reading;
#[path = "conformance/repeating.rs"]
pub mod repeating;
#[path = "conformance/sweeping.rs"]
pub mod sweeping;
#[path = "conformance/witnessing.rs"]
pub mod witnessing;

use std::{any::Any, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::BoxStream};
use ledgerscope::{
    domain::{
        event::{Entry, NewEvent},
        ids::{EntityId, LogName, Position, Sequence},
    },
    event_log::{Appended, EventLog, FeedEntry, FeedPosition, READ_MAX, ReadError, open},
};
use tokio::time::timeout;

/// A store for one test, and the guard that keeps it alive.
pub struct TestStore {
    url: String,
    _kept: Box<dyn Any + Send>,
}

impl TestStore {
    pub fn new(url: String, kept: impl Any + Send) -> Self {
        Self {
            url,
            _kept: Box::new(kept),
        }
    }

    /// Another log on the same store, as another process would open it.
    pub fn log(&self) -> Arc<dyn EventLog> {
        open(LogName::Wallet, &self.url).unwrap()
    }
}

/// Generates one test for each scenario, on the store that `$store` makes.
#[macro_export]
macro_rules! conformance {
    ($adapter:ident, $store:expr) => {
        mod $adapter {
            $crate::conformance!($store, reading:
                events_come_back_as_they_were_written
                a_stream_that_does_not_exist_is_empty
                a_stream_is_read_in_pages_from_any_position
                ids_that_look_alike_are_different_streams
                recorded_times_and_positions_do_not_decrease
                every_stream_is_listed
                a_big_stream_is_written_and_read_whole
            );
            $crate::conformance!($store, sweeping:
                a_store_without_events_is_swept_at_once
                a_sweep_returns_what_reading_each_stream_returns
                reading_many_streams_equals_reading_each
                a_sweep_during_appends_returns_complete_prefixes
                a_dropped_sweep_does_not_block_others
            );
            $crate::conformance!($store, witnessing:
                an_identity_is_the_same_for_all_who_open_a_store
                the_ends_of_many_streams_are_returned_in_order
                digests_are_the_same_however_a_stream_is_read
                digests_differ_wherever_an_event_differs
            );
            $crate::conformance!($store, appending:
                an_append_at_another_than_the_expected_sequence_is_refused
                of_concurrent_appends_with_one_expected_sequence_one_succeeds
                concurrent_appends_without_an_expected_sequence_all_succeed
                several_events_are_appended_whole_or_not_at_all
                what_is_beyond_the_limits_is_refused
            );
            $crate::conformance!($store, repeating:
                a_repeated_append_changes_nothing
                concurrent_repeats_write_once
                a_key_used_for_something_else_is_refused
            );
            $crate::conformance!($store, following:
                the_feed_has_every_append_from_any_position
                the_feed_has_appends_of_other_processes
            );
        }
    };
    ($store:expr, $part:ident: $($scenario:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let store = $store;
                $crate::conformance::$part::$scenario(&store).await;
            }
        )+
    };
}

pub fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

/// The event `number` of a test, without an idempotency key.
pub fn event(number: usize) -> NewEvent {
    NewEvent {
        id: format!("e-{number}"),
        r#type: "wallet.credited".into(),
        time: "2026-03-01T12:00:00.5Z".into(),
        actor: None,
        idempotencykey: None,
        correlationid: None,
        causationid: None,
        data: format!(r#"{{"number":{number}}}"#),
        extra: vec![],
    }
}

pub fn keyed(number: usize, key: &str) -> NewEvent {
    NewEvent {
        idempotencykey: Some(key.into()),
        ..event(number)
    }
}

fn appended(first: Sequence, last: Sequence) -> Appended {
    Appended {
        first,
        last,
        repeated: false,
    }
}

fn repeated(first: Sequence, last: Sequence) -> Appended {
    Appended {
        first,
        last,
        repeated: true,
    }
}

/// The whole stream, read page by page. Asserts that `read_all` returns the same.
pub async fn read_all(log: &dyn EventLog, id: &EntityId) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![];
    loop {
        let after = entries.last().map_or(Position::START, |last| last.position);
        let page = log.read(id, after, READ_MAX).await.unwrap();
        if page.is_empty() {
            assert_eq!(log.read_all(id, Position::START).await.as_ref(), Ok(&entries));
            return entries;
        }
        entries.extend(page);
    }
}

pub fn sequences(entries: &[Entry]) -> Vec<Sequence> {
    entries.iter().filter_map(Entry::sequence).collect()
}

type Feed<'a> = BoxStream<'a, Result<Vec<FeedEntry>, ReadError>>;

/// The next `count` entries of a feed, without error items.
pub async fn next(feed: &mut Feed<'_>, count: usize) -> Vec<FeedEntry> {
    let mut entries = vec![];
    while entries.len() < count {
        let page = timeout(Duration::from_secs(30), feed.next())
            .await
            .unwrap_or_else(|_| panic!("the feed stopped after {} of {count}", entries.len()))
            .expect("a feed does not end");
        entries.extend(page.into_iter().flatten());
    }
    entries
}

/// The subject and sequence of each entry, without its position.
pub fn feed_items(entries: &[FeedEntry]) -> Vec<(String, Sequence)> {
    entries
        .iter()
        .map(|entry| (entry.subject.to_string(), entry.sequence.unwrap()))
        .collect()
}

/// The feed position after `from` was advanced by `entries`.
pub fn advanced(mut from: FeedPosition, entries: &[FeedEntry]) -> FeedPosition {
    for entry in entries {
        let partition = entry.partition as usize;
        if from.0.len() <= partition {
            from.0.resize(partition + 1, Position::START);
        }
        from.0[partition] = entry.position;
    }
    from
}
