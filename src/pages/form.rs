//! Forms that ask: ordinary GET forms. Where scripts run, `public/page.js` takes them over and leaves out what is blank; the
//! address is then the one that links to the same view have, so that the same question has one address.

use leptos::prelude::*;

use super::address::{path, search};

/// A form whose fields are the query of `action`.
#[component]
pub fn AskForm(
    #[prop(into)] action: String,
    /// The address for what the fields say, from a raw query.
    address: impl Fn(&str) -> String + 'static,
    /// Ticking and choosing takes effect at once; a line of text when it is left.
    #[prop(optional)]
    at_once: bool,
    /// The answer takes the place of this page in the history.
    #[prop(optional)]
    replace: bool,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let asked_here = path() == action;
    // What this page was asked with, in as few words as possible.
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
