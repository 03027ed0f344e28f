//! `cases`: the list of compensation cases, by contract §8.

use std::fs;

use ledgerscope::domain::ids::LogName;
use serde_json::{Value, json};

use crate::harness::{Cli, Written};

fn money(amount: &str, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

fn pin(domain: &str, id: &str) -> Value {
    json!({"domain": domain, "id": id, "sequence": 3})
}

fn written(kind: &'static str, day: u32, actor: &'static str, data: Value) -> Written {
    Written {
        kind,
        time: format!("2026-01-{day:02}T10:00:00Z"),
        actor: Some(actor),
        data,
    }
}

fn proposed(
    day: u32,
    actor: &'static str,
    authority: &str,
    amount: &Value,
    mut command: Value,
    pins: &[Value],
) -> Written {
    command["reason"] = json!("goodwill");
    command["note"] = json!("n");
    let data = json!({
        "command": command, "command_hash": "x", "target": pins[0], "also": pins[1..], "before": {}, "after": {},
        "reason": "goodwill", "note": "n", "expires_at": "2026-02-01T00:00:00Z", "steps": [], "amount": amount,
        "authority": authority,
    });
    written("compensation.proposed", day, actor, data)
}

/// Cases in every state, in a ledger without wallets and orders.
pub fn cases() -> Cli {
    let cli = Cli::new();
    let append = |case: &str, events: &[Written]| cli.append(LogName::Compensation, case, events);
    let (eur, jpy) = (money("12.50", "EUR"), money("500", "JPY"));
    let judged = |kind, day, by| written(kind, day, by, json!({"command_hash": "x"}));
    let credit = json!({"name": "credit_wallet", "wallet": "W-1", "amount": eur});
    let debit = json!({"name": "debit_wallet", "wallet": "W-2", "amount": jpy});
    let release = json!({"name": "release_hold", "wallet": "W-1", "hold": "H-1"});
    let settle = json!({"name": "settle_refund", "order": "O-3", "refund": "R-3"});
    let (w1, w2, o3) = (pin("wallet", "W-1"), pin("wallet", "W-2"), pin("order", "O-3"));
    let issued = written("compensation.issued", 1, "ada", json!({"events": []}));
    append(
        "CMP-1",
        &[
            proposed(1, "ada", "own_limit", &eur, credit, std::slice::from_ref(&w1)),
            issued,
        ],
    );
    append(
        "CMP-2",
        &[
            proposed(2, "ada", "four_eyes", &money("9.99", "EUR"), settle, &[o3, w1.clone()]),
            judged("compensation.approved", 3, "bea"),
        ],
    );
    append(
        "CMP-3",
        &[
            proposed(2, "bea", "four_eyes", &jpy, debit, &[w2]),
            judged("compensation.declined", 3, "ada"),
        ],
    );
    let fourth = |day, amount: &str| {
        let amount = money(amount, "EUR");
        proposed(
            day,
            "cid",
            "four_eyes",
            &amount,
            release.clone(),
            std::slice::from_ref(&w1),
        )
    };
    append("CMP-4", &[fourth(4, "2")]);
    let why = json!({"why": "w"});
    append(
        "CMP-5",
        &[fourth(5, "3"), written("compensation.withdrawn", 6, "cid", why.clone())],
    );
    append(
        "CMP-6",
        &[fourth(6, "4"), written("compensation.lapsed", 7, "cid", why)],
    );
    append(
        "CMP-7",
        &[
            fourth(7, "5"),
            judged("compensation.approved", 8, "dan"),
            written("compensation.refused", 8, "dan", json!({"rejection": "r"})),
        ],
    );
    // A stream that is not a case.
    append("X-1", &[fourth(9, "6")]);
    cli
}

#[test]
fn cases_by_every_filter_and_in_every_order() {
    cases().expect(
        "cases",
        "case",
        &[
            ("", "CMP-7 CMP-6 CMP-5 CMP-4 CMP-3 CMP-2 CMP-1"),
            ("--sort newest", "CMP-7 CMP-6 CMP-5 CMP-4 CMP-3 CMP-2 CMP-1"),
            ("--sort oldest", "CMP-1 CMP-2 CMP-3 CMP-4 CMP-5 CMP-6 CMP-7"),
            (
                "--currency EUR --sort amount_down",
                "CMP-1 CMP-2 CMP-7 CMP-6 CMP-5 CMP-4",
            ),
            ("--state all", "CMP-7 CMP-6 CMP-5 CMP-4 CMP-3 CMP-2 CMP-1"),
            ("--state proposed", "CMP-4"),
            ("--state approved", "CMP-2"),
            ("--state declined", "CMP-3"),
            ("--state withdrawn,lapsed", "CMP-6 CMP-5"),
            ("--state issued --state refused", "CMP-7 CMP-1"),
            ("--currency JPY", "CMP-3"),
            ("--currency JPY,EUR --state declined,issued", "CMP-3 CMP-1"),
            ("--currency EUR --min 9.99 --max 9.990", "CMP-2"),
            ("--currency EUR --min 9.991", "CMP-1"),
            ("--currency EUR --max 2.999", "CMP-4"),
            ("--from 2026-01-02T10:00:00Z --to 2026-01-04T10:00:00Z", "CMP-3 CMP-2"),
            ("--to 2026-01-01T10:00:00Z", ""),
            ("--from 2026-01-07", "CMP-7"),
            ("--operator ada", "CMP-3 CMP-2 CMP-1"),
            ("--operator bea", "CMP-3 CMP-2"),
            ("--operator dan", "CMP-7"),
            ("--operator ad", ""),
            ("--q bea", "CMP-3 CMP-2"),
            ("--q w-2", "CMP-3"),
            ("--q o-3", "CMP-2"),
            ("--q cmp-6", "CMP-6"),
            ("--limit 2", "CMP-7 CMP-6"),
        ],
    );
}

#[test]
fn a_case_has_the_fields_of_the_contract_in_their_order() {
    let cli = cases();
    let printed = |state: &str| cli.run(&["cases", "--json", "--state", state]).stdout().to_owned();
    assert_eq!(
        printed("approved"),
        concat!(
            r#"{"case":"CMP-2","command":"settle_refund","state":"approved","amount":"9.99","currency":"EUR","proposed_by":"ada","#,
            r#""proposed_at":"2026-01-02T10:00:00Z","decided_by":"bea","subjects":["order O-3","wallet W-1"]}"#,
            "\n"
        )
    );
    assert_eq!(
        printed("proposed"),
        concat!(
            r#"{"case":"CMP-4","command":"release_hold","state":"proposed","amount":"2.00","currency":"EUR","proposed_by":"cid","#,
            r#""proposed_at":"2026-01-04T10:00:00Z","decided_by":null,"subjects":["wallet W-1"]}"#,
            "\n"
        )
    );
    let people = cli.run(&["cases"]);
    assert_eq!((people.code, people.stderr.as_str()), (Some(0), ""));
    assert!(people.stdout().contains("order O-3, wallet W-1"), "{}", people.stdout());
    assert_eq!(people.stdout().lines().last(), Some("7 cases"));
}

#[test]
fn cases_leaves_no_files() {
    let cli = cases();
    let temporary = cli.dir.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    for _ in 0..5 {
        let output = cli
            .command(&["cases", "--json"])
            .env("TMPDIR", &temporary)
            .output()
            .unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 7);
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    }
    assert!(!cli.dir.path().join("read-model").exists());
}

#[test]
fn cases_reads_only_the_compensation_store() {
    let cli = cases();
    let nowhere = "redis://127.0.0.1:1";
    let elsewhere = ["cases", "--json", "--wallet-store", nowhere, "--order-store", nowhere];
    assert_eq!(cli.json_lines(&elsewhere).len(), 7);
    let ran = cli.run(&["cases", "--json", "--compensation-store", nowhere]);
    ran.refused(3, "compensation store");
    assert!(ran.stderr.contains("--compensation-store"), "{}", ran.stderr);
}
