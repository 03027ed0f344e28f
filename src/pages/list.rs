//! What lists have in common: how they are asked for, how many rows match, and what stands where there are none. The form
//! and the heads that sort are those of wallets and orders.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::form::AskForm;
use crate::{
    api::{ApiError, get_health},
    components::{
        field::{SelectField, TextField},
        health::unread,
        notice::{Empty, NotAllRead},
        page_links::{PageInfo, searched},
        table::{SortHead, Sorted},
        words::{sentence, total},
    },
    domain::ids::Domain,
    views::{
        lists::{Count, ListQuery, ListSort, PageAt, SEARCH_MAX},
        query::{list_href, list_query},
    },
};

/// Search and status; a choice takes effect at once, and without a script by the button. The order is kept; the page is not: another search starts at its first.
#[component]
pub fn ListForm(
    /// The address of the list.
    action: &'static str,
    #[prop(into)] query: Signal<ListQuery>,
    statuses: Vec<&'static str>,
    /// What can be searched for.
    hint: &'static str,
) -> impl IntoView {
    let text = Signal::derive(move || query.with(|query| query.text.clone()));
    let status = Signal::derive(move || query.with(|query| query.status.clone().unwrap_or_default()));
    let known = statuses.clone();
    let address = move |search: &str| list_href(action, &list_query(search, &known).query);
    let any = (String::new(), "Any status".to_owned());
    let named = statuses.into_iter().map(|status| (status.to_owned(), sentence(status)));
    let options: Vec<_> = std::iter::once(any).chain(named).collect();
    let options = Signal::derive(move || options.clone());
    let sort = move || {
        let sorted = query.with(|query| ListQuery {
            sort: query.sort,
            ..ListQuery::default()
        });
        let address = list_href("", &sorted);
        let word = address.split_once("sort=").map(|(_, word)| word.to_owned());
        word.map(|word| view! { <input type="hidden" name="sort" value=word /> })
    };
    view! {
        <search class="panel">
            <AskForm action=action class="filters" at_once=true address=address>
                <TextField name="q" label="Search" value=text placeholder=hint kind="search" max_length=Some(SEARCH_MAX) wide=true />
                <SelectField name="status" label="Status" value=status options />
                {sort}
                <div class="form-end">
                    <button class="button is-main" type="submit">
                        "Apply"
                    </button>
                    <a href=action>"Clear"</a>
                </div>
            </AskForm>
        </search>
    }
    .into_any()
}

/// A head that sorts by any of `sorts`: a click takes the first of `sorts`, or if that is in force, the next.
pub fn list_head(label: &'static str, query: &ListQuery, sorts: &[ListSort], base: &str) -> AnyView {
    let sorted = sorts.contains(&query.sort).then(|| direction(query.sort));
    let sort = next_sort(query.sort, sorts);
    let href = list_href(
        base,
        &ListQuery {
            sort,
            at: PageAt::First,
            ..query.clone()
        },
    );
    // Amounts are set right.
    let figures = sorts.contains(&ListSort::AmountDown);
    view! { <SortHead label href sorted figures /> }.into_any()
}

/// The sort that a head leads to.
fn next_sort(current: ListSort, sorts: &[ListSort]) -> ListSort {
    let place = sorts.iter().position(|sort| *sort == current);
    let next = place.map_or(0, |place| (place + 1) % sorts.len().max(1));
    sorts.get(next).copied().unwrap_or(current)
}

const fn direction(sort: ListSort) -> Sorted {
    match sort {
        ListSort::Id | ListSort::AmountUp => Sorted::Up,
        ListSort::Recent | ListSort::AmountDown => Sorted::Down,
    }
}

/// A page of a list, with the query that it answers and what is not read of the stores.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answered<Q, P> {
    pub query: Q,
    pub page: P,
    /// One sentence a store.
    pub unread: Vec<String>,
}

/// Asks `list` for a page of rows that are read from the stores of `domains`. Asks for the health of the stores first: a
/// store that is read by then is whole in the page.
pub async fn answered<Q, P, F>(
    query: Q,
    domains: &[Domain],
    list: impl FnOnce(Q) -> F,
) -> Result<Answered<Q, P>, ApiError>
where
    Q: Clone,
    F: Future<Output = Result<P, ApiError>>,
{
    let stores = get_health().await?;
    let page = list(query.clone()).await?;
    Ok(Answered {
        query,
        page,
        unread: unread(&stores, domains),
    })
}

/// How many rows match: `2 wallets`, or `2 wallets so far` while not all is read.
pub fn found(count: Count, noun: &str, unread: &[String]) -> String {
    let so_far = if unread.is_empty() { "" } else { " so far" };
    format!("{}{so_far}", total(count, noun))
}

/// What is not read, as a line; nothing where all is.
pub fn not_read(unread: &[String]) -> Option<AnyView> {
    let text = unread.join(" ");
    (!text.is_empty()).then(|| view! { <p class="aside">{text}</p> }.into_any())
}

/// Stands where a page has no rows, unless the reason is that no row matches: the search of the page stopped early, a store
/// is not read, or the rows are on other pages.
pub fn no_rows_here(
    noun: &'static str,
    info: &PageInfo,
    unread: &[String],
    href: impl Fn(PageAt) -> String,
) -> Option<AnyView> {
    let link = |to: Option<PageAt>, word: &'static str| to.map(|to| (href(to), word));
    let first = || link((info.at != PageAt::First).then_some(PageAt::First), "First page");
    if let Some(rest) = info.rest() {
        let links = buttons([link(Some(rest), "Search on"), first()]);
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

/// No wallet or order is there at all, or none matches.
pub fn none_found(base: &'static str, noun: &'static str, query: &ListQuery) -> AnyView {
    if query.text.is_empty() && query.status.is_none() {
        return view! {
            <Empty title=format!("There are no {noun}s yet")>
                <p>{format!("A {noun} appears here with the first event in its stream.")}</p>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Empty title=format!("No {noun} matches")>
            <p>"The search looks for a part of an id or a name; case does not matter."</p>
            <a class="button" href=base>
                {format!("All {noun}s")}
            </a>
        </Empty>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_turns_its_sort_round_where_it_can() {
        let amounts = [ListSort::AmountDown, ListSort::AmountUp];
        assert_eq!(next_sort(ListSort::Recent, &amounts), ListSort::AmountDown);
        assert_eq!(next_sort(ListSort::AmountDown, &amounts), ListSort::AmountUp);
        assert_eq!(next_sort(ListSort::AmountUp, &amounts), ListSort::AmountDown);
        assert_eq!(next_sort(ListSort::Id, &[ListSort::Id]), ListSort::Id);
    }
}
