//! What the lists of wallets and of orders have in common: the form above, heads that sort, and what stands where
//! nothing was found.

use leptos::prelude::*;

use super::form::AskForm;
use crate::{
    components::{
        field::{SelectField, TextField},
        notice::Empty,
        table::{SortHead, Sorted},
        words::sentence,
    },
    views::{
        lists::{ListQuery, ListSort, SEARCH_MAX},
        query::{list_href, list_query},
    },
};

/// Search and status; a choice takes effect at once, and without a script by the button. The way of sorting is kept; the page is not: another search starts at its first.
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
            page: 1,
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

/// Nothing on this page of the list: because there is nothing at all, nothing that matches, or no such page.
pub fn none_found(base: &'static str, noun: &'static str, query: &ListQuery, total: u64, pages: u32) -> AnyView {
    if total > 0 {
        let last = list_href(
            base,
            &ListQuery {
                page: pages.max(1),
                ..query.clone()
            },
        );
        return view! {
            <Empty title="The list ends before this page">
                <a class="button" href=last>
                    "To its last page"
                </a>
            </Empty>
        }
        .into_any();
    }
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
