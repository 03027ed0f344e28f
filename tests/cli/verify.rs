//! `ledgerscope verify --replay`, and the read model of a server that is killed while it fills or writes it.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    process::{Child, Command},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

use super::harness::{Cli, Ran};

/// So many wallets that filling the read model takes a while.
const WALLETS: usize = 20_000;

fn opening(wallet: usize) -> Value {
    json!({
        "specversion": "1.0", "source": "/wallet", "subject": format!("W-{wallet}"), "id": format!("e-{wallet}"),
        "type": "wallet.opened", "time": "2026-01-01T00:00:00Z",
        "data": {"owner": {"id": format!("C-{wallet}")}, "currency": "EUR"},
    })
}

fn openings(from: usize, count: usize) -> String {
    (from..from + count).fold(String::new(), |mut lines, wallet| {
        writeln!(lines, "{}", opening(wallet)).unwrap();
        lines
    })
}

fn serve(cli: &Cli) -> Child {
    let mut command = cli.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.spawn().unwrap()
}

/// Waits for the address, which the server prints when it has started.
fn begun(server: &mut Child) {
    let mut address = String::new();
    let mut printed = BufReader::new(server.stdout.take().unwrap());
    printed.read_line(&mut address).unwrap();
    assert!(address.starts_with("http://"), "{address}");
}

fn verified(cli: &Cli) -> (Ran, Value) {
    let ran = cli.run(&["verify", "--replay", "--json"]);
    let said = serde_json::from_slice(&ran.bytes).unwrap_or(Value::Null);
    (ran, said)
}

#[test]
fn a_missing_read_model_is_exit_code_one() {
    let cli = Cli::with(&openings(0, 2));
    let (ran, _) = verified(&cli);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("no read model"), "{}", ran.stderr);
}

/// Checks that the read model agrees with a replay of everything. `None` if there is no usable read model: a
/// killed server may have left an unfinished one.
fn agrees(cli: &Cli) -> Option<Value> {
    let (ran, report) = verified(cli);
    if report.is_null() {
        assert!(ran.stderr.contains("no read model"), "{}", ran.stderr);
        return None;
    }
    assert_eq!((ran.code, &report["different"]), (Some(0), &json!(0)), "{report}");
    Some(report)
}

#[test]
fn a_server_killed_while_it_writes_leaves_a_read_model_that_agrees() {
    let cli = Cli::with(&openings(0, WALLETS));
    let mut shop = cli.command(&["seed", "--live", "--rate", "600"]).spawn().unwrap();
    // The server is killed while it fills the read model for the first time, and while it follows a running shop.
    for milliseconds in [20, 100, 300, 1_500, 0, 40, 700] {
        let mut server = serve(&cli);
        begun(&mut server);
        sleep(Duration::from_millis(milliseconds));
        server.kill().unwrap();
        server.wait().unwrap();
        agrees(&cli);
    }
    shop.kill().unwrap();
    shop.wait().unwrap();
    // A server that stops in an orderly way leaves a complete read model.
    let mut server = serve(&cli);
    begun(&mut server);
    sleep(Duration::from_secs(4));
    let stopped = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(server.wait_with_output().unwrap().status.success());
    let report = agrees(&cli).expect("the server left a read model");
    assert!(report["compared"].as_u64().unwrap() >= WALLETS as u64, "{report}");
}

#[test]
fn a_mistyped_store_deletes_and_creates_nothing() {
    let cli = Cli::with(&openings(0, 20));
    let mut server = serve(&cli);
    begun(&mut server);
    sleep(Duration::from_secs(1));
    server.kill().unwrap();
    server.wait().unwrap();
    let (ran, _) = verified(&cli);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let elsewhere = format!("embedded:{}", cli.dir.path().join("elsewhere").display());
    let ran = cli.run(&["verify", "--replay", "--wallet-store", &elsewhere]);
    assert_ne!(ran.code, Some(0));
    let (ran, _) = verified(&cli);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
