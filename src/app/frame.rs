//! The frame around every page: name, navigation for the reader's role, search field, the operator who is signed in,
//! the state of the stores, and the footer.

mod nav;

use std::time::Duration;

use leptos::{prelude::*, server_fn::ServerFn};

use self::nav::{NavItem, nav_items_of, relation};
use crate::{
    api::{SignOut, count_approvals, get_health},
    components::{
        health::HealthBanner,
        icon::Icon,
        input::Hidden,
        words::{counted, sentence},
    },
    domain::access::{Act, Role},
    pages::{
        address::{path, search},
        form::AskForm,
        region::part,
        session::Session,
    },
    views::{
        health::StoreState,
        href,
        lists::SEARCH_MAX,
        operators::Me,
        query::{asked_search_href, value_of},
    },
};

/// The interval at which a visible page reads the state of the stores.
const AGAIN: Duration = Duration::from_secs(20);
/// The same interval while a store is being loaded.
const AGAIN_WHILE_LOADING: Duration = Duration::from_secs(1);

/// The header: name, navigation, search field, operator.
#[component]
pub fn Header() -> impl IntoView {
    let session = Session::current();
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
            {session.show(move |me| {
                let finds = me.role.can(Act::Read);
                view! {
                    {places(me.role)}
                    {finds.then(finder)}
                    <Who me />
                }
                    .into_any()
            })}
        </header>
    }
    .into_any()
}

/// The items of the navigation. For approvers, the item of the cases has the number of waiting ones.
fn places(role: Role) -> AnyView {
    let path = path();
    let places = nav_items_of(role)
        .into_iter()
        .map(|item| {
            let address = item.address(role);
            let current = relation(&path, item);
            let mark = (item == NavItem::Cases && role.can(Act::Approve)).then(waiting_mark);
            view! {
                <li>
                    <a href=address aria-current=current>
                        {item.word()}
                        {mark}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="main-nav" aria-label="Main">
            <ul>{places}</ul>
        </nav>
    }
    .into_any()
}

/// The number of cases that wait for the reader's decision; nothing for 0.
fn waiting_mark() -> AnyView {
    let mark = |count: u32| {
        view! {
            <span class="count-mark">
                <span aria-hidden="true">{count.to_string()}</span>
                <span class="visually-hidden">{format!(", {} waiting", counted(count.into(), "case"))}</span>
            </span>
        }
        .into_any()
    };
    part(count_approvals(), move |count| match count {
        Ok(count) if count > 0 => mark(count),
        _ => ().into_any(),
    })
}

/// The search field. On the search page it contains the current text.
fn finder() -> AnyView {
    let is_search = path() == href::SEARCH;
    let asked = is_search
        .then(|| value_of(&search(), "q"))
        .flatten()
        .unwrap_or_default();
    view! {
        <search class="search-form">
            <AskForm action=href::SEARCH address=asked_search_href>
                <label>
                    <span class="visually-hidden">"Search everything"</span>
                    {Icon::Search.view()}
                    <input
                        type="search"
                        name="q"
                        placeholder="Name, amount or any id"
                        value=asked
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
    }
    .into_any()
}

/// The name and role of the operator, and the form to sign out. `data-external` makes it an ordinary form post with a
/// full page load, so that no data of the session stay in the page's memory.
#[component]
fn Who(me: Me) -> impl IntoView {
    let name = me.name.to_string();
    view! {
        <div class="signed-in">
            <p class="signed-in-as">
                <span class="visually-hidden">"Signed in as "</span>
                <span class="operator-name" title=name.clone()>
                    {name.clone()}
                </span>
                <span class="operator-role">{sentence(me.role.as_str())}</span>
            </p>
            <form method="post" action=SignOut::url() data-external="">
                <Hidden name="form_token" value=me.form_token />
                <button class="button is-small" type="submit">
                    "Sign out"
                </button>
            </form>
        </div>
    }
    .into_any()
}

/// The banner of demo operators on every page.
#[component]
pub fn DemoBanner() -> impl IntoView {
    let session = Session::current();
    session.show(|me| {
        me.demo
            .then(|| {
                view! {
                    <p class="demo" role="note">
                        <strong>"Demo"</strong>
                        " The operators' passwords were printed. Do not use this server with real money."
                    </p>
                }
            })
            .into_any()
    })
}

/// The state of the stores, which `page.js` refreshes at an interval.
#[component]
pub fn Health() -> impl IntoView {
    let session = Session::current();
    if !session.can(Act::Read) {
        return ().into_any();
    }
    // An error is not shown here, because the page itself shows one.
    part(get_health(), |stores| {
        let stores = stores.unwrap_or_default();
        let loading = stores.iter().any(|store| matches!(store.state, StoreState::Loading(_)));
        let again = if loading { AGAIN_WHILE_LOADING } else { AGAIN };
        view! {
            // `page.js` refreshes it from the sign-in page, which is short and whose views are not audited.
            <div class="health" id="health" data-refresh-seconds=again.as_secs().to_string() data-refresh-from=href::SIGN_IN>
                <HealthBanner stores />
            </div>
        }
        .into_any()
    })
}

#[component]
pub fn Footer() -> impl IntoView {
    view! {
        <footer class="page-foot">
            <p>"All times are UTC. Amounts are exact; currencies are never added together."</p>
        </footer>
    }
    .into_any()
}
