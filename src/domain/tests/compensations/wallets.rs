//! Commands on a wallet.

use super::*;

#[track_caller]
fn balances(decision: &Decision) -> [String; 3] {
    let after = decision.after.wallet.unwrap();
    [after.posted, after.held, after.available].map(|amount| amount.to_string())
}

#[test]
fn a_credit_is_goodwill_where_that_is_its_reason_and_a_correction_otherwise() {
    for (reason, kind) in [(Reason::Goodwill, "goodwill"), (Reason::BillingError, "correction")] {
        let decision = given(&wallet(), &[]).when_because(credit("7"), reason).then(&[(
            "wallet.credited",
            json!({"amount": eur("7.00"), "kind": kind, "note": "why"}),
        )]);
        assert_eq!(balances(&decision), ["24.00", "5.00", "19.00"]);
        assert_eq!(decision.before.wallet.unwrap().posted.to_string(), "17.00");
        assert_eq!((decision.amount, decision.steps[0].at), (money("7"), 4));
        assert_eq!(decision.warnings, []);
    }
}

#[test]
fn a_debit_takes_what_is_available_and_no_more() {
    let event = |amount| json!({"amount": eur(amount), "kind": "correction", "note": "why"});
    let decision = given(&wallet(), &[])
        .when(debit("12"))
        .then(&[("wallet.debited", event("12.00"))]);
    assert_eq!(balances(&decision), ["5.00", "5.00", "0.00"]);
    given(&wallet(), &[])
        .when(debit("12.01"))
        .then_rejected(Rejection::InsufficientAvailable {
            amount: decimal("12.01"),
            available: decimal("12.00"),
        });
}

#[test]
fn a_reversal_is_of_all_that_is_left_or_of_a_part() {
    let event = |amount| json!({"reverses": "e2", "amount": eur(amount), "reason": "return", "note": "why"});
    let decision = given(&wallet(), &[])
        .when(reverse("e2", Some("4")))
        .then(&[("wallet.entry_reversed", event("4.00"))]);
    assert_eq!(balances(&decision), ["13.00", "5.00", "8.00"]);
    let partly = with(wallet(), &[reversed("e2", "4")]);
    let decision = given(&partly, &[])
        .when(reverse("e2", None))
        .then(&[("wallet.entry_reversed", event("16.00"))]);
    assert_eq!(balances(&decision), ["-3.00", "5.00", "-8.00"]);
    let negative = Warning::BecomesNegative {
        available: decimal("-8.00"),
    };
    assert!(negative.needs_second_person());
    assert_eq!(decision.warnings, [negative]);
    given(&partly, &[])
        .when(reverse("e2", Some("16.01")))
        .then_rejected(Rejection::AboveReversible {
            amount: decimal("16.01"),
            left: decimal("16.00"),
        });
    let wholly = with(partly, &[reversed("e2", "16")]);
    given(&wholly, &[])
        .when(reverse("e2", None))
        .then_rejected(Rejection::NothingToReverse { event: "e2".into() });
}

#[test]
fn a_debit_that_is_reversed_comes_back() {
    let decision = given(&wallet(), &[]).when(reverse("e3", None)).then(&[(
        "wallet.entry_reversed",
        json!({"reverses": "e3", "amount": eur("3.00"), "reason": "return", "note": "why"}),
    )]);
    assert_eq!(balances(&decision), ["20.00", "5.00", "15.00"]);
}

#[test]
fn only_credits_debits_and_captures_are_reversed() {
    for event in ["e1", "e4", "e9", ""] {
        let unknown = Rejection::UnknownEntry { event: event.into() };
        given(&wallet(), &[]).when(reverse(event, None)).then_rejected(unknown);
    }
}

#[test]
fn an_open_hold_is_released_once() {
    let decision = given(&wallet(), &[])
        .when(release("H"))
        .then(&[("wallet.hold_released", json!({"hold": "H"}))]);
    assert_eq!(balances(&decision), ["17.00", "0.00", "17.00"]);
    assert_eq!(decision.amount, money("5"));
    let none = |hold: &str| Rejection::NoOpenHold { hold: hold.into() };
    given(&wallet(), &[]).when(release("I")).then_rejected(none("I"));
    for end in ["wallet.hold_released", "wallet.hold_expired"] {
        let ended = with(wallet(), &[(end, json!({"hold": "H"}))]);
        given(&ended, &[]).when(release("H")).then_rejected(none("H"));
    }
}

#[test]
fn a_wallet_has_to_be_there_open_and_of_the_currency() {
    let all = || [credit("1"), debit("1"), reverse("e2", None), release("H")];
    for action in all() {
        given(&[], &order()).when(action).then_rejected(Rejection::Unknown {
            domain: Domain::Wallet,
            id: "W-1".into(),
        });
    }
    let closed = with(wallet(), &[("wallet.closed", json!({}))]);
    for action in [credit("1"), debit("1"), reverse("e2", None)] {
        given(&closed, &[]).when(action).then_rejected(Rejection::WalletClosed);
    }
    // A hold of a closed wallet can be released.
    given(&closed, &[])
        .when(release("H"))
        .then(&[("wallet.hold_released", json!({"hold": "H"}))]);
    let (given_in, needed) = ("JPY".parse().unwrap(), "EUR".parse().unwrap());
    let yen = Money::parse("1", given_in).unwrap();
    for action in [
        Action::CreditWallet {
            wallet: id("W-1"),
            amount: yen,
        },
        Action::DebitWallet {
            wallet: id("W-1"),
            amount: yen,
        },
        Action::ReverseEntry {
            wallet: id("W-1"),
            event: "e2".into(),
            amount: Some(yen),
        },
    ] {
        given(&wallet(), &[])
            .when(action)
            .then_rejected(Rejection::OtherCurrency {
                domain: Domain::Wallet,
                given: given_in,
                needed,
            });
    }
}

#[test]
fn decisions_have_their_warnings() {
    let frozen = with(wallet(), &[("wallet.frozen", json!({"reason": "x"}))]);
    let warnings = |events: &[Event]| {
        let asked = given(events, &[]).when(credit("1"));
        asked.2.unwrap().warnings
    };
    assert_eq!(warnings(&frozen), [Warning::WalletFrozen]);
    let spoilt = with(wallet(), &[("wallet.unheard_of", json!({}))]);
    let incomplete = Warning::HistoryIncomplete { domain: Domain::Wallet };
    assert!(incomplete.needs_second_person());
    assert_eq!(warnings(&spoilt), [incomplete]);
}

#[test]
fn what_the_fold_would_refuse_is_rejected() {
    let mut given = given(&wallet(), &[]);
    let wallet = given.0.wallet.as_mut().unwrap();
    wallet.fold.state.posted = Decimal::from_i128_with_scale(10_i128.pow(28) - 1, 2);
    given.when(credit("1")).then_rejected(Rejection::NotApplicable {
        message: "the balance would have more than 28 digits".into(),
    });
}
