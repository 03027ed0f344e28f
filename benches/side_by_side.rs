//! `make bench`: measures every figure of docs/performance.md and prints a Markdown table. A figure is a ratio to a
//! named reference in the same run, or a number of bytes. The program is measured from outside: by its binary, HTTP,
//! Redis, and the public port of the event log. `--soak SECONDS` runs the soak test instead. `--help` lists the sizes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that fails has nothing to say"
)]
#![expect(clippy::float_arithmetic, reason = "ratios of times; no money is counted here")]

#[path = "side_by_side/bundle.rs"]
mod bundle;
#[path = "side_by_side/busy.rs"]
mod busy;
#[path = "side_by_side/fill.rs"]
mod fill;
#[path = "side_by_side/http.rs"]
mod http;
#[path = "side_by_side/issue.rs"]
mod issue;
#[path = "side_by_side/lists.rs"]
mod lists;
#[path = "side_by_side/live.rs"]
mod live;
#[path = "side_by_side/model.rs"]
mod model;
#[path = "side_by_side/pages.rs"]
mod pages;
#[path = "side_by_side/program.rs"]
mod program;
#[path = "../tests/common/redis.rs"]
mod redis_server;
#[path = "side_by_side/replay.rs"]
mod replay;
#[path = "side_by_side/shop.rs"]
mod shop;
#[path = "side_by_side/soak.rs"]
mod soak;
#[path = "side_by_side/table.rs"]
mod table;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use self::{
    shop::{Shops, Sizes},
    table::Row,
};

/// The options. With the default sizes, a run should take at most ten minutes on two slow cores.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Run a smoke test of all rows with tiny sizes, in about a minute; its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Only these rows: replay, wallet, render, issue, live, fill, start, memory, lists, search, overview, busy, disk,
    /// bundle
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Events to replay, in wallets of twenty
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// Turns of each program at replaying
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Events of the long wallet
    #[arg(long, default_value_t = 1_000_000)]
    wallet_events: usize,
    /// Wallets of the shop whose read model is measured
    #[arg(long, default_value_t = 100_000)]
    wallets: usize,
    /// Orders of the shop, of two to six events
    #[arg(long, default_value_t = 200_000)]
    orders: usize,
    /// Pending refunds of the shop; it has as many settled ones
    #[arg(long, default_value_t = 10_000)]
    pending: usize,
    /// Timed answers of each list, as a page and as JSON
    #[arg(long, default_value_t = 100)]
    samples: usize,
    /// Events per second that are written while pages are requested
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Seconds of measuring pages with writing, and without
    #[arg(long, default_value = "20", value_parser = seconds)]
    busy: Duration,
    /// Requests of one load
    #[arg(long, default_value_t = 1_500)]
    requests: usize,
    /// Compensations that each of fifty operators issues
    #[arg(long, default_value_t = 20)]
    issues: usize,
    /// Seconds after which a load ends early
    #[arg(long, default_value = "20", value_parser = seconds)]
    patience: Duration,
    /// Run only the soak test, for this number of seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    soak: Option<Duration>,
    /// Used by the bench itself: serve this file
    #[arg(long, hide = true, requires = "port")]
    constant: Option<String>,
    #[arg(long, hide = true)]
    port: Option<u16>,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

impl Options {
    fn sized(self) -> Self {
        if !self.quick {
            return self;
        }
        Self {
            events: 20_000,
            rounds: 1,
            wallet_events: 5_000,
            wallets: 3_000,
            orders: 6_000,
            pending: 800,
            samples: 3,
            busy: Duration::from_secs(2),
            requests: 60,
            issues: 2,
            patience: Duration::from_secs(2),
            ..self
        }
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            wallets: self.wallets,
            orders: self.orders,
            pending: self.pending,
        }
    }
}

/// The names of the rows, in the order of measuring. Rows that share the shop's ledger are together; `busy` changes the
/// ledger, so it is the last of them.
const ROWS: [&str; 14] = [
    "replay", "wallet", "render", "issue", "live", "fill", "start", "memory", "lists", "search", "overview", "busy",
    "disk", "bundle",
];

async fn measure(name: &str, options: &Options, shops: &mut Shops) -> Vec<Row> {
    match name {
        "replay" => replay::rows(options).await,
        "wallet" => pages::wallet_rows(options).await,
        "render" => pages::render_rows(options).await,
        "issue" => issue::rows(options).await,
        "live" => live::rows(options).await,
        "fill" => model::fill_rows(options, shops).await,
        "start" => model::start_rows(options, shops).await,
        "memory" => model::memory_rows(options, shops).await,
        "lists" => lists::rows(options, shops).await,
        "search" => lists::search_rows(options, shops).await,
        "overview" => lists::overview_rows(options, shops).await,
        "busy" => busy::rows(options, shops).await,
        "disk" => {
            // The shared ledgers are not needed any more.
            *shops = Shops::default();
            model::disk_rows(options).await
        }
        _ => bundle::rows(),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse().sized();
    if let (Some(file), Some(port)) = (&options.constant, options.port) {
        pages::hand_out(file, port).await;
        return ExitCode::SUCCESS;
    }
    if let Some(time) = options.soak {
        return if soak::run(time).await {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    if let Some(unknown) = options.only.iter().find(|name| !ROWS.contains(&name.as_str())) {
        eprintln!("no row is named '{unknown}'; there are {}", ROWS.join(", "));
        return ExitCode::from(2);
    }
    println!("Measured on {}.", table::machine());
    if options.quick {
        println!("\n**A smoke test with tiny sizes: the figures mean nothing.**");
    }
    let mut shops = Shops::default();
    println!("\n| what | figure | against | aim | |\n|---|---|---|---|---|");
    for name in ROWS
        .iter()
        .filter(|name| options.only.is_empty() || options.only.iter().any(|only| only == *name))
    {
        let begin = std::time::Instant::now();
        for mut row in measure(name, &options, &mut shops).await {
            if options.quick {
                row.met = None;
            }
            println!("{}", row.line());
        }
        eprintln!("{name}: took {}", table::shown(begin.elapsed()));
    }
    ExitCode::SUCCESS
}
