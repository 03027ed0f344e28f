//! Common parts of the pages of a wallet and of an order: the address, the head, and the form that leads to another moment.

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

/// The most characters of an invalid id from the address that the page shows.
const ID_SHOWN_MAX: usize = 80;

/// The address of a page of a wallet or an order.
pub struct Address {
    pub domain: Domain,
    /// The id as it is in the address. It may be invalid.
    pub id: String,
    pub parsed: Parsed<TimelineQuery>,
}

impl Address {
    /// Reads the current address. The route's parameter has to be `id`.
    pub fn current(domain: Domain) -> Self {
        Self {
            domain,
            id: param("id"),
            parsed: timeline_query(&search()),
        }
    }

    /// The topic of live changes, such as `wallet:W-1`. `None` for a moment of the past, which does not change.
    pub fn topic(&self) -> Option<String> {
        let is_now = self.parsed.query.filter.is_empty();
        is_now.then(|| format!("{}:{}", self.domain, self.id))
    }
}

/// Checks an id from an address. The error for an invalid id is `NotFound`.
pub fn entity_id(domain: Domain, text: &str) -> Result<EntityId, ApiError> {
    EntityId::new(text).map_err(|_| ApiError::NotFound {
        what: format!("{domain} '{}'", text.chars().take(ID_SHOWN_MAX).collect::<String>()),
        filtered: false,
    })
}

/// The page's heading, the ignored parts of the address, and the moment that the page shows.
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

/// Links to the previous and next event, and a form for an exact moment. They work without scripts.
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
                // Another moment of the past replaces this one in the history, so that one step back leads to the present.
                <AskForm action=base class="filters" address=address replace=!query.filter.is_empty()>
                    <MomentFields query />
                </AskForm>
            </details>
        </div>
    }
    .into_any()
}
