//! The row `replay`: replays every wallet of a Redis server on all cores. The references are reading the same streams
//! without decoding, and Node programs that fold the same events. They run in turns, and the best time of each is used.
//! All results must be equal.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use ledgerscope::{
    domain::{fold::Fold, ids::Domain, wallet::WalletState},
    event_log::{Swept, open},
};
use rust_decimal::Decimal;

use super::{
    Options,
    fill::{WALLET_EVENTS, Wire},
    redis_server::RedisServer,
    table::{Row, ratio, shown},
};

/// The connections of a drain, each with a thread. A sweep has as many.
const CONNECTIONS: usize = 4;
/// The number of XRANGE commands in one pipeline.
const PIPELINE: usize = 500;

/// The result of a replay. `posted` is in cents, because every wallet is in euros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcome {
    wallets: usize,
    events: usize,
    posted: i64,
}

pub async fn rows(options: &Options) -> Vec<Row> {
    let server = RedisServer::start_with(&["--appendonly", "no"]);
    let begin = Instant::now();
    let mut wire = Wire::open(server.port(), "wallet");
    wire.wallets(options.events / WALLET_EVENTS);
    wire.finish();
    eprintln!(
        "replay: {} events written in {}",
        options.events,
        shown(begin.elapsed())
    );
    let keys = keys(&server, Domain::Wallet);
    let (mut drain, mut sweep) = (Duration::MAX, Duration::MAX);
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut node: Vec<Rival> = [("node-redis", "node_redis.js"), ("ioredis", "ioredis.js")]
        .into_iter()
        .flat_map(|(name, file)| {
            [1, cores].map(|threads| Rival {
                name,
                file,
                threads,
                best: Duration::MAX,
            })
        })
        .collect();
    let with_node = Path::new("benches/node/node_modules/redis").exists();
    for _ in 0..options.rounds {
        let begin = Instant::now();
        let streams = drained(server.port(), &keys, CONNECTIONS);
        drain = drain.min(begin.elapsed());
        let begin = Instant::now();
        let outcome = swept(&server.url()).await;
        sweep = sweep.min(begin.elapsed());
        assert_eq!(
            (outcome.wallets, outcome.events),
            (streams, options.events / WALLET_EVENTS * WALLET_EVENTS)
        );
        // After the first turn, only programs within 20 % of the fastest run again.
        let fastest = node.iter().map(|rival| rival.best).min().unwrap_or(Duration::MAX);
        for rival in node
            .iter_mut()
            .filter(|rival| with_node && rival.best / 6 <= fastest / 5)
        {
            let other = rival.run(server.port());
            assert_eq!(other, outcome, "{} and the program disagree", rival.name);
        }
        eprintln!(
            "replay: best so far: drain {}, fold {}, {node:?}",
            shown(drain),
            shown(sweep)
        );
    }
    let what = format!(
        "replay of {} events in {} streams of one Redis, {}",
        options.events,
        keys.len(),
        shown(sweep)
    );
    let mut rows = vec![Row::at_least(
        &what,
        ratio(drain, sweep),
        format!(
            "the same streams taken off the wire over {CONNECTIONS} connections, neither decoded nor hashed, {}",
            shown(drain)
        ),
        0.7,
    )];
    let Some(better) = node.iter().min_by_key(|rival| rival.best).filter(|_| with_node) else {
        rows.push(Row::skipped("the same beside Node", "`npm ci` in benches/node first"));
        return rows;
    };
    let all: Vec<_> = node
        .iter()
        .map(|rival| format!("{} on {} threads {}", rival.name, rival.threads, shown(rival.best)))
        .collect();
    let against = format!("a Node program folding the same, the best of {}", all.join(", "));
    rows.push(Row::at_least("the same", ratio(better.best, sweep), against, 2.5));
    rows
}

/// A Node program with a number of threads.
#[derive(Debug)]
struct Rival {
    name: &'static str,
    file: &'static str,
    threads: usize,
    best: Duration,
}

/// The keys of all streams of a domain.
pub fn keys(server: &RedisServer, domain: Domain) -> Vec<String> {
    let mut connection = server.connection();
    let pattern = format!("{domain}:*");
    let found: Vec<String> = redis::cmd("KEYS").arg(pattern).query(&mut connection).unwrap();
    found.into_iter().filter(|key| !key.ends_with(":feed")).collect()
}

/// Reads all streams over a number of connections, and only finds the ends of replies. Returns the number of streams.
pub fn drained(port: u16, keys: &[String], connections: usize) -> usize {
    let share = keys.len().div_ceil(connections);
    std::thread::scope(|scope| {
        let workers: Vec<_> = keys
            .chunks(share)
            .map(|keys| scope.spawn(move || drain_some(port, keys)))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    })
}

fn drain_some(port: u16, keys: &[String]) -> usize {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut out = stream.try_clone().unwrap();
    let mut replies = BufReader::with_capacity(1 << 18, stream);
    let mut pages = keys.chunks(PIPELINE);
    let mut ask = |page: &[String]| {
        let mut text = String::new();
        for key in page {
            let _ = write!(
                text,
                "*4\r\n$6\r\nXRANGE\r\n${}\r\n{key}\r\n$1\r\n-\r\n$1\r\n+\r\n",
                key.len()
            );
        }
        out.write_all(text.as_bytes()).unwrap();
    };
    // Two pipelines are sent ahead, so that one is in flight while another is read.
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..2 {
        if let Some(page) = pages.next() {
            ask(page);
            waiting.push_back(page.len());
        }
    }
    while let Some(count) = waiting.pop_front() {
        if let Some(page) = pages.next() {
            ask(page);
            waiting.push_back(page.len());
        }
        skip(&mut replies, count);
    }
    keys.len()
}

/// Skips a number of replies, including nested ones.
fn skip(replies: &mut BufReader<TcpStream>, count: usize) {
    let (mut left, mut line) = (count, Vec::with_capacity(64));
    while left > 0 {
        left -= 1;
        line.clear();
        replies.read_until(b'\n', &mut line).unwrap();
        let number = || {
            std::str::from_utf8(&line[1..line.len() - 2])
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        match line[0] {
            b'*' => left += number(),
            b'$' => skip_bytes(replies, number() + 2),
            other => panic!("no reply begins with {other}"),
        }
    }
}

fn skip_bytes(replies: &mut BufReader<TcpStream>, mut bytes: usize) {
    while bytes > 0 {
        let here = replies.fill_buf().unwrap().len().min(bytes);
        assert!(here > 0, "the redis-server hung up");
        replies.consume(here);
        bytes -= here;
    }
}

/// A replay as in the program: a sweep of the event log that folds every wallet, on all cores.
async fn swept(url: &str) -> Outcome {
    let log = open(Domain::Wallet, url).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    log.sweep()
        .map_ok(|parts| async { Ok(tokio::task::spawn_blocking(|| folded(parts)).await.unwrap()) })
        .try_buffer_unordered(cores * 2)
        .try_fold(Outcome::default(), async |sum, part| {
            Ok(Outcome {
                wallets: sum.wallets + part.wallets,
                events: sum.events + part.events,
                posted: sum.posted + part.posted,
            })
        })
        .await
        .unwrap()
}

fn folded(parts: Vec<Swept>) -> Outcome {
    let mut outcome = Outcome::default();
    for part in parts {
        // The wallets of this row are short, so each is swept in one part.
        assert!(part.first && part.last);
        let mut fold = Fold::<WalletState>::new();
        for entry in &part.entries {
            fold.push(entry, |_| {});
        }
        assert!(fold.complete);
        outcome.wallets += 1;
        outcome.events += part.entries.len();
        outcome.posted += i64::try_from(fold.state.posted * Decimal::ONE_HUNDRED).unwrap();
    }
    outcome
}

impl Rival {
    fn run(&mut self, port: u16) -> Outcome {
        let output = Command::new("node")
            .arg(format!("benches/node/{}", self.file))
            .args([port.to_string(), self.threads.to_string()])
            .stderr(std::process::Stdio::inherit())
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
        let number = |name: &str| json[name].as_u64().unwrap();
        self.best = self.best.min(Duration::from_micros(number("micros")));
        Outcome {
            wallets: usize::try_from(number("wallets")).unwrap(),
            events: usize::try_from(number("events")).unwrap(),
            posted: json["posted"].as_i64().unwrap(),
        }
    }
}
