//! Properties that hold for streams of any content: replay is deterministic and total, a fold can be continued, the
//! balance is the sum of its changes, and payloads round-trip.

use proptest::{collection::vec, option, prelude::*, sample::select};
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    super::{
        fold::Fold,
        money::{Currency, Money},
        order::{Line, Method, OrderEvent, OrderState, RefundStep},
        refund::{Destination, Reason, RefundState},
        replay::in_sequence_order,
        wallet::{CreditKind, DebitKind, Party, WalletEvent, WalletState},
    },
    *,
};

fn currency() -> impl Strategy<Value = Currency> {
    select(vec!["EUR", "JPY", "KWD"]).prop_map(|code| code.parse().unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    (1..1_000_000_i128, currency()).prop_map(|(minor, currency)| Money::from_minor(minor, currency).unwrap())
}

/// Mostly euros, so that most events of a stream are applied.
pub(super) fn wallet_money() -> impl Strategy<Value = Money> {
    prop_oneof![
        9 => (1..1_000_i128).prop_map(|minor| Money::from_minor(minor, "EUR".parse().unwrap()).unwrap()),
        1 => money(),
    ]
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["A", "B", "C", "e2", "e3", "e4"]).prop_map(str::to_owned)
}

fn note() -> impl Strategy<Value = Option<String>> {
    option::of(".{0,12}")
}

fn wallet_event() -> impl Strategy<Value = WalletEvent> {
    let owner = (name(), note()).prop_map(|(id, name)| Party { id, name });
    let credit_kind = select(CreditKind::KNOWN.to_vec());
    let debit_kind = select(DebitKind::KNOWN.to_vec());
    let expiry = option::of((0..1_000_i64).prop_map(hour));
    prop_oneof![
        1 => (owner, currency()).prop_map(|(owner, currency)| WalletEvent::Opened { owner, currency }),
        6 => (wallet_money(), credit_kind, option::of(name()), option::of(name()), note()).prop_map(
            |(amount, kind, order, refund, note)| WalletEvent::Credited { amount, kind, order, refund, reference: None, note }
        ),
        4 => (wallet_money(), debit_kind, option::of(name()), note(), note()).prop_map(
            |(amount, kind, order, reference, note)| WalletEvent::Debited { amount, kind, order, reference, note }
        ),
        4 => (name(), wallet_money(), option::of(name()), expiry).prop_map(
            |(hold, amount, order, expires_at)| WalletEvent::Held { hold, amount, order, expires_at }
        ),
        3 => (name(), wallet_money()).prop_map(|(hold, amount)| WalletEvent::HoldCaptured { hold, amount }),
        2 => name().prop_map(|hold| WalletEvent::HoldReleased { hold }),
        1 => name().prop_map(|hold| WalletEvent::HoldExpired { hold }),
        3 => (name(), wallet_money(), ".{0,8}", note()).prop_map(
            |(reverses, amount, reason, note)| WalletEvent::EntryReversed { reverses, amount, reason, note }
        ),
        1 => ".{0,8}".prop_map(|reason| WalletEvent::Frozen { reason }),
        1 => Just(WalletEvent::Unfrozen),
        1 => Just(WalletEvent::Closed),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    (name(), note(), -5..50_i64, money()).prop_map(|(sku, title, quantity, unit_price)| Line {
        sku,
        title,
        quantity,
        unit_price,
    })
}

pub(super) fn order_event() -> impl Strategy<Value = OrderEvent> {
    let customer = option::of((name(), note()).prop_map(|(id, name)| Party { id, name }));
    let steps = RefundState::ALL[1..].to_vec();
    prop_oneof![
        1 => (option::of(name()), customer, wallet_money(), vec(line(), 0..3)).prop_map(
            |(wallet, customer, total, lines)| OrderEvent::Placed { wallet, customer, total, lines }
        ),
        3 => (name(), wallet_money(), select(Method::KNOWN.to_vec())).prop_map(
            |(payment, amount, method)| OrderEvent::Paid { payment, amount, method }
        ),
        1 => note().prop_map(|reference| OrderEvent::Shipped { reference }),
        1 => note().prop_map(|reference| OrderEvent::Delivered { reference }),
        1 => note().prop_map(|reason| OrderEvent::Cancelled { reason }),
        5 => (name(), wallet_money(), select(Reason::KNOWN.to_vec()), select(Destination::KNOWN.to_vec()), note(), vec(line(), 0..2)).prop_map(
            |(refund, amount, reason, destination, note, lines)| OrderEvent::RefundRequested {
                refund, amount, reason, destination, note, lines,
            }
        ),
        9 => (name(), select(steps), note(), note()).prop_map(|(refund, enters, note, reference)| {
            let mut step = RefundStep::new(refund, enters);
            step.reason = matches!(enters, RefundState::Rejected | RefundState::Reversed).then(|| "other".to_owned());
            step.failure = (enters == RefundState::Failed).then(|| "timeout".to_owned());
            (step.note, step.reference) = (note, reference);
            OrderEvent::Refund(step)
        }),
    ]
}

/// A wallet's stream: mostly an opening and valid events, with sequences that are sometimes lost, repeated or broken.
pub(super) fn wallet_stream() -> impl Strategy<Value = Vec<Entry>> {
    let event = prop_oneof![
        20 => wallet_event().prop_map(|event| (event.type_name().to_owned(), event.data().to_string())),
        1 => ("[a-z.]{0,14}", ".{0,20}"),
    ];
    let sequence = prop_oneof![20 => Just(None), 1 => (1..20_u32).prop_map(|n| Some(n.to_string())), 1 => "[0-9a-]{0,3}".prop_map(Some)];
    vec((event, sequence, 0..200_i64), 0..40).prop_map(|events| {
        let opened = entry(1, "wallet.opened", &json!({"owner": {"id": "C"}, "currency": "EUR"}));
        let rest = (2..).zip(events).map(|(n, ((kind, data), sequence, at))| {
            let mut entry = entry(n, &kind, &json!({}));
            entry.fields.replace(Known::Data, Some(&data));
            entry.fields.replace(Known::Time, Some(&format_time(hour(at))));
            if let Some(sequence) = sequence {
                entry.fields.replace(Known::Sequence, Some(&sequence));
            }
            entry
        });
        std::iter::once(opened).chain(rest).collect()
    })
}

pub(super) fn fold_all<S: Replayable>(entries: &[(u64, Entry)], mut fold: Fold<S>) -> (Fold<S>, Vec<AnomalyKind>) {
    let mut kinds = Vec::new();
    for (_, entry) in entries {
        fold.push(entry, |anomaly| kinds.push(anomaly.kind));
    }
    (fold, kinds)
}

proptest! {
    #[test]
    fn a_fold_in_two_parts_equals_the_whole_fold(entries in wallet_stream(), cut in 0..40_usize) {
        let sorted = in_sequence_order(entries);
        let (whole, found) = fold_all::<WalletState>(&sorted, Fold::new());
        let (first, second) = sorted.split_at(cut.min(sorted.len()));
        let (half, mut found_halves) = fold_all::<WalletState>(first, Fold::new());
        let (joined, rest) = fold_all(second, half);
        found_halves.extend(rest);
        prop_assert_eq!(joined, whole);
        prop_assert_eq!(found_halves, found);
    }

    #[test]
    fn the_balance_is_the_sum_of_its_changes(entries in wallet_stream()) {
        let replay = all::<WalletState>(entries);
        let state = &replay.fold.state;
        let postings: Decimal = state.postings.values().map(|posting| {
            let sign = if posting.amount.is_sign_negative() { -Decimal::ONE } else { Decimal::ONE };
            posting.amount - posting.reversed * sign
        }).sum();
        prop_assert_eq!(state.posted, postings);
        let held: Decimal = state.open_holds().map(|(_, hold)| hold.amount).sum();
        prop_assert_eq!(state.held, held);
        prop_assert_eq!(state.available(), state.posted - state.held);
        let mut before = Decimal::ZERO;
        for step in &replay.steps {
            if !step.applied {
                prop_assert_eq!(step.after.posted, before, "a refused event changes nothing");
            }
            before = step.after.posted;
        }
    }

    #[test]
    fn a_filter_by_sequence_equals_the_replay_up_to_it(entries in wallet_stream(), last in 1..40_u64) {
        let whole = all::<WalletState>(entries.clone());
        let filter = Filter { sequence: Some(last), ..Filter::default() };
        let part = replay::<WalletState>(entries, &filter).unwrap();
        prop_assert_eq!(&part.steps[..], &whole.steps[..part.steps.len()]);
    }

    #[test]
    fn wallet_payloads_round_trip(event in wallet_event()) {
        let text = event.data().to_string();
        prop_assert_eq!(WalletEvent::parse(event.type_name(), Some(&text)).unwrap(), event);
    }

    #[test]
    fn order_payloads_round_trip(event in order_event()) {
        let text = event.data().to_string();
        prop_assert_eq!(OrderEvent::parse(event.type_name(), Some(&text)).unwrap(), event);
    }

    #[test]
    fn an_orders_sums_are_those_of_its_refunds(events in vec(order_event(), 1..60)) {
        let events: Vec<_> = events.iter().map(|event| (event.type_name(), event.data())).collect();
        let replay = all::<OrderState>(stream(&events));
        let state = &replay.fold.state;
        let sum = |counts: fn(RefundState) -> bool| -> Decimal {
            state.refunds.values().filter(|refund| counts(refund.state)).map(|refund| refund.amount.amount()).sum()
        };
        prop_assert_eq!(state.refunded, sum(|state| state == RefundState::Succeeded));
        prop_assert_eq!(state.pending, sum(RefundState::is_pending));
        prop_assert!(state.refundable() >= Decimal::ZERO);
    }

    #[test]
    fn money_round_trips(money in money()) {
        let text = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
    }

    #[test]
    fn any_text_is_parsed_as_an_amount_or_refused(text in ".{0,30}") {
        if let Ok(money) = Money::parse(&text, "EUR".parse().unwrap()) {
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            prop_assert!(money.amount() > Decimal::ZERO);
        }
    }
}
