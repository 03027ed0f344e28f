//! The page for an address that nobody has, with a way on from there.

use leptos::prelude::*;
use leptos_meta::Title;

use super::status::set_page_status;

/// Rendered by the router when no route matches.
#[component]
pub fn NotFound() -> impl IntoView {
    set_page_status(404);
    view! {
        <Title text="Not found" />
        <h1>"There is no such page"</h1>
        <p>
            <a href="/">"Back to the start"</a>
        </p>
    }
}
