//! Measures the replay of a Redis store: `cargo bench --bench replay -- redis://127.0.0.1:PORT/ [EVENTS]`. Starts no
//! server. Fills an empty store first, so name a store that nobody needs. Measures reading with the program's client
//! without decoding (drain), a sweep, and a sweep that folds every wallet on all cores.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that fails has nothing to say"
)]

#[path = "fixtures/wallets.rs"]
mod wallets;

use std::{env, thread::available_parallelism, time::Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledgerscope::{
    domain::{
        fold::Fold,
        ids::{Domain, EntityId},
        wallet::WalletState,
    },
    event_log::{EventLog, Expected, Swept, drain, open},
};
use tokio::task::spawn_blocking;

/// Each figure is the best of this many runs.
const ROUNDS: usize = 5;
/// The default number of events.
const EVENTS: usize = 1_000_000;
/// Concurrent appends while the store is filled.
const FILLING: usize = 32;

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(url) = arguments.next() else {
        println!("skipped: name a store, as in 'cargo bench --bench replay -- redis://127.0.0.1:PORT/'");
        return;
    };
    let events = arguments
        .next()
        .map_or(EVENTS, |text| text.parse().expect("a number of events"));
    let log = open(Domain::Wallet, &url).unwrap();
    fill(&*log, events).await;
    if url.starts_with("redis") {
        best("drain", async || drained(&url).await).await;
    }
    best("sweep", async || swept(&*log).await).await;
    best("sweep and fold", async || folded(&*log).await).await;
}

async fn fill(log: &dyn EventLog, events: usize) {
    if log.streams().try_next().await.unwrap().is_some() {
        return println!("the store has events; they are read as they are");
    }
    let streams = events / wallets::EVENTS;
    stream::iter(0..streams)
        .for_each_concurrent(FILLING, async |number| {
            let id = EntityId::new(format!("W-{number:07}")).unwrap();
            log.append(&id, Expected::Exactly(0), &wallets::story(number))
                .await
                .unwrap();
        })
        .await;
    println!("{} events in {streams} streams were written", streams * wallets::EVENTS);
}

async fn best(what: &str, work: impl AsyncFn() -> usize) {
    let mut fastest = u128::MAX;
    let mut events = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        events = work().await;
        fastest = fastest.min(begin.elapsed().as_millis().max(1));
    }
    let rate = events as u128 * 1_000 / fastest;
    println!("{what:15} {events:9} events {fastest:7} ms {rate:9} events/s");
}

async fn drained(url: &str) -> usize {
    let pages = drain(Domain::Wallet, url).unwrap();
    pages.try_fold(0, async |sum, entries| Ok(sum + entries)).await.unwrap()
}

async fn swept(log: &dyn EventLog) -> usize {
    let count = |parts: Vec<Swept>| parts.iter().map(|part| part.entries.len()).sum::<usize>();
    log.sweep()
        .try_fold(0, async |sum, parts| Ok(sum + count(parts)))
        .await
        .unwrap()
}

async fn folded(log: &dyn EventLog) -> usize {
    let cores = available_parallelism().unwrap().get();
    let states: Vec<Vec<Fold<WalletState>>> = log
        .sweep()
        .map_ok(|parts| async { Ok(spawn_blocking(|| fold(parts)).await.unwrap()) })
        .try_buffer_unordered(cores * 2)
        .try_collect()
        .await
        .unwrap();
    let folds = states.iter().flatten();
    assert!(folds.clone().all(|fold| fold.complete));
    folds.map(|fold| usize::try_from(fold.events).unwrap()).sum()
}

fn fold(parts: Vec<Swept>) -> Vec<Fold<WalletState>> {
    let fold = |part: Swept| {
        // The wallets of this benchmark are short, so each is swept in one part.
        assert!(part.first && part.last);
        let mut fold = Fold::new();
        for entry in &part.entries {
            fold.push(entry, |_| {});
        }
        fold
    };
    parts.into_iter().map(fold).collect()
}
