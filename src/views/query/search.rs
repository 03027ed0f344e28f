//! The address of the search page.

use super::{Parsed, reader::Reader};
use crate::views::{
    href::{self, Address},
    search::SearchKind,
};

/// The query of the search page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    pub text: String,
    /// `None` means every kind.
    pub kind: Option<SearchKind>,
}

/// Parses `q` and `kind`.
pub fn search_query(search: &str) -> Parsed<SearchQuery> {
    let mut reader = Reader::new(search);
    let query = SearchQuery {
        text: reader.text(),
        kind: reader.parsed("kind"),
    };
    reader.done(query)
}

pub fn search_href(query: &SearchQuery) -> String {
    let mut address = Address::new(href::SEARCH);
    address.put("q", &query.text);
    if let Some(kind) = query.kind {
        address.put("kind", kind.as_str());
    }
    address.finish()
}

/// The address of the search for the fields of a form.
pub fn asked_search_href(search: &str) -> String {
    search_href(&search_query(search).query)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::{
        lists::SEARCH_MAX,
        query::tests::{search_of, texts},
    };

    #[test]
    fn a_search_text_is_cut_to_its_maximum() {
        let parsed = search_query(&format!("q={}&kind=wallets", "é".repeat(SEARCH_MAX + 1)));
        assert_eq!(parsed.query.text.chars().count(), SEARCH_MAX);
        assert_eq!(parsed.query.kind, None);
        assert_eq!(parsed.ignored.len(), 2);
    }

    proptest! {
        #[test]
        fn search_addresses_read_back(text in texts(), kind in proptest::sample::select(SearchKind::ALL.to_vec())) {
            for kind in [None, Some(kind)] {
                let query = SearchQuery { text: text.clone(), kind };
                let address = search_href(&query);
                prop_assert_eq!(search_query(search_of(&address)), Parsed { query, ignored: Vec::new() });
            }
        }
    }
}
