//! Sums per currency. Amounts of different currencies are listed, never added.

use leptos::prelude::*;

use super::{badge::Nothing, money::Money};
use crate::views::lists::Sum;

/// One line a currency, aligned; a dash if there are no sums.
#[component]
pub fn Sums(
    sums: Vec<Sum>,
    /// Also shows the number of amounts in each sum.
    #[prop(optional)]
    counts: bool,
) -> impl IntoView {
    if sums.is_empty() {
        return view! { <Nothing /> }.into_any();
    }
    let lines = sums
        .into_iter()
        .map(|sum| {
            let count = counts.then(|| view! { <span class="sums-count">{format!("{} ×", sum.count)}</span> });
            view! {
                <li>
                    {count}
                    <Money amount=sum.amount currency=sum.currency />
                </li>
            }
        })
        .collect_view();
    view! { <ul class="sums">{lines}</ul> }.into_any()
}
