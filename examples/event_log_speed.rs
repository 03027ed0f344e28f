//! Measures the speed of a store: `cargo run --release --example event_log_speed -- embedded:/tmp/speed` (or a Redis
//! URL). Writes about 170,000 events into the wallet store at the URL, so name an empty store.
#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to say")]

use std::{env, sync::Arc, time::Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledgerscope::{
    domain::{
        event::NewEvent,
        ids::{Domain, EntityId, Position},
    },
    event_log::{EventLog, Expected, FeedPosition, READ_MAX, open},
};

type Log = Arc<dyn EventLog>;

fn event(number: u64) -> NewEvent {
    NewEvent {
        id: format!("0190aaaa-bbbb-7ccc-8ddd-{number:012}"),
        r#type: "wallet.credited".into(),
        time: "2026-03-01T12:00:00Z".into(),
        actor: Some("import".into()),
        idempotencykey: Some(format!("key-{number}")),
        correlationid: None,
        causationid: None,
        data: r#"{"amount":{"amount":"12.50","currency":"EUR"},"kind":"top_up","reference":"bank 123"}"#.into(),
        extra: vec![],
    }
}

fn id(prefix: &str, number: u64) -> EntityId {
    EntityId::new(format!("{prefix}-{number}")).unwrap()
}

#[tokio::main]
async fn main() {
    let url = env::args().nth(1).unwrap_or_else(|| "embedded:./data/speed".into());
    let log = open(Domain::Wallet, &url).unwrap();
    report("lone appends, one caller", 2_000, alone(&log, 2_000)).await;
    report("appends of one event, 64 callers", 50_000, crowd(&log, 50_000)).await;
    report("appends of 20 events, 32 callers", 100_000, batches(&log, 5_000)).await;
    report("one stream in appends of 1,000", 20_000, long(&log, 20)).await;
    report("reading every stream, 64 callers", 172_000, read_all(&log)).await;
    report("reading one long stream", 20_000, read_long(&log)).await;
    report("following the feed", 172_000, follow(&log, 172_000)).await;
}

async fn report(what: &str, events: u64, work: impl Future<Output = ()>) {
    let begin = Instant::now();
    work.await;
    let milliseconds = begin.elapsed().as_millis().max(1);
    let rate = u128::from(events) * 1_000 / milliseconds;
    println!("{what:34} {events:7} events {milliseconds:6} ms {rate:8} events/s");
}

async fn append(log: &Log, id: &EntityId, events: &[NewEvent]) {
    log.append(id, Expected::Any, events).await.unwrap();
}

async fn alone(log: &Log, count: u64) {
    for number in 0..count {
        append(log, &id("A", number % 100), &[event(number)]).await;
    }
}

async fn crowd(log: &Log, count: u64) {
    stream::iter(0..count)
        .for_each_concurrent(64, async |number| {
            append(log, &id("C", number % 5_000), &[event(number)]).await;
        })
        .await;
}

async fn batches(log: &Log, count: u64) {
    stream::iter(0..count)
        .for_each_concurrent(32, async |number| {
            let events: Vec<_> = (0..20).map(|n| event(number * 20 + n)).collect();
            append(log, &id("B", number), &events).await;
        })
        .await;
}

async fn long(log: &Log, count: u64) {
    for number in 0..count {
        let events: Vec<_> = (0..1_000).map(|n| event(number * 1_000 + n)).collect();
        append(log, &id("L", 0), &events).await;
    }
}

async fn read_all(log: &Log) {
    let pages: Vec<Vec<EntityId>> = log.streams().try_collect().await.unwrap();
    let events: usize = stream::iter(pages.concat())
        .map(async |id| log.read(&id, Position::START, READ_MAX).await.unwrap().len())
        .buffer_unordered(64)
        .fold(0, async |sum, events| sum + events)
        .await;
    // The long stream is longer than one page, so only its first page is counted.
    assert!(events >= 162_000, "{events}");
}

async fn read_long(log: &Log) {
    let mut after = Position::START;
    while let Some(last) = log.read(&id("L", 0), after, READ_MAX).await.unwrap().last() {
        after = last.position;
    }
}

async fn follow(log: &Log, count: usize) {
    let mut feed = log.follow(FeedPosition::default());
    let mut seen = 0;
    while seen < count {
        seen += feed.next().await.unwrap().unwrap().len();
    }
}
