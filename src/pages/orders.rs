//! Orders: being written.

use leptos::prelude::*;

#[component]
pub fn OrdersPage() -> impl IntoView {
    view! { <h1>"Orders"</h1> }
}
