//! The messages of a page of a list without rows.

use leptos::prelude::*;

use super::not_read;
use crate::{
    components::{
        notice::{Empty, NotAllRead},
        page_links::{PageInfo, searched},
    },
    views::{
        lists::{ListName, ListQuery, PageAt},
        query::list_href,
    },
};

/// The message for a page without rows if other rows may match: the search of the page stopped early, a store is not read,
/// or the rows are on other pages. `None` if no row matches.
pub fn no_rows_here(
    noun: &'static str,
    info: &PageInfo,
    unread: &[String],
    href: impl Fn(PageAt) -> String,
) -> Option<AnyView> {
    let link = |to: Option<PageAt>, word: &'static str| to.map(|to| (href(to), word));
    let first = || link((info.at != PageAt::First).then_some(PageAt::First), "First page");
    if let Some(rest) = info.rest() {
        let links = buttons([link(Some(rest), "Continue the search"), first()]);
        let unread = not_read(unread);
        return Some(
            view! {
                <Empty title=searched(&info.at)>
                    <p>{format!("No {noun} among them matches.")}</p>
                    {unread}
                    {links}
                </Empty>
            }
            .into_any(),
        );
    }
    if !unread.is_empty() {
        let links = buttons([first()]);
        return Some(view! { <NotAllRead unread=unread.to_vec()>{links}</NotAllRead> }.into_any());
    }
    let previous = link(info.previous.clone().map(PageAt::Before), "Previous page");
    let next = link(info.next.clone().map(PageAt::After), "Next page");
    if info.at == PageAt::First && previous.is_none() && next.is_none() {
        return None;
    }
    let links = buttons([previous, next, first()]);
    Some(
        view! {
            <Empty title=format!("No {noun} is on this page any more")>
                <p>"The rows that were here have changed. They are on other pages, or no longer match."</p>
                {links}
            </Empty>
        }
        .into_any(),
    )
}

/// Links that look like buttons, with a space between them.
fn buttons<const N: usize>(links: [Option<(String, &'static str)>; N]) -> AnyView {
    let links: Vec<_> = links.into_iter().flatten().collect();
    if links.is_empty() {
        return ().into_any();
    }
    let links = links.into_iter().map(|(href, word)| {
        view! {
            <a class="button" href=href>
                {word}
            </a>
            " "
        }
    });
    view! { <p>{links.collect_view()}</p> }.into_any()
}

/// The message for a list in which no row matches. `none` is the title and text of a list without filters.
pub fn nothing(list: ListName, query: &ListQuery, none: (&'static str, &'static str)) -> AnyView {
    let noun = list.noun();
    let every_state = |query: &ListQuery| {
        let states = list.states().into_iter().map(str::to_owned).collect();
        list_href(
            list,
            &ListQuery {
                states,
                ..query.page(PageAt::First)
            },
        )
    };
    // Without states in the query, some lists show only a part of the states.
    let shows_some = list.default_states() != list.states();
    if !query.has_filters() && query.states.is_empty() {
        let (title, text) = none;
        let rest = shows_some.then(|| {
            view! {
                <p>
                    <a class="button" href=every_state(&ListQuery::default())>
                        {format!("All {noun}s")}
                    </a>
                </p>
            }
        });
        return view! {
            <Empty title>
                <p>{text}</p>
                {rest}
            </Empty>
        }
        .into_any();
    }
    let elsewhere = (shows_some && query.states.is_empty()).then(|| {
        view! {
            <p>
                <a href=every_state(query)>"Search in every state"</a>
            </p>
        }
    });
    let pieces = (!query.text.is_empty()).then(|| {
        view! { <p>"A search covers ids and names. A row has to contain every word of the text."</p> }
    });
    view! {
        <Empty title=format!("No {noun} matches")>
            {pieces}
            <p>"Remove one of the filters above, or all of them."</p>
            {elsewhere}
        </Empty>
    }
    .into_any()
}
