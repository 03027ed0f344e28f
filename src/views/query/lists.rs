//! The addresses of lists of wallets and of orders.

use super::{Parsed, reader::Reader};
use crate::views::{
    href::Address,
    lists::{ListQuery, ListSort},
};

/// The names of list sorts in addresses.
const LIST_SORTS: [(&str, ListSort); 4] = [
    ("recent", ListSort::Recent),
    ("id", ListSort::Id),
    ("amount_down", ListSort::AmountDown),
    ("amount_up", ListSort::AmountUp),
];

/// Reads the query of `/wallets` and `/orders`: `q`, `status` (one of `statuses`), `sort`, `after` or `before`.
pub fn list_query(search: &str, statuses: &[&str]) -> Parsed<ListQuery> {
    let mut reader = Reader::new(search);
    let query = ListQuery {
        text: reader.text(),
        status: reader.last("status").and_then(|value| {
            reader.read("status", &value, |value| {
                statuses.contains(&value).then(|| value.to_owned())
            })
        }),
        sort: reader.named("sort", &LIST_SORTS),
        at: reader.page_at(),
    };
    reader.done(query)
}

/// The address of a list of wallets or orders; `base` is [`WALLETS`](crate::views::href::WALLETS) or
/// [`ORDERS`](crate::views::href::ORDERS).
pub fn list_href(base: &str, query: &ListQuery) -> String {
    let mut address = Address::new(base);
    address.put("q", &query.text);
    address.put("status", query.status.as_deref().unwrap_or_default());
    address.put_named("sort", query.sort, &LIST_SORTS);
    address.put_page_at(&query.at);
    address.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::order::OrderStatus,
        views::{
            href,
            query::tests::{pages, search_of, texts},
        },
    };

    #[test]
    fn only_known_statuses_are_asked_for() {
        let statuses: Vec<_> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(
            list_query("status=paid", &statuses).query.status.as_deref(),
            Some("paid")
        );
        let unknown = list_query("status=gone", &statuses);
        assert_eq!((unknown.query.status, unknown.ignored.len()), (None, 1));
    }

    proptest! {
        #[test]
        fn list_addresses_read_back(
            text in texts(),
            status in proptest::option::of(Just("open".to_owned())),
            sort in proptest::sample::select(LIST_SORTS.map(|(_, sort)| sort).to_vec()),
            at in pages(),
        ) {
            let query = ListQuery { text, status, sort, at };
            let parsed = list_query(search_of(&list_href(href::WALLETS, &query)), &["open"]);
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }
    }
}
