//! `seed`: it is deterministic, fills only empty stores, and writes a ledger that every other command can read.

use crate::harness::Cli;

const SMALL: [&str; 7] = [
    "seed",
    "--wallets",
    "60",
    "--orders",
    "400",
    "--now",
    "2026-05-17T15:30:00Z",
];

#[test]
fn a_seed_and_a_moment_make_one_ledger() {
    let (one, other) = (Cli::new(), Cli::new());
    assert_eq!(one.run(&SMALL).code, Some(0));
    assert_eq!(other.run(&SMALL).code, Some(0));
    let exported = one.run(&["export"]);
    assert_eq!(exported.code, Some(0));
    assert!(exported.bytes.len() > 100_000);
    assert_eq!(other.run(&["export"]).bytes, exported.bytes);
    let different = Cli::new();
    assert_eq!(different.run(&[&SMALL[..], &["--seed", "2"]].concat()).code, Some(0));
    assert_ne!(different.run(&["export"]).bytes, exported.bytes);
}

#[test]
fn only_empty_stores_are_filled() {
    let cli = Cli::new();
    assert_eq!(cli.run(&SMALL).code, Some(0));
    let before = cli.run(&["export"]).bytes;
    cli.run(&SMALL).refused(1, "has events already");
    let again = cli.run(&[&SMALL[..], &["--if-empty"]].concat());
    assert_eq!(again.code, Some(0));
    assert!(again.stderr.contains("nothing was added"), "{}", again.stderr);
    assert_eq!(cli.run(&["export"]).bytes, before);
}

#[test]
fn the_seeded_ledger_has_refunds_and_findings() {
    let cli = Cli::new();
    assert_eq!(cli.run(&SMALL).code, Some(0));
    let pending = cli.json_lines(&["refunds", "--json", "--at", "2026-05-17T15:30:00Z"]);
    assert_eq!(pending.len(), 8);
    assert!(pending.iter().any(|row| row["overdue"] == true));
    assert!(cli.json_lines(&["findings", "--json"]).len() > 10);
}
