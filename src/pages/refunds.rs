//! Refunds.

use leptos::prelude::*;

#[component]
pub fn RefundsPage() -> impl IntoView {
    view! { <h1>"Refunds"</h1> }
}
