//! Chips: the active filters of a list. Each is a link to the same list without that filter.

use leptos::prelude::*;

use super::filters::{amount_word, code_word, state_word, time_word};
use crate::{
    components::{icon::Icon, time::format_span, words::sentence},
    views::{
        lists::{Filter, ListName, ListQuery, PageAt},
        query::{list_href, time_text},
    },
};

/// A line of chips. Empty if no filter is active.
pub fn chips(list: ListName, query: &ListQuery) -> AnyView {
    let chips = in_force(list, query);
    if chips.is_empty() {
        return ().into_any();
    }
    let chips = chips
        .into_iter()
        .map(|(text, rest)| {
            view! {
                <li>
                    <a class="pill is-removable" href=list_href(list, &rest) data-noscroll="">
                        <span class="visually-hidden">"Remove the filter "</span>
                        <span class="pill-text">{text}</span>
                        {Icon::Cross.view()}
                    </a>
                </li>
            }
        })
        .collect_view();
    let none = ListQuery {
        limit: query.limit,
        ..ListQuery::default()
    };
    view! {
        <div class="in-force">
            <ul aria-label="Filters in force">{chips}</ul>
            <a href=list_href(list, &none) data-noscroll="">
                "Clear all"
            </a>
        </div>
    }
    .into_any()
}

/// Each active filter in words, and the query without it.
fn in_force(list: ListName, query: &ListQuery) -> Vec<(String, ListQuery)> {
    let mut chips = Chips {
        list,
        query,
        made: Vec::new(),
    };
    if !query.text.is_empty() {
        chips.put(format!("Search: {}", query.text), |query| query.text.clear());
    }
    for filter in list.filters() {
        chips.put_filter(*filter);
    }
    chips.made
}

struct Chips<'a> {
    list: ListName,
    query: &'a ListQuery,
    made: Vec<(String, ListQuery)>,
}

impl Chips<'_> {
    /// Adds a chip. `remove` removes its filter from the query.
    fn put(&mut self, text: String, remove: impl FnOnce(&mut ListQuery)) {
        let mut rest = self.query.page(PageAt::First);
        remove(&mut rest);
        if rest.states == self.list.default_states() {
            rest.states.clear();
        }
        // An amount without a currency would be compared with amounts of every currency.
        let (rest, _) = rest.without_mixed_amounts();
        self.made.push((text, rest));
    }

    /// Adds a chip for each value of a filter.
    fn put_each<T: Clone + PartialEq>(
        &mut self,
        label: &str,
        values: &[T],
        word: impl Fn(&T) -> String,
        of: fn(&mut ListQuery) -> &mut Vec<T>,
    ) {
        for value in values {
            let text = format!("{label}: {}", word(value));
            self.put(text, |query| of(query).retain(|other| other != value));
        }
    }

    fn put_filter(&mut self, filter: Filter) {
        let (list, query) = (self.list, self.query);
        let currency = query
            .currencies
            .first()
            .map(|currency| format!(" {currency}"))
            .unwrap_or_default();
        match filter {
            Filter::State if !query.states.is_empty() && query.states == list.states() => {
                self.put(format!("{}: any", state_word(list)), |query| query.states.clear());
            }
            Filter::State => {
                self.put_each(
                    state_word(list),
                    &query.states,
                    |state| sentence(state),
                    |query| &mut query.states,
                );
            }
            Filter::Currency => self.put_each("Currency", &query.currencies, ToString::to_string, |query| {
                &mut query.currencies
            }),
            Filter::Min => {
                if let Some(min) = &query.min {
                    let text = format!("{}: at least {min}{currency}", amount_word(list));
                    self.put(text, |query| query.min = None);
                }
            }
            Filter::Max => {
                if let Some(max) = &query.max {
                    let text = format!("{}: at most {max}{currency}", amount_word(list));
                    self.put(text, |query| query.max = None);
                }
            }
            Filter::From => {
                if let Some(from) = query.from {
                    let text = format!("{}: from {}", time_word(list), time_text(from));
                    self.put(text, |query| query.from = None);
                }
            }
            Filter::To => {
                if let Some(to) = query.to {
                    let text = format!("{}: before {}", time_word(list), time_text(to));
                    self.put(text, |query| query.to = None);
                }
            }
            Filter::Customer => self.put_id("Customer", query.customer.as_deref(), |query| query.customer = None),
            Filter::Wallet => self.put_id("Wallet", query.wallet.as_deref(), |query| query.wallet = None),
            Filter::Operator => self.put_id("Operator", query.operator.as_deref(), |query| query.operator = None),
            Filter::Overdue => {
                if query.overdue {
                    self.put("Overdue only".to_owned(), |query| query.overdue = false);
                }
            }
            Filter::Age => {
                if let Some(hours) = query.age {
                    let text = format!("In its state for at least {}", format_span(i64::from(hours) * 3_600));
                    self.put(text, |query| query.age = None);
                }
            }
            Filter::Destination => {
                self.put_each(
                    "Destination",
                    &query.destinations,
                    |code| code_word(code),
                    |query| &mut query.destinations,
                );
            }
            Filter::Reason => {
                self.put_each(
                    "Reason",
                    &query.reasons,
                    |code| code_word(code),
                    |query| &mut query.reasons,
                );
            }
            Filter::Kind => {
                self.put_each(
                    "Kind",
                    &query.kinds,
                    |kind| sentence(kind.as_str()),
                    |query| &mut query.kinds,
                );
            }
            Filter::Severity => {
                self.put_each(
                    "Severity",
                    &query.severities,
                    |severity| sentence(severity.as_str()),
                    |query| &mut query.severities,
                );
            }
        }
    }

    fn put_id(&mut self, label: &str, id: Option<&str>, remove: impl FnOnce(&mut ListQuery)) {
        if let Some(id) = id {
            self.put(format!("{label}: {id}"), remove);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::query::list_query;

    /// The chips of an address, as `text -> address without it`.
    fn chips_of(list: ListName, search: &str) -> Vec<String> {
        in_force(list, &list_query(list, search).query)
            .into_iter()
            .map(|(text, rest)| format!("{text} -> {}", list_href(list, &rest)).replace('\u{a0}', " "))
            .collect()
    }

    #[test]
    fn a_chip_leads_to_the_list_without_its_filter() {
        assert_eq!(
            chips_of(
                ListName::Refunds,
                "q=ada&state=failed&state=requested&overdue=1&age=48&sort=newest&after=x"
            ),
            [
                "Search: ada -> /refunds?state=requested&state=failed&overdue=1&age=48&sort=newest",
                "State: Requested -> /refunds?q=ada&state=failed&overdue=1&age=48&sort=newest",
                "State: Failed -> /refunds?q=ada&state=requested&overdue=1&age=48&sort=newest",
                "Overdue only -> /refunds?q=ada&state=requested&state=failed&age=48&sort=newest",
                "In its state for at least 2 d -> /refunds?q=ada&state=requested&state=failed&overdue=1&sort=newest",
            ]
        );
        assert_eq!(chips_of(ListName::Refunds, "sort=newest&limit=10&after=x"), [""; 0]);
    }

    #[test]
    fn removing_the_currency_removes_bounds_and_sorts_of_amounts() {
        assert_eq!(
            chips_of(ListName::Wallets, "currency=EUR&min=-1&max=20&sort=amount_up"),
            [
                "Currency: EUR -> /wallets",
                "Available: at least -1 EUR -> /wallets?currency=EUR&max=20&sort=amount_up",
                "Available: at most 20 EUR -> /wallets?currency=EUR&min=-1&sort=amount_up",
            ]
        );
    }

    #[test]
    fn all_states_are_one_chip_and_the_default_states_are_none() {
        assert_eq!(chips_of(ListName::Holds, "state=all"), ["State: any -> /holds"]);
        assert_eq!(chips_of(ListName::Holds, ""), [""; 0]);
        assert_eq!(
            chips_of(ListName::Holds, "state=open&state=captured"),
            ["State: Open -> /holds?state=captured", "State: Captured -> /holds"]
        );
    }

    #[test]
    fn every_filter_of_every_list_has_a_chip() {
        let values = [
            ("currency", "EUR"),
            ("min", "1"),
            ("max", "2"),
            ("from", "2026-01-01"),
            ("to", "2026-01-02T03:04:05Z"),
            ("customer", "C-1"),
            ("wallet", "W-1"),
            ("operator", "ada"),
            ("overdue", "1"),
            ("age", "5"),
            ("destination", "wallet"),
            ("reason", "return"),
            ("kind", "credited_twice"),
            ("severity", "high"),
        ];
        for list in ListName::ALL {
            for filter in list.filters() {
                let word = list.word(*filter);
                let value = values.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
                let value = value.unwrap_or_else(|| list.states()[1]);
                let search = format!("currency=EUR&{word}={value}");
                let chips = chips_of(list, &search);
                let expected = if *filter == Filter::Currency { 1 } else { 2 };
                assert_eq!(chips.len(), expected, "{list:?} {search}: {chips:?}");
            }
        }
    }
}
