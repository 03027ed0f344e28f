//! The soak: a server beside a shop that never closes and sells as fast as it is allowed to, with somebody who keeps looking.
//! Memory has to stay flat: the mean of the last third of the samples at most a tenth above that of the first third.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    http::Client,
    program::{Home, terminate},
};

/// Time that is not counted, for caches and allocators to fill: this part of the whole.
const WARM_UP: u32 = 6;
/// Samples in the time that counts.
const SAMPLES: u32 = 60;
/// Orders a minute, as many as `seed --live` takes.
const RATE: &str = "6000";
const PAGES: [&str; 4] = ["/", "/refunds", "/wallets", "/orders"];

/// Whether memory stayed flat; says what it saw.
pub async fn run(time: Duration) -> bool {
    let home = Home::new().await;
    let server = home.serve().await;
    let program = Path::new(env!("CARGO_BIN_EXE_ledgerscope"));
    let mut shop = home
        .command(program, None)
        .args(["seed", "--live", "--rate", RATE])
        .spawn()
        .unwrap();
    let mut client = Client::connect(server.port, &home.cookie).await.unwrap();
    let (begin, every) = (Instant::now(), (time / SAMPLES).min(Duration::from_secs(10)));
    let mut samples = Vec::new();
    while begin.elapsed() < time {
        for page in PAGES {
            let answer = client.get(page).await.unwrap();
            assert_eq!(answer.status, 200, "{page}");
        }
        let resident = server.resident();
        eprintln!(
            "soak: {:4} s, {:7} KB resident",
            begin.elapsed().as_secs(),
            resident / 1024
        );
        if begin.elapsed() > time / WARM_UP {
            samples.push(resident);
        }
        assert!(shop.try_wait().unwrap().is_none(), "the shop closed");
        tokio::time::sleep(every).await;
    }
    terminate(&mut shop);
    let overview = client
        .post("/api/overview", "application/json", "{}")
        .await
        .unwrap()
        .json();
    let third = samples.len() / 3;
    let mean = |part: &[u64]| part.iter().sum::<u64>() / u64::try_from(part.len()).unwrap().max(1);
    let (first, last) = (mean(&samples[..third]), mean(&samples[samples.len() - third..]));
    let flat = last * 10 <= first * 11;
    println!(
        "soak of {} s, {} events: {} KB resident in the first third, {} KB in the last: {}",
        time.as_secs(),
        overview["events"],
        first / 1024,
        last / 1024,
        if flat { "flat" } else { "grows" }
    );
    flat
}
