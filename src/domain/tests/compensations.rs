//! Contract §7: what each command appends and changes, and every reason to reject it. In given/when/then form: the
//! events of a wallet and an order, a command, the events that it would append and the figures after them.

mod cases;
mod properties;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        compensation::{
            command::{Action, Command, Pin},
            decide::{CommandState, Decision, KnownCredits, Loaded, Rejection, Step, Uncertain, Warning, decide},
        },
        fold::{Fold, State},
        ids::{Domain, EntityId},
        money::Money,
        refund::{Reason, RefundState},
    },
    *,
};

type Event = (&'static str, Value);

fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

fn case() -> EntityId {
    id("CMP-1")
}

fn money(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

fn decimal(amount: &str) -> Decimal {
    amount.parse().unwrap()
}

fn fold<S: State>(events: &[Event]) -> Option<Fold<S>> {
    let mut fold = Fold::new();
    for entry in stream(events) {
        fold.push(&entry, |_| {});
    }
    (fold.events > 0).then_some(fold)
}

/// The state before the command.
struct Given(CommandState);

/// The wallet W-1 and the order O-1 after these events. Without events the entity does not exist.
fn given(wallet: &[Event], order: &[Event]) -> Given {
    Given(CommandState {
        wallet: fold(wallet).map(|fold| Loaded { id: id("W-1"), fold }),
        order: fold(order).map(|fold| Loaded { id: id("O-1"), fold }),
        credits: KnownCredits::default(),
    })
}

impl Given {
    fn credited_elsewhere(mut self, wallets: &[&str]) -> Self {
        self.0.credits.wallets = wallets.iter().map(|wallet| id(wallet)).collect();
        self
    }

    fn uncertain(mut self, why: Uncertain) -> Self {
        self.0.credits.uncertain = Some(why);
        self
    }

    fn when(self, action: Action) -> Asked {
        self.when_because(action, Reason::Return)
    }

    fn when_because(self, action: Action, reason: Reason) -> Asked {
        let command = Command {
            action,
            reason,
            note: "why".into(),
        };
        let decided = decide(&command, &self.0, &case(), hour(100));
        Asked(command, self.0, decided)
    }
}

/// A command, the state that it was decided on, and the decision.
struct Asked(Command, CommandState, Result<Decision, Rejection>);

impl Asked {
    #[track_caller]
    fn then_rejected(self, expected: Rejection) {
        assert_eq!(self.2, Err(expected));
    }

    /// Asserts that the command would append exactly these events.
    #[track_caller]
    fn then(self, events: &[Event]) -> Decision {
        let decision = self.2.unwrap();
        let found: Vec<(&str, Value)> = decision
            .steps
            .iter()
            .map(|step| (step.r#type.as_str(), serde_json::from_str(&step.data).unwrap()))
            .collect();
        assert_eq!(found, events);
        decision
    }
}

fn opened() -> Event {
    ("wallet.opened", json!({"owner": {"id": "C"}, "currency": "EUR"}))
}

/// Opened, 20.00 topped up (e2), 3.00 spent (e3), 5.00 held.
fn wallet() -> Vec<Event> {
    vec![
        opened(),
        ("wallet.credited", json!({"amount": eur("20"), "kind": "top_up"})),
        ("wallet.debited", json!({"amount": eur("3"), "kind": "purchase"})),
        ("wallet.held", json!({"hold": "H", "amount": eur("5")})),
    ]
}

fn with(mut events: Vec<Event>, more: &[Event]) -> Vec<Event> {
    events.extend_from_slice(more);
    events
}

/// Paid 50.00, with a requested refund of 10.00 to the wallet.
fn order() -> Vec<Event> {
    vec![
        ("order.placed", json!({"wallet": "W-1", "total": eur("50")})),
        (
            "order.paid",
            json!({"payment": "P", "amount": eur("50"), "method": "card"}),
        ),
        requested("R", "10", "wallet"),
    ]
}

fn requested(refund: &str, amount: &str, destination: &str) -> Event {
    (
        "order.refund_requested",
        json!({"refund": refund, "amount": eur(amount), "reason": "return", "destination": destination}),
    )
}

fn refund(step: &'static str) -> Event {
    match step {
        "order.refund_failed" => (step, json!({"refund": "R", "failure": "x"})),
        "order.refund_rejected" | "order.refund_reversed" => (step, json!({"refund": "R", "reason": "other"})),
        _ => (step, json!({"refund": "R"})),
    }
}

fn approved() -> Vec<Event> {
    with(order(), &[refund("order.refund_approved")])
}

/// A credit for the refund, as a producer writes it.
fn credited(amount: &str) -> Event {
    (
        "wallet.credited",
        json!({"amount": eur(amount), "kind": "refund", "refund": "R", "order": "O-1"}),
    )
}

fn reversed(event: &str, amount: &str) -> Event {
    (
        "wallet.entry_reversed",
        json!({"reverses": event, "amount": eur(amount), "reason": "other"}),
    )
}

fn credit(amount: &str) -> Action {
    Action::CreditWallet {
        wallet: id("W-1"),
        amount: money(amount),
    }
}

fn debit(amount: &str) -> Action {
    Action::DebitWallet {
        wallet: id("W-1"),
        amount: money(amount),
    }
}

fn reverse(event: &str, amount: Option<&str>) -> Action {
    Action::ReverseEntry {
        wallet: id("W-1"),
        event: event.into(),
        amount: amount.map(money),
    }
}

fn release(hold: &str) -> Action {
    Action::ReleaseHold {
        wallet: id("W-1"),
        hold: hold.into(),
    }
}

fn settle() -> Action {
    Action::SettleRefund {
        order: id("O-1"),
        refund: "R".into(),
    }
}

fn retry() -> Action {
    Action::RetryRefund {
        order: id("O-1"),
        refund: "R".into(),
    }
}

fn cancel() -> Action {
    Action::CancelRefund {
        order: id("O-1"),
        refund: "R".into(),
    }
}

fn reject() -> Action {
    Action::RejectRefund {
        order: id("O-1"),
        refund: "R".into(),
    }
}

fn approve() -> Action {
    Action::ApproveRefund {
        order: id("O-1"),
        refund: "R".into(),
    }
}

mod orders;
mod wallets;
