//! The heads of a list's columns. The head of a sortable column is a link. A head that sorts by amount is a link only if
//! exactly one currency is chosen, because amounts of different currencies can't be compared.

use leptos::prelude::*;

use crate::{
    components::table::{SortHead, Sorted},
    views::{
        lists::{ListName, ListQuery, PageAt, Sort},
        query::list_href,
    },
};

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    label: &'static str,
    /// The sorts of its head. A click applies the one after the active sort, or the first.
    sorts: &'static [Sort],
    /// Aligned right, for figures.
    figures: bool,
}

impl Column {
    pub const fn new(label: &'static str) -> Self {
        Self {
            label,
            sorts: &[],
            figures: false,
        }
    }

    pub const fn figures(label: &'static str) -> Self {
        Self {
            figures: true,
            ..Self::new(label)
        }
    }

    #[must_use]
    pub const fn sorting(self, sorts: &'static [Sort]) -> Self {
        Self { sorts, ..self }
    }
}

/// Whether the heads offer every sort of the list.
pub fn sorts_by_heads(list: ListName, columns: &[Column]) -> bool {
    let has_head = |sort| columns.iter().any(|column| column.sorts.contains(sort));
    list.sorts().iter().all(has_head)
}

pub fn heads(list: ListName, query: &ListQuery, columns: &[Column]) -> AnyView {
    let heads = columns.iter().map(|column| head(list, query, *column)).collect_view();
    view! { <tr>{heads}</tr> }.into_any()
}

/// The heads of a table that can't be sorted.
pub fn plain_heads(columns: &[Column]) -> AnyView {
    let heads = columns.iter().map(|column| {
        let class = column.figures.then_some("figures");
        view! { <th scope="col" class=class>{column.label}</th> }
    });
    view! { <tr>{heads.collect_view()}</tr> }.into_any()
}

fn head(list: ListName, query: &ListQuery, column: Column) -> AnyView {
    let Column { label, sorts, figures } = column;
    let class = figures.then_some("figures");
    if sorts.is_empty() {
        return view! { <th scope="col" class=class>{label}</th> }.into_any();
    }
    let current = query.sort.unwrap_or_else(|| list.default_sort());
    let sorted = sorts.contains(&current).then(|| direction(current));
    if query.currencies.len() != 1 && sorts.iter().all(|sort| sort.is_of_amounts()) {
        let title = "Choose exactly one currency to sort by this";
        return view! { <th scope="col" class=class title=title>{label}</th> }.into_any();
    }
    let sort = Some(next_sort(current, sorts)).filter(|sort| *sort != list.default_sort());
    let href = list_href(
        list,
        &ListQuery {
            sort,
            ..query.page(PageAt::First)
        },
    );
    view! { <SortHead label href sorted figures /> }.into_any()
}

/// The sort that a click on a head applies.
fn next_sort(current: Sort, sorts: &[Sort]) -> Sort {
    let place = sorts.iter().position(|sort| *sort == current);
    let next = place.map_or(0, |place| (place + 1) % sorts.len().max(1));
    sorts.get(next).copied().unwrap_or(current)
}

/// The direction of the sorted column. `Stuck` and `Severity` are descending: longest in its state and most severe first.
const fn direction(sort: Sort) -> Sorted {
    if sort.is_descending() || matches!(sort, Sort::Stuck | Sort::Severity) {
        Sorted::Down
    } else {
        Sorted::Up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMOUNT: Column = Column::figures("Amount").sorting(&[Sort::AmountDown, Sort::AmountUp]);

    fn html(query: &ListQuery, column: Column) -> String {
        head(ListName::Refunds, query, column).to_html()
    }

    #[test]
    fn a_head_applies_its_next_sort() {
        let amounts = [Sort::AmountDown, Sort::AmountUp];
        assert_eq!(next_sort(Sort::Newest, &amounts), Sort::AmountDown);
        assert_eq!(next_sort(Sort::AmountDown, &amounts), Sort::AmountUp);
        assert_eq!(next_sort(Sort::AmountUp, &amounts), Sort::AmountDown);
        assert_eq!(next_sort(Sort::Id, &[Sort::Id]), Sort::Id);
    }

    #[test]
    fn a_head_sorts_by_amount_only_with_one_currency() {
        let mut query = ListQuery::default();
        assert!(!html(&query, AMOUNT).contains("href"));
        query.currencies = vec!["EUR".parse().unwrap()];
        assert!(html(&query, AMOUNT).contains("href=\"/refunds?currency=EUR&amp;sort=amount_down\""));
        query.currencies.push("JPY".parse().unwrap());
        assert!(!html(&query, AMOUNT).contains("href"));
    }

    #[test]
    fn the_active_sort_is_marked_and_the_default_is_not_in_the_address() {
        let requested = Column::new("Requested").sorting(&[Sort::Oldest, Sort::Newest]);
        let default = html(&ListQuery::default(), requested);
        assert!(
            default.contains("aria-sort=\"ascending\"") && default.contains("sort=newest"),
            "{default}"
        );
        let newest = ListQuery {
            sort: Some(Sort::Newest),
            ..ListQuery::default()
        };
        let newest = html(&newest, requested);
        assert!(
            newest.contains("aria-sort=\"descending\"") && newest.contains("href=\"/refunds\""),
            "{newest}"
        );
    }
}
