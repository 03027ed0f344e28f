//! Wallets: being written.

use leptos::prelude::*;

#[component]
pub fn WalletsPage() -> impl IntoView {
    view! { <h1>"Wallets"</h1> }
}
