//! Ids as links. Long ones are cut by the style sheet, not by the text, so that what is copied is the whole id. An id so long
//! that the server truncated it is no link.

use leptos::prelude::*;
use maud::{Markup, html};

use super::{icon::Icon, markup::written};
use crate::{
    domain::{
        ids::{Domain, EntityId, Position},
        wallet::Party,
    },
    views::{href, truncate::is_truncated},
};

/// A wallet or an order by its id.
#[component]
pub fn EntityLink(domain: Domain, #[prop(into)] id: String) -> impl IntoView {
    written(id_link(&href::entity(domain, &id), &id))
}

#[component]
pub fn WalletLink(#[prop(into)] id: String) -> impl IntoView {
    written(wallet_link(&id))
}

#[component]
pub fn OrderLink(#[prop(into)] id: String) -> impl IntoView {
    written(order_link(&id))
}

#[component]
pub fn CustomerLink(#[prop(into)] id: String) -> impl IntoView {
    written(id_link(&href::customer(&id), &id))
}

/// A refund; give its order wherever it is known, because other orders may use the same refund id.
#[component]
pub fn RefundLink(
    #[prop(into)] refund: String,
    #[prop(optional_no_strip, into)] order: Option<String>,
) -> impl IntoView {
    written(refund_link(&refund, order.as_deref()))
}

/// An event by its place; the text is what the children say.
#[component]
pub fn EventLink(domain: Domain, subject: EntityId, position: Position, children: Children) -> impl IntoView {
    view! {
        <a class="event-link" href=href::event(domain, &subject, position)>
            {children()}
        </a>
    }
    .into_any()
}

/// An id that leads nowhere: an event's, a payment's, an actor's.
#[component]
pub fn Code(#[prop(into)] text: String) -> impl IntoView {
    written(code(&text))
}

/// The same as text.
pub fn code(text: &str) -> Markup {
    html! { code.id title=(text) { (text) } }
}

/// Which of the two domains something belongs to: a sign and a word, never colour alone.
#[component]
pub fn DomainTag(domain: Domain) -> impl IntoView {
    let (class, icon, word) = match domain {
        Domain::Wallet => ("domain domain-wallet", Icon::Wallet, "Wallet"),
        Domain::Order => ("domain domain-order", Icon::Order, "Order"),
    };
    view! { <span class=class>{icon.view()} {word}</span> }.into_any()
}

/// A person or company: the name where there is one, the id beside it, which leads to the customer.
#[component]
pub fn PartyName(party: Party) -> impl IntoView {
    let Party { id, name } = party;
    match name.filter(|name| !name.trim().is_empty()) {
        Some(name) => view! {
            <span class="party">
                <span class="party-name" title=name.clone()>
                    {name.clone()}
                </span>
                " "
                <span class="party-id"><CustomerLink id /></span>
            </span>
        }
        .into_any(),
        None => view! { <CustomerLink id /> }.into_any(),
    }
}

/// A wallet, an order and a refund as text.
pub fn wallet_link(id: &str) -> Markup {
    id_link(&href::wallet(id), id)
}

pub fn order_link(id: &str) -> Markup {
    id_link(&href::order(id), id)
}

pub fn refund_link(refund: &str, order: Option<&str>) -> Markup {
    id_link(&href::refund(refund, order), refund)
}

fn id_link(href: &str, id: &str) -> Markup {
    if is_truncated(id) {
        return code(id);
    }
    html! { a.id.id-link href=(href) title=(id) { (id) } }
}
