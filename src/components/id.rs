//! Ids as links. Long ones are cut by the style sheet, never by the text, so that what is copied is the whole id.

use leptos::prelude::*;

use super::{href, icon::Icon};
use crate::domain::{
    ids::{Domain, EntityId, Position},
    wallet::Party,
};

/// A wallet or an order by its id.
#[component]
pub fn EntityLink(domain: Domain, #[prop(into)] id: String) -> impl IntoView {
    id_link(href::entity(domain, &id), id)
}

#[component]
pub fn WalletLink(#[prop(into)] id: String) -> impl IntoView {
    id_link(href::wallet(&id), id)
}

#[component]
pub fn OrderLink(#[prop(into)] id: String) -> impl IntoView {
    id_link(href::order(&id), id)
}

/// A refund; give its order wherever it is known, because other orders may use the same refund id.
#[component]
pub fn RefundLink(
    #[prop(into)] refund: String,
    #[prop(optional_no_strip, into)] order: Option<String>,
) -> impl IntoView {
    id_link(href::refund(&refund, order.as_deref()), refund)
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
    view! {
        <code class="id" title=text.clone()>
            {text.clone()}
        </code>
    }
    .into_any()
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

/// A person or company: the name where there is one, the id beside it.
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
                <code class="id party-id">{id}</code>
            </span>
        }
        .into_any(),
        None => view! { <Code text=id /> }.into_any(),
    }
}

fn id_link(href: String, id: String) -> AnyView {
    // The router decodes a part of the path before it pushes it to the history, where a percent sign would then be read
    // a second time; the browser itself does not.
    let rel = id.contains('%').then_some("external");
    view! {
        <a class="id id-link" href=href rel=rel title=id.clone()>
            {id.clone()}
        </a>
    }
    .into_any()
}
