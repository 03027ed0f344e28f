//! Tables. A table scrolls sideways in its own region, so that the page does not. Column heads are links that sort.

use leptos::prelude::*;

use super::icon::Icon;

/// A table with its caption. Children are `thead` and `tbody`.
#[component]
pub fn Table(
    /// Says what the rows are. It is for screen readers, and visible only if `caption_shown`.
    #[prop(into)]
    caption: String,
    #[prop(optional)] caption_shown: bool,
    /// Additional classes, such as `cards-when-narrow`: on narrow screens rows become cards, each cell under its `data-label`.
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

/// The direction in which a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    Up,
    Down,
}

/// The head of a column, as a link that sorts by it. `href` sorts in the other direction if the list is sorted by this
/// column already.
#[component]
pub fn SortHead(
    #[prop(into)] label: String,
    #[prop(into)] href: String,
    sorted: Option<Sorted>,
    /// Aligned right, for figures.
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
