//! `refunds` and `findings`: the rows, their order and their fields.

use serde_json::{Value, json};

use crate::harness::{Cli, event};

fn refund(number: u32, day: u32, currency: &str, steps: &[&str]) -> String {
    let order = format!("O-{number}");
    let amount = if currency == "JPY" { "5" } else { "5.00" };
    let money = format!(r#"{{"amount":"{amount}","currency":"{currency}"}}"#);
    let mut lines = vec![
        event(
            &format!("p{number}"),
            "order.placed",
            &order,
            1,
            &format!(r#"{{"wallet":"W-{number}","total":{money}}}"#),
        ),
        event(
            &format!("y{number}"),
            "order.paid",
            &order,
            1,
            &format!(r#"{{"payment":"P","amount":{money},"method":"wallet"}}"#),
        ),
        event(
            &format!("r{number}"),
            "order.refund_requested",
            &order,
            day,
            &format!(r#"{{"refund":"R-{number}","amount":{money},"reason":"return","destination":"wallet"}}"#),
        ),
    ];
    for step in steps {
        let data = format!(r#"{{"refund":"R-{number}","reason":"x","failure":"y"}}"#);
        lines.push(event(
            &format!("{step}{number}"),
            &format!("order.refund_{step}"),
            &order,
            day,
            &data,
        ));
    }
    lines.concat()
}

fn five() -> Cli {
    Cli::with(
        &[
            refund(1, 9, "EUR", &[]),
            refund(2, 5, "EUR", &["approved"]),
            refund(3, 9, "JPY", &["approved", "processing"]),
            refund(4, 6, "EUR", &["approved", "failed"]),
            refund(5, 3, "EUR", &["approved", "succeeded"]),
        ]
        .concat(),
    )
}

fn names(cli: &Cli, args: &[&str]) -> Vec<Value> {
    let rows = cli.json_lines(&[&["refunds", "--json"], args].concat());
    rows.into_iter().map(|row| row["refund"].clone()).collect()
}

#[test]
fn pending_refunds_come_oldest_first() {
    let cli = five();
    assert_eq!(names(&cli, &[]), ["R-2", "R-4", "R-1", "R-3"]);
    assert_eq!(names(&cli, &["--state", "succeeded,failed"]), ["R-5", "R-4"]);
    assert_eq!(names(&cli, &["--currency", "JPY"]), ["R-3"]);
    assert_eq!(names(&cli, &["--at", "2026-01-05T10:00:00Z"]), ["R-2"]);
    // One day after the newest request: approved is overdue after 4 h and failed after 24 h; the others are not
    // overdue.
    let at = ["--at", "2026-01-10T10:00:00Z", "--overdue"];
    assert_eq!(names(&cli, &at), ["R-2", "R-4"]);
    let strict = [&at[..], &["--overdue-requested", "23h", "--overdue-failed", "30d"]].concat();
    assert_eq!(names(&cli, &strict), ["R-2", "R-1"]);
    assert_eq!(names(&cli, &["--sequence", "3"]), ["R-5", "R-2", "R-4", "R-1", "R-3"]);
}

#[test]
fn a_refund_has_the_fields_of_the_contract_in_their_order() {
    let ran = five().run(&["refunds", "--json", "--currency", "JPY", "--at", "2026-01-10T10:00:00Z"]);
    assert_eq!(
        ran.stdout(),
        concat!(
            r#"{"refund":"R-3","order":"O-3","wallet":"W-3","customer":null,"state":"processing","waits_for":"provider","amount":"5","currency":"JPY","#,
            r#""destination":"wallet","reason":"return","requested_at":"2026-01-09T10:00:00Z","state_since":"2026-01-09T10:00:00Z","#,
            r#""age_seconds":86400,"overdue":false}"#,
            "\n"
        )
    );
    let ended = five().json(&["refunds", "--json", "--state", "succeeded"]);
    assert_eq!((&ended["waits_for"], &ended["overdue"]), (&json!(null), &json!(false)));
}

#[test]
fn findings_list_each_mismatch() {
    let cli = five();
    let ran = cli.run(&["findings", "--json"]);
    let start = r#"{"finding":"succeeded_not_credited","severity":"high","refund":"R-5","order":"O-5","wallet":"W-5","amount":"5.00","currency":"EUR","since":"2026-01-03T10:00:00Z","explanation":""#;
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout().starts_with(start), "{}", ran.stdout());
    assert_eq!(ran.stdout().lines().count(), 1);
    assert!(cli.run(&["findings"]).stdout().contains("1 finding"));
}
