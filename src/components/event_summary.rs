//! The summary of an event in one line: its title, its amount and further facts, read from its payload. An event that
//! can't be parsed has a title from its type and nothing else; the event's page shows all of it.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use maud::{Markup, html};
use rust_decimal::Decimal;

use super::{
    case::{is_case_id, with_case_links},
    id::{code, order_link, refund_link, wallet_link},
    markup::written,
    money::money,
    reason::{destination, reason},
    time::{Fineness, time},
    words::{event_title, sentence},
};
use crate::domain::{
    event::Entry,
    ids::{Domain, EntityId},
    money::{Currency, Money},
    order::{OrderEvent, RefundStep},
    refund::{Destination, Reason},
    wallet::{Party, WalletEvent},
};

/// The summary of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub title: String,
    pub amount: Option<SummaryAmount>,
    pub facts: Vec<Fact>,
}

/// The amount of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SummaryAmount {
    pub amount: Decimal,
    pub currency: Currency,
    /// The amount changes the posted balance, so its sign is shown.
    pub signed: bool,
}

/// A fact of a summary.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Text(&'static str, String),
    /// An id or a code from another system.
    Code(&'static str, String),
    Quote(String),
    Moment(&'static str, DateTime<Utc>),
    Party(&'static str, Party),
    Wallet(String),
    Order(String),
    /// The refund, and its order if the event names it.
    Refund(String, Option<String>),
    Reason(Reason),
    Destination(Destination),
}

impl Fact {
    /// The actor of an event, if it has one.
    pub fn by(entry: &Entry) -> Option<Self> {
        let actor = entry.fields.actor()?;
        Some(Self::Text("by", actor.to_owned()))
    }
}

/// Summarises an entry. Never fails.
pub fn summary(entry: &Entry) -> Summary {
    let r#type = entry.fields.r#type().unwrap_or_default();
    let data = entry.fields.data();
    let mut summary = Summary {
        title: if r#type.is_empty() {
            "Event without a type".to_owned()
        } else {
            event_title(r#type)
        },
        amount: None,
        facts: Vec::new(),
    };
    if r#type.starts_with("wallet.") {
        if let Ok(event) = WalletEvent::parse(r#type, data) {
            summary.add_wallet_event(event);
        }
    } else if let Ok(event) = OrderEvent::parse(r#type, data) {
        summary.add_order_event(event);
    }
    summary
}

impl Summary {
    fn add_wallet_event(&mut self, event: WalletEvent) {
        match event {
            WalletEvent::Opened { owner, currency } => {
                self.facts.push(Fact::Party("for", owner));
                self.facts.push(Fact::Text("in", currency.into()));
            }
            WalletEvent::Credited {
                amount,
                kind,
                order,
                refund,
                reference,
                note,
            } => {
                self.posts(amount, false);
                self.facts.push(Fact::Text("", sentence(kind.as_str())));
                self.add(refund.map(|refund| Fact::Refund(refund, order.clone())));
                self.add(order.map(Fact::Order));
                self.texts(reference, note);
            }
            WalletEvent::Debited {
                amount,
                kind,
                order,
                reference,
                note,
            } => {
                self.posts(amount, true);
                self.facts.push(Fact::Text("", sentence(kind.as_str())));
                self.add(order.map(Fact::Order));
                self.texts(reference, note);
            }
            WalletEvent::Held {
                hold,
                amount,
                order,
                expires_at,
            } => {
                self.is_over(amount);
                self.facts.push(Fact::Code("hold", hold));
                self.add(order.map(Fact::Order));
                self.add(expires_at.map(|at| Fact::Moment("expires", at)));
            }
            WalletEvent::HoldCaptured { hold, amount } => {
                self.posts(amount, true);
                self.facts.push(Fact::Code("hold", hold));
            }
            WalletEvent::HoldReleased { hold } | WalletEvent::HoldExpired { hold } => {
                self.facts.push(Fact::Code("hold", hold));
            }
            WalletEvent::EntryReversed {
                reverses,
                amount,
                reason,
                note,
            } => {
                self.is_over(amount);
                self.facts.push(Fact::Code("of event", reverses));
                self.facts.push(Fact::Reason(reason.into()));
                self.texts(None, note);
            }
            WalletEvent::Frozen { reason } => self.facts.push(Fact::Reason(reason.into())),
            WalletEvent::Unfrozen | WalletEvent::Closed => {}
        }
    }

    fn add_order_event(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::Placed {
                wallet,
                customer,
                total,
                ..
            } => {
                self.is_over(total);
                self.add(customer.map(|customer| Fact::Party("for", customer)));
                self.add(wallet.map(Fact::Wallet));
            }
            OrderEvent::Paid {
                payment,
                amount,
                method,
            } => {
                self.is_over(amount);
                self.facts
                    .push(Fact::Text("by", sentence(method.as_str()).to_lowercase()));
                self.facts.push(Fact::Code("payment", payment));
            }
            OrderEvent::Shipped { reference } | OrderEvent::Delivered { reference } => self.texts(reference, None),
            OrderEvent::Cancelled { reason } => self.add(reason.map(|reason| Fact::Reason(reason.into()))),
            OrderEvent::RefundRequested {
                refund,
                amount,
                reason,
                destination,
                note,
                ..
            } => {
                self.is_over(amount);
                self.facts.push(Fact::Refund(refund, None));
                self.facts.push(Fact::Reason(reason));
                self.facts.push(Fact::Destination(destination));
                self.texts(None, note);
            }
            OrderEvent::Refund(step) => self.add_step(step),
        }
    }

    fn add_step(&mut self, step: RefundStep) {
        self.facts.push(Fact::Refund(step.refund, None));
        self.add(step.reason.map(|reason| Fact::Reason(reason.into())));
        self.add(step.failure.map(|failure| Fact::Code("failure", failure)));
        self.add(step.provider.map(|provider| Fact::Text("at", provider)));
        self.texts(step.reference, step.message);
        self.texts(None, step.note);
    }

    fn add(&mut self, fact: Option<Fact>) {
        self.facts.extend(fact);
    }

    fn texts(&mut self, reference: Option<String>, note: Option<String>) {
        self.add(reference.map(|reference| Fact::Code("reference", reference)));
        self.add(note.filter(|note| !note.trim().is_empty()).map(Fact::Quote));
    }

    /// Sets an amount that changes the posted balance.
    fn posts(&mut self, money: Money, out: bool) {
        let amount = if out { -money.amount() } else { money.amount() };
        self.amount = Some(SummaryAmount {
            amount,
            currency: money.currency(),
            signed: true,
        });
    }

    /// Sets an amount that the event names.
    fn is_over(&mut self, money: Money) {
        self.amount = Some(SummaryAmount {
            amount: money.amount(),
            currency: money.currency(),
            signed: false,
        });
    }
}

/// The amount of a summary, if any.
#[component]
pub fn EventAmount(amount: Option<SummaryAmount>) -> impl IntoView {
    amount.map(|amount| written(event_amount(amount)))
}

/// The amount of a summary as HTML text.
pub fn event_amount(
    SummaryAmount {
        amount,
        currency,
        signed,
    }: SummaryAmount,
) -> Markup {
    money(amount, Some(currency), signed, false)
}

/// The facts of a summary. `subject` is the entity of the event. A fact with the id `here`, which the page is about, is
/// left out.
#[component]
pub fn EventFacts(
    facts: Vec<Fact>,
    domain: Domain,
    subject: EntityId,
    #[prop(optional, into)] here: String,
) -> impl IntoView {
    written(event_facts(&facts, domain, &subject, &here))
}

/// The facts of a summary as HTML text.
pub fn event_facts(facts: &[Fact], domain: Domain, subject: &EntityId, here: &str) -> Markup {
    let is_here = |fact: &Fact| matches!(fact, Fact::Wallet(id) | Fact::Order(id) | Fact::Refund(id, _) if id == here);
    let own_order = (domain == Domain::Order).then(|| subject.as_str());
    html! {
        ul.facts {
            @for fact in facts.iter().filter(|fact| !is_here(fact)) {
                li { (show_fact(fact, own_order)) }
            }
        }
    }
}

fn show_fact(fact: &Fact, own_order: Option<&str>) -> Markup {
    let (label, value) = match fact {
        Fact::Text(label, text) => (*label, with_case_links(text)),
        Fact::Code(label, text) if is_case_id(text) => (*label, with_case_links(text)),
        Fact::Code(label, text) => (*label, code(text)),
        Fact::Quote(text) => ("", html! { q.quote { (with_case_links(text)) } }),
        Fact::Moment(label, at) => (*label, html! { (time(*at, Fineness::Minute)) " UTC" }),
        Fact::Party(label, Party { id, name }) => {
            (*label, html! { span.fact-name { (name.as_deref().unwrap_or(id)) } })
        }
        Fact::Wallet(id) => ("wallet", wallet_link(id)),
        Fact::Order(id) => ("order", order_link(id)),
        Fact::Refund(refund, named) => ("refund", refund_link(refund, named.as_deref().or(own_order))),
        Fact::Reason(of) => ("", reason(of)),
        Fact::Destination(of) => ("to", destination(of)),
    };
    html! {
        @if !label.is_empty() {
            span.fact-label { (label) " " }
        }
        (value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Fields, Known, RawDigest};

    fn entry(r#type: &str, data: &str) -> Entry {
        Entry {
            position: "1-0".parse().unwrap(),
            recorded: "2026-01-01T00:00:00Z".parse().unwrap(),
            fields: Fields::of([(Known::Type, r#type), (Known::Data, data)]),
            digest: RawDigest::default(),
        }
    }

    #[test]
    fn a_credit_names_its_refund_and_order() {
        let data = r#"{"amount":{"amount":"5","currency":"EUR"},"kind":"refund","order":"O-1","refund":"R-1"}"#;
        let summary = summary(&entry("wallet.credited", data));
        assert_eq!(summary.title, "Credited");
        let amount = summary.amount.unwrap();
        assert_eq!((amount.amount.to_string(), amount.signed), ("5.00".to_owned(), true));
        let refund = Fact::Refund("R-1".to_owned(), Some("O-1".to_owned()));
        assert_eq!(summary.facts[1..], [refund, Fact::Order("O-1".to_owned())]);
    }

    #[test]
    fn a_debit_has_a_negative_amount() {
        let data = r#"{"amount":{"amount":"5","currency":"EUR"},"kind":"fee"}"#;
        let amount = summary(&entry("wallet.debited", data)).amount.unwrap();
        assert!(amount.amount.is_sign_negative());
    }

    #[test]
    fn an_event_that_cannot_be_parsed_has_only_a_title() {
        for (kind, title) in [
            ("wallet.credited", "Credited"),
            ("audit.logged", "audit.logged"),
            ("", "Event without a type"),
        ] {
            let summary = summary(&entry(kind, "not JSON"));
            assert_eq!(
                (summary.title.as_str(), summary.amount, summary.facts.len()),
                (title, None, 0)
            );
        }
    }
}
