//! The addresses of lists of findings, as pages and as files.

use super::{Parsed, reader::Reader};
use crate::{
    domain::findings::FindingKind,
    views::{
        href::{self, Address},
        lists::{FindingsQuery, PageAt},
    },
};

/// Reads the query of `/findings`: `kind`, `after` or `before`.
pub fn findings_query(search: &str) -> Parsed<FindingsQuery> {
    let mut reader = Reader::new(search);
    let query = FindingsQuery {
        kind: reader.parsed("kind"),
        at: reader.page_at(),
    };
    reader.done(query)
}

/// The address of a list of findings.
pub fn findings_href(query: &FindingsQuery) -> String {
    findings_at(href::FINDINGS, query.kind, &query.at)
}

/// The address of the file with all findings of a list.
pub fn findings_csv_href(query: &FindingsQuery) -> String {
    findings_at(href::FINDINGS_CSV, query.kind, &PageAt::First)
}

fn findings_at(base: &str, kind: Option<FindingKind>, at: &PageAt) -> String {
    let mut address = Address::new(base);
    address.put("kind", kind.map_or("", FindingKind::as_str));
    address.put_page_at(at);
    address.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::query::tests::{pages, search_of};

    proptest! {
        #[test]
        fn findings_addresses_read_back(
            kind in proptest::option::of(proptest::sample::select(FindingKind::ALL.to_vec())),
            at in pages(),
        ) {
            let query = FindingsQuery { kind, at };
            let parsed = findings_query(search_of(&findings_href(&query)));
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }
    }
}
