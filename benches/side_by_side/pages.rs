//! The rows `wallet` and `render`: the latency of the page of a long wallet compared with a short one, and the rate of
//! rendering compared with sending the same bytes. Requests are over HTTP with a session, on kept connections. Every
//! sample counts.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, http::header, routing::get};

use super::{
    Options,
    fill::Wire,
    http::{Client, Load, Samples},
    program::{Home, Server, settle},
    redis_server::{RedisServer, free_port},
    table::{Row, ratio, shown},
};

/// The concurrent connections of latency measurements.
const READERS: usize = 2;
/// The number of rounds in which the two loads alternate, so that changes of the machine's speed affect both.
const TURNS: usize = 3;

fn load(server: &Server, home: &Home, path: &str, options: &Options) -> Load {
    Load {
        port: server.port,
        cookie: home.cookie.clone(),
        path: path.to_owned(),
        connections: READERS,
        requests: options.requests / TURNS,
        patience: options.patience,
    }
}

/// Runs two loads in turns. Returns the p99 and the number of samples of each, and the number of failed answers.
async fn in_turns(first: &Load, second: &Load) -> ([Duration; 2], [usize; 2], usize) {
    let mut all = [Vec::new(), Vec::new()];
    let mut failed = 0;
    for _ in 0..TURNS {
        for (load, all) in [first, second].into_iter().zip(&mut all) {
            let (samples, _) = load.run().await;
            failed += samples.1;
            all.extend(samples.0);
        }
    }
    let all = all.map(|samples| Samples::new(samples, 0));
    (
        [all[0].percentile(99), all[1].percentile(99)],
        [all[0].len(), all[1].len()],
        failed,
    )
}

pub async fn wallet_rows(options: &Options) -> Vec<Row> {
    let redis = RedisServer::start_with(&["--appendonly", "no"]);
    let mut wire = Wire::open(redis.port(), "wallet");
    wire.long_wallet("W-LONG", options.wallet_events);
    wire.long_wallet("W-SHORT", 100);
    wire.finish();
    let home = Home::with(Some(redis.url()), None, None, None).await;
    let server = home.serve().await;
    settle().await;
    let [long, short] = ["/wallets/W-LONG", "/wallets/W-SHORT"].map(|path| load(&server, &home, path, options));
    let ([long, short], [of_long, of_short], failed) = in_turns(&long, &short).await;
    let what = format!(
        "wallet page at {} events, p99 {} of {of_long}",
        options.wallet_events,
        shown(long)
    );
    let against = format!("at 100 events, p99 {} of {of_short}", shown(short));
    vec![Row::at_most(what, ratio(long, short), against, 1.3).failing(failed)]
}

/// Measures with the server on the first core and the load on the others.
pub async fn render_rows(options: &Options) -> Vec<Row> {
    let cores = std::thread::available_parallelism().unwrap().get();
    if cores < 2 || !bind("0") {
        return vec![Row::skipped(
            "requests a second of a wallet page on one core",
            "needs two cores and taskset",
        )];
    }
    let redis = RedisServer::start_with(&["--appendonly", "no"]);
    let mut wire = Wire::open(redis.port(), "wallet");
    wire.long_wallet("W-SHORT", 100);
    wire.finish();
    let home = Home::with(Some(redis.url()), None, None, None).await;
    let server = home.serve_on(Some(0)).await;
    let path = "/wallets/W-SHORT";
    let page = Client::connect(server.port, &home.cookie)
        .await
        .unwrap()
        .get(path)
        .await
        .unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    let bytes = page.body.len();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &page.body).unwrap();
    let constant = Constant::start(file.path());
    bind(&format!("1-{}", cores - 1));
    let load = |port| Load {
        port,
        cookie: home.cookie.clone(),
        path: path.to_owned(),
        connections: 8,
        requests: options.requests * 20,
        patience: options.patience,
    };
    let (mut rendered, mut handed, mut failed) = (0.0_f64, 0.0_f64, 0);
    for _ in 0..TURNS {
        let (rate, failures) = a_second(&load(server.port)).await;
        rendered = rendered.max(rate);
        failed += failures;
        handed = handed.max(a_second(&load(constant.port)).await.0);
    }
    bind(&format!("0-{}", cores - 1));
    let what = format!("a wallet page of {bytes} bytes rendered on one core, {rendered:.0} a second");
    let against = format!("the same bytes from bare axum on that core, {handed:.0} a second");
    vec![Row::at_least(what, rendered / handed, against, 0.25).failing(failed)]
}

/// The answers per second, and the number of failed ones.
async fn a_second(load: &Load) -> (f64, usize) {
    let (samples, time) = load.run().await;
    let rate = f64::from(u32::try_from(samples.len()).unwrap()) / time.as_secs_f64();
    (rate, samples.1)
}

/// Binds all threads of this process to cores. Returns `false` if `taskset` fails.
fn bind(cores: &str) -> bool {
    let own = std::process::id().to_string();
    let status = Command::new("taskset")
        .args(["-apc", cores, &own])
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A second process of this bench that serves a file on the first core.
struct Constant {
    port: u16,
    child: Child,
}

impl Constant {
    fn start(file: &std::path::Path) -> Self {
        let port = free_port();
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe().unwrap())
            .arg("--constant")
            .arg(file)
            .args(["--port", &port.to_string()])
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { port, child }
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The main function of that process.
pub async fn hand_out(file: &str, port: u16) {
    let body: &'static [u8] = std::fs::read(file).unwrap().leak();
    let page = move || async move { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body) };
    let router = Router::new().route("/wallets/{id}", get(page));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}
