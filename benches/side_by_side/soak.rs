//! The soak test: a server whose stores get orders at the highest rate, while a client requests pages. Memory must stay
//! flat: the mean of the last third of the samples is at most a tenth above that of the first third. The growth of the
//! bounded cache of folds is subtracted. The read model is on disk.

use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    http::Client,
    program::{Home, terminate},
};

/// The warm-up takes one part in this many of the time and is not counted. Caches and the allocator fill in the first
/// five minutes.
const WARM_UP: u32 = 2;
/// The number of samples, including the warm-up.
const SAMPLES: u32 = 60;
/// Orders per minute, the highest rate of `seed --live`.
const RATE: &str = "6000";
const PAGES: [&str; 4] = ["/", "/refunds", "/wallets", "/orders"];

/// A sample of memory, in bytes.
struct Sample {
    resident: u64,
    /// The size of the cache of folds, as the server estimates it.
    heads: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [resident, heads] = [self.resident, self.heads].map(|bytes| bytes / 1024);
        write!(f, "{resident} KB resident (heads {heads} KB)")
    }
}

/// Runs the soak test and prints the result. Returns whether memory stayed flat.
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
        let sample = Sample {
            resident: server.resident(),
            heads: server.figure("ledgerscope_heads_bytes").await,
        };
        eprintln!("soak: {:4} s, {sample}", begin.elapsed().as_secs());
        if begin.elapsed() > time / WARM_UP {
            samples.push(sample);
        }
        assert!(shop.try_wait().unwrap().is_none(), "the shop closed");
        tokio::time::sleep(every).await;
    }
    terminate(&mut shop);
    let events = overview(&mut client).await["events"].clone();
    let third = samples.len() / 3;
    let (first, last) = (mean(&samples[..third]), mean(&samples[samples.len() - third..]));
    let came = last.heads.saturating_sub(first.heads);
    let flat = last.resident.saturating_sub(came) * 10 <= first.resident * 11;
    println!(
        "soak of {} s, {events} events: in the first third {first}, in the last {last}: {}",
        time.as_secs(),
        if flat { "flat but for the heads" } else { "grows" }
    );
    flat
}

async fn overview(client: &mut Client) -> Value {
    let answer = client.post("/api/overview", "application/json", "{}").await.unwrap();
    answer.json()
}

fn mean(samples: &[Sample]) -> Sample {
    let count = u64::try_from(samples.len()).unwrap().max(1);
    let mean = |of: fn(&Sample) -> u64| samples.iter().map(of).sum::<u64>() / count;
    Sample {
        resident: mean(|sample| sample.resident),
        heads: mean(|sample| sample.heads),
    }
}
