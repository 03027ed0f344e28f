//! What stands around every page: the product's name and the ways to everything, the state of the stores, the foot.
//! It asks the server only how the stores are.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    api::get_health,
    components::{health::HealthBanner, href, icon::Icon},
    domain::listing::SEARCH_MAX,
    pages::{
        form::AskForm,
        live::every,
        query::{search_href, value_of},
    },
};

/// How often a live page asks how the stores are.
const HEALTH_INTERVAL: Duration = Duration::from_secs(20);

/// The places of the navigation: address and word.
const PLACES: [(&str, &str); 5] = [
    (href::OVERVIEW, "Overview"),
    (href::REFUNDS, "Refunds"),
    (href::WALLETS, "Wallets"),
    (href::ORDERS, "Orders"),
    (href::FINDINGS, "Findings"),
];

/// Name, navigation, search.
#[component]
pub fn Header() -> impl IntoView {
    let location = use_location();
    let places = PLACES
        .into_iter()
        .map(|(address, word)| {
            let current = move || location.pathname.with(|path| relation(path, address));
            view! {
                <li>
                    <a href=address aria-current=current>
                        {word}
                    </a>
                </li>
            }
        })
        .collect_view();
    let asked = move || {
        let is_search = location.pathname.with(|path| path == href::SEARCH);
        is_search
            .then(|| location.search.with(|search| value_of(search, "q")))
            .flatten()
            .unwrap_or_default()
    };
    view! {
        <header class="masthead">
            <a class="brand" href=href::OVERVIEW>
                <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                    <rect width="32" height="32" rx="8" class="brand-ground"></rect>
                    <path d="M8 10h9M8 16h6M8 22h9" class="brand-lines"></path>
                    <path d="M20 9v14M20 12.5h4M20 19.5h4" class="brand-lines is-second"></path>
                </svg>
                <span>"Ledgerscope"</span>
            </a>
            <nav class="places" aria-label="Main">
                <ul>{places}</ul>
            </nav>
            <search class="finder">
                <AskForm action=href::SEARCH address=search_href>
                    <label>
                        <span class="visually-hidden">"Search wallets, orders and refunds"</span>
                        {Icon::Search.view()}
                        <input
                            type="search"
                            name="q"
                            placeholder="Wallet, order, refund, customer …"
                            value=asked
                            prop:value=asked
                            maxlength=SEARCH_MAX.to_string()
                            autocomplete="off"
                            spellcheck="false"
                        />
                    </label>
                    <button class="visually-hidden" type="submit">
                        "Search"
                    </button>
                </AskForm>
            </search>
        </header>
    }
    .into_any()
}

/// What a place of the navigation is to the page that is shown: itself, or where it belongs.
fn relation(path: &str, place: &str) -> Option<&'static str> {
    if path == place {
        return Some("page");
    }
    let below = place != href::OVERVIEW && path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
    below.then_some("true")
}

/// How the stores are, asked again with every change of page and every so often in between.
#[component]
pub fn Health() -> impl IntoView {
    let location = use_location();
    let health = Resource::new(move || location.pathname.get(), |_| get_health());
    every(HEALTH_INTERVAL, move || health.refetch());
    view! {
        <div class="health">
            <Transition>
                {move || Suspend::new(async move {
                    // Where even this can't be asked, the page itself says so.
                    health.await.ok().map(|stores| view! { <HealthBanner stores /> })
                })}
            </Transition>
        </div>
    }
    .into_any()
}

#[component]
pub fn Footer() -> impl IntoView {
    view! {
        <footer class="foot">
            <p>"All times are UTC. Amounts are exact; currencies are never added together."</p>
        </footer>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_navigation_knows_where_a_page_belongs() {
        assert_eq!(relation("/", href::OVERVIEW), Some("page"));
        assert_eq!(relation("/wallets", href::WALLETS), Some("page"));
        assert_eq!(relation("/wallets/W-1", href::WALLETS), Some("true"));
        assert_eq!(relation("/walletsandmore", href::WALLETS), None);
        assert_eq!(relation("/refunds", href::OVERVIEW), None);
    }
}
