//! The first page.

use leptos::prelude::*;
use leptos_meta::Title;

/// Counts clicks in the browser.
#[component]
pub fn Home() -> impl IntoView {
    let clicks = RwSignal::new(0_u32);
    view! {
        <Title text="Ledgerscope" />
        <h1>"Ledgerscope"</h1>
        <button on:click=move |_| clicks.update(|n| *n += 1)>"Clicked " {clicks} " times"</button>
    }
}
