//! Wallet: being written.

use leptos::prelude::*;

#[component]
pub fn WalletPage() -> impl IntoView {
    view! { <h1>"Wallet"</h1> }
}
