//! What every adapter owes, as scenarios that know nothing but the port: [`super::open`] makes the log, a URL picks the
//! adapter. Compiled for tests only (`tests/event_log_conformance.rs` runs it on every adapter); what only one adapter can
//! be asked stands in that adapter's own tests.

use std::{any::Any, collections::HashSet, sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _, future::join_all, stream::BoxStream};
use ledgerscope::{
    domain::{
        event::{Entry, NewEvent},
        ids::{Domain, EntityId, Position, Sequence},
    },
    event_log::{
        APPEND_MAX, AppendError, Appended, EVENT_BYTES_MAX, EventLog, Expected, FeedEntry, FeedPosition, READ_MAX,
        ReadError, open,
    },
};
use tokio::time::timeout;

/// A store that nobody else uses, and whatever keeps it alive.
pub struct Bench {
    url: String,
    _keeper: Box<dyn Any + Send>,
}

impl Bench {
    pub fn new(url: String, keeper: impl Any + Send) -> Self {
        Self {
            url,
            _keeper: Box::new(keeper),
        }
    }

    /// One more log on the store, as another process would have.
    pub fn log(&self) -> Arc<dyn EventLog> {
        open(Domain::Wallet, &self.url).unwrap()
    }
}

/// Every scenario as a test of its own, on the store that `$bench` makes.
#[macro_export]
macro_rules! conformance {
    ($adapter:ident, $bench:expr) => {
        $crate::conformance!($adapter, $bench,
            events_come_back_as_they_were_written
            a_stream_that_does_not_exist_is_empty
            a_stream_is_read_in_pages_from_any_position
            ids_that_look_alike_are_different_streams
            recorded_times_and_positions_do_not_decrease
            an_append_elsewhere_than_expected_is_refused
            of_racing_appends_with_one_expectation_one_wins
            racing_appends_without_expectation_all_land
            a_repeated_append_changes_nothing
            racing_repeats_write_once
            a_key_used_for_something_else_is_refused
            several_events_are_appended_whole_or_not_at_all
            what_is_beyond_the_limits_is_refused
            every_stream_is_listed
            the_feed_tells_every_append_from_any_position
            the_feed_tells_what_others_append
            a_big_stream_is_written_and_read_whole
        );
    };
    ($adapter:ident, $bench:expr, $($scenario:ident)+) => {
        mod $adapter {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    let bench = $bench;
                    $crate::conformance::$scenario(&bench).await;
                }
            )+
        }
    };
}

pub fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

/// The `number`th event of a test, without a key.
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

/// The whole stream, page by page.
pub async fn read_all(log: &dyn EventLog, id: &EntityId) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![];
    loop {
        let after = entries.last().map_or(Position::START, |last| last.position);
        let page = log.read(id, after, READ_MAX).await.unwrap();
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
    }
}

pub fn sequences(entries: &[Entry]) -> Vec<Sequence> {
    entries.iter().filter_map(Entry::sequence).collect()
}

type Feed<'a> = BoxStream<'a, Result<Vec<FeedEntry>, ReadError>>;

/// The next `count` entries of a feed, error items left out.
pub async fn next(feed: &mut Feed<'_>, count: usize) -> Vec<FeedEntry> {
    let mut entries = vec![];
    while entries.len() < count {
        let page = timeout(Duration::from_secs(30), feed.next())
            .await
            .unwrap_or_else(|_| panic!("the feed stopped after {} of {count}", entries.len()))
            .expect("a feed has no end");
        entries.extend(page.into_iter().flatten());
    }
    entries
}

/// Who and which, without where.
pub fn told(entries: &[FeedEntry]) -> Vec<(String, Sequence)> {
    entries
        .iter()
        .map(|entry| (entry.subject.to_string(), entry.sequence.unwrap()))
        .collect()
}

/// Where a reader of `from` is after `entries`.
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

pub async fn events_come_back_as_they_were_written(bench: &Bench) {
    let log = bench.log();
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

    let entries = bench.log().read(&id("W-1"), Position::START, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].fields, full.into_fields(1));
    assert_eq!(entries[1].fields, event(2).into_fields(2));
    assert!(entries[0].recorded >= before && entries[0].recorded <= Utc::now());
    assert_eq!(entries[0].recorded.timestamp_subsec_nanos() % 1_000_000, 0);
}

pub async fn a_stream_that_does_not_exist_is_empty(bench: &Bench) {
    let log = bench.log();
    assert_eq!(log.domain(), Domain::Wallet);
    assert_eq!(log.read(&id("W-1"), Position::START, 10).await, Ok(vec![]));
    let streams: Vec<Vec<EntityId>> = log.streams().try_collect().await.unwrap();
    assert_eq!(streams.concat(), vec![]);
    let end = log.feed_end().await.unwrap();
    assert!(end.0.iter().all(|position| *position == Position::START));
}

pub async fn a_stream_is_read_in_pages_from_any_position(bench: &Bench) {
    let log = bench.log();
    for number in 1..=25 {
        // Others in between, so that the positions of the feed are not those of the stream.
        for wallet in ["W-1", "W-2"] {
            log.append(&id(wallet), Expected::Any, &[event(number)]).await.unwrap();
        }
    }
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
    // A position that belongs to another stream, and one beyond the end.
    let others = log.read(&id("W-2"), Position::START, 100).await.unwrap();
    for other in others {
        let expected: Vec<_> = whole
            .iter()
            .filter(|entry| entry.position > other.position)
            .cloned()
            .collect();
        assert_eq!(log.read(&id("W-1"), other.position, 100).await.unwrap(), expected);
    }
    let end = Position::new(u64::MAX, u64::MAX);
    assert_eq!(log.read(&id("W-1"), end, 100).await, Ok(vec![]));
    assert_eq!(log.read(&id("W-1"), Position::START, 0).await, Ok(vec![]));
}

pub async fn ids_that_look_alike_are_different_streams(bench: &Bench) {
    let log = bench.log();
    let alike = ["W-1", "w-1", "W-1.", "W-10", "W_1", "keys", "Feed", "meta"];
    for (number, wallet) in alike.iter().enumerate() {
        let done = log.append(&id(wallet), Expected::Exactly(0), &[event(number)]).await;
        assert_eq!(done, Ok(appended(1, 1)), "{wallet}");
    }
    for (number, wallet) in alike.iter().enumerate() {
        let entries = log.read(&id(wallet), Position::START, 10).await.unwrap();
        assert_eq!(entries.len(), 1, "{wallet}");
        assert_eq!(entries[0].fields.id.as_deref(), Some(format!("e-{number}").as_str()));
    }
}

pub async fn recorded_times_and_positions_do_not_decrease(bench: &Bench) {
    let log = bench.log();
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

pub async fn an_append_elsewhere_than_expected_is_refused(bench: &Bench) {
    let log = bench.log();
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

pub async fn of_racing_appends_with_one_expectation_one_wins(bench: &Bench) {
    let logs = [bench.log(), bench.log()];
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

pub async fn racing_appends_without_expectation_all_land(bench: &Bench) {
    let logs = [bench.log(), bench.log()];
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
        ids.extend(entries.into_iter().map(|entry| entry.fields.id));
    }
    assert_eq!(ids.len(), 200);
}

pub async fn a_repeated_append_changes_nothing(bench: &Bench) {
    let log = bench.log();
    let w = id("W-1");
    let pair = [keyed(1, "a"), keyed(2, "b")];
    assert_eq!(log.append(&w, Expected::Exactly(0), &pair).await, Ok(appended(1, 2)));
    log.append(&w, Expected::Exactly(2), &[event(3)]).await.unwrap();
    // Whatever was expected: the first answer counts. A producer that tries again may take a new id and a new time.
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
    // The second one alone is a repeat as well, and so is an append in which only one event has a key.
    assert_eq!(log.append(&w, Expected::Any, &pair[1..]).await, Ok(repeated(2, 2)));
    let half = [keyed(4, "c"), event(5)];
    assert_eq!(log.append(&w, Expected::Any, &half).await, Ok(appended(4, 5)));
    assert_eq!(log.append(&w, Expected::Any, &half).await, Ok(repeated(4, 5)));
    assert_eq!(sequences(&read_all(&*log, &w).await), [1, 2, 3, 4, 5]);
    // A key counts on its own stream only.
    let other = log.append(&id("W-2"), Expected::Any, &pair).await;
    assert_eq!(other, Ok(appended(1, 2)));
}

pub async fn racing_repeats_write_once(bench: &Bench) {
    let logs = [bench.log(), bench.log()];
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
    assert_eq!(told(&next(&mut feed, 2).await).len(), 2);
}

pub async fn a_key_used_for_something_else_is_refused(bench: &Bench) {
    let log = bench.log();
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
    // A refused append does not use up the keys it brought.
    assert_eq!(
        log.append(&w, Expected::Any, &[keyed(3, "c")]).await,
        Ok(appended(3, 3))
    );
}

pub async fn several_events_are_appended_whole_or_not_at_all(bench: &Bench) {
    let log = bench.log();
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
    // The keys of what was refused are free.
    let fresh = log.append(&w, Expected::Any, &[keyed(1, "x")]).await;
    assert_eq!(fresh, Ok(appended(APPEND_MAX as u64 + 1, APPEND_MAX as u64 + 1)));
}

pub async fn what_is_beyond_the_limits_is_refused(bench: &Bench) {
    let log = bench.log();
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

pub async fn every_stream_is_listed(bench: &Bench) {
    let log = bench.log();
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

pub async fn the_feed_tells_every_append_from_any_position(bench: &Bench) {
    let log = bench.log();
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
    // Partitions are told side by side; each is in order, and so is each stream.
    let sorted = |mut told: Vec<(String, Sequence)>| {
        told.sort();
        told
    };
    assert_eq!(sorted(told(&whole)), sorted(expected.clone()));
    let partitions = whole.iter().map(|entry| entry.partition).max().unwrap();
    for partition in 0..=partitions {
        let one: Vec<_> = whole.iter().filter(|entry| entry.partition == partition).collect();
        assert!(one.windows(2).all(|two| two[0].position < two[1].position));
    }
    if partitions == 0 {
        assert_eq!(told(&whole), expected);
    }
    let end = log.feed_end().await.unwrap();
    assert_eq!(advanced(FeedPosition::default(), &whole), end);

    // From the middle: what was told before is not told again, and nothing is left out.
    for seen in [1, 13, 79] {
        let mut feed = log.follow(advanced(FeedPosition::default(), &whole[..seen]));
        let rest = next(&mut feed, whole.len() - seen).await;
        assert_eq!(sorted(told(&rest)), sorted(told(&whole[seen..])));
    }
    // From the end: silence, until there is something.
    let mut feed = log.follow(end);
    let silence = timeout(Duration::from_millis(300), feed.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    log.append(&id("W-3"), Expected::Any, &[event(999)]).await.unwrap();
    assert_eq!(told(&next(&mut feed, 1).await)[0].0, "W-3");
}

pub async fn the_feed_tells_what_others_append(bench: &Bench) {
    let (log, other) = (bench.log(), bench.log());
    let mut feed = log.follow(FeedPosition::default());
    let mut again = other.follow(FeedPosition::default());
    for number in 1..=5 {
        other.append(&id("W-1"), Expected::Any, &[event(number)]).await.unwrap();
        let expected = [("W-1".to_owned(), number as u64)];
        assert_eq!(told(&next(&mut feed, 1).await), expected);
        assert_eq!(told(&next(&mut again, 1).await), expected);
    }
}

pub async fn a_big_stream_is_written_and_read_whole(bench: &Bench) {
    const EVENTS: usize = 100_000;
    let log = bench.log();
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
