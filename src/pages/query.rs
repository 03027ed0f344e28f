//! What an address asks for, and the address that asks for it: both directions side by side, so that every view is a
//! link. Reading is tolerant: what is not understood has no effect and is told to the reader, and nothing fails.
//!
//! The raw query is read here because the router's own map decodes it twice, which spoils ids with a percent sign.

mod compensations;
mod people;

use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::{
    components::href::{self, Address},
    domain::{
        event::parse_time,
        findings::FindingKind,
        ids::{SEQUENCE_MAX, Sequence},
        listing::{ListQuery, ListSort, PartPages, RefundSort, RefundsQuery, SEARCH_MAX, TimelineQuery},
        refund::RefundState,
        replay::Filter,
    },
};

pub use self::{
    compensations::{CASE_LISTS, FormQuery, cases_href, cases_query, form_href, form_query},
    people::{audit_href, audit_query, operator_href},
};
pub use crate::components::href::timeline as timeline_href;

/// What of a value is repeated to the reader at most.
const QUOTED_MAX: usize = 40;
/// Names and values of an address that are read at most.
const PAIRS_MAX: usize = 64;
/// What a form that was sent without a script comes back with: which function answered, and its error.
pub const SENT_PATH: &str = "__path";
pub const SENT_ERROR: &str = "__err";

/// A query and what in the address was not understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed<Q> {
    pub query: Q,
    /// One note each, for people.
    pub ignored: Vec<String>,
}

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

/// The names of list sorts in addresses.
const LIST_SORTS: [(&str, ListSort); 4] = [
    ("recent", ListSort::Recent),
    ("id", ListSort::Id),
    ("amount_down", ListSort::AmountDown),
    ("amount_up", ListSort::AmountUp),
];

/// Reads the query of `/refunds`: `state` (again and again, or `all`), `overdue`, `currency`, `age`, `q`, `sort`, `page`.
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
        page: reader.page(),
    };
    reader.done(query)
}

/// The address of a list of refunds.
pub fn refunds_href(query: &RefundsQuery) -> String {
    refunds_at(href::REFUNDS, query)
}

/// The address of all refunds of a list as a file.
pub fn refunds_csv_href(query: &RefundsQuery) -> String {
    refunds_at(
        href::REFUNDS_CSV,
        &RefundsQuery {
            page: 1,
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
    address.put_page(query.page);
    address.finish()
}

/// The name of a sort in addresses; empty for the default, which they leave out.
pub fn sort_word(sort: RefundSort) -> &'static str {
    let named = REFUND_SORTS
        .iter()
        .find(|(_, named)| *named == sort && sort != RefundSort::default());
    named.map_or("", |(word, _)| word)
}

/// Reads the query of `/wallets` and `/orders`: `q`, `status` (one of `statuses`), `sort`, `page`.
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
        page: reader.page(),
    };
    reader.done(query)
}

/// The address of a list of wallets or orders; `base` is [`href::WALLETS`] or [`href::ORDERS`].
pub fn list_href(base: &str, query: &ListQuery) -> String {
    let mut address = Address::new(base);
    address.put("q", &query.text);
    address.put("status", query.status.as_deref().unwrap_or_default());
    address.put_named("sort", query.sort, &LIST_SORTS);
    address.put_page(query.page);
    address.finish()
}

/// Reads the query of a wallet's or an order's page: `at`, `known`, `sequence`, `order=oldest`, `page`, and
/// the pages of its lists: `holds`, `refunds`, `lines`.
pub fn timeline_query(search: &str) -> Parsed<TimelineQuery> {
    let mut reader = Reader::new(search);
    let filter = Filter {
        at: reader.moment("at"),
        as_known_at: reader.moment("known"),
        sequence: reader.last("sequence").and_then(|value| {
            reader.read("sequence", &value, |value| {
                value.parse().ok().filter(|n: &Sequence| (1..=SEQUENCE_MAX).contains(n))
            })
        }),
    };
    let query = TimelineQuery {
        filter,
        oldest_first: reader.named("order", &[("newest", false), ("oldest", true)]),
        page: reader.page(),
        parts: PartPages {
            holds: reader.page_of("holds"),
            refunds: reader.page_of("refunds"),
            lines: reader.page_of("lines"),
        },
    };
    reader.done(query)
}

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

/// The address of all findings of a list as a file.
pub fn findings_csv_href(kind: Option<FindingKind>) -> String {
    findings_at(href::FINDINGS_CSV, kind, 1)
}

fn findings_at(base: &str, kind: Option<FindingKind>, page: u32) -> String {
    let mut address = Address::new(base);
    address.put("kind", kind.map_or("", FindingKind::as_str));
    address.put_page(page);
    address.finish()
}

/// The value of one name, for pages that ask for no more: the last that is not empty, trimmed.
pub fn value_of(search: &str, name: &str) -> Option<String> {
    Reader::new(search).last(name)
}

/// Reads `q` alone.
pub fn search_text(search: &str) -> Parsed<String> {
    let mut reader = Reader::new(search);
    let text = reader.text();
    reader.done(text)
}

/// The address that the fields of a search form ask for.
pub fn search_href(search: &str) -> String {
    let mut address = Address::new(href::SEARCH);
    address.put("q", &search_text(search).query);
    address.finish()
}

/// A moment as people and date inputs write it: RFC 3339, or without seconds or zone, which is then UTC.
pub fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    parse_time(text)
        .or_else(|| parse_time(&format!("{text}Z")))
        .or_else(|| parse_time(&format!("{text}:00Z")))
}

/// Takes names out of a query one after the other; what is left at the end was not understood.
struct Reader {
    pairs: Vec<(String, String)>,
    ignored: Vec<String>,
}

impl Reader {
    fn new(search: &str) -> Self {
        let search = search.strip_prefix('?').unwrap_or(search);
        let pairs = search
            .split('&')
            .filter(|pair| !pair.is_empty())
            .take(PAIRS_MAX)
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value).trim().to_owned()))
            // Buttons without a name are sent by some.
            .filter(|(name, _)| !name.is_empty())
            .collect();
        Self {
            pairs,
            ignored: Vec::new(),
        }
    }

    /// Every value of a name that is not empty; forms send empty ones for what was left blank.
    fn all(&mut self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        self.pairs.retain(|(other, value)| {
            let mine = other == name;
            if mine && !value.is_empty() {
                values.push(value.clone());
            }
            !mine
        });
        values
    }

    fn last(&mut self, name: &str) -> Option<String> {
        self.all(name).pop()
    }

    /// Reads a value, or notes that it is not understood.
    fn read<T>(&mut self, name: &str, value: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let read = read(value);
        if read.is_none() {
            self.ignored.push(format!("{name}: '{}'", quoted(value)));
        }
        read
    }

    fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let value = self.last(name)?;
        self.read(name, &value, |value| value.parse().ok())
    }

    fn named<T: Copy + Default>(&mut self, name: &str, names: &[(&str, T)]) -> T {
        let value = self.last(name);
        let find = |value: &str| names.iter().find(|(known, _)| *known == value).map(|(_, value)| *value);
        value
            .and_then(|value| self.read(name, &value, find))
            .unwrap_or_default()
    }

    fn flag(&mut self, name: &str) -> bool {
        let value = self.last(name);
        let read = |value: &str| match value {
            "1" | "true" | "on" | "yes" => Some(true),
            "0" | "false" | "off" | "no" => Some(false),
            _ => None,
        };
        value
            .and_then(|value| self.read(name, &value, read))
            .unwrap_or_default()
    }

    fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let value = self.last(name)?;
        self.read(name, &value, parse_moment)
    }

    /// The search text, cut to what may be asked.
    fn text(&mut self) -> String {
        let text = self.last("q").unwrap_or_default();
        if text.chars().count() <= SEARCH_MAX {
            return text;
        }
        self.ignored
            .push(format!("of the search text, what is beyond {SEARCH_MAX} characters"));
        text.chars().take(SEARCH_MAX).collect::<String>().trim_end().to_owned()
    }

    fn page(&mut self) -> u32 {
        self.page_of("page")
    }

    /// A page by the name of its list.
    fn page_of(&mut self, name: &str) -> u32 {
        self.last(name)
            .and_then(|value| self.read(name, &value, |value| value.parse().ok().filter(|page| *page >= 1)))
            .unwrap_or(1)
    }

    fn done<Q>(mut self, query: Q) -> Parsed<Q> {
        for (name, _) in self.pairs {
            if name == SENT_PATH || name == SENT_ERROR {
                continue;
            }
            self.ignored.push(format!("'{}', which is no name here", quoted(&name)));
        }
        self.ignored.dedup();
        Parsed {
            query,
            ignored: self.ignored,
        }
    }
}

fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(QUOTED_MAX).collect();
    format!("{start}…")
}

/// One name or value of a query: `+` is a space, `%` begins a byte in two hexadecimal digits. What is not UTF-8
/// afterwards is replaced; a percent sign that begins nothing stays.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        index += 1;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match bytes.get(index..index + 2).and_then(hex_byte) {
                Some(byte) => {
                    index += 2;
                    byte
                }
                None => b'%',
            },
            _ => byte,
        });
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::order::OrderStatus;

    fn search_of(href: &str) -> &str {
        href.split_once('?').map_or("", |(_, search)| search)
    }

    #[test]
    fn an_empty_form_asks_for_everything_and_is_not_scolded() {
        let parsed = refunds_query("q=&currency=&age=&sort=");
        assert_eq!(
            parsed.query,
            RefundsQuery {
                page: 1,
                ..RefundsQuery::default()
            }
        );
        assert!(parsed.ignored.is_empty());
        assert_eq!(refunds_href(&parsed.query), "/refunds");
    }

    #[test]
    fn what_is_not_understood_is_said_and_has_no_effect() {
        let parsed =
            refunds_query("=&state=failed&state=lost&page=0&currency=XXX&overdue=maybe&sort=up&age=-1&utm=1&at=x");
        assert_eq!(parsed.query.states, [RefundState::Failed]);
        assert_eq!(
            (parsed.query.page, parsed.query.overdue, parsed.query.currency),
            (1, false, None)
        );
        assert_eq!(parsed.ignored.len(), 8, "{:?}", parsed.ignored);
        assert_eq!(parsed.ignored[0], "state: 'lost'");
    }

    #[test]
    fn states_are_a_set() {
        let query = refunds_query("state=failed&state=requested&state=failed").query;
        assert_eq!(refunds_href(&query), "/refunds?state=requested&state=failed");
        assert_eq!(refunds_query("state=all&state=failed").query.states, RefundState::ALL);
    }

    #[test]
    fn a_search_text_is_cut_to_what_may_be_asked() {
        let parsed = search_text(&format!("q={}", "é".repeat(SEARCH_MAX + 1)));
        assert_eq!(parsed.query.chars().count(), SEARCH_MAX);
        assert_eq!(parsed.ignored.len(), 1);
    }

    #[test]
    fn texts_are_decoded_once() {
        assert_eq!(search_text("q=100%2525+%C3%A9%zz%4").query, "100%25 é%zz%4");
        assert_eq!(search_text("?q=%ff").query, "\u{fffd}");
        assert_eq!(value_of("order=O%2F1", "order"), Some("O/1".to_owned()));
    }

    #[test]
    fn moments_are_read_as_inputs_write_them() {
        let full = parse_moment("2026-01-02T03:04:00Z");
        assert!(full.is_some());
        assert_eq!(parse_moment("2026-01-02T03:04"), full);
        assert_eq!(parse_moment("2026-01-02T03:04:00"), full);
        assert_eq!(parse_moment("2026-01-02T05:04:00+02:00"), full);
        assert_eq!(parse_moment("yesterday"), None);
    }

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

    fn texts() -> impl Strategy<Value = String> {
        "\\PC{0,40}".prop_map(|text| text.trim().to_owned())
    }

    fn moments() -> impl Strategy<Value = Option<DateTime<Utc>>> {
        proptest::option::of((0_i64..4_000_000_000_000).prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap()))
    }

    prop_compose! {
        fn refunds_queries()(
            states in proptest::sample::subsequence(RefundState::ALL.to_vec(), 0..=RefundState::ALL.len()),
            overdue: bool,
            currency in proptest::option::of(proptest::sample::select(vec!["EUR", "JPY", "KWD"])),
            older_than_hours: Option<u32>,
            text in texts(),
            sort in proptest::sample::select(REFUND_SORTS.map(|(_, sort)| sort).to_vec()),
            page in 1_u32..,
        ) -> RefundsQuery {
            let currency = currency.map(|code| code.parse().unwrap());
            RefundsQuery { states, overdue, currency, older_than_hours, text, sort, page }
        }
    }

    proptest! {
        #[test]
        fn refunds_addresses_read_back(query in refunds_queries()) {
            let parsed = refunds_query(search_of(&refunds_href(&query)));
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }

        #[test]
        fn list_addresses_read_back(
            text in texts(),
            status in proptest::option::of(Just("open".to_owned())),
            sort in proptest::sample::select(LIST_SORTS.map(|(_, sort)| sort).to_vec()),
            page in 1_u32..,
        ) {
            let query = ListQuery { text, status, sort, page };
            let parsed = list_query(search_of(&list_href(href::WALLETS, &query)), &["open"]);
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }

        #[test]
        fn findings_addresses_read_back(
            kind in proptest::option::of(proptest::sample::select(FindingKind::ALL.to_vec())),
            page in 1_u32..,
        ) {
            let parsed = findings_query(search_of(&findings_href(kind, page)));
            prop_assert_eq!(parsed, Parsed { query: (kind, page), ignored: Vec::new() });
        }

        #[test]
        fn timeline_addresses_read_back(
            at in moments(),
            as_known_at in moments(),
            sequence in proptest::option::of(1..=SEQUENCE_MAX),
            oldest_first: bool,
            page in 1_u32..,
            holds in 1_u32..,
            refunds in 1_u32..,
            lines in 1_u32..,
        ) {
            let filter = Filter { at, as_known_at, sequence };
            let parts = PartPages { holds, refunds, lines };
            let query = TimelineQuery { filter, oldest_first, page, parts };
            let parsed = timeline_query(search_of(&timeline_href("/wallets/W-1", &query)));
            prop_assert_eq!(parsed, Parsed { query, ignored: Vec::new() });
        }

        #[test]
        fn search_addresses_read_back(text in texts()) {
            let address = search_href(&format!("q={}", href::encode(&text)));
            prop_assert_eq!(search_text(search_of(&address)), Parsed { query: text, ignored: Vec::new() });
        }

        #[test]
        fn any_address_is_read(search in "\\PC*") {
            refunds_query(&search);
            list_query(&search, &[]);
            timeline_query(&search);
        }
    }
}
