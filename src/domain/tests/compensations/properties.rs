//! Properties of every command on streams of any content: the decided events are applied and give the foreseen figures,
//! no refund exceeds what was paid, and no refund is settled twice.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    super::{
        super::{order::OrderState, replay::Replayable, wallet::WalletState},
        properties::{fold_all, order_event, wallet_money, wallet_stream},
    },
    *,
};
use crate::domain::replay::in_sequence_order;

fn action() -> impl Strategy<Value = Action> {
    let names = || select(vec!["A", "B", "C", "e2", "e3", "e4"]).prop_map(str::to_owned);
    let (wallet, order) = (id("A"), id("O-1"));
    let events = (2..12_u32).prop_map(|n| format!("e{n}"));
    let of_order = names().prop_flat_map(move |refund| {
        let order = order.clone();
        select(vec![
            Action::SettleRefund {
                order: order.clone(),
                refund: refund.clone(),
            },
            Action::RetryRefund {
                order: order.clone(),
                refund: refund.clone(),
            },
            Action::CancelRefund {
                order: order.clone(),
                refund: refund.clone(),
            },
            Action::RejectRefund {
                order: order.clone(),
                refund: refund.clone(),
            },
            Action::ApproveRefund { order, refund },
        ])
    });
    let (w1, w2, w3, w4) = (wallet.clone(), wallet.clone(), wallet.clone(), wallet);
    prop_oneof![
        1 => wallet_money().prop_map(move |amount| Action::CreditWallet { wallet: w1.clone(), amount }),
        1 => wallet_money().prop_map(move |amount| Action::DebitWallet { wallet: w2.clone(), amount }),
        2 => (events, option::of(wallet_money()))
            .prop_map(move |(event, amount)| Action::ReverseEntry { wallet: w3.clone(), event, amount }),
        1 => names().prop_map(move |hold| Action::ReleaseHold { wallet: w4.clone(), hold }),
        5 => of_order,
    ]
}

/// An order that can be refunded to the wallet A, followed by any events.
fn order_stream() -> impl Strategy<Value = Vec<Entry>> {
    vec(order_event(), 0..25).prop_map(|events| {
        let amount = json!({"amount": "30", "currency": "EUR"});
        let mut all = vec![
            ("order.placed", json!({"wallet": "A", "total": amount})),
            (
                "order.paid",
                json!({"payment": "P", "amount": amount, "method": "card"}),
            ),
            requested("A", "5", "wallet"),
            requested("B", "27.5", "wallet"),
            ("order.refund_approved", json!({"refund": "A"})),
        ];
        all.extend(events.iter().map(|event| (event.type_name(), event.data())));
        stream(&all)
    })
}

/// The step as an entry of its stream.
fn appended(step: &Step) -> Entry {
    let mut entry = entry(1, &step.r#type, &json!({}));
    entry.fields.replace(Known::Sequence, Some(&(step.at + 1).to_string()));
    entry.fields.replace(Known::Id, Some(&format!("CMP-1.{}", step.domain)));
    entry.fields.replace(Known::Data, Some(&step.data));
    entry
}

/// Appends the steps of one domain. Returns for each whether it was applied, and its anomalies.
fn go_on<S: Replayable>(stream: &mut Loaded<S>, steps: &[Step], domain: Domain) -> Vec<(bool, Vec<AnomalyKind>)> {
    let steps = steps.iter().filter(|step| step.domain == domain);
    steps
        .map(|step| {
            let mut kinds = Vec::new();
            let applied = stream.fold.push(&appended(step), |anomaly| kinds.push(anomaly.kind));
            (applied, kinds)
        })
        .collect()
}

proptest! {
    #[test]
    fn decided_events_are_applied_and_give_the_foreseen_figures(
        wallet in wallet_stream(),
        order in order_stream(),
        actions in vec(action(), 12),
    ) {
        let wallet = fold_all::<WalletState>(&in_sequence_order(wallet), Fold::new()).0;
        let order = fold_all::<OrderState>(&in_sequence_order(order), Fold::new()).0;
        let loaded = CommandState {
            wallet: Some(Loaded { id: id("A"), fold: wallet }),
            order: Some(Loaded { id: id("O-1"), fold: order }),
            credits: KnownCredits::default(),
        };
        for action in actions {
            let command = Command { action, reason: Reason::Return, note: "why".into() };
            let Ok(decision) = decide(&command, &loaded, &case(), hour(500)) else { continue };
            prop_assert!((1..=2).contains(&decision.steps.len()));
            let mut after = loaded.clone();
            let (wallet, order) = (after.wallet.as_mut().unwrap(), after.order.as_mut().unwrap());
            let was_available = wallet.fold.state.available();
            for step in &decision.steps {
                let at = match step.domain {
                    Domain::Wallet => wallet.fold.sequence,
                    Domain::Order => order.fold.sequence,
                };
                prop_assert_eq!(step.at, at, "the step expects the current sequence");
            }
            let mut found = go_on(wallet, &decision.steps, Domain::Wallet);
            found.extend(go_on(order, &decision.steps, Domain::Order));
            for (applied, kinds) in found {
                prop_assert!(applied, "{:?}: {:?}", command, kinds);
                // These are reported at the first event of the wallet that is applied, whichever that is.
                let told_of = |kind: &AnomalyKind| *kind == AnomalyKind::NegativeBalance || *kind == AnomalyKind::NotOpened;
                prop_assert!(kinds.iter().all(told_of), "{:?}: {:?}", command, kinds);
            }
            let (wallet, order) = (&wallet.fold.state, &order.fold.state);
            prop_assert_eq!(decision.after.wallet, Some(wallet.figures()));
            prop_assert_eq!(decision.after.order, Some(order.figures()));
            if wallet.available() < Decimal::ZERO && wallet.available() < was_available {
                prop_assert!(decision.warnings.iter().any(Warning::needs_second_person));
            }
            if matches!(command.action, Action::SettleRefund { .. }) {
                prop_assert!(order.refunded <= order.paid);
                let again = decide(&command, &after, &id("CMP-2"), hour(501));
                prop_assert!(again.is_err(), "settled twice: {:?}", again);
            }
        }
    }
}
