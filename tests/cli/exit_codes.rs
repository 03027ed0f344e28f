//! Contract §10: the exit codes, and errors as one line on standard error.

use std::io::Read as _;

use crate::harness::{Cli, event};

#[test]
fn not_found_is_exit_code_one() {
    let cli = Cli::new();
    cli.run(&["wallet", "W-1"]).refused(1, "no wallet W-1");
    cli.run(&["order", "O-1", "--json"]).refused(1, "no order O-1");
    cli.run(&["export", "W-1"]).refused(1, "none of these ids");
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let cli = Cli::new();
    for args in [
        &["wallet", "W 1"][..],
        &["wallet", "feed"],
        &["wallet"],
        &["order", "O-1", "--at", "yesterday"],
        &["order", "O-1", "--as-known-at", "2026-01-01"],
        &["order", "O-1", "--sequence", "0"],
        &["refunds", "--state", "lost"],
        &["refunds", "--currency", "euro"],
        &["refunds", "--overdue-failed", "1 day"],
        &["findings", "--wallet-store", "ftp://x"],
        &["import", "no-such-file"],
        &["export", "--domain", "refund"],
        &["relay"],
        &["serve", "--listen", "0.0.0.0:0"],
        &["nonsense"],
        &[],
    ] {
        let ran = cli.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout(), "", "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_unreachable_store_is_exit_code_three() {
    let cli = Cli::new();
    // Nothing listens on port 1.
    let store = "redis://127.0.0.1:1";
    cli.run(&["wallet", "W-1", "--wallet-store", store])
        .refused(3, "wallet store");
    cli.run(&["refunds", "--order-store", store]).refused(3, "order store");
    let line = event("a", "wallet.opened", "W-1", 1, "{}");
    cli.run_on(&["import", "-", "--wallet-store", store], line.as_bytes())
        .refused(3, "wallet store");
}

#[test]
fn help_lists_every_setting() {
    let ran = Cli::new().run(&["serve", "--help"]);
    assert_eq!(ran.code, Some(0));
    for name in [
        "WALLET_STORE",
        "ORDER_STORE",
        "COMPENSATION_STORE",
        "ACCESS_STORE",
        "WALLET_QUEUE",
        "ORDER_QUEUE",
        "LISTEN",
        "LOG",
        "OVERDUE_REQUESTED",
        "OVERDUE_APPROVED",
        "OVERDUE_PROCESSING",
        "OVERDUE_FAILED",
    ] {
        assert!(ran.stdout().contains(&format!("LEDGERSCOPE_{name}")), "{name}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let lines: String = (0..4_000)
        .map(|n| {
            event(
                &format!("e{n}"),
                "wallet.unfrozen",
                "W-1",
                1,
                r#"{"note":"long enough to fill a pipe many times over"}"#,
            )
        })
        .collect();
    let cli = Cli::with(&lines);
    for args in [&["export"][..], &["wallet", "W-1", "--json"], &["wallet", "W-1"]] {
        let mut child = cli.command(args).spawn().unwrap();
        let mut seen = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut seen).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}
