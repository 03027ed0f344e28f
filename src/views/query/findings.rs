//! The addresses of lists of findings, as pages and as files.

use super::{Parsed, reader::Reader};
use crate::{
    domain::findings::FindingKind,
    views::href::{self, Address},
};

/// Reads the query of `/findings`: `kind`, `page`.
pub fn findings_query(search: &str) -> Parsed<(Option<FindingKind>, u32)> {
    let mut reader = Reader::new(search);
    let query = (reader.parsed("kind"), reader.page());
    reader.done(query)
}

/// The address of a list of findings.
pub fn findings_href(kind: Option<FindingKind>, page: u32) -> String {
    findings_at(href::FINDINGS, kind, page)
}

/// The address of the file with all findings of a list.
pub fn findings_csv_href(kind: Option<FindingKind>) -> String {
    findings_at(href::FINDINGS_CSV, kind, 1)
}

fn findings_at(base: &str, kind: Option<FindingKind>, page: u32) -> String {
    let mut address = Address::new(base);
    address.put("kind", kind.map_or("", FindingKind::as_str));
    address.put_page(page);
    address.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::query::tests::search_of;

    proptest! {
        #[test]
        fn findings_addresses_read_back(
            kind in proptest::option::of(proptest::sample::select(FindingKind::ALL.to_vec())),
            page in 1_u32..,
        ) {
            let parsed = findings_query(search_of(&findings_href(kind, page)));
            prop_assert_eq!(parsed, Parsed { query: (kind, page), ignored: Vec::new() });
        }
    }
}
