//! The whole Online Retail file as a ledger: converted, imported through the command line into both kinds of store,
//! loaded into the read model, and compared with the file's own total. If the file is missing, the test prints that it
//! was skipped.

#![expect(clippy::expect_used, reason = "a test panics if its setup fails")]

#[path = "../examples/online_retail"]
#[expect(dead_code, reason = "the example's own tests use the rest")]
mod retail {
    pub mod convert;
    pub mod credit_notes;
    pub mod events;
    pub mod matching;
    pub mod money;
    pub mod report;
    pub mod rows;
}
#[path = "common/redis.rs"]
mod redis_server;

use std::{
    env,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use ledgerscope::{
    domain::{findings::FindingKind, ids::Domain, refund::RefundState},
    event_log,
    ledger::Ledger,
    read_model::{Settings, Store, Stores},
};
use rust_decimal::Decimal;

use redis_server::RedisServer;
use retail::report::{LeftOut, Report};

const DEFAULT: &str = "../shared/data/online-retail.csv.gz";
const VARIABLE: &str = "LEDGERSCOPE_ONLINE_RETAIL";
/// The sum of quantity times price over all rows.
const NET: &str = "9747747.934";

/// The path of the file. `None` if the variable is not set and the default path does not exist.
fn file() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let found = named.or_else(|| Some(PathBuf::from(DEFAULT)).filter(|path| path.exists()));
    if found.is_none() {
        // `eprintln!` is not used, because the test harness hides its output if the test passes.
        let skipped = format!("SKIPPED: the Online Retail file is not at {DEFAULT}; set {VARIABLE} to its path\n");
        io::stderr().write_all(skipped.as_bytes()).expect("standard error");
    }
    found
}

/// Writes the events and returns the report.
fn convert(csv: &Path, events: &Path) -> Report {
    let rows = retail::rows::read_file(csv).unwrap_or_else(|error| panic!("{}: {error}", csv.display()));
    let mut out = BufWriter::new(File::create(events).expect("a file of the test's own"));
    let report = retail::convert::convert(&rows, &mut out).expect("a disk with room");
    out.flush().expect("a disk with room");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_file_loads_from_both_stores_and_adds_up() {
    let Some(csv) = file() else { return };
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let events = scratch.path().join("events.jsonl");
    let report = convert(&csv, &events);
    let embedded = |domain: &str| format!("embedded:{}", scratch.path().join(domain).display());
    check(&events, &report, "embedded", &embedded("wallet"), &embedded("order")).await;
    let (wallet, order) = (RedisServer::start(), RedisServer::start());
    check(&events, &report, "redis", &wallet.url(), &order.url()).await;
}

async fn check(events: &Path, report: &Report, adapter: &'static str, wallet: &str, order: &str) {
    let begin = Instant::now();
    import(events, wallet, order, report.events);
    let imported = begin.elapsed();
    let begin = Instant::now();
    let open = |domain, url| Store {
        log: event_log::open(domain, url).expect("a store"),
        adapter,
        url: url.to_owned(),
    };
    let stores = Stores {
        wallet: open(Domain::Wallet, wallet),
        order: open(Domain::Order, order),
    };
    let ledger = Ledger::start(stores, Settings::default()).expect("a temporary directory can be made");
    tokio::time::timeout(Duration::from_mins(2), ledger.loaded())
        .await
        .expect("loaded within two minutes");
    let took = format!(
        "Online Retail on {adapter}: {} events imported in {imported:.1?}, loaded in {:.1?}\n",
        report.events,
        begin.elapsed()
    );
    io::stderr().write_all(took.as_bytes()).expect("standard error");
    assert_figures(&ledger, report);
    // A second import adds nothing.
    import(events, wallet, order, 0);
}

/// Imports with the program and checks the number of appended events that it prints.
fn import(events: &Path, wallet: &str, order: &str, expected: u64) {
    let done = Command::new(env!("CARGO_BIN_EXE_ledgerscope"))
        .args(["import", events.to_str().expect("a UTF-8 path")])
        .env("LEDGERSCOPE_WALLET_STORE", wallet)
        .env("LEDGERSCOPE_ORDER_STORE", order)
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(said.contains(&format!("{expected} appended")), "{said}");
}

fn assert_figures(ledger: &Ledger, report: &Report) {
    let overview = ledger.overview().expect("the read model answers");
    assert_eq!(overview.events, report.events);
    assert_eq!((overview.wallets, overview.orders), (4372, 19_959));
    let [gbp] = &overview.totals[..] else {
        panic!("one currency: {:?}", overview.totals);
    };
    assert_eq!(gbp.total, gbp.paid);
    // All refunds, pending or not, are subtracted from what was sold. What the rules left out is added again.
    let left_out: Decimal = LeftOut::ALL.map(|rule| report.left_out(rule).sum).iter().sum();
    let net = gbp.total - gbp.refunded - gbp.pending + left_out;
    assert_eq!(net, Decimal::from_str_exact(NET).expect("a decimal"));
    // The succeeded refunds were credited, and nothing else was.
    assert_eq!(gbp.posted, gbp.refunded);
    assert_eq!(overview.findings, Vec::<(FindingKind, u64)>::new());
    let pending: Vec<_> = overview.by_state.iter().map(|of| (of.state, of.count)).collect();
    let expected = [
        (RefundState::Requested, 96),
        (RefundState::Approved, 141),
        (RefundState::Processing, 0),
        (RefundState::Failed, 0),
    ];
    assert_eq!(pending, expected);
}
