//! The row `live`: the time from an event in Redis to its figure in the DOM of a browser, while 199 other readers
//! follow the same live stream. The reference is the round trip of one XADD over loopback. A Node script appends the
//! events and watches the DOM.

use std::{path::Path, process::Command, time::Instant};

use tokio::io::AsyncReadExt as _;

use super::{
    Options,
    fill::Wire,
    http::{Client, Samples},
    program::Home,
    redis_server::RedisServer,
    table::{Row, chromium, shown},
};

const LIVE: &str = "/live";
const WHAT: &str = "event in Redis → in the DOM, 200 live readers, p99";
/// The number of readers besides the browser.
const READERS: usize = 199;
/// The live streams that the server allows per session.
const READERS_OF_SESSION: usize = 8;
/// The aim in milliseconds.
const AIM: u64 = 100;

pub async fn rows(options: &Options) -> Vec<Row> {
    let Some(chromium) = chromium() else {
        return vec![Row::skipped(WHAT, "no Chromium")];
    };
    if !Path::new("end2end/node_modules/playwright-core").exists()
        || !Path::new("benches/node/node_modules/ioredis").exists()
    {
        return vec![Row::skipped(WHAT, "`npm ci` in end2end and in benches/node first")];
    }
    let redis = RedisServer::start_with(&["--appendonly", "no"]);
    let mut wire = Wire::open(redis.port(), "wallet");
    wire.long_wallet("W-LIVE", 20);
    wire.finish();
    let home = Home::with(Some(redis.url()), None, None, None).await;
    let server = home.serve().await;
    let sessions = home.people("live", READERS.div_ceil(READERS_OF_SESSION)).await;
    for reader in 0..READERS {
        let session = &sessions[reader / READERS_OF_SESSION];
        let client = Client::connect(server.port, &session.cookie).await.unwrap();
        let (status, mut stream) = client.stream(LIVE).await.unwrap();
        if status != 200 {
            return vec![Row::skipped(
                WHAT,
                format!("{LIVE} answered {status} to reader {reader}"),
            )];
        }
        tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 14];
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        });
    }
    let output = Command::new("node")
        .arg("benches/node/live.js")
        .args([
            &server.port.to_string(),
            &redis.port().to_string(),
            &home.cookie,
            &chromium,
        ])
        .arg((options.requests / 15).to_string())
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    let times: Vec<u64> = serde_json::from_slice(&output.stdout).expect("times in microseconds");
    let seen = Samples::new(times.into_iter().map(std::time::Duration::from_micros).collect(), 0);
    let p99 = seen.percentile(99);
    vec![Row {
        what: format!(
            "{WHAT} of {}, one every 1.5 s (p50 {})",
            seen.len(),
            shown(seen.percentile(50))
        ),
        figure: shown(p99),
        against: format!("one XADD over loopback, p99 {}", shown(round_trip(&redis))),
        aim: format!("≤ {AIM} ms"),
        met: Some(p99.as_millis() <= u128::from(AIM)),
    }]
}

fn round_trip(redis: &RedisServer) -> std::time::Duration {
    let mut connection = redis.connection();
    let add = |n: u32| {
        let begin = Instant::now();
        redis::cmd("XADD")
            .arg("probe")
            .arg("*")
            .arg("n")
            .arg(n)
            .exec(&mut connection)
            .unwrap();
        begin.elapsed()
    };
    Samples::new((0..1_000).map(add).collect(), 0).percentile(99)
}
