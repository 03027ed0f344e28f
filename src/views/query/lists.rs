//! The addresses of lists. All lists share one vocabulary (contract §8), which the command line uses as well.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

use super::{Parsed, reader::Reader};
use crate::{
    domain::event::parse_time,
    views::{
        href::Address,
        lists::{FILTER_MAX, FILTER_VALUES_MAX, Filter, ListName, ListQuery, PAGE_ROWS, PAGE_ROWS_MAX, PageAt, Sort},
    },
};

/// Names of sorts in old addresses.
const OLD_SORTS: [(&str, Sort); 2] = [("recent", Sort::Newest), ("refund", Sort::Id)];

/// Parses the query of a page. Parts that need exactly one currency are removed if the query has none or several.
pub fn list_query(list: ListName, search: &str) -> Parsed<ListQuery> {
    let mut reader = Reader::new(search);
    let mut query = filters(list, &mut reader, &OLD_SORTS);
    query.limit = reader.last("limit").and_then(|value| {
        reader.read("limit", &value, |value| {
            let all_digits = value.bytes().all(|byte| byte.is_ascii_digit());
            // A number with too many digits counts as the maximum.
            let limit = value.parse().unwrap_or(if all_digits { u32::MAX } else { 0 });
            (limit > 0).then(|| limit.min(PAGE_ROWS_MAX))
        })
    });
    query.limit = query.limit.filter(|limit| *limit != PAGE_ROWS);
    query.at = reader.page_at();
    let Parsed { query, mut ignored } = reader.done(query);
    let (query, taken) = query.without_mixed_amounts();
    ignored.extend(
        taken
            .iter()
            .map(|name| format!("{name}, which needs exactly one currency")),
    );
    Parsed { query, ignored }
}

/// Parses the names and values of a command's flags. Notes name what is not understood, and what needs exactly one
/// currency but does not have it.
pub fn list_of_flags(list: ListName, flags: Vec<(String, String)>) -> Parsed<ListQuery> {
    let mut reader = Reader::of_flags(flags);
    let query = filters(list, &mut reader, &[]);
    let Parsed { query, mut ignored } = reader.done(query);
    let (query, taken) = query.without_mixed_amounts();
    ignored.extend(taken.iter().map(|name| format!("{name} needs exactly one currency")));
    Parsed { query, ignored }
}

fn filters(list: ListName, reader: &mut Reader, old_sorts: &[(&str, Sort)]) -> ListQuery {
    let mut query = ListQuery {
        text: reader.text(),
        ..ListQuery::default()
    };
    for filter in list.filters() {
        let word = list.word(*filter);
        match filter {
            Filter::State => query.states = states(list, word, reader),
            Filter::Currency => query.currencies = reader.each(word),
            Filter::Min => query.min = reader.parsed(word),
            Filter::Max => query.max = reader.parsed(word),
            Filter::From => query.from = time(word, reader),
            Filter::To => query.to = time(word, reader),
            Filter::Customer => query.customer = id(word, reader),
            Filter::Wallet => query.wallet = id(word, reader),
            Filter::Operator => query.operator = id(word, reader),
            Filter::Overdue => query.overdue = reader.flag(word),
            Filter::Age => query.age = reader.parsed(word),
            Filter::Destination => query.destinations = codes(word, reader),
            Filter::Reason => query.reasons = codes(word, reader),
            Filter::Kind => query.kinds = reader.each(word),
            Filter::Severity => query.severities = reader.each(word),
        }
    }
    query.sort = reader.last("sort").and_then(|value| {
        reader.read("sort", &value, |value| {
            let named = list.sorts().iter().find(|sort| sort.as_str() == value).copied();
            let old = old_sorts.iter().find(|(word, _)| *word == value).map(|(_, sort)| *sort);
            named.or_else(|| old.filter(|sort| list.sorts().contains(sort)))
        })
    });
    query.sort = query.sort.filter(|sort| *sort != list.default_sort());
    query
}

fn states(list: ListName, word: &str, reader: &mut Reader) -> Vec<String> {
    let known = list.states();
    let mut asked: Vec<&str> = Vec::new();
    for value in reader.all(word) {
        if value == "all" {
            asked.clone_from(&known);
        } else {
            let find = |value: &str| known.iter().find(|state| **state == value).copied();
            asked.extend(reader.read(word, &value, find));
        }
    }
    let in_order = known.iter().filter(|state| asked.contains(state));
    let asked: Vec<String> = in_order.map(|state| (*state).to_owned()).collect();
    if asked == list.default_states() {
        Vec::new()
    } else {
        asked
    }
}

/// A time in RFC 3339, or a date, which means its start in UTC.
fn time(word: &str, reader: &mut Reader) -> Option<DateTime<Utc>> {
    let value = reader.last(word)?;
    reader.read(word, &value, |value| {
        let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok();
        let start = date.filter(|_| value.len() == 10);
        start
            .map(|date| date.and_time(NaiveTime::MIN).and_utc())
            .or_else(|| parse_time(value))
    })
}

fn id(word: &str, reader: &mut Reader) -> Option<String> {
    let value = reader.last(word)?;
    reader.read(word, &value, |value| {
        (value.chars().count() <= FILTER_MAX).then(|| value.to_owned())
    })
}

fn codes(word: &str, reader: &mut Reader) -> Vec<String> {
    let mut codes = Vec::new();
    for value in reader.all(word) {
        let short = reader.read(word, &value, |value| {
            (value.chars().count() <= FILTER_MAX && codes.len() < FILTER_VALUES_MAX).then(|| value.to_owned())
        });
        codes.extend(short);
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The address of a list.
pub fn list_href(list: ListName, query: &ListQuery) -> String {
    address(&format!("/{}", list.as_str()), list, query).finish()
}

/// The address of the file with all rows of a list.
pub fn list_csv_href(list: ListName, query: &ListQuery) -> String {
    let whole = ListQuery {
        limit: None,
        ..query.page(PageAt::First)
    };
    address(&format!("/export/{}.csv", list.as_str()), list, &whole).finish()
}

/// The names and values of a query, in the order of its address.
pub fn list_pairs(list: ListName, query: &ListQuery) -> Vec<(&'static str, String)> {
    let mut pairs = vec![("q", query.text.clone())];
    for filter in list.filters() {
        let word = list.word(*filter);
        let mut put = |value: &str| pairs.push((word, value.to_owned()));
        match filter {
            Filter::State if !query.states.is_empty() && query.states == list.states() => put("all"),
            Filter::State => query.states.iter().for_each(|state| put(state)),
            Filter::Currency => query.currencies.iter().for_each(|currency| put(currency.code())),
            Filter::Min => query.min.iter().for_each(|min| put(min.as_str())),
            Filter::Max => query.max.iter().for_each(|max| put(max.as_str())),
            Filter::From => query.from.iter().for_each(|from| put(&time_text(*from))),
            Filter::To => query.to.iter().for_each(|to| put(&time_text(*to))),
            Filter::Customer => query.customer.iter().for_each(|id| put(id)),
            Filter::Wallet => query.wallet.iter().for_each(|id| put(id)),
            Filter::Operator => query.operator.iter().for_each(|id| put(id)),
            Filter::Overdue => {
                if query.overdue {
                    put("1");
                }
            }
            Filter::Age => query.age.iter().for_each(|hours| put(&hours.to_string())),
            Filter::Destination => query.destinations.iter().for_each(|code| put(code)),
            Filter::Reason => query.reasons.iter().for_each(|code| put(code)),
            Filter::Kind => query.kinds.iter().for_each(|kind| put(kind.as_str())),
            Filter::Severity => query.severities.iter().for_each(|severity| put(severity.as_str())),
        }
    }
    if let Some(sort) = query.sort {
        pairs.push(("sort", sort.as_str().to_owned()));
    }
    if let Some(limit) = query.limit {
        pairs.push(("limit", limit.to_string()));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}

/// A time as a filter's value: a date if it is the start of a UTC day, otherwise RFC 3339.
pub fn time_text(time: DateTime<Utc>) -> String {
    if time.time() == NaiveTime::MIN {
        return time.format("%Y-%m-%d").to_string();
    }
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn address(base: &str, list: ListName, query: &ListQuery) -> Address {
    let mut address = Address::new(base);
    for (name, value) in list_pairs(list, query) {
        address.put(name, &value);
    }
    address.put_page_at(&query.at);
    address
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::findings::{FindingKind, Severity},
        views::query::tests::{pages, search_of, texts},
    };

    fn queries(list: ListName) -> impl Strategy<Value = ListQuery> {
        let states: Vec<String> = list.states().into_iter().map(str::to_owned).collect();
        let count = states.len();
        let has = move |filter| list.filters().contains(&filter);
        let day = |day: i64| DateTime::from_timestamp(day * 86_400, 0);
        let first = (
            texts(),
            proptest::sample::subsequence(states, 0..=count),
            proptest::sample::subsequence(vec!["EUR", "JPY", "KWD"], 0..=3),
            proptest::option::of("-?[0-9]{1,40}(\\.[0-9]{1,5})?"),
            proptest::option::of(-20_000_i64..20_000),
            proptest::option::of((0_i64..4_000_000_000, 0_u32..1_000_000_000)),
            proptest::option::of("[A-Za-z0-9 &=%é]{0,20}[a-z]"),
        );
        let second = (
            any::<bool>(),
            proptest::option::of(any::<u32>()),
            proptest::sample::subsequence(vec!["original_method", "wallet"], 0..=2),
            proptest::sample::subsequence(FindingKind::ALL.to_vec(), 0..=3),
            proptest::sample::subsequence(Severity::ALL.to_vec(), 0..=3),
            proptest::option::of(proptest::sample::select(list.sorts().to_vec())),
            proptest::option::of(1..=PAGE_ROWS_MAX),
            pages(),
        );
        (first, second).prop_map(move |(first, second)| {
            let (text, states, currencies, bound, from, to, id) = first;
            let (overdue, age, destinations, kinds, severities, sort, limit, at) = second;
            let default: Vec<String> = list.default_states().into_iter().map(str::to_owned).collect();
            let id = id.map(|id| id.trim().to_owned());
            let query = ListQuery {
                text,
                states: if states == default { Vec::new() } else { states },
                currencies: currencies
                    .iter()
                    .filter(|_| has(Filter::Currency))
                    .map(|code| code.parse().unwrap())
                    .collect(),
                min: bound
                    .clone()
                    .and_then(|bound| bound.parse().ok())
                    .filter(|_| has(Filter::Min)),
                max: bound.and_then(|bound| bound.parse().ok()).filter(|_| has(Filter::Max)),
                from: from.and_then(day).filter(|_| has(Filter::From)),
                to: to
                    .and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos))
                    .filter(|_| has(Filter::To)),
                customer: id.clone().filter(|_| has(Filter::Customer)),
                wallet: id.clone().filter(|_| has(Filter::Wallet)),
                overdue: overdue && has(Filter::Overdue),
                age: age.filter(|_| has(Filter::Age)),
                destinations: destinations
                    .into_iter()
                    .filter(|_| has(Filter::Destination))
                    .map(str::to_owned)
                    .collect(),
                reasons: id.clone().filter(|_| has(Filter::Reason)).into_iter().collect(),
                kinds: kinds.into_iter().filter(|_| has(Filter::Kind)).collect(),
                severities: severities.into_iter().filter(|_| has(Filter::Severity)).collect(),
                operator: id.filter(|_| has(Filter::Operator)),
                sort: sort.filter(|sort| *sort != list.default_sort()),
                limit: limit.filter(|limit| *limit != PAGE_ROWS),
                at,
            };
            query.without_mixed_amounts().0
        })
    }

    #[test]
    fn an_empty_form_lists_everything_without_notes() {
        for list in ListName::ALL {
            let names: Vec<_> = list
                .filters()
                .iter()
                .map(|filter| format!("{}=", list.word(*filter)))
                .collect();
            let parsed = list_query(list, &format!("q=&sort=&limit=&{}", names.join("&")));
            assert_eq!(parsed, Parsed::default(), "{list:?}");
            assert_eq!(list_href(list, &parsed.query), format!("/{}", list.as_str()));
        }
    }

    #[test]
    fn unknown_names_and_values_are_noted_and_have_no_effect() {
        let search = "=&state=failed&state=lost&after=!&currency=XXX&overdue=maybe&sort=up&age=-1&utm=1&at=x&min=1&limit=0&from=today";
        let parsed = list_query(ListName::Refunds, search);
        assert_eq!(
            parsed.query,
            ListQuery {
                states: vec!["failed".to_owned()],
                ..ListQuery::default()
            }
        );
        assert_eq!(parsed.ignored.len(), 11, "{:?}", parsed.ignored);
        assert!(parsed.ignored.contains(&"state: 'lost'".to_owned()));
        assert!(
            parsed
                .ignored
                .contains(&"min, which needs exactly one currency".to_owned())
        );
    }

    #[test]
    fn states_are_a_set_and_all_means_every_state() {
        let read = |search: &str| list_query(ListName::Refunds, search).query;
        let query = read("state=failed&state=requested&state=failed");
        assert_eq!(
            list_href(ListName::Refunds, &query),
            "/refunds?state=requested&state=failed"
        );
        assert_eq!(read("state=all&state=failed").states, ListName::Refunds.states());
        assert_eq!(
            read("state=failed&state=processing&state=requested&state=approved"),
            ListQuery::default()
        );
        let all = list_query(ListName::Wallets, "status=all").query;
        assert_eq!(all, ListQuery::default());
    }

    #[test]
    fn old_addresses_still_sort() {
        assert_eq!(list_query(ListName::Wallets, "sort=recent"), Parsed::default());
        let refunds = list_query(ListName::Refunds, "sort=refund&page=3");
        assert_eq!(refunds.query.sort, Some(Sort::Id));
        assert_eq!(
            refunds.ignored,
            ["page: pages are no longer numbered; the first page is shown"]
        );
    }

    #[test]
    fn a_date_means_its_start_and_a_page_has_at_most_five_hundred_rows() {
        let query = list_query(
            ListName::Orders,
            "from=2026-01-02&to=2026-01-02T05:00:00%2B02:00&limit=99999999999",
        )
        .query;
        assert_eq!(query.from, parse_time("2026-01-02T00:00:00Z"));
        assert_eq!(query.to, parse_time("2026-01-02T03:00:00Z"));
        assert_eq!(query.limit, Some(PAGE_ROWS_MAX));
        assert_eq!(
            list_csv_href(ListName::Orders, &query.page(PageAt::After("x".to_owned()))),
            "/export/orders.csv?from=2026-01-02&to=2026-01-02T03%3A00%3A00Z"
        );
    }

    proptest! {
        #[test]
        fn addresses_read_back((list, query) in proptest::sample::select(ListName::ALL.to_vec())
            .prop_flat_map(|list| (Just(list), queries(list))))
        {
            let href = list_href(list, &query);
            prop_assert_eq!(list_query(list, search_of(&href)), Parsed { query, ignored: Vec::new() }, "{}", href);
        }
    }
}
