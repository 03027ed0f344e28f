//! Queries and their addresses. Each file parses the query of one kind of page and builds the address of that query, so
//! that every view is a link. A name or value that is not understood has no effect, and the page says so.

mod audit;
mod compensations;
mod lists;
mod operators;
mod reader;
mod search;
mod timelines;

use self::reader::Reader;
pub use self::{
    audit::{audit_href, audit_query},
    compensations::{FormQuery, form_href, form_query},
    lists::{list_csv_href, list_href, list_of_flags, list_pairs, list_query, time_text},
    operators::operator_href,
    search::{SearchQuery, asked_search_href, search_href, search_query},
    timelines::{timeline_href, timeline_query},
};

/// Names in the address to which a form without scripts returns: the function that answered, and its error.
pub const SENT_PATH: &str = "__path";
pub const SENT_ERROR: &str = "__err";

/// A query, and notes on the parts of the address that were not understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed<Q> {
    pub query: Q,
    /// Notes for people, each on one name or value.
    pub ignored: Vec<String>,
}

/// The last value of a name that is not empty, trimmed. For pages that read a single name.
pub fn value_of(search: &str, name: &str) -> Option<String> {
    Reader::new(search).last(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::lists::{ListName, PageAt};

    pub(super) fn search_of(href: &str) -> &str {
        href.split_once('?').map_or("", |(_, search)| search)
    }

    pub(super) fn texts() -> impl Strategy<Value = String> {
        "\\PC{0,40}".prop_map(|text| text.trim().to_owned())
    }

    pub(super) fn pages() -> impl Strategy<Value = PageAt> {
        prop_oneof![
            Just(PageAt::First),
            "[A-Za-z0-9_-]{1,40}".prop_map(PageAt::After),
            "[A-Za-z0-9_-]{1,40}".prop_map(PageAt::Before),
        ]
    }

    #[test]
    fn texts_are_decoded_once() {
        assert_eq!(search_query("q=100%2525+%C3%A9%zz%4").query.text, "100%25 é%zz%4");
        assert_eq!(search_query("?q=%ff").query.text, "\u{fffd}");
        assert_eq!(value_of("order=O%2F1", "order"), Some("O/1".to_owned()));
    }

    proptest! {
        #[test]
        fn any_address_is_parsed(search in "\\PC*") {
            for list in ListName::ALL {
                list_query(list, &search);
            }
            timeline_query(&search);
        }
    }
}
