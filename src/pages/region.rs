//! Regions of a page. A region shows the answer of a server function, or its error. Each region fails alone: the rest of
//! the page stays usable. Only the server renders pages, so a region awaits its answer once and is never updated.

use chrono::{DateTime, Utc};
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use leptos::prelude::*;

use super::{address::here, status::set_page_status};
use crate::{
    api::ApiError,
    components::{notice::Problem, time::Time, words::sentence},
    views::href,
};

/// The answer to one call of a server function, for several parts of a page. Clones share the call.
pub type SharedAnswer<T> = Shared<BoxFuture<'static, Result<T, ApiError>>>;

/// Makes a [`SharedAnswer`] of a call.
pub fn shared<T: Clone>(answer: impl Future<Output = Result<T, ApiError>> + Send + 'static) -> SharedAnswer<T> {
    answer.boxed().shared()
}

/// Shows `answer`, or its error. The text of the error names the answer by `what`, such as `refunds`.
pub fn region<T: 'static>(
    answer: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    what: &'static str,
    show: impl FnOnce(T) -> AnyView + Send + 'static,
) -> AnyView {
    answered(answer, what, false, show)
}

/// A region that is the whole page. The title of an error is then the page's heading.
pub fn whole_page<T: 'static>(
    answer: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    what: &'static str,
    show: impl FnOnce(T) -> AnyView + Send + 'static,
) -> AnyView {
    answered(answer, what, true, show)
}

fn answered<T: 'static>(
    answer: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    what: &'static str,
    heading: bool,
    show: impl FnOnce(T) -> AnyView + Send + 'static,
) -> AnyView {
    let body = part(answer, move |answer| match answer {
        Ok(answer) => show(answer),
        Err(error) => problem(error, what, heading),
    });
    view! { <div class="region">{body}</div> }.into_any()
}

/// A part of a page that `show` also makes of an error. Another region of the page says what failed.
pub fn part<T: 'static>(
    answer: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    show: impl FnOnce(Result<T, ApiError>) -> AnyView + Send + 'static,
) -> AnyView {
    Suspend::new(async move { show(answer.await) }).into_any()
}

/// The time of the answer, for the head of a page. Empty if the call failed.
pub fn as_of<T: 'static, N: Into<Option<DateTime<Utc>>> + 'static>(
    answer: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    now: fn(&T) -> N,
) -> AnyView {
    let time = part(answer, move |answer| {
        let now = answer.ok().and_then(|answer| now(&answer).into());
        now.map(|now| view! { "As of " <Time at=now /> " UTC" }).into_any()
    });
    view! { <p class="aside">{time}</p> }.into_any()
}

/// Says why the call failed, what still works and what to do, and sets the HTTP status of the page. The title is the
/// page's heading if `heading` is set.
fn problem(error: ApiError, what: &'static str, heading: bool) -> AnyView {
    set_page_status(error.status());
    let again = || view! { <p><a class="button" href=here() rel="external">"Try again"</a></p> };
    let (title, text) = match error {
        ApiError::NotFound { filtered: true, .. } => (
            sentence(&error.to_string()),
            view! {
                <p>"It did not exist yet at the chosen moment. Choose a later moment, or remove the filter."</p>
            }
            .into_any(),
        ),
        ApiError::NotFound { .. } => (
            sentence(&error.to_string()),
            view! {
                <p>"Ids are case-sensitive. A new event can take a moment to appear."</p>
                <p>
                    <a class="button" href=href::SEARCH>"Search"</a>
                </p>
            }
            .into_any(),
        ),
        ApiError::Invalid { message } => (
            "Invalid request".to_owned(),
            view! { <p>{sentence(&message)}"."</p> }.into_any(),
        ),
        ApiError::StoreDown { domain } => (
            format!("The {domain} store does not answer"),
            view! {
                <p>"This page reads from that store. Lists and totals still show the last known figures."</p>
                {again()}
            }
            .into_any(),
        ),
        ApiError::ReadModel { message } => (
            "Lists and totals can't be shown".to_owned(),
            view! {
                <p>{sentence(&message)}"."</p>
                <p>"The pages of single wallets, orders and events still work."</p>
                {again()}
            }
            .into_any(),
        ),
        ApiError::SignedOut => (
            "You are signed out".to_owned(),
            view! {
                <p>"Sign in, and you come back to this page."</p>
                <p>
                    <a class="button is-main" href=href::sign_in(&here()) rel="external">
                        "Sign in"
                    </a>
                </p>
            }
            .into_any(),
        ),
        ApiError::Forbidden => (
            "Your role does not show this".to_owned(),
            view! { <p>"An administrator can change your role."</p> }.into_any(),
        ),
        ApiError::Field { .. }
        | ApiError::NoMatch { .. }
        | ApiError::Moved
        | ApiError::FormExpired
        | ApiError::Refused { .. }
        | ApiError::TooMany { .. }
        | ApiError::Unrecorded
        | ApiError::Unreachable
        | ApiError::OutcomeUnknown { .. } => (
            format!("The {what} could not be shown"),
            view! {
                <p>{sentence(&error.to_string())}"."</p>
                {again()}
            }
            .into_any(),
        ),
        ApiError::Internal => (
            format!("The {what} could not be shown"),
            view! {
                <p>"An internal error occurred. The server's log has the details."</p>
                {again()}
            }
            .into_any(),
        ),
    };
    view! { <Problem title heading>{text}</Problem> }.into_any()
}
