//! Ids as links. The style sheet shortens long ids, not the text, so that copying gives the whole id. An id that the
//! server truncated is not a link.

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

/// A link to a wallet or an order by its id.
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

/// A link to a refund. Pass its order if it is known, because refunds of different orders may have the same id.
#[component]
pub fn RefundLink(
    #[prop(into)] refund: String,
    #[prop(optional_no_strip, into)] order: Option<String>,
) -> impl IntoView {
    written(refund_link(&refund, order.as_deref()))
}

/// A link to an event by its position. The children are its text.
#[component]
pub fn EventLink(domain: Domain, subject: EntityId, position: Position, children: Children) -> impl IntoView {
    view! {
        <a class="event-link" href=href::event(domain, &subject, position)>
            {children()}
        </a>
    }
    .into_any()
}

/// An id without a page: of an event, a payment or an actor.
#[component]
pub fn Code(#[prop(into)] text: String) -> impl IntoView {
    written(code(&text))
}

/// An id without a page, as HTML text.
pub fn code(text: &str) -> Markup {
    html! { code.id title=(text) { (text) } }
}

/// The domain of an entity: an icon and a word, not only a colour.
#[component]
pub fn DomainTag(domain: Domain) -> impl IntoView {
    let (class, icon, word) = match domain {
        Domain::Wallet => ("domain domain-wallet", Icon::Wallet, "Wallet"),
        Domain::Order => ("domain domain-order", Icon::Order, "Order"),
    };
    view! { <span class=class>{icon.view()} {word}</span> }.into_any()
}

/// A person or company: the name if there is one, and the id as a link to the customer.
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

/// Links to a wallet, an order and a refund as HTML text.
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
