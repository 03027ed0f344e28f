//! The addresses of lists of refunds, as pages and as files.

use super::{Parsed, reader::Reader};
use crate::{
    domain::refund::RefundState,
    views::{
        href::{self, Address},
        lists::PageAt,
        refunds::{RefundSort, RefundsQuery},
    },
};

/// The names of refund sorts in addresses.
const REFUND_SORTS: [(&str, RefundSort); 8] = [
    ("oldest", RefundSort::Oldest),
    ("newest", RefundSort::Newest),
    ("stuck", RefundSort::Stuck),
    ("amount_up", RefundSort::AmountUp),
    ("amount_down", RefundSort::AmountDown),
    ("state", RefundSort::State),
    ("refund", RefundSort::Refund),
    ("order", RefundSort::Order),
];

/// Reads the query of `/refunds`: `state` (repeated, or `all`), `overdue`, `currency`, `age`, `q`, `sort`, `after` or
/// `before`.
pub fn refunds_query(search: &str) -> Parsed<RefundsQuery> {
    let mut reader = Reader::new(search);
    let mut states = Vec::new();
    for value in reader.all("state") {
        if value == "all" {
            states = RefundState::ALL.to_vec();
        } else if let Some(state) = reader.read("state", &value, |value| value.parse().ok()) {
            states.push(state);
        }
    }
    states.sort_unstable();
    states.dedup();
    let query = RefundsQuery {
        states,
        overdue: reader.flag("overdue"),
        currency: reader.parsed("currency"),
        older_than_hours: reader.parsed("age"),
        text: reader.text(),
        sort: reader.named("sort", &REFUND_SORTS),
        at: reader.page_at(),
    };
    reader.done(query)
}

/// The address of a list of refunds.
pub fn refunds_href(query: &RefundsQuery) -> String {
    refunds_at(href::REFUNDS, query)
}

/// The address of the file with all refunds of a list.
pub fn refunds_csv_href(query: &RefundsQuery) -> String {
    refunds_at(
        href::REFUNDS_CSV,
        &RefundsQuery {
            at: PageAt::First,
            ..query.clone()
        },
    )
}

fn refunds_at(base: &str, query: &RefundsQuery) -> String {
    let mut address = Address::new(base);
    if query.states.len() == RefundState::ALL.len() {
        address.put("state", "all");
    } else {
        for state in &query.states {
            address.put("state", state.as_str());
        }
    }
    if query.overdue {
        address.put("overdue", "1");
    }
    if let Some(currency) = &query.currency {
        address.put("currency", currency.code());
    }
    if let Some(hours) = query.older_than_hours {
        address.put("age", &hours.to_string());
    }
    address.put("q", &query.text);
    address.put("sort", sort_word(query.sort));
    address.put_page_at(&query.at);
    address.finish()
}

/// The name of a sort in addresses; empty for the default.
pub fn sort_word(sort: RefundSort) -> &'static str {
    let named = REFUND_SORTS
        .iter()
        .find(|(_, named)| *named == sort && sort != RefundSort::default());
    named.map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::query::tests::{pages, search_of, texts};

    prop_compose! {
        fn refunds_queries()(
            states in proptest::sample::subsequence(RefundState::ALL.to_vec(), 0..=RefundState::ALL.len()),
            overdue: bool,
            currency in proptest::option::of(proptest::sample::select(vec!["EUR", "JPY", "KWD"])),
            older_than_hours: Option<u32>,
            text in texts(),
            sort in proptest::sample::select(REFUND_SORTS.map(|(_, sort)| sort).to_vec()),
            at in pages(),
        ) -> RefundsQuery {
            let currency = currency.map(|code| code.parse().unwrap());
            RefundsQuery { states, overdue, currency, older_than_hours, text, sort, at }
        }
    }

    #[test]
    fn an_empty_form_asks_for_everything_and_is_not_scolded() {
        let parsed = refunds_query("q=&currency=&age=&sort=");
        assert_eq!(parsed.query, RefundsQuery::default());
        assert!(parsed.ignored.is_empty());
        assert_eq!(refunds_href(&parsed.query), "/refunds");
    }

    #[test]
    fn what_is_not_understood_is_said_and_has_no_effect() {
        let parsed =
            refunds_query("=&state=failed&state=lost&after=!&currency=XXX&overdue=maybe&sort=up&age=-1&utm=1&at=x");
        assert_eq!(parsed.query.states, [RefundState::Failed]);
        assert_eq!(
            (parsed.query.at, parsed.query.overdue, parsed.query.currency),
            (PageAt::First, false, None)
        );
        assert_eq!(parsed.ignored.len(), 8, "{:?}", parsed.ignored);
        assert_eq!(parsed.ignored[0], "state: 'lost'");
    }

    #[test]
    fn a_file_holds_every_page() {
        let query = refunds_query("state=failed&after=abc").query;
        assert_eq!(refunds_href(&query), "/refunds?state=failed&after=abc");
        assert_eq!(refunds_csv_href(&query), "/export/refunds.csv?state=failed");
    }

    #[test]
    fn states_are_a_set() {
        let query = refunds_query("state=failed&state=requested&state=failed").query;
        assert_eq!(refunds_href(&query), "/refunds?state=requested&state=failed");
        assert_eq!(refunds_query("state=all&state=failed").query.states, RefundState::ALL);
    }

    proptest! {
        #[test]
        fn refunds_addresses_read_back(query in refunds_queries()) {
            let parsed = refunds_query(search_of(&refunds_href(&query)));
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }
    }
}
