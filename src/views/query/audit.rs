//! The addresses of searches in the audit trail.

use super::{Parsed, reader::Reader};
use crate::{
    domain::audit::AuditOutcome,
    views::{audit::AuditQuery, href::Address},
};

/// Reads the query of `/audit`: `q`, `outcome`, `from`, `to`, `page`.
pub fn audit_query(search: &str) -> Parsed<AuditQuery> {
    let mut reader = Reader::new(search);
    let query = AuditQuery {
        text: reader.text(),
        outcome: reader.parsed("outcome"),
        from: reader.parsed("from"),
        to: reader.parsed("to"),
        page: reader.page(),
    };
    reader.done(query)
}

/// The address of a search in the audit trail. `base` is [`AUDIT`](crate::views::href::AUDIT) or
/// [`AUDIT_CSV`](crate::views::href::AUDIT_CSV).
pub fn audit_href(base: &str, query: &AuditQuery) -> String {
    let mut address = Address::new(base);
    let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    address.put("q", &query.text);
    address.put("outcome", query.outcome.map_or("", AuditOutcome::as_str));
    address.put("from", &day(query.from));
    address.put("to", &day(query.to));
    address.put_page(query.page);
    address.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::href;

    proptest! {
        #[test]
        fn audit_addresses_read_back(
            text in "\\PC{0,40}",
            outcome in proptest::option::of(proptest::sample::select(AuditOutcome::ALL.to_vec())),
            days in proptest::option::of((0_i32..3_000_000, 0_i32..3_000_000)),
            page in 1_u32..,
        ) {
            let day = |day| chrono::NaiveDate::from_num_days_from_ce_opt(day + 365);
            let query = AuditQuery {
                text: text.trim().to_owned(),
                outcome,
                from: days.and_then(|(from, _)| day(from)),
                to: days.and_then(|(_, to)| day(to)),
                page,
            };
            let address = audit_href(href::AUDIT, &query);
            let search = address.split_once('?').map_or("", |(_, search)| search);
            prop_assert_eq!(audit_query(search), Parsed { query, ignored: Vec::new() });
        }
    }

    #[test]
    fn invalid_days_and_outcomes_are_noted() {
        assert_eq!(audit_query("from=2026-02-30&outcome=maybe").ignored.len(), 2);
    }
}
