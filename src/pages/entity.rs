//! What the pages of a wallet and of an order have in common: the same query in the address, the same head, the same form
//! to go to another moment. What differs stands in the pages themselves.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    address::{param, search},
    form::AskForm,
};
use crate::{
    api::ApiError,
    components::{
        notice::Ignored,
        time_travel::{AsOf, MomentFields, Neighbours},
    },
    domain::{
        ids::{Domain, EntityId, Sequence},
        replay::Filter,
    },
    views::{
        href,
        query::{Parsed, timeline_href, timeline_query},
        timelines::TimelineQuery,
    },
};

/// Characters of an id from the address that are repeated to the reader at most.
const ID_SHOWN_MAX: usize = 80;

/// What the address of such a page names.
pub struct Address {
    pub domain: Domain,
    /// As it is written there. It may be no valid id.
    pub id: String,
    pub parsed: Parsed<TimelineQuery>,
}

impl Address {
    /// Reads the current address; `id` is the name of the route's parameter.
    pub fn current(domain: Domain) -> Self {
        Self {
            domain,
            id: param("id"),
            parsed: timeline_query(&search()),
        }
    }

    /// The topic of live changes. `None` for a moment of the past, which does not change.
    pub fn topic(&self) -> Option<String> {
        let is_now = self.parsed.query.filter.is_empty();
        is_now.then(|| format!("{}:{}", self.domain, self.id))
    }
}

/// Checks an id from an address. What is no id names nothing that exists.
pub fn entity_id(domain: Domain, text: &str) -> Result<EntityId, ApiError> {
    EntityId::new(text).map_err(|_| ApiError::NotFound {
        what: format!("{domain} '{}'", text.chars().take(ID_SHOWN_MAX).collect::<String>()),
        filtered: false,
    })
}

/// The page's heading, what of the address was not understood, and whether it is about now.
#[component]
pub fn EntityHead(address: Address) -> impl IntoView {
    let Address { domain, id, parsed } = address;
    let TimelineQuery {
        filter, oldest_first, ..
    } = parsed.query;
    let here = TimelineQuery {
        oldest_first,
        page: 1,
        ..TimelineQuery::default()
    };
    let now = timeline_href(&href::entity(domain, &id), &here);
    let (word, list) = match domain {
        Domain::Wallet => ("Wallet", href::WALLETS),
        Domain::Order => ("Order", href::ORDERS),
    };
    view! {
        <Title text=format!("{word} {id}") />
        <header class="page-head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li>
                        <a href=list>{format!("{word}s")}</a>
                    </li>
                </ol>
            </nav>
            <h1>
                {word} " "
                <span class="id">{id}</span>
            </h1>
        </header>
        <Ignored notes=parsed.ignored />
        <AsOf filter now />
    }
    .into_any()
}

/// Ways to another moment that need no script: one event earlier or later, or a form.
#[component]
pub fn OtherMoments(
    /// The page's address without a query.
    base: String,
    query: TimelineQuery,
    sequence: Sequence,
    last: Sequence,
) -> impl IntoView {
    let there = {
        let base = base.clone();
        move |filter: Filter| {
            timeline_href(
                &base,
                &TimelineQuery {
                    filter,
                    page: 1,
                    ..query
                },
            )
        }
    };
    let address = {
        let base = base.clone();
        move |search: &str| timeline_href(&base, &timeline_query(search).query)
    };
    view! {
        <div class="other-moments">
            <Neighbours sequence last href=there />
            <details class="moment" open=!query.filter.is_empty()>
                <summary>"Go to an exact moment"</summary>
                // Going on from a moment replaces it, so that one step back leads out of the past.
                <AskForm action=base class="filters" address=address replace=!query.filter.is_empty()>
                    <MomentFields query />
                </AskForm>
            </details>
        </div>
    }
    .into_any()
}
