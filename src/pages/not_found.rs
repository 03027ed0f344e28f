//! The page for an unknown address.

use leptos::prelude::*;
use leptos_meta::Title;

use super::status::set_page_status;
use crate::{components::notice::Problem, views::href};

/// Rendered by the router when no route matches.
#[component]
pub fn NotFound() -> impl IntoView {
    set_page_status(404);
    view! {
        <Title text="Not found" />
        <Problem title="There is no such page" heading=true>
            <p>"The address may be mistyped or cut short. Wallets, orders and refunds can be searched for above."</p>
            <p>
                <a class="button" href=href::OVERVIEW>
                    "To the overview"
                </a>
            </p>
        </Problem>
    }
    .into_any()
}
