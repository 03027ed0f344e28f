//! The read models that lists are answered from: all of them give the same rows. A command writes only its own read
//! model and leaves no temporary files.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use ledgerscope::{
    domain::{
        ids::{Domain, Position},
        order::OrderState,
        refund::{Limits, RefundRow},
        replay::{Filter, replay},
    },
    event_log,
};
use serde_json::{Value, json};

use crate::{
    harness::{Cli, Ran, event},
    redis_server::RedisServer,
};

const STATES: &str = "requested,approved,processing,failed,succeeded,rejected,canceled,reversed";
const DEBUG: [&str; 2] = ["--log", "ledgerscope=debug"];
const OBSERVED: &str = "answering from the read model of another process";
const OWNED: &str = "answering from the read model in the directory";
const TEMPORARY: &str = "answering from a temporary read model";

fn shop(seed: u32) -> Cli {
    let cli = Cli::new();
    let seed = seed.to_string();
    let now = "2026-05-17T15:30:00Z";
    let ran = cli.run(&[
        "seed",
        "--seed",
        &seed,
        "--wallets",
        "40",
        "--orders",
        "250",
        "--now",
        now,
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    cli
}

/// The lines that the lists print, without fields that change with time. Checks in the log which read model (`from`)
/// they came from.
fn lists(cli: &Cli, args: &[&str], from: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    for command in [
        &["refunds", "--json", "--state", STATES][..],
        &["findings", "--json"],
        &["wallets", "--json"],
        &["orders", "--json"],
        &["holds", "--json", "--state", "all"],
    ] {
        let ran = cli.run(&[command, &DEBUG, args].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains(from), "{}", ran.stderr);
        lines.extend(ran.stdout().lines().map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            row.as_object_mut().unwrap().remove("age_seconds");
            row
        }));
        left_nothing(cli);
    }
    lines
}

/// Checks that no temporary read model is left.
fn left_nothing(cli: &Cli) {
    let Ok(entries) = fs::read_dir(cli.dir.path().join("read-model")) else {
        return;
    };
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with("tmp-"), "{name}");
    }
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap_or_default(),
            )
        })
        .collect()
}

struct Server(Child);

impl Server {
    /// Starts a server with these arguments and waits for its address.
    fn start(cli: &Cli, args: &[&str]) -> Self {
        let mut child = cli
            .command(&[&["serve", "--listen", "127.0.0.1:0"][..], args].concat())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut address)
            .unwrap();
        assert!(address.starts_with("http://"), "{address}");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn more() -> String {
    let money = r#"{"amount":"7.00","currency":"EUR"}"#;
    [
        event(
            "m1",
            "order.placed",
            "O-more",
            2,
            &format!(r#"{{"wallet":"W-more","total":{money}}}"#),
        ),
        event(
            "m2",
            "order.paid",
            "O-more",
            2,
            &format!(r#"{{"payment":"P","amount":{money},"method":"wallet"}}"#),
        ),
        event(
            "m3",
            "order.refund_requested",
            "O-more",
            3,
            &format!(r#"{{"refund":"R-more","amount":{money},"reason":"return","destination":"wallet"}}"#),
        ),
        event(
            "m4",
            "wallet.opened",
            "W-more",
            2,
            r#"{"owner":{"id":"C"},"currency":"EUR"}"#,
        ),
        event(
            "m5",
            "wallet.credited",
            "W-more",
            4,
            &format!(r#"{{"amount":{money},"kind":"refund","refund":"R-more","order":"O-more"}}"#),
        ),
    ]
    .concat()
}

#[test]
fn every_read_model_gives_the_same_rows() {
    let cli = shop(1);
    let naive = lists(&cli, &["--read-model", "none"], TEMPORARY);
    assert!(naive.len() > 320, "{}", naive.len());
    // The first command makes the read model, the second one reuses it.
    assert_eq!(lists(&cli, &[], OWNED), naive);
    assert_eq!(lists(&cli, &[], OWNED), naive);
    assert_eq!(cli.run_on(&["import", "-"], more().as_bytes()).code, Some(0));
    let later = lists(&cli, &["--read-model", "none"], TEMPORARY);
    // One more refund, finding, wallet and order.
    assert_eq!(later.len(), naive.len() + 4);
    // The command brings the read model up to date.
    assert_eq!(lists(&cli, &[], OWNED), later);
    let server = Server::start(&cli, &[]);
    let mut observed = false;
    for _ in 0..200 {
        let ran = cli.run(&[&["findings", "--json"][..], &DEBUG].concat());
        observed = ran.stderr.contains(OBSERVED);
        if observed {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    assert!(observed);
    assert_eq!(lists(&cli, &[], OBSERVED), later);
    drop(server);
    assert_eq!(lists(&cli, &[], OWNED), later);
    let before = files(&cli.dir.path().join("read-model"));
    assert_eq!(cli.run(&["verify", "--replay"]).code, Some(0));
    assert!(files(&cli.dir.path().join("read-model")) == before);
}

/// The rows of a plain fold of every stream, as the exact lines of the output.
fn naive(order_store: &str, filter: &Filter, now: DateTime<Utc>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut rows =
        runtime.block_on(async {
            let log = event_log::open(Domain::Order, order_store).unwrap();
            let ids: Vec<_> = log.streams().try_concat().await.unwrap();
            let mut rows = Vec::new();
            for id in ids {
                let entries = log.read_all(&id, Position::START).await.unwrap();
                let Some(replay) = replay::<OrderState>(entries, filter) else {
                    continue;
                };
                let state = replay.fold.state;
                let (wallet, customer) = (state.wallet.as_deref(), state.customer.as_ref());
                let customer = customer.map(|party| party.id.as_str());
                rows.extend(state.refunds.iter().map(|(refund, about)| {
                    RefundRow::new(refund, &id, wallet, customer, about, now, &Limits::default())
                }));
            }
            rows
        });
    rows.sort_by(|a, b| a.age_order().cmp(&b.age_order()));
    rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect()
}

#[test]
fn a_list_at_a_past_moment_equals_a_fold_of_every_stream() {
    for seed in 1..4 {
        let cli = shop(seed);
        for at in [
            "2026-05-17T15:30:00Z",
            "2026-05-10T00:00:00Z",
            "2026-04-20T12:34:56Z",
            "2020-01-01T00:00:00Z",
        ] {
            let time = DateTime::parse_from_rfc3339(at).unwrap().to_utc();
            for (more, sequence, known) in [
                (&[][..], None, None),
                (&["--sequence", "4"], Some(4), None),
                (&["--as-known-at", at], None, Some(time)),
            ] {
                let ran = cli.run(&[&["refunds", "--json", "--state", STATES, "--at", at][..], more, &DEBUG].concat());
                assert_eq!(ran.code, Some(0), "{}", ran.stderr);
                assert!(ran.stderr.contains(TEMPORARY), "{}", ran.stderr);
                let filter = Filter {
                    at: Some(time),
                    as_known_at: known,
                    sequence,
                };
                let lines: Vec<_> = ran.stdout().lines().collect();
                let expected = naive(&cli.store("order"), &filter, time);
                assert!(
                    lines == expected,
                    "{filter:?}: {} and {} rows",
                    lines.len(),
                    expected.len()
                );
            }
        }
        left_nothing(&cli);
        // The read model was temporary.
        assert!(!cli.dir.path().join("read-model").exists());
    }
}

#[test]
fn a_read_model_of_other_stores_is_not_touched() {
    let (cli, other) = (shop(1), shop(2));
    let own = lists(&cli, &[], OWNED);
    let theirs = lists(&other, &["--read-model", "none"], TEMPORARY);
    let dir = cli.dir.path().join("read-model");
    let before = files(&dir);
    let (wallet, order) = (other.store("wallet"), other.store("order"));
    let elsewhere = ["--wallet-store", &wallet, "--order-store", &order];
    assert_eq!(lists(&cli, &elsewhere, TEMPORARY), theirs);
    assert!(files(&dir) == before);
    let ran = cli.run(&[&["verify", "--replay"][..], &elsewhere].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("no read model of these stores"), "{}", ran.stderr);
    assert!(files(&dir) == before);
    assert_eq!(lists(&cli, &[], OWNED), own);
    // A server replaces the read model in the directory with one of its own stores.
    let server = Server::start(&cli, &elsewhere);
    for _ in 0..200 {
        if cli
            .run(&[&["findings"][..], &elsewhere, &DEBUG].concat())
            .stderr
            .contains(OBSERVED)
        {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    assert_eq!(lists(&cli, &elsewhere, OBSERVED), theirs);
    drop(server);
    assert_eq!(lists(&cli, &[], TEMPORARY), own);
}

#[test]
fn a_mistyped_store_is_exit_code_three_and_creates_nothing() {
    let cli = Cli::bare();
    let nowhere = cli.dir.path().join("nowhere");
    let url = format!("embedded:{}", nowhere.display());
    let commands: [(&[&str], &str); 12] = [
        (&["wallet", "W-1"], "wallet"),
        (&["order", "O-1"], "order"),
        (&["refunds"], "order"),
        (&["refunds", "--at", "2026-01-01T00:00:00Z"], "order"),
        (&["findings"], "wallet"),
        (&["wallets"], "wallet"),
        (&["orders", "--json"], "order"),
        (&["holds"], "wallet"),
        (&["cases"], "compensation"),
        (&["export"], "order"),
        (&["verify", "--replay"], "wallet"),
        (&["audit", "verify"], "access"),
    ];
    for (command, store) in commands {
        let flag = format!("--{store}-store");
        let ran = cli.run(&[command, &[&flag, &url]].concat());
        ran.refused(3, &format!("the {store} store does not exist"));
        assert!(ran.stderr.contains(&flag), "{}", ran.stderr);
    }
    assert_eq!(files(cli.dir.path()), BTreeMap::new());
    // Only the order store is needed. A missing wallet store has no identity, so no read model is kept.
    let cli = shop(1);
    let rows = cli.run(&["refunds", "--json", "--wallet-store", &url]);
    assert_eq!((rows.code, rows.stderr.as_str()), (Some(0), ""));
    for list in ["wallets", "holds"] {
        let rows = cli.run(&[list, "--json", "--order-store", &url]);
        assert_eq!((rows.code, rows.stderr.as_str()), (Some(0), ""), "{list}");
        assert!(!rows.bytes.is_empty(), "{list}");
    }
    assert!(!nowhere.exists());
    assert!(!cli.dir.path().join("read-model").exists());
    cli.run(&["findings", "--wallet-store", &url])
        .refused(3, "wallet store does not exist");
    cli.run(&["findings", "--wallet-store", "redis://127.0.0.1:1"])
        .refused(3, "wallet store");
}

#[test]
fn limits_apply_to_one_answer_and_are_not_stored() {
    let cli = shop(1);
    let count = |args: &[&str]| {
        cli.json_lines(&[&["refunds", "--json", "--overdue"], args].concat())
            .len()
    };
    let usual = count(&[]);
    let lenient = [
        "--overdue-requested",
        "3650d",
        "--overdue-approved",
        "3650d",
        "--overdue-processing",
        "3650d",
        "--overdue-failed",
        "3650d",
    ];
    assert_eq!(count(&lenient), 0);
    assert!(usual > 0);
    assert_eq!(count(&[]), usual);
}

#[test]
fn files_of_a_killed_command_are_removed_by_the_next_owner() {
    let cli = shop(1);
    let dir = cli.dir.path().join("read-model");
    let (old, young) = (dir.join("tmp-ledgerscope-old"), dir.join("tmp-ledgerscope-young"));
    for left in [&old, &young] {
        fs::create_dir_all(left).unwrap();
        fs::write(left.join("lock"), "").unwrap();
    }
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    fs::File::open(&old).unwrap().set_modified(hour_ago).unwrap();
    assert_eq!(cli.run(&["refunds"]).code, Some(0));
    assert!(!old.exists());
    assert!(young.exists());
}

fn add(redis: &RedisServer, order: &str, id: &str, sequence: u32, kind: &str, data: &Value) {
    let (key, sequence, data) = (format!("order:{{0}}:{order}"), sequence.to_string(), data.to_string());
    let command = [
        "XADD",
        &key,
        id,
        "id",
        id,
        "type",
        kind,
        "sequence",
        &sequence,
        "time",
        "2026-01-01T00:00:00Z",
        "data",
        &data,
    ];
    redis.run(&command);
}

#[test]
fn an_unreadable_stream_is_listed_and_reported() {
    let redis = RedisServer::start();
    let money = json!({"amount": "5.00", "currency": "EUR"});
    for (number, order) in ["O-1", "O-2"].into_iter().enumerate() {
        add(
            &redis,
            order,
            &format!("1-{number}"),
            1,
            "order.placed",
            &json!({"wallet": "W-1", "total": money}),
        );
        let requested = json!({"refund": format!("R-{}", number + 1), "amount": money, "reason": "return", "destination": "wallet"});
        add(
            &redis,
            order,
            &format!("2-{number}"),
            2,
            "order.refund_requested",
            &requested,
        );
    }
    let cli = Cli::new();
    let url = redis.url();
    let run = |args: &[&str]| cli.run(&[args, &["--order-store", &url]].concat());
    let names = |ran: &Ran| -> Vec<String> {
        let rows = ran
            .stdout()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| row["refund"].as_str().unwrap_or("").to_owned())
            .collect()
    };
    let all = run(&["refunds", "--json"]);
    assert_eq!(
        (all.code, names(&all)),
        (Some(0), vec!["R-1".to_owned(), "R-2".to_owned()])
    );
    let key = "order:{0}:O-2";
    redis.run(&["DEL", key]);
    redis.run(&["SET", key, "no stream"]);
    // The last figures are listed, and the exit code says that they are not complete.
    let kept = run(&["refunds", "--json"]);
    assert_eq!(
        (kept.code, names(&kept)),
        (Some(1), vec!["R-1".to_owned(), "R-2".to_owned()]),
        "{}",
        kept.stderr
    );
    assert!(kept.stderr.contains("order O-2 can't be read"), "{}", kept.stderr);
    assert_eq!(kept.stderr.lines().count(), 1, "{}", kept.stderr);
    for args in [
        &["findings", "--json"][..],
        &["findings", "--json", "--read-model", "none"],
    ] {
        let found = run(args);
        assert_eq!(found.code, Some(1), "{}", found.stderr);
        assert!(
            found
                .stdout()
                .contains(r#""finding":"history_incomplete","severity":"medium","refund":null,"order":"O-2""#),
            "{}",
            found.stdout()
        );
        assert!(found.stderr.contains("order O-2 can't be read"), "{}", found.stderr);
    }
    // A stream that was never read has no figures.
    let anew = run(&["refunds", "--json", "--read-model", "none"]);
    assert_eq!(
        (anew.code, names(&anew)),
        (Some(1), vec!["R-1".to_owned()]),
        "{}",
        anew.stderr
    );
    let people = run(&["refunds"]);
    assert_eq!(people.code, Some(1));
    assert!(people.stdout().contains("2 refunds, "), "{}", people.stdout());
    // A stream that can be read again is no longer reported.
    redis.run(&["DEL", key]);
    add(
        &redis,
        "O-2",
        "3-0",
        1,
        "order.placed",
        &json!({"wallet": "W-1", "total": money}),
    );
    let again = run(&["refunds", "--json"]);
    assert_eq!(
        (again.code, names(&again)),
        (Some(0), vec!["R-1".to_owned()]),
        "{}",
        again.stderr
    );
}

#[test]
fn a_filter_sorts_a_dirty_stream_first() {
    let redis = RedisServer::start();
    let money = json!({"amount": "5.00", "currency": "EUR"});
    let requested =
        |refund: &str| json!({"refund": refund, "amount": money, "reason": "return", "destination": "wallet"});
    let step = json!({"refund": "R-1"});
    // Out of order, with a sequence that can't be parsed and one sequence twice.
    add(&redis, "O-1", "1-0", 2, "order.refund_requested", &requested("R-1"));
    add(
        &redis,
        "O-1",
        "2-0",
        1,
        "order.placed",
        &json!({"wallet": "W-1", "total": money}),
    );
    add(&redis, "O-1", "3-0", 0, "order.refund_rejected", &step);
    add(&redis, "O-1", "4-0", 4, "order.refund_succeeded", &step);
    add(&redis, "O-1", "5-0", 3, "order.refund_approved", &step);
    add(&redis, "O-1", "6-0", 3, "order.refund_canceled", &step);
    // In order, and long enough for several pages.
    for number in 1..2_500 {
        let id = format!("7-{number}");
        add(
            &redis,
            "O-2",
            &id,
            number,
            "order.refund_requested",
            &requested(&format!("R-{number}-2")),
        );
    }
    let cli = Cli::new();
    let time = DateTime::parse_from_rfc3339("2026-02-01T00:00:00Z").unwrap().to_utc();
    for (sequence, known) in [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
        (2_000, 0),
        (4, 1),
        (4, 3),
        (4, 4),
        (4, 5),
    ] {
        let known = (known > 0).then(|| DateTime::from_timestamp_millis(known).unwrap());
        let filter = Filter {
            at: Some(time),
            as_known_at: known,
            sequence: Some(sequence),
        };
        let sequence = sequence.to_string();
        let mut args = vec![
            "refunds",
            "--json",
            "--state",
            STATES,
            "--at",
            "2026-02-01T00:00:00Z",
            "--sequence",
            &sequence,
        ];
        let known = known.map(|known| known.to_rfc3339());
        args.extend(known.iter().flat_map(|known| ["--as-known-at", known]));
        let url = redis.url();
        args.extend(["--order-store", &url]);
        let ran = cli.run(&args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        let lines: Vec<_> = ran.stdout().lines().collect();
        let expected = naive(&url, &filter, time);
        assert!(
            lines == expected,
            "{filter:?}: {} and {} rows",
            lines.len(),
            expected.len()
        );
    }
}

#[test]
fn events_without_a_feed_entry_are_listed_at_once() {
    let redis = RedisServer::start();
    let url = redis.url();
    let money = json!({"amount": "5.00", "currency": "EUR"});
    let order = |number: u32| {
        let (order, refund) = (format!("O-{number}"), format!("R-{number}"));
        add(
            &redis,
            &order,
            &format!("{number}-0"),
            1,
            "order.placed",
            &json!({"wallet": "W-1", "total": money}),
        );
        let requested = json!({"refund": refund, "amount": money, "reason": "return", "destination": "wallet"});
        add(
            &redis,
            &order,
            &format!("{number}-1"),
            2,
            "order.refund_requested",
            &requested,
        );
    };
    let cli = Cli::new();
    let count = || cli.json_lines(&["refunds", "--json", "--order-store", &url]).len();
    order(1);
    assert_eq!(count(), 1);
    // From the read model that the command made.
    order(2);
    assert_eq!(count(), 2);
    let server = Server::start(&cli, &["--order-store", &url]);
    for number in 3..6 {
        order(number);
        assert_eq!(count(), number as usize);
    }
    drop(server);
    order(6);
    assert_eq!(count(), 6);
}
