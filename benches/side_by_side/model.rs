//! The rows `fill`, `start`, `memory` and `disk`, about the read model: the time to fill it from two Redis servers, the
//! time to start a server from it, and its memory and disk space.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use ledgerscope::{domain::ids::Domain, event_log::drain};
use rusqlite::Connection;

use super::{
    Options,
    program::settle,
    replay,
    shop::{Ids, Shop, Shops},
    table::{Row, part, ratio, shown},
};

/// The number of starts of each server. The figure is the median.
const STARTS: usize = 5;

pub async fn fill_rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    let shop = shops.large(options).await;
    let (mut raw, mut client) = (Duration::MAX, Duration::MAX);
    for _ in 0..options.rounds {
        raw = raw.min(drained_raw(shop));
        client = client.min(drained(shop).await);
    }
    let filled = shop.filled().await;
    let what = format!(
        "filling the read model with {} events ({}) until everything answers, {}; the search indexes were built after {}",
        shop.events,
        shop.sizes,
        shown(filled.ready),
        shown(filled.searchable)
    );
    let against = format!(
        "the same streams taken off the wire over one connection a server, not decoded, {}",
        shown(raw)
    );
    let lanes = format!(
        "the same streams taken off the wire by the program's own client, over four connections a server, not decoded, {}",
        shown(client)
    );
    vec![
        Row::at_least(what, ratio(raw, filled.ready), against, 0.3),
        Row::at_least("the same", ratio(client, filled.ready), lanes, 0.3),
    ]
}

/// The time to read both Redis servers concurrently, with one connection and one thread each.
fn drained_raw(shop: &Shop) -> Duration {
    let begin = Instant::now();
    let servers = [(&shop.wallet, Domain::Wallet), (&shop.order, Domain::Order)];
    let streams: usize = std::thread::scope(|scope| {
        let drains = servers
            .map(|(redis, domain)| scope.spawn(move || replay::drained(redis.port(), &replay::keys(redis, domain), 1)));
        drains.into_iter().map(|drain| drain.join().unwrap()).sum()
    });
    assert_eq!(streams, shop.sizes.wallets + shop.sizes.orders, "streams");
    begin.elapsed()
}

/// The time to read both Redis servers concurrently with the program's client.
async fn drained(shop: &Shop) -> Duration {
    let begin = Instant::now();
    let servers = [(&shop.wallet, Domain::Wallet), (&shop.order, Domain::Order)];
    let drains = servers.map(async |(redis, domain)| {
        let pages = drain(domain, &redis.url()).unwrap();
        pages.try_fold(0, async |sum, entries| Ok(sum + entries)).await.unwrap()
    });
    let events: usize = futures::future::join_all(drains).await.into_iter().sum();
    assert_eq!(u64::try_from(events).unwrap(), shop.events, "events");
    begin.elapsed()
}

pub async fn start_rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    let (large, empty) = shops.large_and_empty(options).await;
    let filled = large.filled().await;
    empty.filled().await;
    let (mut of_large, mut of_empty) = (Vec::new(), Vec::new());
    let mut stop = Duration::MAX;
    for _ in 0..STARTS {
        for (shop, times) in [(&*large, &mut of_large), (&*empty, &mut of_empty)] {
            let server = shop.home.serve().await;
            times.push(server.ready_after);
            stop = stop.min(server.stop());
        }
    }
    let [of_large, of_empty] = [of_large, of_empty].map(|mut times| {
        times.sort_unstable();
        times[STARTS / 2]
    });
    let what = format!(
        "start at {} events, {}, median of {STARTS} (the first filling took {})",
        large.events,
        shown(of_large),
        shown(filled.ready)
    );
    let against = format!("a start over empty stores, {}", shown(of_empty));
    vec![Row::at_most(what, ratio(of_large, of_empty), against, 1.5)]
}

pub async fn memory_rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    let (large, empty) = shops.large_and_empty(options).await;
    let rebuilt = large.filled().await.resident;
    empty.filled().await;
    let [restarted, nothing] = [resident(large).await, resident(empty).await];
    let row = |when: &str, bytes: u64, aim| {
        let what = format!(
            "resident memory at {} wallets, orders and refunds after a {when}, {} KB",
            large.sizes.entities(),
            bytes / 1024
        );
        let against = format!("a server over empty stores, {} KB", nothing / 1024);
        Row::at_most(what, part(bytes, nothing), against, aim)
    };
    vec![
        row("restart, every list asked for once", restarted, 4.0),
        row("rebuild", rebuilt, 8.0),
    ]
}

/// The resident bytes of a server that started from its read model and answered each list once.
async fn resident(shop: &mut Shop) -> u64 {
    let server = shop.serve().await;
    let mut client = server.client(&shop.home).await;
    for path in ["/", "/wallets", "/orders", "/refunds", "/findings"] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}");
    }
    settle().await;
    server.resident()
}

pub async fn disk_rows(options: &Options) -> Vec<Row> {
    let mut shop = Shop::new(options.sizes(), Ids::Short).await;
    shop.filled().await;
    let directory = fs::read_dir(shop.home.read_model()).unwrap().map(Result::unwrap);
    let files = directory.filter(|file| file.file_type().unwrap().is_file());
    let total: u64 = files.map(|file| file.metadata().unwrap().len()).sum();
    let entities = u64::try_from(shop.sizes.entities()).unwrap();
    let connection = Connection::open(shop.home.database()).unwrap();
    let mut select = connection
        .prepare("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY pgsize DESC")
        .unwrap();
    let sizes: Vec<(String, u64)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (name, bytes) in &sizes {
        eprintln!("disk: {bytes:12} bytes in {name}, {} an entity", bytes / entities);
    }
    let named: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    let largest: Vec<_> = sizes
        .iter()
        .filter(|(_, bytes)| bytes / entities > 0)
        .map(|(name, bytes)| format!("{name} {}", bytes / entities))
        .collect();
    let what = format!("bytes on disk, a wallet, order or refund, of {entities} with short ids");
    let rest = total.saturating_sub(named) / entities;
    let against = format!(
        "by table and index: {}; free pages and other files {rest}",
        largest.join(", ")
    );
    vec![Row::bytes(what, total / entities, against, 800)]
}
