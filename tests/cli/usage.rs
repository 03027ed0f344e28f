//! Lists with wrong arguments, lists without rows, and lists with more than one page of the read model.

use std::io::Read as _;

use ledgerscope::{domain::ids::LogName, event_log};

use crate::harness::{Cli, event};

/// Arguments, and the error that they give.
const NOT_UNDERSTOOD: &[(&[&str], &str)] = &[
    (
        &["refunds", "--state", "lost"],
        "--state 'lost' is invalid; use one of requested, approved, processing, failed, succeeded, rejected, canceled, reversed, or all",
    ),
    (&["refunds", "--state", "failed,lost"], "--state 'lost' is invalid"),
    (&["refunds", "--state", "Failed"], "--state 'Failed' is invalid"),
    (
        &["wallets", "--status", "lost"],
        "--status 'lost' is invalid; use one of unopened, open, frozen, closed, or all",
    ),
    (&["orders", "--status", "open"], "--status 'open' is invalid"),
    (
        &["holds", "--state", "failed"],
        "one of open, captured, released, expired, or all",
    ),
    (&["cases", "--state", "open"], "one of proposed, approved, declined"),
    (
        &["orders", "--currency", "EURO"],
        "--currency 'EURO' is invalid; use an ISO 4217 code such as EUR",
    ),
    (&["orders", "--currency", "EUR,eur"], "--currency 'eur' is invalid"),
    (&["orders", "--min", "5"], "--min needs exactly one --currency"),
    (&["wallets", "--max", "-5"], "--max needs exactly one --currency"),
    (
        &["holds", "--currency", "EUR,JPY", "--max", "5"],
        "--max needs exactly one --currency",
    ),
    (
        &["wallets", "--sort", "amount_up"],
        "--sort needs exactly one --currency",
    ),
    (
        &["findings", "--sort", "risk", "--currency", "EUR", "--currency", "JPY"],
        "--sort needs exactly one --currency",
    ),
    (
        &["wallets", "--sort", "risk"],
        "--sort 'risk' is invalid; use one of newest, oldest, id, amount_up, amount_down",
    ),
    (&["cases", "--sort", "id"], "use one of newest, oldest, amount_down"),
    (&["customers", "--sort", "newest"], "use one of id"),
    (
        &["orders", "--currency", "EUR", "--min", "1,5"],
        "--min '1,5' is invalid; use a decimal number such as 12.50",
    ),
    (
        &["orders", "--currency", "EUR", "--max", "1e3"],
        "--max '1e3' is invalid",
    ),
    (
        &["orders", "--from", "yesterday"],
        "--from 'yesterday' is invalid; use a date such as 2026-01-31, or an RFC 3339 time",
    ),
    (&["orders", "--to", "2026-02-30"], "--to '2026-02-30' is invalid"),
    (
        &["refunds", "--age", "-1"],
        "--age '-1' is invalid; use a whole number of hours",
    ),
    (&["refunds", "--age", "1.5"], "--age '1.5' is invalid"),
    (&["findings", "--kind", "lost"], "use one of succeeded_not_credited, "),
    (&["findings", "--severity", "low"], "use one of critical, high, medium"),
    (&["wallets", "--customer", ""], "--customer has an empty value"),
    (&["cases", "--operator", " "], "--operator has an empty value"),
    (&["orders", "--wallet="], "--wallet has an empty value"),
    (&["refunds", "--state", "failed,"], "--state has an empty value"),
    (&["refunds", "--reason", ""], "--reason has an empty value"),
    (&["orders", "--from", ""], "--from has an empty value"),
    (&["wallets", "--q", ""], "--q has an empty value"),
    (&["wallets", "--q", " \t"], "--q has an empty value"),
    (
        &["orders", "--customer", "a\nb", "--status", "a\nb"],
        r"--status 'a\u{a}b' is invalid",
    ),
    (
        &["orders", "--limit", "0"],
        "--limit '0' is invalid; use a whole number from 1 on",
    ),
    (&["orders", "--limit", "-1"], "--limit '-1' is invalid"),
    (&["orders", "--limit", "ten"], "--limit 'ten' is invalid"),
    (&["orders", "--limit", ""], "--limit '' is invalid"),
];

#[test]
fn invalid_values_are_wrong_usage_in_one_line() {
    // There is no store: the flags are checked first.
    let cli = Cli::bare();
    let long = "x".repeat(101);
    let id = "x".repeat(257);
    let codes = vec!["x"; 65].join(",");
    let too_long: [(&[&str], &str); 3] = [
        (
            &["wallets", "--q", &long],
            "the text of --q has 101 characters; use at most 100",
        ),
        (&["holds", "--wallet", &id], "use an id of at most 256 characters"),
        (&["refunds", "--destination", &codes], "one of at most 64"),
    ];
    for (args, says) in NOT_UNDERSTOOD.iter().chain(&too_long) {
        cli.run(args).refused(2, says);
        cli.run(&[args, &["--json"][..]].concat()).refused(2, says);
    }
}

#[test]
fn unknown_and_repeated_flags_are_wrong_usage() {
    let cli = Cli::new();
    for args in [
        &["wallets", "--state", "open"][..],
        &["wallets", "--wallet", "W-1"],
        &["wallets", "--at", "2026-01-01T00:00:00Z"],
        &["orders", "--overdue"],
        &["refunds", "--overdue=1"],
        &["refunds", "--overdue", "--overdue"],
        &["refunds", "--wallet", "W-1"],
        &["refunds", "--after", "x"],
        &["refunds", "--before", "x"],
        &["refunds", "--page", "2"],
        &["findings", "--state", "open"],
        &["holds", "--operator", "ada"],
        &["cases", "--customer", "C-1"],
        &["customers", "--currency", "EUR"],
        &["orders", "--customer", "a", "--customer", "b"],
        &["orders", "--sort", "id", "--sort", "id"],
        &["orders", "--limit", "1", "--limit", "2"],
        &["orders", "--q", "a", "--q", "b"],
        &["orders", "O-1"],
    ] {
        let ran = cli.run(args);
        assert_eq!((ran.code, ran.stdout()), (Some(2), ""), "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_empty_list_prints_nothing() {
    let cli = Cli::new();
    let log = event_log::open(LogName::Compensation, &cli.store("compensation")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.feed_end()).unwrap();
    for (list, none) in [
        ("wallets", "0 wallets"),
        ("orders", "0 orders"),
        ("refunds", "0 refunds, 0 overdue"),
        ("findings", "0 findings"),
        ("holds", "0 holds"),
        ("cases", "0 cases"),
        ("customers", "0 customers"),
    ] {
        let ran = cli.run(&[list, "--json"]);
        assert_eq!(
            (ran.code, ran.stdout(), ran.stderr.as_str()),
            (Some(0), "", ""),
            "{list}"
        );
        let people = cli.run(&[list]);
        assert_eq!(
            (people.code, people.stdout().lines().last()),
            (Some(0), Some(none)),
            "{list}"
        );
    }
}

#[test]
fn a_list_of_more_than_a_page_has_every_row_once() {
    let count = 2_345;
    let lines: String = (0..count)
        .map(|number| {
            let data = r#"{"owner":{"id":"C-1"},"currency":"EUR"}"#;
            event(
                &format!("e{number}"),
                "wallet.opened",
                &format!("W-{number:04}"),
                1,
                data,
            )
        })
        .collect();
    let cli = Cli::with(&lines);
    let ids = |args: &[&str]| -> Vec<String> {
        let rows = cli.json_lines(&[&["wallets", "--json"], args].concat());
        rows.iter()
            .map(|row| row["wallet"].as_str().unwrap().to_owned())
            .collect()
    };
    let all: Vec<_> = (0..count).map(|number| format!("W-{number:04}")).collect();
    assert_eq!(ids(&["--sort", "id"]), all);
    assert_eq!(ids(&["--sort", "id", "--q", "c-1"]), all);
    assert_eq!(ids(&["--sort", "oldest", "--limit", "1500"]), all[..1_500]);
    assert_eq!(
        ids(&["--limit", "1000"]),
        all.iter().rev().take(1_000).cloned().collect::<Vec<_>>()
    );
    let table = cli.run(&["wallets"]);
    // The heading, the rows, an empty line and the count.
    assert_eq!(table.stdout().lines().count(), count + 3);
    assert_eq!(table.stdout().lines().last(), Some("2345 wallets"));
    for args in [&["wallets", "--json"][..], &["wallets"]] {
        let mut child = cli.command(args).spawn().unwrap();
        let mut seen = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut seen).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn help_lists_the_flags_of_a_list() {
    let cli = Cli::bare();
    let help = |list: &str| {
        let ran = cli.run(&[list, "--help"]);
        assert_eq!(ran.code, Some(0));
        ran.stdout().to_owned()
    };
    let refunds = help("refunds");
    for flag in [
        "--q <TEXT>",
        "--state <STATE>",
        "--currency <CODE>",
        "--min <AMOUNT>",
        "--max <AMOUNT>",
        "--from <TIME>",
        "--to <TIME>",
        "--customer <ID>",
        "--overdue",
        "--age <HOURS>",
        "--destination <CODE>",
        "--reason <CODE>",
        "--sort <ORDER>",
        "--limit <N>",
        "--at <TIME>",
        "--as-known-at <TIME>",
        "--sequence <N>",
        "--json",
    ] {
        assert!(refunds.contains(flag), "{flag}: {refunds}");
    }
    assert!(help("findings").contains("--kind <KIND>"));
    assert!(help("cases").contains("--operator <NAME>"));
    let wallets = help("wallets");
    assert!(
        wallets.contains("--status <STATUS>") && !wallets.contains("--at"),
        "{wallets}"
    );
}
