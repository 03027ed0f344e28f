//! What stands around every page: the product's name and the ways to everything that the reader's role may see, who is
//! signed in, the state of the stores, the foot.

mod nav;

use std::time::Duration;

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_location;

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
    pages::{form::AskForm, session::Session},
    views::{
        health::StoreState,
        href,
        lists::SEARCH_MAX,
        operators::Me,
        query::{asked_search_href, value_of},
    },
};

/// How often a page that somebody looks at asks how the stores are.
const AGAIN: Duration = Duration::from_secs(20);
/// While a store is being read.
const AGAIN_WHILE_LOADING: Duration = Duration::from_secs(1);

/// Name, navigation, search, and who it is.
#[component]
pub fn Header() -> impl IntoView {
    let session = Session::current();
    let location = use_location();
    let waiting = Resource::new(
        move || location.pathname.get(),
        move |_| async move {
            if session.can(Act::Approve) {
                count_approvals().await.unwrap_or_default()
            } else {
                0
            }
        },
    );
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
                    <Places role=me.role waiting />
                    {finds.then(|| view! { <Finder /> })}
                    <Who me />
                }
                    .into_any()
            })}
        </header>
    }
    .into_any()
}

/// The places of the navigation; the cases with how many wait for an approval.
#[component]
fn Places(role: Role, waiting: Resource<u32>) -> impl IntoView {
    let location = use_location();
    let places = nav_items_of(role)
        .into_iter()
        .map(|item| {
            let address = item.address(role);
            let current = move || location.pathname.with(|path| relation(path, item));
            let mark = (item == NavItem::Cases && role.can(Act::Approve)).then(|| waiting_mark(waiting));
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
        <nav class="places" aria-label="Main">
            <ul>{places}</ul>
        </nav>
    }
    .into_any()
}

/// How many cases wait for the reader; nothing where none does.
fn waiting_mark(waiting: Resource<u32>) -> AnyView {
    let mark = |count: u32| {
        view! {
            <span class="count-mark">
                <span aria-hidden="true">{count.to_string()}</span>
                <span class="visually-hidden">{format!(", {} waiting", counted(count.into(), "case"))}</span>
            </span>
        }
    };
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let count = waiting.await;
                (count > 0).then(|| mark(count))
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Finder() -> impl IntoView {
    let location = use_location();
    let asked = move || {
        let is_search = location.pathname.with(|path| path == href::SEARCH);
        is_search
            .then(|| location.search.with(|search| value_of(search, "q")))
            .flatten()
            .unwrap_or_default()
    };
    view! {
        <search class="finder">
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

/// Who is signed in, and the way out. An ordinary form, so that nothing of the session stays in the page's memory.
#[component]
fn Who(me: Me) -> impl IntoView {
    let name = me.name.to_string();
    view! {
        <div class="who">
            <p class="who-is">
                <span class="visually-hidden">"Signed in as "</span>
                <span class="who-name" title=name.clone()>
                    {name.clone()}
                </span>
                <span class="who-role">{sentence(me.role.as_str())}</span>
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

/// Says on every page that the people and the money are made up.
#[component]
pub fn DemoBanner() -> impl IntoView {
    let session = Session::current();
    session.show(|me| {
        me.demo
            .then(|| {
                view! {
                    <p class="demo" role="note">
                        <strong>"Demo"</strong>
                        " Made-up operators with printed passwords: not for real money."
                    </p>
                }
            })
            .into_any()
    })
}

/// How the stores are, asked again every so often.
#[component]
pub fn Health() -> impl IntoView {
    let session = Session::current();
    if !session.can(Act::Read) {
        return ().into_any();
    }
    // Where even this can't be asked, the page itself says so.
    let health = Resource::new(|| (), |()| async { get_health().await.unwrap_or_default() });
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let stores = health.await;
                let loading = stores.iter().any(|store| matches!(store.state, StoreState::Loading(_)));
                let again = if loading { AGAIN_WHILE_LOADING } else { AGAIN };
                view! {
                    // Asked from the page that costs least: this one may be long, and looking at it is recorded.
                    <div class="health" id="health" data-again=again.as_secs().to_string() data-from=href::SIGN_IN>
                        <HealthBanner stores />
                    </div>
                }
            })}
        </Suspense>
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
