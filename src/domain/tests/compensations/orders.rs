//! Commands on a refund.

use super::*;

fn credit_of_settle() -> Event {
    (
        "wallet.credited",
        json!({"amount": eur("10.00"), "kind": "refund", "order": "O-1", "refund": "R", "reference": "CMP-1", "note": "why"}),
    )
}

fn order_succeeds() -> Event {
    ("order.refund_succeeded", json!({"refund": "R", "reference": "CMP-1"}))
}

fn state_of(decision: &Decision) -> Option<RefundState> {
    decision.after.refund
}

fn already(wallet: &str) -> Rejection {
    Rejection::AlreadyCredited { wallet: wallet.into() }
}

#[test]
fn settling_appends_to_the_wallet_and_to_the_order() {
    let asked = given(&wallet(), &approved()).when(settle());
    let pins = asked.1.pins(&asked.0);
    let decision = asked.then(&[credit_of_settle(), order_succeeds()]);
    let at = |step: &Step| (step.domain, step.at, step.key.clone());
    assert_eq!(at(&decision.steps[0]), (Domain::Wallet, 4, "settle:O-1:R:0".into()));
    assert_eq!(at(&decision.steps[1]), (Domain::Order, 4, String::new()));
    let pin = |domain, name| Pin {
        domain,
        id: id(name),
        sequence: 4,
    };
    assert_eq!(pins, [pin(Domain::Order, "O-1"), pin(Domain::Wallet, "W-1")]);
    assert_eq!(decision.after.wallet.unwrap().posted.to_string(), "27.00");
    let sums = decision.after.order.unwrap();
    assert_eq!(
        [sums.refunded, sums.pending, sums.refundable],
        [decimal("10"), decimal("0"), decimal("40")]
    );
    assert_eq!(
        (decision.before.refund, state_of(&decision)),
        (Some(RefundState::Approved), Some(RefundState::Succeeded))
    );
}

#[test]
fn settling_appends_only_what_is_missing() {
    let credited_already = with(wallet(), &[credited("10")]);
    let decision = given(&credited_already, &approved())
        .when(settle())
        .then(&[order_succeeds()]);
    assert_eq!(decision.warnings, [Warning::CreditedAlready]);
    let succeeded = with(approved(), &[refund("order.refund_succeeded")]);
    let decision = given(&wallet(), &succeeded).when(settle()).then(&[credit_of_settle()]);
    assert_eq!(decision.warnings, [Warning::SucceededAlready]);
    let processing = with(approved(), &[refund("order.refund_processing")]);
    let decision = given(&wallet(), &processing)
        .when(settle())
        .then(&[credit_of_settle(), order_succeeds()]);
    assert_eq!(decision.warnings, [Warning::InProcessing]);
    let failed = with(processing, &[refund("order.refund_failed")]);
    given(&wallet(), &failed)
        .when(settle())
        .then(&[credit_of_settle(), order_succeeds()]);
}

#[test]
fn nothing_is_credited_twice() {
    let succeeded = with(approved(), &[refund("order.refund_succeeded")]);
    // In this order: the refund has succeeded and its credit is there; a credit of another amount; two credits; a
    // partly reversed credit; a credit in another wallet.
    let e5 = with(wallet(), &[credited("10")]);
    given(&e5, &succeeded).when(settle()).then_rejected(already("W-1"));
    for credits in [
        vec![credited("9")],
        vec![credited("10"), credited("10")],
        vec![credited("10"), reversed("e5", "1")],
    ] {
        let wallet = with(wallet(), &credits);
        given(&wallet, &approved()).when(settle()).then_rejected(already("W-1"));
    }
    given(&wallet(), &approved())
        .credited_elsewhere(&["W-1", "W-2"])
        .when(settle())
        .then_rejected(already("W-2"));
}

#[test]
fn after_a_reversed_credit_one_more_is_possible_with_another_key() {
    let undone = with(wallet(), &[credited("10"), reversed("e5", "10")]);
    let decision = given(&undone, &approved())
        .credited_elsewhere(&["W-1"])
        .when(settle())
        .then(&[credit_of_settle(), order_succeeds()]);
    assert_eq!(decision.steps[0].key, "settle:O-1:R:1");
}

#[test]
fn settling_needs_a_refund_to_a_wallet_that_is_there() {
    let by_card = with(
        order()[..2].to_vec(),
        &[requested("R", "10", "original_method"), refund("order.refund_approved")],
    );
    given(&wallet(), &by_card)
        .when(settle())
        .then_rejected(Rejection::NotToWallet);
    let mut nowhere = approved();
    nowhere[0] = ("order.placed", json!({"total": eur("50")}));
    given(&wallet(), &nowhere)
        .when(settle())
        .then_rejected(Rejection::NoWallet);
    let unknown = |domain, id: &str| Rejection::Unknown { domain, id: id.into() };
    given(&[], &approved())
        .when(settle())
        .then_rejected(unknown(Domain::Wallet, "W-1"));
    let mut elsewhere = approved();
    elsewhere[0] = ("order.placed", json!({"wallet": "W-2", "total": eur("50")}));
    given(&wallet(), &elsewhere)
        .when(settle())
        .then_rejected(unknown(Domain::Wallet, "W-2"));
    let closed = with(wallet(), &[("wallet.closed", json!({}))]);
    given(&closed, &approved())
        .when(settle())
        .then_rejected(Rejection::WalletClosed);
    let yen = [("wallet.opened", json!({"owner": {"id": "C"}, "currency": "JPY"}))];
    given(&yen, &approved())
        .when(settle())
        .then_rejected(Rejection::OtherCurrency {
            domain: Domain::Wallet,
            given: "EUR".parse().unwrap(),
            needed: "JPY".parse().unwrap(),
        });
}

#[test]
fn refunds_above_what_was_paid_are_rejected() {
    let other = [
        requested("S", "45", "wallet"),
        ("order.refund_approved", json!({"refund": "S"})),
    ];
    let done = with(
        with(approved(), &other),
        &[("order.refund_succeeded", json!({"refund": "S"}))],
    );
    let exceeds = Rejection::ExceedsPaid { paid: decimal("50.00") };
    given(&wallet(), &done).when(settle()).then_rejected(exceeds.clone());
    // An approved refund counts against what was paid when another one is approved.
    let agreed = with(order(), &other);
    given(&[], &agreed).when(approve()).then_rejected(exceeds);
}

#[test]
fn a_refund_moves_on_as_its_state_allows() {
    let note = json!({"refund": "R", "note": "why"});
    let decision = given(&[], &order())
        .when(approve())
        .then(&[("order.refund_approved", note.clone())]);
    assert_eq!(
        (state_of(&decision), decision.amount),
        (Some(RefundState::Approved), money("10"))
    );
    let rejected = json!({"refund": "R", "reason": "return", "note": "why"});
    given(&[], &order())
        .when(reject())
        .then(&[("order.refund_rejected", rejected)]);
    for events in [order(), approved()] {
        given(&[], &events)
            .when(cancel())
            .then(&[("order.refund_canceled", note.clone())]);
    }
    let failed = with(approved(), &[refund("order.refund_failed")]);
    let again = json!({"refund": "R", "reference": "CMP-1"});
    let decision = given(&[], &failed)
        .when(retry())
        .then(&[("order.refund_processing", again)]);
    assert_eq!(state_of(&decision), Some(RefundState::Processing));
}

/// The commands that each state of a refund accepts. All others are rejected.
#[test]
fn every_state_rejects_transitions_that_cannot_follow() {
    let path = |steps: &[&'static str]| {
        let steps: Vec<_> = steps.iter().map(|step| refund(step)).collect();
        with(order(), &steps)
    };
    let (approved, failed) = ("order.refund_approved", "order.refund_failed");
    let rows = [
        (path(&[]), RefundState::Requested, "-cja"),
        (path(&[approved]), RefundState::Approved, "sc--"),
        (
            path(&[approved, "order.refund_processing"]),
            RefundState::Processing,
            "s---",
        ),
        (path(&[approved, failed]), RefundState::Failed, "src-"),
        (
            path(&[approved, "order.refund_succeeded"]),
            RefundState::Succeeded,
            "s---",
        ),
        (path(&["order.refund_rejected"]), RefundState::Rejected, "----"),
        (path(&["order.refund_canceled"]), RefundState::Canceled, "----"),
        (
            path(&[approved, "order.refund_succeeded", "order.refund_reversed"]),
            RefundState::Reversed,
            "----",
        ),
    ];
    for (events, state, takes) in rows {
        for (letter, action) in [
            ('s', settle()),
            ('r', retry()),
            ('c', cancel()),
            ('j', reject()),
            ('a', approve()),
        ] {
            let asked = given(&wallet(), &events).when(action);
            if takes.contains(letter) {
                assert!(asked.2.is_ok(), "{letter} of {state}");
            } else {
                asked.then_rejected(Rejection::RefundState { state });
            }
        }
    }
}

#[test]
fn the_order_and_its_refund_have_to_be_there() {
    let without = order()[..2].to_vec();
    for action in [settle(), retry(), cancel(), reject(), approve()] {
        given(&wallet(), &[])
            .when(action.clone())
            .then_rejected(Rejection::Unknown {
                domain: Domain::Order,
                id: "O-1".into(),
            });
        given(&wallet(), &without)
            .when(action)
            .then_rejected(Rejection::UnknownRefund { refund: "R".into() });
    }
}

#[test]
fn uncertain_credits_are_a_warning_if_money_moves() {
    let why = Uncertain::Loading;
    let warning = Warning::CreditsUncertain { why };
    assert!(warning.needs_second_person());
    let decision = given(&wallet(), &approved())
        .uncertain(why)
        .when(settle())
        .then(&[credit_of_settle(), order_succeeds()]);
    assert!(decision.warnings.contains(&warning));
    // The credit is already there, so no money moves.
    let wallet = with(wallet(), &[credited("10")]);
    let decision = given(&wallet, &approved())
        .uncertain(why)
        .when(settle())
        .then(&[order_succeeds()]);
    assert_eq!(decision.warnings, [Warning::CreditedAlready]);
}
