//! GET forms. With scripts, `public/page.js` submits them without empty fields, and then shows the canonical address, so
//! that one query has one address.

use leptos::prelude::*;

use super::address::{path, search};

/// A form whose fields are the query of `action`.
#[component]
pub fn AskForm(
    #[prop(into)] action: String,
    /// Makes the canonical address of a raw query string.
    address: impl Fn(&str) -> String + 'static,
    /// Scripts submit the form at each change: at once for a choice, and for a text when its field loses the focus.
    #[prop(optional)]
    at_once: bool,
    /// The answer replaces this page in the browser's history.
    #[prop(optional)]
    replace: bool,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let asked_here = path() == action;
    // The canonical address of this page.
    let address = asked_here.then(|| address(&search()));
    view! {
        <form
            method="get"
            action=action
            class=class
            data-address=address
            data-at-once=at_once.then_some("")
            data-replace=replace.then_some("")
        >
            {children()}
        </form>
    }
    .into_any()
}
