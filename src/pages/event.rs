//! Event: being written.

use leptos::prelude::*;

#[component]
pub fn EventPage() -> impl IntoView {
    view! { <h1>"Event"</h1> }
}
