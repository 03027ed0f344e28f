//! Errors of forms that change something. The server redirects the browser to the page of the form, with the error in the
//! address. `public/page.js` does the same, so that the page is the same with and without scripts.

use leptos::{
    prelude::*,
    server_fn::{ServerFn, error::ServerFnUrlError},
};

use super::address::{here, search};
use crate::{
    api::ApiError,
    components::{input::FormProblem, words::sentence},
    domain::form::Field,
    views::{
        href,
        query::{SENT_ERROR, SENT_PATH, value_of},
    },
};

/// The most characters that are shown of a message from the address, which anybody can write.
const MESSAGE_MAX: usize = 300;

/// Why the form of the server function `S` was not accepted. `None` if it was not sent, or was accepted.
pub fn failure<S>() -> Option<ApiError>
where
    S: ServerFn<Error = ApiError>,
{
    let search = search();
    let path = value_of(&search, SENT_PATH)?;
    let error = value_of(&search, SENT_ERROR)?;
    (path == S::PATH).then(|| ServerFnUrlError::<ApiError>::decode_err(&error))
}

/// The error of one field of a form.
pub fn mistake(failure: Option<&ApiError>, field: Field) -> Option<String> {
    match failure {
        Some(ApiError::Field { error }) if error.field == field => Some(sentence(&shortened(&error.message))),
        _ => None,
    }
}

/// Says why a form was not accepted, and what to do. A field shows its own error as well.
#[component]
pub fn SendProblem(
    failure: Option<ApiError>,
    /// What did not happen, as a sentence without its full stop: `Nothing was issued`.
    nothing: &'static str,
    /// The HTML id of a field on this page. The message links to it.
    #[prop(optional)]
    field_id: Option<fn(Field) -> Option<&'static str>>,
) -> impl IntoView {
    failure.map(|error| {
        let (title, text) = error_text(&error, nothing, field_id);
        view! { <FormProblem title>{text}</FormProblem> }
    })
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
                "Check that the name is whole and spelled as the customer spells it, and check the other fields. Days \
                 are in UTC."
                    .to_owned(),
            ),
        ),
        ApiError::TooMany { seconds } => (
            nothing.to_owned(),
            plain(format!("Too many tries. Try again in {}.", waiting_time(*seconds))),
        ),
        ApiError::Moved => (
            "Events were appended since the preview".to_owned(),
            plain(format!(
                "{nothing}. Check the current figures below, and decide again."
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
                <p>{nothing} ". You have signed in since you opened it. Load the page again. What you typed is kept."</p>
                <p>
                    <a class="button" href=here rel="external">
                        "Load the page again"
                    </a>
                </p>
            }
            .into_any(),
        ),
        ApiError::OutcomeUnknown { case } => (
            "The outcome is not known yet".to_owned(),
            view! {
                <p>"The store stopped answering. The case is open, and will be issued or refused automatically. Do not \
                    repeat it."</p>
                <p>
                    <a class="button" href=href::compensation(case.as_str()) rel="external">
                        "To the case"
                    </a>
                </p>
            }
            .into_any(),
        ),
        other => (nothing.to_owned(), plain(sentence_of(&other.to_string()))),
    }
}

/// The time to wait in words: `45 s` up to 120 seconds, then in minutes, rounded up.
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
