//! Contract §4: the effect of each wallet event, and when it is refused.

use serde_json::{Value, json};

use super::{super::wallet::WalletState, *};
use AnomalyKind::*;

fn opened() -> (&'static str, Value) {
    ("wallet.opened", json!({"owner": {"id": "C-9"}, "currency": "EUR"}))
}

fn credited(amount: &str) -> (&'static str, Value) {
    ("wallet.credited", json!({"amount": eur(amount), "kind": "top_up"}))
}

fn debited(amount: &str) -> (&'static str, Value) {
    ("wallet.debited", json!({"amount": eur(amount), "kind": "purchase"}))
}

fn held(hold: &str, amount: &str) -> (&'static str, Value) {
    ("wallet.held", json!({"hold": hold, "amount": eur(amount)}))
}

fn captured(hold: &str, amount: &str) -> (&'static str, Value) {
    ("wallet.hold_captured", json!({"hold": hold, "amount": eur(amount)}))
}

fn reversed(id: &str, amount: &str) -> (&'static str, Value) {
    (
        "wallet.entry_reversed",
        json!({"reverses": id, "amount": eur(amount), "reason": "duplicate"}),
    )
}

/// Asserts the balances (posted, held, available) and the anomalies after these events.
#[track_caller]
fn check(events: &[(&str, Value)], balances: [&str; 3], expected: &[(u64, AnomalyKind)]) {
    let replay = all::<WalletState>(stream(events));
    let state = &replay.fold.state;
    let found = [state.posted, state.held, state.available()].map(|amount| amount.to_string());
    assert_eq!(found, balances);
    assert_eq!(anomalies(&replay), expected);
    let complete = expected.iter().all(|(_, kind)| *kind == NegativeBalance);
    assert_eq!(replay.fold.complete, complete);
}

#[test]
fn credits_debits_and_holds_make_the_balances() {
    check(&[opened()], ["0.00", "0.00", "0.00"], &[]);
    check(
        &[opened(), credited("20"), debited("5.5"), held("H", "2")],
        ["14.50", "2.00", "12.50"],
        &[],
    );
}

#[test]
fn a_capture_releases_the_rest_of_its_hold() {
    check(
        &[opened(), credited("20"), held("H", "8"), captured("H", "5")],
        ["15.00", "0.00", "15.00"],
        &[],
    );
}

#[test]
fn a_release_and_an_expiry_give_back_what_was_held() {
    for end in ["wallet.hold_released", "wallet.hold_expired"] {
        check(
            &[opened(), credited("20"), held("H", "8"), (end, json!({"hold": "H"}))],
            ["20.00", "0.00", "20.00"],
            &[],
        );
    }
}

#[test]
fn a_capture_above_its_hold_leaves_the_hold() {
    check(
        &[opened(), credited("20"), held("H", "8"), captured("H", "8.01")],
        ["20.00", "8.00", "12.00"],
        &[(4, CaptureAboveHold)],
    );
}

#[test]
fn a_hold_that_is_unknown_or_over_cannot_be_captured_or_released() {
    check(
        &[
            opened(),
            credited("20"),
            captured("X", "1"),
            held("H", "8"),
            captured("H", "8"),
            captured("H", "8"),
            ("wallet.hold_released", json!({"hold": "H"})),
        ],
        ["12.00", "0.00", "12.00"],
        &[(3, UnknownHold), (6, UnknownHold), (7, UnknownHold)],
    );
}

#[test]
fn a_hold_id_is_used_once() {
    let release = ("wallet.hold_released", json!({"hold": "H"}));
    check(
        &[opened(), credited("20"), held("H", "8"), release, held("H", "1")],
        ["20.00", "0.00", "20.00"],
        &[(5, HoldReused)],
    );
}

#[test]
fn reversals_add_up_to_at_most_the_entry() {
    check(
        &[
            opened(),
            credited("20"),
            reversed("e2", "15"),
            reversed("e2", "5"),
            reversed("e2", "0.01"),
        ],
        ["0.00", "0.00", "0.00"],
        &[(5, OverReversal)],
    );
    // The whole reversal is refused, not only the excess.
    check(
        &[opened(), credited("20"), reversed("e2", "15"), reversed("e2", "6")],
        ["5.00", "0.00", "5.00"],
        &[(4, OverReversal)],
    );
}

#[test]
fn a_debit_and_a_capture_can_be_reversed_but_a_reversal_cannot() {
    check(
        &[
            opened(),
            credited("20"),
            debited("5"),
            held("H", "8"),
            captured("H", "6"),
            reversed("e3", "5"),
            reversed("e5", "6"),
            reversed("e7", "6"),
            reversed("e4", "8"),
            reversed("nothing", "1"),
        ],
        ["20.00", "0.00", "20.00"],
        &[(8, UnknownEntry), (9, UnknownEntry), (10, UnknownEntry)],
    );
}

#[test]
fn a_wallet_has_one_currency() {
    let yen = json!({"amount": {"amount": "5", "currency": "JPY"}, "kind": "top_up"});
    check(
        &[opened(), ("wallet.credited", yen), credited("1")],
        ["1.00", "0.00", "1.00"],
        &[(2, CurrencyMismatch)],
    );
}

#[test]
fn an_opening_is_the_first_event_and_the_only_one() {
    check(
        &[opened(), credited("1"), opened()],
        ["1.00", "0.00", "1.00"],
        &[(3, SecondOpening)],
    );
    check(
        &[credited("1"), opened(), credited("2")],
        ["3.00", "0.00", "3.00"],
        &[(1, NotOpened), (2, SecondOpening)],
    );
}

#[test]
fn a_negative_balance_is_reported_when_it_begins_and_leaves_the_replay_complete() {
    check(
        &[opened(), debited("5"), debited("1"), credited("10"), debited("5")],
        ["-1.00", "0.00", "-1.00"],
        &[(2, NegativeBalance), (5, NegativeBalance)],
    );
}

#[test]
fn money_after_freezing_and_closing_still_counts() {
    let events = [
        opened(),
        ("wallet.frozen", json!({"reason": "fraud"})),
        credited("5"),
        ("wallet.closed", json!({})),
        credited("5"),
    ];
    check(&events, ["10.00", "0.00", "10.00"], &[]);
    let replay = all::<WalletState>(stream(&events));
    assert_eq!(replay.fold.state.status.as_str(), "closed");
}

#[test]
fn what_cannot_be_read_does_not_move_the_balance() {
    let cases = [
        (
            "wallet.credited",
            json!({"amount": eur("1,0"), "kind": "top_up"}),
            InvalidAmount,
        ),
        (
            "wallet.credited",
            json!({"amount": eur("1.001"), "kind": "top_up"}),
            InvalidAmount,
        ),
        (
            "wallet.credited",
            json!({"amount": eur("0"), "kind": "top_up"}),
            InvalidAmount,
        ),
        (
            "wallet.credited",
            json!({"amount": eur("-1"), "kind": "top_up"}),
            InvalidAmount,
        ),
        (
            "wallet.credited",
            json!({"amount": {"amount": 1.5, "currency": "EUR"}, "kind": "top_up"}),
            UnparsablePayload,
        ),
        ("wallet.credited", json!({"amount": eur("1")}), UnparsablePayload),
        ("wallet.credited", json!([1]), UnparsablePayload),
        (
            "wallet.credited",
            json!({"amount": {"amount": "1", "currency": "EURO"}, "kind": "x"}),
            UnparsablePayload,
        ),
        (
            "wallet.credited.v2",
            json!({"amount": eur("1"), "kind": "top_up"}),
            UnknownType,
        ),
        ("wallet.exploded", json!({}), UnknownType),
        ("order.placed", json!({"total": eur("1")}), UnknownType),
    ];
    for (kind, data, anomaly) in cases {
        check(
            &[opened(), credited("7"), (kind, data), credited("1")],
            ["8.00", "0.00", "8.00"],
            &[(3, anomaly)],
        );
    }
}

#[test]
fn unknown_kinds_and_fields_are_no_error() {
    let odd = json!({"amount": eur("3"), "kind": "birthday", "colour": "red", "note": 5});
    check(&[opened(), ("wallet.credited", odd)], ["3.00", "0.00", "3.00"], &[]);
}

#[test]
fn an_overflow_is_refused_and_the_rest_counts() {
    let top = json!({"amount": {"amount": "999999999999999999.999", "currency": "KWD"}, "kind": "top_up"});
    let opened = ("wallet.opened", json!({"owner": {"id": "C"}, "currency": "KWD"}));
    let mut state = all::<WalletState>(stream(&[opened])).fold;
    state.state.posted = "9999999999999999999999999.000".parse().unwrap();
    let mut found = Vec::new();
    let applied = state.push(&entry(2, "wallet.credited", &top), |anomaly| found.push(anomaly.kind));
    assert!(!applied);
    assert_eq!(found, [Overflow]);
    assert_eq!(state.state.posted.to_string(), "9999999999999999999999999.000");
}
