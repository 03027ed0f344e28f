//! The filters and sorts of contract §8 on the command line: every one of each list, with boundaries and exact lines.

use serde_json::{Value, json};

use crate::{
    harness::{Cli, event},
    redis_server::RedisServer,
};

/// An event: type, subject, day of January 2026, data.
type Given = (&'static str, &'static str, u32, Value);

fn ledger(events: &[Given]) -> Cli {
    let lines: Vec<_> = (events.iter().enumerate())
        .map(|(number, (kind, subject, day, data))| {
            event(&format!("e{number}"), kind, subject, *day, &data.to_string())
        })
        .collect();
    Cli::with(&lines.concat())
}

fn money(amount: &str, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

fn eur(amount: &str) -> Value {
    money(amount, "EUR")
}

fn opened(wallet: &'static str, day: u32, owner: &Value, currency: &str) -> Given {
    (
        "wallet.opened",
        wallet,
        day,
        json!({"owner": owner, "currency": currency}),
    )
}

#[track_caller]
fn has_line(cli: &Cli, args: &[&str], line: &str) {
    let ran = cli.run(args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout().lines().any(|printed| printed == line), "{}", ran.stdout());
}

/// Checks a table for people: its headings, a text in it, and the count at its end.
#[track_caller]
fn has_table(cli: &Cli, args: &[&str], headings: &str, says: &str, count: &str) {
    let ran = cli.run(args);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let first: Vec<_> = ran.stdout().lines().next().unwrap().split_whitespace().collect();
    assert_eq!(first.join(" "), headings);
    assert!(ran.stdout().contains(says), "{}", ran.stdout());
    assert_eq!(ran.stdout().lines().last(), Some(count));
    assert!(!ran.stdout().contains('\u{1b}'));
}

fn wallets() -> Cli {
    ledger(&[
        opened("W-1", 1, &json!({"id": "C-1", "name": "Zoë Łukasz"}), "EUR"),
        (
            "wallet.credited",
            "W-1",
            2,
            json!({"amount": eur("10"), "kind": "top_up"}),
        ),
        ("wallet.held", "W-1", 3, json!({"hold": "H-1", "amount": eur("2")})),
        opened("W-2", 1, &json!({"id": "C-2"}), "EUR"),
        ("wallet.debited", "W-2", 4, json!({"amount": eur("5"), "kind": "fee"})),
        opened("W-3", 5, &json!({"id": "C-1"}), "JPY"),
        ("wallet.frozen", "W-3", 6, json!({"reason": "x"})),
        ("wallet.bonus", "W-4", 7, json!({})),
        opened("W-5", 1, &json!({"id": "C-3", "name": "Ann Lee"}), "EUR"),
        (
            "wallet.credited",
            "W-5",
            2,
            json!({"amount": eur("8"), "kind": "top_up"}),
        ),
        ("wallet.closed", "W-5", 3, json!({})),
    ])
}

#[test]
fn wallets_by_every_filter_and_in_every_order() {
    wallets().expect(
        "wallets",
        "wallet",
        &[
            ("", "W-4 W-3 W-2 W-5 W-1"),
            ("--sort newest", "W-4 W-3 W-2 W-5 W-1"),
            ("--sort oldest", "W-1 W-5 W-2 W-3 W-4"),
            ("--sort id", "W-1 W-2 W-3 W-4 W-5"),
            ("--currency EUR --sort amount_up", "W-2 W-1 W-5"),
            ("--currency EUR --sort amount_down", "W-5 W-1 W-2"),
            ("--status all", "W-4 W-3 W-2 W-5 W-1"),
            ("--status open", "W-2 W-1"),
            ("--status unopened", "W-4"),
            ("--status frozen,closed", "W-3 W-5"),
            ("--status frozen --status closed", "W-3 W-5"),
            ("--status open --status all", "W-4 W-3 W-2 W-5 W-1"),
            ("--currency JPY", "W-3"),
            ("--currency EUR,JPY", "W-3 W-2 W-5 W-1"),
            ("--currency EUR --currency JPY", "W-3 W-2 W-5 W-1"),
            ("--currency EUR --min 8 --max 8.00", "W-5 W-1"),
            ("--currency EUR --min 8.001", ""),
            ("--currency EUR --max 7.999", "W-2"),
            ("--currency EUR --min -5", "W-2 W-5 W-1"),
            ("--currency EUR --min -4.99", "W-5 W-1"),
            ("--currency EUR --max -5.00", "W-2"),
            (
                "--currency EUR --max 99999999999999999999999999999999999999999999",
                "W-2 W-5 W-1",
            ),
            (
                "--currency EUR --min -99999999999999999999999999999999999999999999",
                "W-2 W-5 W-1",
            ),
            ("--from 2026-01-03T10:00:00Z --to 2026-01-04T10:00:00Z", "W-5 W-1"),
            ("--to 2026-01-03T10:00:00Z", ""),
            ("--to 2026-01-03T10:00:00.000000001Z", "W-5 W-1"),
            ("--from 2026-01-07T10:00:00.000000001Z", ""),
            ("--from 2026-01-06T11:00:00+01:00", "W-4 W-3"),
            ("--from 2026-01-07", "W-4"),
            ("--from 2026-01-07 --to 2026-01-07", ""),
            ("--from 0001-01-01", "W-4 W-3 W-2 W-5 W-1"),
            ("--customer C-1", "W-3 W-1"),
            ("--customer c-1", ""),
            ("--customer C-1 --status open", "W-1"),
            ("--q LUKASZ", "W-1"),
            ("--q ee", ""),
            ("--q le", "W-5"),
            ("--q c-1", "W-3 W-1"),
            ("--q w-3", "W-3"),
            ("--limit 2", "W-4 W-3"),
            ("--limit 99999999999999999999999", "W-4 W-3 W-2 W-5 W-1"),
            ("--limit 1 --customer C-1 --sort oldest", "W-1"),
        ],
    );
}

#[test]
fn a_wallet_without_a_time_comes_last_and_is_in_no_range() {
    let redis = RedisServer::start();
    for (wallet, time) in [
        ("W-1", "someday"),
        ("W-2", "2026-01-01T00:00:00.5Z"),
        ("W-3", "2026-01-01T00:00:00.25Z"),
    ] {
        let key = format!("wallet:{{0}}:{wallet}");
        let data = r#"{"owner":{"id":"C"},"currency":"EUR"}"#;
        let fields = [
            "id",
            wallet,
            "type",
            "wallet.opened",
            "sequence",
            "1",
            "time",
            time,
            "data",
            data,
        ];
        redis.run(&[&["XADD", &key, "1-0"], &fields[..]].concat());
    }
    let cli = Cli::new();
    let at = |flags: &str| format!("--wallet-store {} {flags}", redis.url());
    let expected = [
        ("", "W-2 W-3 W-1"),
        ("--sort oldest", "W-3 W-2 W-1"),
        ("--from 0001-01-01", "W-2 W-3"),
        ("--to 9999-12-31", "W-2 W-3"),
        ("--from 2026-01-01T00:00:00.25Z --to 2026-01-01T00:00:00.5Z", "W-3"),
        ("--from 2026-01-01T00:00:00.250000001Z", "W-2"),
    ]
    .map(|(flags, rows)| (at(flags), rows));
    cli.expect(
        "wallets",
        "wallet",
        &expected.each_ref().map(|(flags, rows)| (flags.as_str(), *rows)),
    );
    let times: Vec<_> = (cli
        .json_lines(&["wallets", "--json", "--wallet-store", &redis.url()])
        .into_iter())
    .map(|wallet| wallet["last_time"].clone())
    .collect();
    assert_eq!(
        times,
        [
            json!("2026-01-01T00:00:00.500Z"),
            json!("2026-01-01T00:00:00.250Z"),
            json!(null)
        ]
    );
}

#[test]
fn words_of_a_text_match_in_any_order() {
    let cli = wallets();
    let found = |text: &str| cli.json_lines(&["wallets", "--json", "--q", text]).len();
    assert_eq!(found("lukasz zoe"), 1);
    assert_eq!(found("  c-1 ZOË\t"), 1);
    assert_eq!(found("lukasz lee"), 0);
    assert_eq!(found("-1"), 0);
    // A combining mark alone is empty after folding and finds nothing.
    assert_eq!(found("\u{301}"), 0);
    assert_eq!(found(&"x".repeat(100)), 0);
}

#[test]
fn a_wallet_in_a_list_has_the_fields_of_the_contract_in_their_order() {
    let cli = wallets();
    let json = ["wallets", "--json"];
    has_line(
        &cli,
        &json,
        concat!(
            r#"{"wallet":"W-1","status":"open","currency":"EUR","owner":{"id":"C-1","name":"Zoë Łukasz"},"posted":"10.00","held":"2.00","#,
            r#""available":"8.00","sequence":3,"last_time":"2026-01-03T10:00:00Z","complete":true}"#
        ),
    );
    has_line(
        &cli,
        &json,
        concat!(
            r#"{"wallet":"W-3","status":"frozen","currency":"JPY","owner":{"id":"C-1"},"posted":"0","held":"0","#,
            r#""available":"0","sequence":2,"last_time":"2026-01-06T10:00:00Z","complete":true}"#
        ),
    );
    has_line(
        &cli,
        &json,
        concat!(
            r#"{"wallet":"W-4","status":"unopened","currency":null,"owner":null,"posted":"0","held":"0","#,
            r#""available":"0","sequence":1,"last_time":"2026-01-07T10:00:00Z","complete":false}"#
        ),
    );
    let headings = "wallet status owner posted held available last event";
    has_table(&cli, &["wallets"], headings, "Zoë Łukasz (C-1)", "5 wallets");
    has_table(&cli, &["wallets", "--limit", "1"], headings, "incomplete", "1 wallet");
}

fn orders() -> Cli {
    ledger(&[
        (
            "order.placed",
            "O-1",
            1,
            json!({"wallet": "W-1", "customer": {"id": "C-1", "name": "Zoë Łukasz"}, "total": eur("20")}),
        ),
        (
            "order.paid",
            "O-1",
            2,
            json!({"payment": "P", "amount": eur("20"), "method": "card"}),
        ),
        (
            "order.refund_requested",
            "O-1",
            3,
            json!({"refund": "R-1", "amount": eur("5"), "reason": "return", "destination": "wallet"}),
        ),
        ("order.placed", "O-2", 4, json!({"total": money("500", "JPY")})),
        (
            "order.placed",
            "O-3",
            1,
            json!({"wallet": "W-2", "customer": {"id": "C-2"}, "total": eur("7.50")}),
        ),
        ("order.shipped", "O-3", 4, json!({})),
        ("order.refund_approved", "O-4", 7, json!({"refund": "R-0"})),
        (
            "order.placed",
            "O-5",
            5,
            json!({"wallet": "W-1", "customer": {"id": "C-1"}, "total": eur("20")}),
        ),
        ("order.cancelled", "O-5", 6, json!({})),
    ])
}

#[test]
fn orders_by_every_filter_and_in_every_order() {
    orders().expect(
        "orders",
        "order",
        &[
            ("", "O-4 O-5 O-3 O-2 O-1"),
            ("--sort newest", "O-4 O-5 O-3 O-2 O-1"),
            ("--sort oldest", "O-1 O-2 O-3 O-5 O-4"),
            ("--sort id", "O-1 O-2 O-3 O-4 O-5"),
            ("--currency EUR --sort amount_up", "O-3 O-1 O-5"),
            ("--currency EUR --sort amount_down", "O-5 O-1 O-3"),
            ("--status placed", "O-2"),
            ("--status paid", "O-1"),
            ("--status shipped,cancelled", "O-5 O-3"),
            ("--status unknown --status delivered", "O-4"),
            ("--status all", "O-4 O-5 O-3 O-2 O-1"),
            ("--currency JPY", "O-2"),
            ("--currency JPY,EUR", "O-5 O-3 O-2 O-1"),
            ("--currency EUR --min 20 --max 20.00", "O-5 O-1"),
            ("--currency EUR --min 20.001", ""),
            ("--currency EUR --max 7.5", "O-3"),
            ("--currency EUR --max 7.499", ""),
            ("--from 2026-01-04T10:00:00Z --to 2026-01-06T10:00:00Z", "O-3 O-2"),
            ("--to 2026-01-03T10:00:00Z", ""),
            ("--from 2026-01-07", "O-4"),
            ("--customer C-1", "O-5 O-1"),
            ("--wallet W-1", "O-5 O-1"),
            ("--wallet w-1", ""),
            ("--wallet W-1 --status paid", "O-1"),
            ("--q r-1", "O-1"),
            ("--q w-2", "O-3"),
            ("--q zoe", "O-1"),
            ("--q c-1", "O-5 O-1"),
            ("--q o-2", "O-2"),
            ("--limit 3", "O-4 O-5 O-3"),
        ],
    );
}

#[test]
fn an_order_in_a_list_has_the_fields_of_the_contract_in_their_order() {
    let cli = orders();
    has_line(
        &cli,
        &["orders", "--json"],
        concat!(
            r#"{"order":"O-1","wallet":"W-1","customer":{"id":"C-1","name":"Zoë Łukasz"},"status":"paid","currency":"EUR","total":"20.00","#,
            r#""paid":"20.00","refunded":"0.00","pending":"5.00","refundable":"15.00","sequence":3,"last_time":"2026-01-03T10:00:00Z","complete":true}"#
        ),
    );
    has_line(
        &cli,
        &["orders", "--json"],
        concat!(
            r#"{"order":"O-4","wallet":null,"customer":null,"status":"unknown","currency":null,"total":null,"#,
            r#""paid":"0","refunded":"0","pending":"0","refundable":"0","sequence":1,"last_time":"2026-01-07T10:00:00Z","complete":false}"#
        ),
    );
    let headings = "order wallet customer status total paid refunded pending refundable last event";
    has_table(&cli, &["orders"], headings, "Zoë Łukasz (C-1)", "5 orders");
}

fn holds() -> Cli {
    let held = |hold: &str, amount: Value| json!({"hold": hold, "amount": amount});
    ledger(&[
        opened("W-1", 1, &json!({"id": "C-1"}), "EUR"),
        (
            "wallet.held",
            "W-1",
            2,
            json!({"hold": "H-1", "amount": eur("2"), "order": "O-1", "expires_at": "2026-01-04T11:00:00+01:00"}),
        ),
        ("wallet.held", "W-1", 3, held("H-2", eur("3"))),
        ("wallet.hold_captured", "W-1", 4, held("H-2", eur("3"))),
        ("wallet.held", "W-1", 3, held("H-3", eur("5"))),
        ("wallet.hold_released", "W-1", 5, json!({"hold": "H-3"})),
        opened("W-2", 1, &json!({"id": "C-2"}), "JPY"),
        ("wallet.held", "W-2", 6, held("H-4", money("100", "JPY"))),
        ("wallet.held", "W-2", 6, held("H-5", money("7", "JPY"))),
        ("wallet.hold_expired", "W-2", 7, json!({"hold": "H-5"})),
        opened("W-3", 1, &json!({"id": "C-2"}), "EUR"),
        ("wallet.held", "W-3", 2, held("H-1", eur("2"))),
    ])
}

#[test]
fn holds_by_every_filter_and_in_every_order() {
    let cli = holds();
    cli.expect(
        "holds",
        "hold",
        &[
            ("", "H-4 H-1 H-1"),
            ("--state open", "H-4 H-1 H-1"),
            ("--state captured", "H-2"),
            ("--state released,expired", "H-5 H-3"),
            ("--state released --state expired", "H-5 H-3"),
            ("--state all", "H-5 H-4 H-3 H-2 H-1 H-1"),
            ("--state all --sort oldest", "H-1 H-1 H-2 H-3 H-4 H-5"),
            ("--state all --currency EUR --sort amount_down", "H-3 H-2 H-1 H-1"),
            ("--currency JPY", "H-4"),
            ("--currency JPY --min 100 --max 100", "H-4"),
            ("--currency JPY --min 100.5", ""),
            ("--state all --currency EUR --min 3", "H-3 H-2"),
            ("--state all --currency EUR --max 2.99", "H-1 H-1"),
            ("--from 2026-01-02T10:00:00Z --to 2026-01-06T10:00:00Z", "H-1 H-1"),
            ("--to 2026-01-02T10:00:00Z", ""),
            ("--from 2026-01-06", "H-4"),
            ("--customer C-2", "H-4 H-1"),
            ("--wallet W-1 --state all", "H-3 H-2 H-1"),
            ("--q o-1", "H-1"),
            ("--q W-2", "H-4"),
            ("--q h-4", "H-4"),
            ("--limit 1", "H-4"),
        ],
    );
    // Two holds have the same id. Their wallets decide the order, in the direction of the sort.
    cli.expect(
        "holds",
        "wallet",
        &[
            ("", "W-2 W-3 W-1"),
            ("--sort oldest", "W-1 W-3 W-2"),
            ("--currency EUR --sort amount_down", "W-3 W-1"),
        ],
    );
}

#[test]
fn a_hold_has_the_fields_of_the_contract_in_their_order() {
    let cli = holds();
    has_line(
        &cli,
        &["holds", "--json"],
        concat!(
            r#"{"hold":"H-1","wallet":"W-1","order":"O-1","state":"open","amount":"2.00","currency":"EUR","#,
            r#""held_at":"2026-01-02T10:00:00Z","expires_at":"2026-01-04T10:00:00Z"}"#
        ),
    );
    has_line(
        &cli,
        &["holds", "--json", "--state", "expired"],
        concat!(
            r#"{"hold":"H-5","wallet":"W-2","order":null,"state":"expired","amount":"7","currency":"JPY","#,
            r#""held_at":"2026-01-06T10:00:00Z","expires_at":null}"#
        ),
    );
    let headings = "hold wallet order state amount held expires";
    has_table(&cli, &["holds"], headings, "2026-01-04T10:00:00Z", "3 holds");
}

/// Each refund has its own order. The ids of the orders are sorted the opposite way.
fn refunds() -> Cli {
    let placed = |order, wallet: &str, customer: Value, amount: Value| -> Given {
        let mut data = json!({"wallet": wallet, "total": amount});
        if !customer.is_null() {
            data["customer"] = customer;
        }
        ("order.placed", order, 1, data)
    };
    let requested = |order, day, refund: &str, amount: Value, reason: &str, destination: &str| -> Given {
        let data = json!({"refund": refund, "amount": amount, "reason": reason, "destination": destination});
        ("order.refund_requested", order, day, data)
    };
    let step =
        |kind, order, day, refund: &str| -> Given { (kind, order, day, json!({"refund": refund, "failure": "x"})) };
    ledger(&[
        placed("O-8", "W-1", json!({"id": "C-1", "name": "Zoë Łukasz"}), eur("5")),
        requested("O-8", 9, "R-1", eur("5"), "return", "wallet"),
        placed("O-7", "W-2", json!({"id": "C-2"}), eur("7")),
        requested("O-7", 5, "R-2", eur("7"), "fraud", "original_method"),
        step("order.refund_approved", "O-7", 6, "R-2"),
        step("order.refund_processing", "O-7", 6, "R-2"),
        placed("O-6", "W-3", json!({"id": "C-1"}), money("500", "JPY")),
        requested("O-6", 9, "R-3", money("500", "JPY"), "goodwill", "wallet"),
        step("order.refund_approved", "O-6", 9, "R-3"),
        placed("O-5", "W-4", json!(null), eur("5")),
        requested("O-5", 6, "R-4", eur("5"), "return", "wallet"),
        step("order.refund_approved", "O-5", 6, "R-4"),
        step("order.refund_failed", "O-5", 7, "R-4"),
        placed("O-4", "W-5", json!({"id": "C-2"}), eur("1")),
        requested("O-4", 3, "R-5", eur("1"), "custom", "voucher"),
        step("order.refund_approved", "O-4", 3, "R-5"),
        step("order.refund_succeeded", "O-4", 4, "R-5"),
    ])
}

#[test]
fn refunds_by_every_filter_and_in_every_order() {
    let cli = refunds();
    cli.expect(
        "refunds",
        "refund",
        &[
            ("", "R-2 R-4 R-1 R-3"),
            ("--sort oldest", "R-2 R-4 R-1 R-3"),
            ("--state all", "R-5 R-2 R-4 R-1 R-3"),
            ("--state all --sort newest", "R-3 R-1 R-4 R-2 R-5"),
            ("--state all --sort id", "R-1 R-2 R-3 R-4 R-5"),
            ("--state all --sort order", "R-5 R-4 R-3 R-2 R-1"),
            ("--state all --sort stuck", "R-5 R-2 R-4 R-1 R-3"),
            ("--state all --sort state", "R-1 R-3 R-2 R-4 R-5"),
            ("--state all --currency EUR --sort amount_up", "R-5 R-1 R-4 R-2"),
            ("--state all --currency EUR --sort amount_down", "R-2 R-4 R-1 R-5"),
            ("--state requested,failed", "R-4 R-1"),
            ("--state requested --state failed", "R-4 R-1"),
            ("--state rejected,canceled,reversed", ""),
            ("--currency EUR,JPY", "R-2 R-4 R-1 R-3"),
            ("--currency JPY --min 500 --max 500", "R-3"),
            ("--currency EUR --min 5 --max 5.00", "R-4 R-1"),
            ("--currency EUR --min 5.001", "R-2"),
            ("--currency EUR --max 4.999", ""),
            ("--from 2026-01-06T10:00:00Z --to 2026-01-09T10:00:00Z", "R-4"),
            ("--to 2026-01-05T10:00:00Z", ""),
            ("--from 2026-01-09", "R-1 R-3"),
            ("--customer C-1", "R-1 R-3"),
            ("--customer C-2 --state all", "R-5 R-2"),
            ("--destination wallet", "R-4 R-1 R-3"),
            ("--destination wallet,original_method", "R-2 R-4 R-1 R-3"),
            ("--destination voucher --state all", "R-5"),
            ("--reason return", "R-4 R-1"),
            ("--reason return --reason fraud", "R-2 R-4 R-1"),
            ("--reason custom --state all", "R-5"),
            ("--reason return --destination wallet --customer C-1", "R-1"),
            ("--q zoe", "R-1"),
            ("--q fraud", "R-2"),
            ("--q o-6", "R-3"),
            ("--q w-4", "R-4"),
            ("--q r-2", "R-2"),
            ("--limit 2", "R-2 R-4"),
        ],
    );
}

#[test]
fn refunds_at_a_past_moment_have_their_age_at_that_moment() {
    // The moment is one day after the newest requests.
    let then = |flags: &str| format!("--at 2026-01-10T10:00:00Z {flags}");
    let expected = [
        ("--overdue", "R-4 R-3"),
        ("--age 24", "R-2 R-4 R-1 R-3"),
        ("--age 25", "R-2 R-4"),
        ("--age 72", "R-2 R-4"),
        ("--age 73", "R-2"),
        ("--age 96", "R-2"),
        ("--age 97", ""),
        ("--overdue --limit 1", "R-4"),
        ("--overdue --overdue-requested 23h --sort newest", "R-3 R-1 R-4"),
        ("--sequence 2 --state all --sort id", "R-1 R-2 R-3 R-4 R-5"),
        ("--sequence 2 --state approved", ""),
    ]
    .map(|(flags, rows)| (then(flags), rows));
    let cli = refunds();
    cli.expect(
        "refunds",
        "refund",
        &expected.each_ref().map(|(flags, rows)| (flags.as_str(), *rows)),
    );
    cli.expect(
        "refunds",
        "refund",
        &[("--at 2026-01-05T10:00:00Z", "R-2"), ("--at 2026-01-05T09:59:59Z", "")],
    );
}

#[test]
fn a_limit_also_limits_the_totals_of_a_table() {
    let cli = refunds();
    let totals = |args: &[&str]| {
        let ran = cli.run(&[&["refunds", "--at", "2026-01-10T10:00:00Z"], args].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        let closing = ran.stdout().lines().skip_while(|line| !line.is_empty()).skip(1);
        closing.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(totals(&[]), ["4 refunds, 2 overdue", "  EUR  17.00", "  JPY  500"]);
    assert_eq!(totals(&["--limit", "2"]), ["2 refunds, 1 overdue", "  EUR  12.00"]);
    assert_eq!(totals(&["--customer", "nobody"]), ["0 refunds, 0 overdue"]);
}

fn findings() -> Cli {
    let requested = |refund: &str, amount: Value| json!({"refund": refund, "amount": amount, "reason": "return", "destination": "wallet"});
    let credited = |refund: &str, amount: Value| json!({"amount": amount, "kind": "refund", "refund": refund});
    ledger(&[
        // Critical: credited and never approved.
        ("order.placed", "O-9", 1, json!({"wallet": "W-9", "total": eur("4")})),
        ("order.refund_requested", "O-9", 5, requested("R-9", eur("4"))),
        opened("W-9", 1, &json!({"id": "C-9"}), "EUR"),
        ("wallet.credited", "W-9", 6, credited("R-9", eur("4"))),
        (
            "order.placed",
            "O-8",
            1,
            json!({"wallet": "W-8", "customer": {"id": "C-8"}, "total": money("400", "JPY")}),
        ),
        (
            "order.refund_requested",
            "O-8",
            7,
            requested("R-8", money("400", "JPY")),
        ),
        opened("W-8", 1, &json!({"id": "C-0"}), "JPY"),
        ("wallet.credited", "W-8", 8, credited("R-8", money("400", "JPY"))),
        // High: succeeded and not credited; a negative balance.
        (
            "order.placed",
            "O-5",
            1,
            json!({"wallet": "W-5", "customer": {"id": "C-5", "name": "Zoë"}, "total": eur("5")}),
        ),
        (
            "order.paid",
            "O-5",
            1,
            json!({"payment": "P", "amount": eur("5"), "method": "card"}),
        ),
        ("order.refund_requested", "O-5", 2, requested("R-5", eur("5"))),
        ("order.refund_approved", "O-5", 2, json!({"refund": "R-5"})),
        ("order.refund_succeeded", "O-5", 3, json!({"refund": "R-5"})),
        opened("W-2", 1, &json!({"id": "C-2", "name": "Łukasz"}), "EUR"),
        ("wallet.debited", "W-2", 4, json!({"amount": eur("6"), "kind": "fee"})),
        // Medium: a hold long past its expiry; a history that is not complete.
        opened("W-1", 1, &json!({"id": "C-1"}), "EUR"),
        (
            "wallet.credited",
            "W-1",
            1,
            json!({"amount": eur("2"), "kind": "top_up"}),
        ),
        (
            "wallet.held",
            "W-1",
            2,
            json!({"hold": "H-1", "amount": eur("2"), "expires_at": "1990-01-02T10:00:00Z"}),
        ),
        ("wallet.bonus", "W-4", 7, json!({})),
    ])
}

#[test]
fn findings_by_every_filter_and_in_every_order() {
    findings().expect(
        "findings",
        "wallet",
        &[
            ("", "W-9 W-8 W-5 W-2 W-1 W-4"),
            ("--sort severity", "W-9 W-8 W-5 W-2 W-1 W-4"),
            ("--sort newest", "W-8 W-9 W-2 W-5 W-1 W-4"),
            ("--sort oldest", "W-1 W-5 W-2 W-9 W-8 W-4"),
            ("--currency EUR --sort amount_down", "W-2 W-5 W-9 W-1"),
            // 2.00 for more than thirty years is a greater risk than 6.00 since 2026, for some years to come.
            ("--currency EUR --sort risk", "W-1 W-2 W-5 W-9"),
            ("--kind negative_balance", "W-2"),
            ("--kind negative_balance,history_incomplete", "W-2 W-4"),
            ("--kind negative_balance --kind history_incomplete", "W-2 W-4"),
            ("--severity medium", "W-1 W-4"),
            ("--severity medium,critical", "W-9 W-8 W-1 W-4"),
            ("--severity medium --kind negative_balance", ""),
            ("--currency EUR", "W-9 W-5 W-2 W-1"),
            ("--currency EUR,JPY", "W-9 W-8 W-5 W-2 W-1"),
            ("--currency EUR --min 6 --max 6.00", "W-2"),
            ("--currency EUR --min 5.999", "W-2"),
            ("--currency EUR --max 4", "W-9 W-1"),
            ("--from 2026-01-03T10:00:00Z --to 2026-01-04T10:00:00Z", "W-5"),
            ("--to 1990-01-02T10:00:00Z", ""),
            ("--to 1990-01-03", "W-1"),
            ("--from 2026-01-07", "W-8"),
            ("--customer C-2", "W-2"),
            ("--customer C-9", "W-9"),
            ("--customer C-8", "W-8"),
            ("--customer C-0", ""),
            ("--q zoe", "W-5"),
            ("--q lukasz", "W-2"),
            ("--q r-9", "W-9"),
            ("--q o-8", "W-8"),
            ("--q w-1", "W-1"),
            ("--q c-5", "W-5"),
            ("--limit 3", "W-9 W-8 W-5"),
        ],
    );
}

#[test]
fn a_finding_has_the_fields_of_the_contract_in_their_order() {
    let cli = findings();
    let printed = |kind: &str| cli.run(&["findings", "--json", "--kind", kind]).stdout().to_owned();
    let negative = printed("negative_balance");
    let start = concat!(
        r#"{"finding":"negative_balance","severity":"high","refund":null,"order":null,"wallet":"W-2","amount":"-6.00","currency":"EUR","#,
        r#""since":"2026-01-04T10:00:00Z","explanation":"the available balance of wallet W-2 is -6.00","customer":"C-2","key":""#
    );
    assert!(negative.starts_with(start) && negative.ends_with("\"}\n"), "{negative}");
    let incomplete = printed("history_incomplete");
    let middle = r#""amount":null,"currency":null,"since":null,"explanation":"some events of wallet W-4 could not be applied","customer":null,"key":""#;
    assert!(incomplete.contains(middle), "{incomplete}");
    has_table(
        &cli,
        &["findings"],
        "severity finding amount since explanation",
        "-6.00",
        "6 findings",
    );
}

#[test]
fn the_key_of_a_finding_does_not_change() {
    let cli = findings();
    let keys = |args: &[&str]| -> Vec<(String, String)> {
        let rows = cli.json_lines(&[&["findings", "--json"], args].concat());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rows.iter()
            .map(|row| (text(&row["wallet"]), text(&row["key"])))
            .collect()
    };
    let before = keys(&[]);
    let mut each: Vec<_> = before.iter().map(|(_, key)| key).collect();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), 6);
    assert_eq!(keys(&["--read-model", "none"]), before);
    // One more finding, which is sorted before most of them.
    let more = event(
        "more",
        "wallet.credited",
        "W-1",
        1,
        &json!({"amount": eur("1"), "kind": "refund", "refund": "R-0"}).to_string(),
    );
    assert_eq!(cli.run_on(&["import", "-"], more.as_bytes()).code, Some(0));
    let mut after = keys(&[]);
    after.retain(|row| before.contains(row));
    assert_eq!(after, before);
    assert_eq!(keys(&[]).len(), 7);
}

fn customers() -> Cli {
    let placed = |order, customer: Value| -> Given {
        (
            "order.placed",
            order,
            1,
            json!({"customer": customer, "total": eur("5")}),
        )
    };
    let requested = |order, refund: &str| -> Given {
        let data = json!({"refund": refund, "amount": eur("2"), "reason": "return", "destination": "wallet"});
        ("order.refund_requested", order, 2, data)
    };
    ledger(&[
        opened("W-1", 1, &json!({"id": "C-1", "name": "Zoë"}), "EUR"),
        opened("W-2", 1, &json!({"id": "C-2"}), "EUR"),
        opened("W-3", 1, &json!({"id": "C-2"}), "JPY"),
        // The name is the same as the wallet's, but in decomposed form.
        placed("O-1", json!({"id": "C-1", "name": "Zoe\u{308}"})),
        requested("O-1", "R-1"),
        placed("O-2", json!({"id": "C-1", "name": "Ann"})),
        requested("O-2", "R-2"),
        (
            "order.refund_rejected",
            "O-2",
            3,
            json!({"refund": "R-2", "reason": "x"}),
        ),
        placed("O-3", json!({"id": "C-3", "name": "Ann"})),
        ("order.placed", "O-4", 1, json!({"total": eur("5")})),
    ])
}

#[test]
fn customers_are_those_whom_wallets_and_orders_name() {
    let cli = customers();
    let line = |customer: &str, names: &str, counts: [u32; 4]| {
        let [wallets, orders, refunds, pending] = counts;
        format!(
            r#"{{"customer":"{customer}","names":[{names}],"wallets":{wallets},"orders":{orders},"refunds":{refunds},"pending_refunds":{pending}}}"#
        )
    };
    let lines = [
        line("C-1", r#""Ann","Zoë""#, [1, 2, 2, 1]),
        line("C-2", "", [2, 0, 0, 0]),
        line("C-3", r#""Ann""#, [0, 1, 0, 0]),
    ];
    let ran = cli.run(&["customers", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout().lines().collect::<Vec<_>>(), lines);
    cli.expect(
        "customers",
        "customer",
        &[
            ("--sort id", "C-1 C-2 C-3"),
            ("--q ann", "C-1 C-3"),
            ("--q zoe", "C-1"),
            ("--q c-2", "C-2"),
            ("--q o-1", ""),
            ("--limit 2", "C-1 C-2"),
        ],
    );
    has_table(
        &cli,
        &["customers"],
        "customer names wallets orders refunds pending",
        "Ann, Zoë",
        "3 customers",
    );
}
