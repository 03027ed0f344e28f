//! `ledgerscope verify --replay`, and what a server leaves that is killed while it writes a checkpoint.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::harness::{Cli, Ran};

/// Wallets that fill a checkpoint of a few megabytes: it reaches the disk before it is complete.
const WALLETS: usize = 20_000;
const PATIENCE: Duration = Duration::from_mins(1);

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
    let mut command = cli.command(&["serve", "--listen", "127.0.0.1:0", "--checkpoint-every", "1s"]);
    command.spawn().unwrap()
}

/// Whether the checkpoints are open: SQLite has this file while somebody reads or writes them.
fn is_writing(cli: &Cli) -> bool {
    cli.dir.path().join("read-model/checkpoints.sqlite3-wal").exists()
}

/// Waits for the address, which the server prints once it has begun.
fn begun(server: &mut Child) {
    let mut address = String::new();
    let mut printed = BufReader::new(server.stdout.take().unwrap());
    printed.read_line(&mut address).unwrap();
    assert!(address.starts_with("http://"), "{address}");
}

fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < PATIENCE, "it did not become so");
        sleep(Duration::from_millis(1));
    }
}

fn verified(cli: &Cli) -> (Ran, Value) {
    let ran = cli.run(&["verify", "--replay", "--json"]);
    let said = serde_json::from_slice(&ran.bytes).unwrap_or(Value::Null);
    (ran, said)
}

#[test]
fn without_a_checkpoint_there_is_nothing_to_verify() {
    let cli = Cli::with(&openings(0, 2));
    let (ran, _) = verified(&cli);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("no good checkpoint"), "{}", ran.stderr);
}

#[test]
fn a_server_killed_while_it_writes_a_checkpoint_leaves_a_good_one() {
    let cli = Cli::with(&openings(0, WALLETS));
    let mut shop = cli.command(&["seed", "--live", "--rate", "600"]).spawn().unwrap();
    for milliseconds in [0, 20, 60, 120] {
        let mut server = serve(&cli);
        begun(&mut server);
        // A checkpoint every second, as the shop never rests.
        until(|| is_writing(&cli));
        sleep(Duration::from_millis(milliseconds));
        server.kill().unwrap();
        server.wait().unwrap();
        let (ran, said) = verified(&cli);
        if said.is_null() {
            // Killed before the very first was complete.
            assert!(
                ran.stderr.contains("no good checkpoint"),
                "{milliseconds}: {}",
                ran.stderr
            );
            continue;
        }
        assert_eq!(ran.code, Some(0), "{milliseconds}: {said}");
        assert!(
            said["compared"].as_u64().unwrap() >= WALLETS as u64,
            "{milliseconds}: {said}"
        );
    }
    shop.kill().unwrap();
    shop.wait().unwrap();
    // And one that may stop by itself leaves one of everything.
    let mut server = serve(&cli);
    begun(&mut server);
    sleep(Duration::from_secs(1));
    until(|| !is_writing(&cli));
    let stopped = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(server.wait_with_output().unwrap().status.success());
    let (ran, said) = verified(&cli);
    assert_eq!((ran.code, &said["different"]), (Some(0), &json!(0)), "{}", ran.stderr);
}
