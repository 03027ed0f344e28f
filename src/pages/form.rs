//! Forms that ask: ordinary GET forms, which a live page turns into a change of address without what was left blank.
//! The address is the one that links to the same view have, so that the same question has one address.

use leptos::{
    ev,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Event, FormData, HtmlFormElement, UrlSearchParams},
};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// A form whose fields are the query of `action`.
#[component]
pub fn AskForm(
    #[prop(into)] action: String,
    /// The address for what the fields say, as a raw query.
    address: impl Fn(&str) -> String + 'static,
    /// Ticking and choosing takes effect at once; a line of text when it is left.
    #[prop(optional)]
    at_once: bool,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let navigate = use_navigate();
    let ask = move |event: ev::SubmitEvent| {
        if let Some(search) = form_of(&event).and_then(|form| fields_of(&form)) {
            event.prevent_default();
            let stay = NavigateOptions {
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&address(&search), stay);
        }
    };
    let change = move |event: ev::Event| {
        if let Some(form) = form_of(&event).filter(|_| at_once) {
            // Refused only for a form that is not in a document.
            let _ = form.request_submit();
        }
    };
    view! {
        <form method="get" action=action class=class on:submit=ask on:change=change>
            {children()}
        </form>
    }
    .into_any()
}

fn form_of(event: &Event) -> Option<HtmlFormElement> {
    event.current_target()?.dyn_into().ok()
}

/// What the form would send.
fn fields_of(form: &HtmlFormElement) -> Option<String> {
    let fields = FormData::new_with_form(form).ok()?;
    let query = UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
    query.to_string().as_string()
}
