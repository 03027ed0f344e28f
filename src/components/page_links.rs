//! Links between the pages of a list with keyset paging. They are plain links: they work without scripts and can be
//! sent to a colleague. Their cursors name rows, so no row is missed or repeated while others are written.

use leptos::prelude::*;

use super::{icon::Icon, pagination::page_step, words::grouped};
use crate::views::lists::{Page, PageAt, VISITED_MAX};

/// A page of a list, without its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageInfo {
    pub at: PageAt,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub stopped: bool,
}

impl PageInfo {
    pub fn of<Row>(at: PageAt, page: &Page<Row>) -> Self {
        Self {
            at,
            previous: page.previous.clone(),
            next: page.next.clone(),
            stopped: page.stopped,
        }
    }

    fn before(&self) -> Option<PageAt> {
        self.previous.clone().map(PageAt::Before)
    }

    fn after(&self) -> Option<PageAt> {
        self.next.clone().map(PageAt::After)
    }

    /// The page at which a search that stopped early continues, in the same direction.
    pub fn rest(&self) -> Option<PageAt> {
        let rest = match self.at {
            PageAt::First | PageAt::After(_) => self.after(),
            PageAt::Before(_) => self.before(),
        };
        rest.filter(|_| self.stopped)
    }
}

/// Links to the first, the previous and the next page. Nothing is shown if there is neither a previous nor a next page.
#[component]
pub fn PageLinks(
    /// The name of the list, for screen readers: `Refunds`.
    #[prop(into)]
    label: String,
    info: PageInfo,
    /// The address of a page.
    href: impl Fn(PageAt) -> String,
) -> impl IntoView {
    let (before, after) = (info.before(), info.after());
    if before.is_none() && after.is_none() {
        return ().into_any();
    }
    let step = |to: Option<PageAt>, rel, word, icon| page_step(to.map(&href), rel, word, icon);
    let first = (info.at != PageAt::First).then_some(PageAt::First);
    view! {
        <nav class="pagination" aria-label=format!("{label}: pages")>
            {step(first, "first", "First", Icon::First)}
            {step(before, "prev", "Previous", Icon::Previous)}
            {step(after, "next", "Next", Icon::Next)}
        </nav>
    }
    .into_any()
}

/// A note that the search of this page stopped early, with a link to continue. Nothing is shown if it did not stop.
#[component]
pub fn SearchOn(info: PageInfo, href: impl Fn(PageAt) -> String) -> impl IntoView {
    info.rest().map(|rest| {
        view! {
            <p class="panel-note">
                {format!("{}. ", searched(&info.at))} <a href=href(rest)>"Continue the search"</a>
            </p>
        }
    })
}

/// The number of rows that a page that stopped early has searched, as a sentence.
pub fn searched(at: &PageAt) -> String {
    let visited = grouped(VISITED_MAX.into());
    match at {
        PageAt::First => format!("The first {visited} rows were searched"),
        PageAt::After(_) | PageAt::Before(_) => format!("{visited} more rows were searched"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(at: PageAt, previous: Option<&str>, next: Option<&str>) -> PageInfo {
        PageInfo {
            at,
            previous: previous.map(str::to_owned),
            next: next.map(str::to_owned),
            stopped: false,
        }
    }

    fn href(at: PageAt) -> String {
        match at {
            PageAt::First => "/list".to_owned(),
            PageAt::After(cursor) => format!("/list?after={cursor}"),
            PageAt::Before(cursor) => format!("/list?before={cursor}"),
        }
    }

    /// The links with their relations, such as `next /list?after=b`, and the number of links that are off.
    fn links(info: PageInfo) -> (Vec<String>, usize) {
        let html = view! { <PageLinks label="Rows" info href /> }.to_html();
        let anchors = html.split("<a ").skip(1);
        let attribute = |anchor: &str, name: &str| {
            let (_, value) = anchor.split_once(&format!("{name}=\"")).unwrap();
            value.split('"').next().unwrap().to_owned()
        };
        let links = anchors.map(|anchor| format!("{} {}", attribute(anchor, "rel"), attribute(anchor, "href")));
        (links.collect(), html.matches("is-off").count())
    }

    #[test]
    fn a_list_of_one_page_has_no_links() {
        assert_eq!(links(info(PageAt::First, None, None)), (Vec::new(), 0));
    }

    #[test]
    fn the_first_page_links_only_to_the_next() {
        assert_eq!(
            links(info(PageAt::First, None, Some("b"))),
            (vec!["next /list?after=b".to_owned()], 2)
        );
    }

    #[test]
    fn a_middle_page_links_to_first_previous_and_next() {
        let middle = info(PageAt::After("a".to_owned()), Some("b"), Some("c"));
        let expected = ["first /list", "prev /list?before=b", "next /list?after=c"];
        assert_eq!(links(middle), (expected.map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn a_stopped_search_continues_in_its_direction() {
        let stopped = |at| PageInfo {
            stopped: true,
            ..info(at, Some("p"), Some("n"))
        };
        let (after, before) = (PageAt::After("a".to_owned()), PageAt::Before("a".to_owned()));
        assert_eq!(stopped(PageAt::First).rest(), Some(PageAt::After("n".to_owned())));
        assert_eq!(stopped(after.clone()).rest(), Some(PageAt::After("n".to_owned())));
        assert_eq!(stopped(before).rest(), Some(PageAt::Before("p".to_owned())));
        assert_eq!(info(after, Some("p"), Some("n")).rest(), None);
        let said = view! { <SearchOn info=stopped(PageAt::First) href /> }.to_html();
        let searched = format!("The first {} rows were searched.", grouped(VISITED_MAX.into()));
        assert!(said.contains(&searched), "{said}");
        assert!(said.contains("href=\"/list?after=n\""), "{said}");
    }
}
