//! Forms that change something: how one is sent, and what a reader is told when it was not taken. Without a script the
//! browser comes back to the page with the error in the address; a page reads it from there, so both ways look the same.

use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_location;

use crate::{
    api::ApiError,
    components::{input::FormProblem, words::sentence},
    domain::form::Field,
    views::{
        href,
        query::{SENT_ERROR, SENT_PATH, value_of},
    },
};

/// Characters of a message that came back in the address that are repeated at most: anybody can write an address.
const MESSAGE_MAX: usize = 300;

/// The sending of a form. Starts with the error that the address came back with, if it is this form's.
pub fn sent<S>() -> ServerAction<S>
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let search = use_location().search.get_untracked();
    if let (Some(path), Some(error)) = (value_of(&search, SENT_PATH), value_of(&search, SENT_ERROR)) {
        provide_context(ServerActionError::new(&path, &error));
    }
    ServerAction::new()
}

/// Why a form was not taken; `None` while nothing was sent and where it was.
pub fn failure<S>(action: ServerAction<S>) -> Signal<Option<ApiError>>
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || value.with(|value| value.as_ref().and_then(|value| value.as_ref().err().cloned())))
}

/// What is wrong with one field, of those that a form says.
pub fn mistake(failure: Signal<Option<ApiError>>, field: Field) -> Signal<Option<String>> {
    Signal::derive(move || {
        failure.with(|failure| match failure {
            Some(ApiError::Field { error }) if error.field == field => Some(sentence(&shortened(&error.message))),
            _ => None,
        })
    })
}

/// The address of this page without what came back in it, and the way to sign in and return.
pub fn here() -> String {
    let location = use_location();
    let search = location.search.get_untracked();
    let kept: Vec<_> = search
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && name != SENT_PATH && name != SENT_ERROR
        })
        .collect();
    let path = location.pathname.get_untracked();
    if kept.is_empty() {
        path
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

/// Says why a form was not taken and what to do next. Fields say their own mistakes besides.
#[component]
pub fn SendProblem(
    failure: Signal<Option<ApiError>>,
    /// What did not happen: `Nothing was issued`.
    nothing: &'static str,
    /// The id that a field has on this page, to lead to it.
    #[prop(optional)]
    field_id: Option<fn(Field) -> Option<&'static str>>,
) -> impl IntoView {
    move || {
        let error = failure.get()?;
        let (title, text) = error_text(&error, nothing, field_id);
        Some(view! { <FormProblem title>{text}</FormProblem> })
    }
}

fn error_text(
    error: &ApiError,
    nothing: &'static str,
    field_id: Option<fn(Field) -> Option<&'static str>>,
) -> (String, AnyView) {
    let here = here();
    let sentence_of = |text: &str| format!("{}.", sentence(&shortened(text)));
    let plain = |text: String| view! { <p>{text}</p> }.into_any();
    match error {
        ApiError::Field { error } => {
            let text = sentence_of(&error.message);
            let text = match field_id.and_then(|id| id(error.field)) {
                Some(id) => view! { <p><a href=format!("#{id}") rel="external">{text}</a></p> }.into_any(),
                None => plain(text),
            };
            (nothing.to_owned(), text)
        }
        ApiError::NoMatch { .. } => (
            "No match".to_owned(),
            plain(
                "Check that the name is whole and spelled as the customer spells it, and check the other fields. Days are of UTC."
                    .to_owned(),
            ),
        ),
        ApiError::TooMany { seconds } => (
            nothing.to_owned(),
            plain(format!("Too many tries. Try again in {}.", waiting_time(*seconds))),
        ),
        ApiError::Moved => (
            "Something was appended since you looked".to_owned(),
            plain(format!(
                "{nothing}. Look at what changed and at the new preview below, and decide again."
            )),
        ),
        ApiError::SignedOut => (
            "Your session has ended".to_owned(),
            view! {
                <p>{nothing} ". What you typed is kept, except for passwords."</p>
                <p>
                    <a class="button" href=href::sign_in(&here) rel="external">
                        "Sign in and come back here"
                    </a>
                </p>
            }
            .into_any(),
        ),
        ApiError::FormExpired => (
            "This form is no longer valid".to_owned(),
            view! {
                <p>{nothing} ". It was open before you last signed in. Load it again; what you typed is kept."</p>
                <p>
                    <a class="button" href=here rel="external">
                        "Load it again"
                    </a>
                </p>
            }
            .into_any(),
        ),
        ApiError::OutcomeUnknown { case } => (
            "It is not known yet whether it happened".to_owned(),
            view! {
                <p>"The store stopped answering. Do not repeat it: the case is open, and will be finished or refused."</p>
                <p>
                    <a class="button" href=href::compensation(case.as_str()) rel="external">
                        "To the case"
                    </a>
                </p>
            }
            .into_any(),
        ),
        ApiError::Unreachable => (
            "The server can't be reached".to_owned(),
            plain("Check the connection and send the form again. Sending it twice does nothing twice.".to_owned()),
        ),
        other => (nothing.to_owned(), plain(sentence_of(&other.to_string()))),
    }
}

/// `45 s`, or whole minutes where it is longer than two.
fn waiting_time(seconds: u64) -> String {
    if seconds <= 120 {
        format!("{seconds} s")
    } else {
        format!("{} minutes", seconds.div_ceil(60))
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MESSAGE_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(MESSAGE_MAX).collect();
    format!("{start}…")
}
