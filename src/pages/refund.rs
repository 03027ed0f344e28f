//! Refund.

use leptos::prelude::*;

#[component]
pub fn RefundPage() -> impl IntoView {
    view! { <h1>"Refund"</h1> }
}
