//! Contract §5: orders, payments and the life of a refund.

use serde_json::{Value, json};

use super::{
    super::{
        order::{OrderEvent, OrderState, RefundStep},
        refund::RefundState,
    },
    *,
};
use AnomalyKind::*;

fn placed(total: &str) -> (&'static str, Value) {
    (
        "order.placed",
        json!({"wallet": "W-1", "customer": {"id": "C-1"}, "total": eur(total)}),
    )
}

fn paid(amount: &str) -> (&'static str, Value) {
    (
        "order.paid",
        json!({"payment": "P", "amount": eur(amount), "method": "card"}),
    )
}

fn requested(refund: &str, amount: &str) -> (&'static str, Value) {
    (
        "order.refund_requested",
        json!({"refund": refund, "amount": eur(amount), "reason": "return", "destination": "wallet"}),
    )
}

fn step(refund: &str, enters: RefundState) -> (&'static str, Value) {
    let mut step = RefundStep::new(refund, enters);
    step.reason = Some("other".to_owned());
    step.failure = Some("timeout".to_owned());
    let event = OrderEvent::Refund(step);
    (event.type_name(), event.data())
}

/// Asserts the sums (paid, refunded, pending, refundable) and the anomalies after these events.
#[track_caller]
fn check(events: &[(&str, Value)], sums: [&str; 4], expected: &[(u64, AnomalyKind)]) {
    let replay = all::<OrderState>(stream(events));
    let state = &replay.fold.state;
    let found = [state.paid, state.refunded, state.pending, state.refundable()].map(|amount| amount.to_string());
    assert_eq!(found, sums);
    assert_eq!(anomalies(&replay), expected);
    assert_eq!(replay.fold.complete, expected.is_empty());
}

#[test]
fn sums_follow_the_refunds_states() {
    use RefundState::*;
    let start = [placed("50"), paid("50"), requested("R", "20")];
    let with = |steps: &[RefundState]| {
        let mut events = start.to_vec();
        events.extend(steps.iter().map(|&enters| step("R", enters)));
        events
    };
    check(&with(&[]), ["50.00", "0.00", "20.00", "30.00"], &[]);
    check(
        &with(&[Approved, Processing, Failed]),
        ["50.00", "0.00", "20.00", "30.00"],
        &[],
    );
    check(&with(&[Approved, Succeeded]), ["50.00", "20.00", "0.00", "30.00"], &[]);
    check(
        &with(&[Approved, Succeeded, Reversed]),
        ["50.00", "0.00", "0.00", "50.00"],
        &[],
    );
    check(&with(&[Rejected]), ["50.00", "0.00", "0.00", "50.00"], &[]);
    check(
        &with(&[Approved, Failed, Canceled]),
        ["50.00", "0.00", "0.00", "50.00"],
        &[],
    );
}

#[test]
fn the_refundable_amount_is_never_below_zero() {
    check(
        &[placed("5"), requested("R", "9")],
        ["0.00", "0.00", "9.00", "0.00"],
        &[],
    );
}

/// The transitions of contract §5: all 64 pairs of states.
#[test]
fn a_refund_makes_only_the_transitions_of_the_table() {
    let ways: [(RefundState, &[RefundState]); 8] = {
        use RefundState::*;
        [
            (Requested, &[]),
            (Approved, &[Approved]),
            (Processing, &[Approved, Processing]),
            (Failed, &[Approved, Failed]),
            (Succeeded, &[Approved, Succeeded]),
            (Rejected, &[Rejected]),
            (Canceled, &[Canceled]),
            (Reversed, &[Approved, Succeeded, Reversed]),
        ]
    };
    let allowed = |from: RefundState, to: RefundState| -> bool {
        let table = [
            ("requested", "approved rejected canceled"),
            ("approved", "processing succeeded failed canceled"),
            ("processing", "succeeded failed"),
            ("failed", "processing succeeded canceled"),
            ("succeeded", "reversed"),
        ];
        table
            .iter()
            .any(|(state, next)| *state == from.as_str() && next.split(' ').any(|next| next == to.as_str()))
    };
    for (from, way) in ways {
        for &to in RefundState::ALL {
            let mut events = vec![placed("50"), paid("50"), requested("R", "20")];
            events.extend(way.iter().map(|&enters| step("R", enters)));
            events.push(if to == RefundState::Requested {
                requested("R", "20")
            } else {
                step("R", to)
            });
            let replay = all::<OrderState>(stream(&events));
            let state = replay.fold.state.refunds["R"].state;
            let last = events.len() as u64;
            if allowed(from, to) {
                assert_eq!((state, replay.anomalies.len()), (to, 0), "{from} to {to}");
                assert_eq!(replay.fold.state.refunds["R"].state_since, hour(last.cast_signed()));
            } else {
                assert_eq!(state, from, "{from} to {to}");
                assert_eq!(anomalies(&replay), [(last, TransitionNotAllowed)], "{from} to {to}");
            }
        }
    }
}

#[test]
fn a_step_of_a_refund_that_was_not_requested_is_an_anomaly() {
    check(
        &[placed("5"), paid("5"), step("R", RefundState::Approved)],
        ["5.00", "0.00", "0.00", "5.00"],
        &[(3, UnknownRefund)],
    );
}

#[test]
fn an_order_has_one_currency_and_one_placing() {
    let yen = json!({"payment": "P", "amount": {"amount": "5", "currency": "JPY"}, "method": "card"});
    check(
        &[placed("5"), ("order.paid", yen), paid("5"), placed("6")],
        ["5.00", "0.00", "0.00", "5.00"],
        &[(2, CurrencyMismatch), (4, SecondOpening)],
    );
}

#[test]
fn the_status_is_that_of_the_last_event() {
    let status = |events: &[(&str, Value)]| all::<OrderState>(stream(events)).fold.state.status.to_string();
    let shipped = || ("order.shipped", json!({}));
    assert_eq!(status(&[placed("5")]), "placed");
    assert_eq!(status(&[placed("5"), paid("2")]), "paid");
    assert_eq!(status(&[placed("5"), paid("2"), shipped()]), "shipped");
    // Only the first payment counts for the status.
    assert_eq!(status(&[placed("5"), paid("2"), shipped(), paid("3")]), "shipped");
    assert_eq!(
        status(&[placed("5"), shipped(), ("order.delivered", json!({}))]),
        "delivered"
    );
    assert_eq!(status(&[placed("5"), ("order.cancelled", json!({}))]), "cancelled");
}

#[test]
fn a_payload_without_a_required_text_is_refused() {
    for (kind, data) in [
        ("order.refund_rejected", json!({"refund": "R"})),
        ("order.refund_failed", json!({"refund": "R"})),
        ("order.refund_approved", json!({})),
        (
            "order.refund_requested",
            json!({"refund": "Q", "amount": eur("1"), "reason": "return"}),
        ),
        ("order.paid", json!({"amount": eur("1"), "method": "card"})),
    ] {
        check(
            &[placed("5"), requested("R", "2"), (kind, data)],
            ["0.00", "0.00", "2.00", "0.00"],
            &[(3, UnparsablePayload)],
        );
    }
}
