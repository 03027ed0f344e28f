//! Links between the numbered pages of a list. They are plain links, so they work without scripts and can be sent to a colleague.

use leptos::prelude::*;

use super::{icon::Icon, words::grouped};
use crate::views::lists::{PAGE_ROWS, Part};

/// Links to the first, the last and the nearby pages. Nothing is shown for a single page.
#[component]
pub fn Pagination(
    /// The name of the list, for screen readers: `Refunds`.
    label: &'static str,
    /// The current page, from 1.
    page: u32,
    pages: u32,
    /// The address of a page.
    href: impl Fn(u32) -> String,
) -> impl IntoView {
    if pages <= 1 {
        return ().into_any();
    }
    let step = |to: Option<u32>, rel, word, icon| page_step(to.map(&href), rel, word, icon);
    let numbers = shown_pages(page, pages)
        .into_iter()
        .map(|shown| match shown {
            Some(number) => {
                let current = (number == page).then_some("page");
                view! {
                    <li data-key=number.to_string()>
                        <a class="page-number" href=href(number) aria-current=current>
                            {grouped(number.into())}
                        </a>
                    </li>
                }
                .into_any()
            }
            None => view! { <li class="page-gap">"…"</li> }.into_any(),
        })
        .collect_view();
    view! {
        <nav class="pagination" aria-label=format!("{label}: pages")>
            {step((page > 1).then(|| page - 1), "prev", "Previous", Icon::Previous)}
            <ol>{numbers}</ol>
            {step((page < pages).then(|| page + 1), "next", "Next", Icon::Next)}
        </nav>
    }
    .into_any()
}

/// A link to another page, or only its words if there is no such page. `rel` is the link type of HTML.
pub fn page_step(to: Option<String>, rel: &'static str, word: &'static str, icon: Icon) -> AnyView {
    let class = if icon == Icon::Next {
        "page-step is-next"
    } else {
        "page-step"
    };
    match to {
        Some(to) => view! {
            <a class=class href=to rel=rel>
                {icon.view()}
                <span>{word}</span>
            </a>
        }
        .into_any(),
        None => view! { <span class=format!("{class} is-off")>{icon.view()} <span>{word}</span></span> }.into_any(),
    }
}

/// The rows of a list that a page shows, as `1–50 of 5,000`; `None` if the page shows all.
pub fn range_words<Row>(part: &Part<Row>) -> Option<String> {
    let shown = u64::try_from(part.rows.len()).unwrap_or(u64::MAX);
    let before = u64::from(part.page.saturating_sub(1)) * u64::from(PAGE_ROWS);
    let (first, last) = (grouped(before + 1), grouped(before + shown));
    (part.pages > 1).then(|| format!("{first}–{last} of {}", grouped(part.total)))
}

/// The first page, the last page, and two on each side of the current page; `None` stands for the pages left out
/// between.
fn shown_pages(page: u32, pages: u32) -> Vec<Option<u32>> {
    let near = page.saturating_sub(2).max(1)..=page.saturating_add(2).min(pages);
    let mut shown = Vec::new();
    let mut last = 0;
    for number in std::iter::once(1).chain(near).chain(std::iter::once(pages)) {
        if number <= last {
            continue;
        }
        match number - last {
            1 => {}
            // A gap of one page takes as much room as its number.
            2 => shown.push(Some(number - 1)),
            _ => shown.push(None),
        }
        shown.push(Some(number));
        last = number;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: u32, pages: u32) -> String {
        let shown = shown_pages(page, pages);
        let words: Vec<_> = shown
            .iter()
            .map(|n| n.map_or("…".to_owned(), |n| n.to_string()))
            .collect();
        words.join(" ")
    }

    #[test]
    fn the_ends_and_the_neighbours_are_shown() {
        assert_eq!(text(1, 2), "1 2");
        assert_eq!(text(1, 40), "1 2 3 … 40");
        assert_eq!(text(5, 9), "1 2 3 4 5 6 7 8 9");
        assert_eq!(text(20, 40), "1 … 18 19 20 21 22 … 40");
        assert_eq!(text(40, 40), "1 … 38 39 40");
        assert_eq!(text(u32::MAX, 3), "1 2 3");
    }
}
