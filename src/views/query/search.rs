//! The address of the search page.

use super::{Parsed, reader::Reader};
use crate::views::href::{self, Address};

/// Reads `q` alone.
pub fn search_text(search: &str) -> Parsed<String> {
    let mut reader = Reader::new(search);
    let text = reader.text();
    reader.done(text)
}

/// The address of the search that the fields of a form ask for.
pub fn search_href(search: &str) -> String {
    let mut address = Address::new(href::SEARCH);
    address.put("q", &search_text(search).query);
    address.finish()
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
    fn a_search_text_is_cut_to_what_may_be_asked() {
        let parsed = search_text(&format!("q={}", "é".repeat(SEARCH_MAX + 1)));
        assert_eq!(parsed.query.chars().count(), SEARCH_MAX);
        assert_eq!(parsed.ignored.len(), 1);
    }

    proptest! {
        #[test]
        fn search_addresses_read_back(text in texts()) {
            let address = search_href(&format!("q={}", href::encode(&text)));
            prop_assert_eq!(search_text(search_of(&address)), Parsed { query: text, ignored: Vec::new() });
        }
    }
}
