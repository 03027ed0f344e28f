//! A part of a page that shows what a server function answers, or why there is no answer. Each region fails alone; what
//! stands around it stays usable.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::status::set_page_status;
use crate::{
    api::ApiError,
    components::{
        notice::{Loading, Problem},
        time::Time,
        words::sentence,
    },
    views::href,
};

/// Shows `answer` once it is there. `what` is what is awaited: `refunds`.
pub fn region<T>(
    answer: Resource<Result<T, ApiError>>,
    what: &'static str,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    waiting(answer, what, false, show)
}

/// A region that is its whole page: where there is no answer, saying so is the page's heading.
pub fn whole_page<T>(
    answer: Resource<Result<T, ApiError>>,
    what: &'static str,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    waiting(answer, what, true, show)
}

fn waiting<T>(
    answer: Resource<Result<T, ApiError>>,
    what: &'static str,
    heading: bool,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    let body = move || {
        let show = show.clone();
        Suspend::new(async move {
            match answer.await {
                Ok(answer) => show(answer),
                Err(error) => problem(error, what, heading),
            }
        })
    };
    view! {
        <div class="region">
            <Suspense fallback=move || view! { <Loading what /> }>{body}</Suspense>
        </div>
    }
    .into_any()
}

/// The moment that an answer's ages are counted to, for a page's head; nothing while there is none.
pub fn as_of<T, N>(answer: Resource<Result<T, ApiError>>, now: fn(&T) -> N) -> AnyView
where
    T: Clone + Send + Sync + 'static,
    N: Into<Option<DateTime<Utc>>> + 'static,
{
    view! {
        <p class="aside">
            <Suspense>
                {move || Suspend::new(async move {
                    let now = answer.await.ok().and_then(|answer| now(&answer).into());
                    now.map(|now| view! { "As of " <Time at=now /> " UTC" })
                })}
            </Suspense>
        </p>
    }
    .into_any()
}

/// Why there is no answer, what still works, and a way on; as the page's `heading` or below one. Also gives the page its
/// HTTP status.
fn problem(error: ApiError, what: &'static str, heading: bool) -> AnyView {
    set_page_status(error.status());
    let location = use_location();
    let here = move || {
        let search = location.search.get();
        let mark = if search.is_empty() { "" } else { "?" };
        format!("{}{mark}{search}", location.pathname.get())
    };
    let again = move || view! { <p><a class="button" href=here() rel="external">"Try again"</a></p> };
    let (title, text) = match error {
        ApiError::NotFound { filtered: true, .. } => (
            sentence(&error.to_string()),
            view! {
                <p>"It was not there yet at the moment that the address asks for. Choose a later one, or leave the filter out."</p>
            }
            .into_any(),
        ),
        ApiError::NotFound { .. } => (
            sentence(&error.to_string()),
            view! {
                <p>"Ids are case-sensitive. If it was written only just now, the ledger may learn of it in a moment."</p>
                <p>
                    <a class="button" href=href::SEARCH>"Search"</a>
                </p>
            }
            .into_any(),
        ),
        ApiError::Invalid { message } => (
            "That can't be asked".to_owned(),
            view! { <p>{sentence(&message)}"."</p> }.into_any(),
        ),
        ApiError::StoreDown { domain } => (
            format!("The {domain} store is not answering"),
            view! {
                <p>"This has to be read from it. Lists and totals go on with the figures that are known."</p>
                {again}
            }
            .into_any(),
        ),
        ApiError::ReadModel { message } => (
            "Lists and totals can't be shown".to_owned(),
            view! {
                <p>{sentence(&message)}"."</p>
                <p>"Pages of a wallet, an order or an event do not need them."</p>
                {again}
            }
            .into_any(),
        ),
        ApiError::SignedOut => (
            "You are signed out".to_owned(),
            view! {
                <p>"Sign in, and you come back to this page."</p>
                <p>
                    <a class="button is-main" href=move || href::sign_in(&here()) rel="external">
                        "Sign in"
                    </a>
                </p>
            }
            .into_any(),
        ),
        ApiError::Forbidden => (
            "Your role does not show this".to_owned(),
            view! { <p>"Who does what here is decided by the administrators."</p> }.into_any(),
        ),
        ApiError::Field { .. }
        | ApiError::NoMatch { .. }
        | ApiError::Moved
        | ApiError::FormExpired
        | ApiError::Refused { .. }
        | ApiError::TooMany { .. }
        | ApiError::Unrecorded
        | ApiError::OutcomeUnknown { .. } => (
            format!("The {what} could not be shown"),
            view! {
                <p>{sentence(&error.to_string())}"."</p>
                {again}
            }
            .into_any(),
        ),
        ApiError::Internal => (
            format!("The {what} could not be shown"),
            view! {
                <p>"Something went wrong on the server; its log says what."</p>
                {again}
            }
            .into_any(),
        ),
        ApiError::Unreachable => (
            "The server can't be reached".to_owned(),
            view! {
                <p>"Check the connection. What is on the page is as it was when it was last loaded."</p>
                {again}
            }
            .into_any(),
        ),
    };
    view! { <Problem title heading>{text}</Problem> }.into_any()
}
