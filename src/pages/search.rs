//! Search.

use leptos::prelude::*;

#[component]
pub fn SearchPage() -> impl IntoView {
    view! { <h1>"Search"</h1> }
}
