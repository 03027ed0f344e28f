//! Contract §8: the conditions of each finding, and cases without a finding.

use serde_json::{Value, json};

use super::{
    super::{
        findings::{Finding, FindingKind, OrderFacts, WalletFacts, findings},
        ids::EntityId,
        order::OrderState,
        wallet::WalletState,
    },
    *,
};
use FindingKind::*;

#[derive(Default)]
struct Given {
    wallets: Vec<(EntityId, Replay<WalletState>)>,
    orders: Vec<(EntityId, Replay<OrderState>)>,
}

impl Given {
    fn wallet(mut self, id: &str, events: &[(&str, Value)]) -> Self {
        let mut stream_of = vec![("wallet.opened", json!({"owner": {"id": "C"}, "currency": "EUR"}))];
        stream_of.extend(events.iter().cloned());
        self.wallets.push((EntityId::new(id).unwrap(), all(stream(&stream_of))));
        self
    }

    fn order(mut self, id: &str, paid: &str, events: &[(&str, Value)]) -> Self {
        let mut stream_of = vec![
            ("order.placed", json!({"wallet": "W", "total": eur(paid)})),
            (
                "order.paid",
                json!({"payment": "P", "amount": eur(paid), "method": "card"}),
            ),
        ];
        stream_of.extend(events.iter().cloned());
        self.orders.push((EntityId::new(id).unwrap(), all(stream(&stream_of))));
        self
    }

    fn found(&self) -> Vec<Finding> {
        let wallets: Vec<_> = self
            .wallets
            .iter()
            .map(|(id, replay)| WalletFacts {
                id,
                state: &replay.fold.state,
                complete: replay.fold.complete,
            })
            .collect();
        let orders: Vec<_> = self
            .orders
            .iter()
            .map(|(id, replay)| OrderFacts {
                id,
                state: &replay.fold.state,
                complete: replay.fold.complete,
            })
            .collect();
        findings(&wallets, &orders, hour(100))
    }

    #[track_caller]
    fn then(&self, expected: &[FindingKind]) {
        let kinds: Vec<_> = self.found().iter().map(|finding| finding.finding).collect();
        assert_eq!(kinds, expected);
    }
}

fn credit(refund: &str, amount: &str) -> (&'static str, Value) {
    (
        "wallet.credited",
        json!({"amount": eur(amount), "kind": "refund", "refund": refund}),
    )
}

fn credit_of(order: &str, refund: &str, amount: &str) -> (&'static str, Value) {
    let data = json!({"amount": eur(amount), "kind": "refund", "refund": refund, "order": order});
    ("wallet.credited", data)
}

fn request(refund: &str, amount: &str, destination: &str) -> (&'static str, Value) {
    let data = json!({"refund": refund, "amount": eur(amount), "reason": "return", "destination": destination});
    ("order.refund_requested", data)
}

fn step(name: &'static str, refund: &str) -> (&'static str, Value) {
    (name, json!({"refund": refund, "reason": "other", "failure": "timeout"}))
}

fn succeeded(refund: &str, amount: &str) -> Vec<(&'static str, Value)> {
    vec![
        request(refund, amount, "wallet"),
        step("order.refund_approved", refund),
        step("order.refund_succeeded", refund),
    ]
}

#[test]
fn a_refund_that_was_credited_once_and_succeeded_has_no_finding() {
    Given::default()
        .wallet("W", &[credit("R", "5")])
        .order("O", "9", &succeeded("R", "5"))
        .then(&[]);
}

#[test]
fn succeeded_and_not_credited() {
    let given = Given::default().wallet("W", &[]).order("O", "9", &succeeded("R", "5"));
    given.then(&[SucceededNotCredited]);
    let found = given.found().remove(0);
    assert_eq!(found.refund.as_deref(), Some("R"));
    assert_eq!(found.order.as_deref(), Some("O"));
    assert_eq!(found.wallet.as_deref(), Some("W"));
    assert_eq!(found.amount.map(|amount| amount.to_string()).as_deref(), Some("5.00"));
    assert_eq!(found.since, Some(hour(5)));
    // A refund to the original payment method needs no credit.
    let mut elsewhere = succeeded("R", "5");
    elsewhere[0] = request("R", "5", "original_method");
    Given::default().order("O", "9", &elsewhere).then(&[]);
    // A wholly reversed credit does not count.
    let reversal = json!({"reverses": "e2", "amount": eur("5"), "reason": "duplicate"});
    Given::default()
        .wallet("W", &[credit("R", "5"), ("wallet.entry_reversed", reversal)])
        .order("O", "9", &succeeded("R", "5"))
        .then(&[SucceededNotCredited]);
}

#[test]
fn credited_and_not_succeeded_or_never_approved() {
    let wallet = || Given::default().wallet("W", &[credit("R", "5")]);
    let asked = request("R", "5", "wallet");
    wallet()
        .order("O", "9", std::slice::from_ref(&asked))
        .then(&[CreditedWithoutApproval]);
    wallet()
        .order("O", "9", &[asked.clone(), step("order.refund_rejected", "R")])
        .then(&[CreditedWithoutApproval]);
    wallet()
        .order("O", "9", &[asked.clone(), step("order.refund_approved", "R")])
        .then(&[CreditedNotSucceeded]);
    let canceled = [
        asked,
        step("order.refund_approved", "R"),
        step("order.refund_canceled", "R"),
    ];
    wallet().order("O", "9", &canceled).then(&[CreditedNotSucceeded]);
    let mut reversed = succeeded("R", "5");
    reversed.push(step("order.refund_reversed", "R"));
    wallet().order("O", "9", &reversed).then(&[]);
}

#[test]
fn credited_twice_over_all_wallets() {
    let given = Given::default()
        .wallet("W", &[credit("R", "5")])
        .wallet("X", &[credit("R", "5")])
        .order("O", "9", &succeeded("R", "5"));
    given.then(&[CreditedTwice]);
    assert_eq!(given.found()[0].order.as_deref(), Some("O"));
}

#[test]
fn wrong_amounts_unknown_refunds_and_too_many_refunds_are_found() {
    Given::default()
        .wallet("W", &[credit("R", "4")])
        .order("O", "9", &succeeded("R", "5"))
        .then(&[AmountMismatch]);
    Given::default()
        .wallet("W", &[credit("R", "5")])
        .then(&[CreditForUnknownRefund]);
    let given = Given::default()
        .wallet("W", &[credit("R", "5")])
        .order("O", "3", &succeeded("R", "5"));
    given.then(&[OverRefunded]);
    assert_eq!(
        given.found()[0].amount.map(|amount| amount.to_string()).as_deref(),
        Some("2.00")
    );
}

#[test]
fn two_orders_with_one_refund_id_do_not_hide_each_other() {
    // The credit belongs to O. The refund of P is not credited.
    let given = Given::default()
        .wallet("W", &[credit_of("O", "R", "5")])
        .order("O", "9", &succeeded("R", "5"))
        .order("P", "9", &succeeded("R", "5"));
    given.then(&[SucceededNotCredited]);
    assert_eq!(given.found()[0].order.as_deref(), Some("P"));
}

#[test]
fn expired_holds_negative_balances_and_incomplete_histories_are_found() {
    let hold = |expires: i64| {
        let data = json!({"hold": "H", "amount": eur("1"), "expires_at": format_time(hour(expires))});
        ("wallet.held", data)
    };
    let top_up = || ("wallet.credited", json!({"amount": eur("5"), "kind": "top_up"}));
    Given::default()
        .wallet("W", &[top_up(), hold(99)])
        .then(&[HoldNeverResolved]);
    Given::default().wallet("W", &[top_up(), hold(100)]).then(&[]);
    Given::default()
        .wallet(
            "W",
            &[top_up(), hold(99), ("wallet.hold_expired", json!({"hold": "H"}))],
        )
        .then(&[]);
    let debit = json!({"amount": eur("1"), "kind": "fee"});
    Given::default()
        .wallet("W", &[("wallet.debited", debit)])
        .then(&[NegativeBalance]);
    Given::default()
        .wallet("W", &[("wallet.exploded", json!({}))])
        .then(&[HistoryIncomplete]);
    Given::default()
        .order("O", "1", &[("order.exploded", json!({}))])
        .then(&[HistoryIncomplete]);
}
