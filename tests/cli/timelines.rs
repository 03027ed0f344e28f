//! `wallet` and `order`: the exact JSON of contract §8, and the three filters.

use serde_json::json;

use crate::harness::{Cli, event, without_recorded};

const EUR: &str = r#"{"amount":"12.50","currency":"EUR"}"#;

fn wallet() -> Cli {
    Cli::with(
        &[
            event(
                "a",
                "wallet.opened",
                "W-1",
                1,
                r#"{"owner":{"id":"C-9"},"currency":"EUR"}"#,
            ),
            event(
                "b",
                "wallet.credited",
                "W-1",
                2,
                &format!(r#"{{"amount":{EUR},"kind":"top_up"}}"#),
            ),
            event(
                "c",
                "wallet.held",
                "W-1",
                3,
                r#"{"hold":"H-1","amount":{"amount":"2","currency":"EUR"}}"#,
            ),
        ]
        .concat(),
    )
}

#[test]
fn a_wallet_has_exactly_the_fields_of_the_contract() {
    let printed = wallet().run(&["wallet", "W-1", "--json"]);
    let start = r#"{"wallet":"W-1","status":"open","currency":"EUR","owner":{"id":"C-9"},"sequence":3,"complete":true,"posted":"12.50","held":"2.00","available":"10.50","anomalies":[],"entries":[{"sequence":1,"id":"a","type":"wallet.opened","time":"2026-01-01T10:00:00Z","recordedtime":""#;
    assert!(printed.stdout().starts_with(start), "{}", printed.stdout());
    assert!(
        printed
            .stdout()
            .contains(r#","actor":null,"posted":"0.00","held":"0.00","available":"0.00"}"#)
    );
}

#[test]
fn filters_go_by_time_recorded_time_and_sequence() {
    let cli = wallet();
    for (filter, sequence, available) in [
        (["--at", "2026-01-02T10:00:00Z"], 2, "12.50"),
        (["--at", "2026-01-03T11:00:00+02:00"], 2, "12.50"),
        (["--sequence", "1"], 1, "0.00"),
        (["--as-known-at", "2999-01-01T00:00:00Z"], 3, "10.50"),
    ] {
        let found = cli.json(&[&["wallet", "W-1", "--json"], &filter[..]].concat());
        assert_eq!(found["sequence"], sequence, "{filter:?}");
        assert_eq!(found["available"], available, "{filter:?}");
        assert_eq!(found["anomalies"], json!([]), "{filter:?}");
    }
    for filter in [
        ["--at", "2025-01-01T00:00:00Z"],
        ["--as-known-at", "2026-01-03T10:00:00Z"],
    ] {
        cli.run(&[&["wallet", "W-1", "--json"], &filter[..]].concat())
            .refused(1, "did not exist as of the chosen moment");
    }
}

#[test]
fn invalid_events_are_shown_and_do_not_change_the_balance() {
    let cli = Cli::with(
        &[
            event(
                "a",
                "wallet.opened",
                "W-1",
                1,
                r#"{"owner":{"id":"C-9","name":"Zoë"},"currency":"JPY"}"#,
            ),
            event(
                "b",
                "wallet.credited",
                "W-1",
                2,
                r#"{"amount":{"amount":"1.5","currency":"JPY"},"kind":"top_up"}"#,
            ),
            event("c", "wallet.bonus", "W-1", 3, "{}"),
            event("d", "wallet.hold_released", "W-1", 4, r#"{"hold":"H-0"}"#),
            event(
                "e",
                "wallet.debited",
                "W-1",
                5,
                r#"{"amount":{"amount":"30","currency":"JPY"},"kind":"fee"}"#,
            ),
        ]
        .concat(),
    );
    let found = cli.json(&["wallet", "W-1", "--json"]);
    let kinds: Vec<_> = found["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["sequence"].clone(), a["kind"].clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (json!(2), json!("invalid_amount")),
            (json!(3), json!("unknown_type")),
            (json!(4), json!("unknown_hold")),
            (json!(5), json!("negative_balance")),
        ]
    );
    assert_eq!(found["complete"], false);
    assert_eq!(found["owner"], json!({"id": "C-9", "name": "Zoë"}));
    assert_eq!(found["available"], "-30");
    let after: Vec<_> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["posted"].clone())
        .collect();
    assert_eq!(after, ["0", "0", "0", "0", "-30"]);
}

fn order() -> Cli {
    Cli::with(
        &[
            event(
                "a",
                "order.placed",
                "O-1",
                1,
                r#"{"wallet":"W-1","total":{"amount":"20","currency":"EUR"}}"#,
            ),
            event(
                "b",
                "order.paid",
                "O-1",
                2,
                r#"{"payment":"P-1","amount":{"amount":"20","currency":"EUR"},"method":"card"}"#,
            ),
            event(
                "c",
                "order.refund_requested",
                "O-1",
                3,
                &format!(r#"{{"refund":"R-1","amount":{EUR},"reason":"return","destination":"wallet"}}"#),
            ),
            event("d", "order.refund_approved", "O-1", 4, r#"{"refund":"R-1"}"#),
        ]
        .concat(),
    )
}

#[test]
fn an_order_has_exactly_the_fields_of_the_contract() {
    let cli = order();
    let found = without_recorded(cli.json(&["order", "O-1", "--json", "--at", "2026-01-04T14:00:01Z"]));
    let entry = |sequence: u64, id: &str, kind: &str, [paid, refunded, pending, refundable]: [&str; 4]| {
        json!({"sequence": sequence, "id": id, "type": kind, "time": format!("2026-01-0{sequence}T10:00:00Z"), "actor": null,
               "paid": paid, "refunded": refunded, "pending": pending, "refundable": refundable})
    };
    assert_eq!(
        found,
        json!({
            "order": "O-1", "wallet": "W-1", "status": "paid", "currency": "EUR", "total": "20.00", "paid": "20.00",
            "refunded": "0.00", "pending": "12.50", "refundable": "7.50", "sequence": 4, "complete": true, "anomalies": [],
            "refunds": [{
                "refund": "R-1", "order": "O-1", "wallet": "W-1", "customer": null, "state": "approved", "waits_for": "system",
                "amount": "12.50", "currency": "EUR", "destination": "wallet", "reason": "return",
                "requested_at": "2026-01-03T10:00:00Z", "state_since": "2026-01-04T10:00:00Z",
                "age_seconds": 14_401, "overdue": true,
            }],
            "entries": [
                entry(1, "a", "order.placed", ["0.00", "0.00", "0.00", "0.00"]),
                entry(2, "b", "order.paid", ["20.00", "0.00", "0.00", "20.00"]),
                entry(3, "c", "order.refund_requested", ["20.00", "0.00", "12.50", "7.50"]),
                entry(4, "d", "order.refund_approved", ["20.00", "0.00", "12.50", "7.50"]),
            ],
        })
    );
    let text = cli.run(&["order", "O-1", "--json"]);
    let fields = r#"{"order":"O-1","wallet":"W-1","status":"paid","currency":"EUR","total":"20.00","paid":"20.00","refunded":"0.00","pending":"12.50","refundable":"7.50","sequence":4,"complete":true,"anomalies":[],"refunds":[{"#;
    assert!(text.stdout().starts_with(fields), "{}", text.stdout());
}

#[test]
fn an_order_shows_its_anomalies() {
    let cli = Cli::with(
        &[
            event(
                "a",
                "order.placed",
                "O-1",
                1,
                r#"{"total":{"amount":"20","currency":"EUR"}}"#,
            ),
            event("b", "order.refund_approved", "O-1", 2, r#"{"refund":"R-1"}"#),
            event(
                "c",
                "order.paid",
                "O-1",
                3,
                r#"{"payment":"P","amount":{"amount":"20","currency":"USD"},"method":"card"}"#,
            ),
        ]
        .concat(),
    );
    let found = cli.json(&["order", "O-1", "--json"]);
    assert_eq!(found["complete"], false);
    assert_eq!(found["wallet"], json!(null));
    let kinds: Vec<_> = found["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["kind"].clone())
        .collect();
    assert_eq!(kinds, ["unknown_refund", "currency_mismatch"]);
    assert_eq!(found["paid"], "0.00");
}

#[test]
fn tables_contain_no_escape_sequences() {
    for (cli, args, says) in [
        (wallet(), ["wallet", "W-1"], "Available  10.50"),
        (order(), ["order", "O-1"], "12.50 pending, 7.50 refundable"),
    ] {
        let ran = cli.run(&args);
        assert_eq!(ran.code, Some(0));
        assert!(ran.stdout().contains(says), "{}", ran.stdout());
        assert!(!ran.stdout().contains('\u{1b}'));
    }
}
