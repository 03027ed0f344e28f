//! Tables: a region of its own that scrolls sideways where it must, so that the page never does, and heads that sort by
//! being links.

use leptos::prelude::*;

use super::icon::Icon;

/// A table with its caption. Children are `thead` and `tbody`.
#[component]
pub fn Table(
    /// Says what the rows are; read out, and shown only if `caption_shown`.
    #[prop(into)]
    caption: String,
    #[prop(optional)] caption_shown: bool,
    /// More classes, such as `folds`: rows become cards where it is narrow, each cell under its `data-label`.
    #[prop(optional)]
    class: &'static str,
    children: Children,
) -> impl IntoView {
    let caption_class = if caption_shown { "" } else { "visually-hidden" };
    view! {
        <div class="table-region" role="region" aria-label=caption.clone() tabindex="0">
            <table class=format!("table {class}")>
                <caption class=caption_class>{caption.clone()}</caption>
                {children()}
            </table>
        </div>
    }
    .into_any()
}

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    Up,
    Down,
}

/// A column's head that sorts by it. `href` is where a click leads: the other way round, if it is sorted by already.
#[component]
pub fn SortHead(
    #[prop(into)] label: String,
    #[prop(into)] href: String,
    sorted: Option<Sorted>,
    /// Set right, as figures are.
    #[prop(optional)]
    figures: bool,
) -> impl IntoView {
    let (word, icon) = match sorted {
        Some(Sorted::Up) => (Some("ascending"), Some(Icon::Up.view())),
        Some(Sorted::Down) => (Some("descending"), Some(Icon::Down.view())),
        None => (None, None),
    };
    view! {
        <th scope="col" class=if figures { "figures" } else { "" } aria-sort=word>
            <a class="sort" href=href data-noscroll="">
                {label}
                {icon}
            </a>
        </th>
    }
    .into_any()
}
