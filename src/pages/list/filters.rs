//! The filter bar of a list: a GET form. Its first line has the search and the main filters. The other filters are in a
//! part that is open if the address names one of them. With scripts, a choice applies at once; without them, the button
//! applies it.

use leptos::prelude::*;

use crate::{
    components::{
        field::{CheckChip, FieldGroup, SelectField, TextField},
        input::Hidden,
        time::format_span,
        words::sentence,
    },
    domain::{
        findings::{FindingKind, Severity},
        money::Currency,
        refund::{Destination, Reason},
    },
    pages::form::AskForm,
    views::{
        lists::{Bound, Filter, ListName, ListQuery, SEARCH_MAX, Sort},
        query::{list_href, list_query, time_text, value_of},
    },
};

/// The offered ages, in hours.
const AGES: [u32; 7] = [4, 24, 48, 120, 168, 336, 720];
/// The filters of the first line, in this order.
const MAIN: [Filter; 5] = [
    Filter::Age,
    Filter::Overdue,
    Filter::Severity,
    Filter::State,
    Filter::Kind,
];

#[component]
pub fn FilterBar(
    list: ListName,
    /// What the search covers; the placeholder of the search field.
    searched: &'static str,
    /// The heads of the columns offer every sort, so that only cards need the field for it.
    heads_sort: bool,
    query: ListQuery,
    /// The raw query string. It has amounts that `query` lacks because their currency is missing.
    search: String,
    /// The offered currencies.
    currencies: Vec<Currency>,
) -> impl IntoView {
    let bar = Bar {
        list,
        query,
        search,
        currencies,
    };
    let has = |filter: &Filter| list.filters().contains(filter);
    let main = MAIN
        .into_iter()
        .filter(has)
        .map(|filter| bar.control(filter))
        .collect_view();
    let more = list.filters().iter().copied().filter(|filter| !MAIN.contains(filter));
    let opened = more.clone().any(|filter| bar.is_used(filter));
    let more: Vec<_> = more.map(|filter| bar.control(filter)).collect();
    let more = (!more.is_empty()).then(|| {
        view! {
            <details class="more-filters" open=opened>
                <summary>"More filters"</summary>
                <div class="filters-more">{more}</div>
            </details>
        }
    });
    let text = bar.query.text.clone();
    let limit = bar
        .query
        .limit
        .map(|limit| view! { <Hidden name="limit" value=limit.to_string() /> });
    let sorts = list.sorts().len() > 1;
    let sort = sorts.then(|| bar.sort(if heads_sort { "field is-for-cards" } else { "field" }));
    let action = list_href(list, &ListQuery::default());
    view! {
        <AskForm
            action
            class="filters"
            at_once=true
            address=move |search| list_href(list, &list_query(list, search).query)
        >
            <TextField
                name="q"
                label="Search"
                kind="search"
                value=text
                placeholder=searched
                max_length=Some(SEARCH_MAX)
                wide=true
            />
            {sort}
            {main}
            {limit}
            {more}
            <div class="form-end">
                <button class="button is-main" type="submit">
                    "Apply"
                </button>
            </div>
        </AskForm>
    }
    .into_any()
}

struct Bar {
    list: ListName,
    query: ListQuery,
    search: String,
    currencies: Vec<Currency>,
}

impl Bar {
    /// Whether the address names the filter, even if it has no effect.
    fn is_used(&self, filter: Filter) -> bool {
        value_of(&self.search, self.list.word(filter)).is_some()
    }

    fn control(&self, filter: Filter) -> AnyView {
        let (list, query) = (self.list, &self.query);
        let name = list.word(filter);
        match filter {
            Filter::State => {
                let states = list.states().into_iter().map(str::to_owned);
                chips(name, &state_legend(list), states, &query.states, sentence)
            }
            Filter::Kind => {
                let words = |kind: &FindingKind| kind.as_str().to_owned();
                let chosen: Vec<_> = query.kinds.iter().map(words).collect();
                chips(
                    name,
                    "Kind (none ticked: all)",
                    FindingKind::ALL.iter().map(words),
                    &chosen,
                    sentence,
                )
            }
            Filter::Severity => {
                let words = |severity: &Severity| severity.as_str().to_owned();
                let chosen: Vec<_> = query.severities.iter().map(words).collect();
                chips(name, "Severity", Severity::ALL.iter().map(words), &chosen, sentence)
            }
            Filter::Currency => {
                let chosen: Vec<_> = query.currencies.iter().map(ToString::to_string).collect();
                let known = self.currencies.iter().map(ToString::to_string);
                chips(name, "Currency", known, &chosen, str::to_owned)
            }
            Filter::Destination => {
                let known = Destination::KNOWN.iter().map(|known| known.as_str().to_owned());
                chips(name, "Destination", known, &query.destinations, code_word)
            }
            Filter::Reason => {
                let known = Reason::KNOWN.iter().map(|known| known.as_str().to_owned());
                chips(name, "Reason", known, &query.reasons, code_word)
            }
            Filter::Overdue => {
                let checked = query.overdue;
                view! {
                    <FieldGroup legend="Limit">
                        <CheckChip name value="1" label="Overdue only" checked />
                    </FieldGroup>
                }
                .into_any()
            }
            Filter::Age => view! {
                <SelectField
                    name
                    label="In its state for"
                    value=query.age.map(|hours| hours.to_string()).unwrap_or_default()
                    options=age_options(query.age)
                />
            }
            .into_any(),
            Filter::Min => self.bound(filter, "at least", query.min.as_ref()),
            Filter::Max => self.bound(filter, "at most", query.max.as_ref()),
            Filter::From => time_field(
                name,
                format!("{}, from (UTC)", time_word(list)),
                query.from.map(time_text),
            ),
            Filter::To => time_field(
                name,
                format!("{}, before (UTC)", time_word(list)),
                query.to.map(time_text),
            ),
            Filter::Customer => id_field(name, customer_word(list), query.customer.as_deref()),
            Filter::Wallet => id_field(name, "Wallet", query.wallet.as_deref()),
            Filter::Operator => id_field(name, "Proposed or decided by", query.operator.as_deref()),
        }
    }

    /// The field of the lowest or highest amount. A value that has no effect without a currency is kept as it was typed.
    fn bound(&self, filter: Filter, side: &str, bound: Option<&Bound>) -> AnyView {
        let name = self.list.word(filter);
        let typed = || value_of(&self.search, name).unwrap_or_default();
        let value = bound.map_or_else(typed, ToString::to_string);
        let hint = (self.query.currencies.len() != 1).then_some("needs exactly one currency");
        view! {
            <TextField
                name
                label=format!("{}, {side}", amount_word(self.list))
                value
                decimal=true
                hint=hint.map(str::to_owned)
            />
        }
        .into_any()
    }

    /// The field of the sort. Sorts by amount are disabled unless exactly one currency is chosen.
    fn sort(&self, class: &'static str) -> AnyView {
        let current = self.query.sort.unwrap_or_else(|| self.list.default_sort());
        let options = self.list.sorts().iter().map(|sort| {
            // Addresses do not have the default sort.
            let value = if *sort == self.list.default_sort() {
                ""
            } else {
                sort.as_str()
            };
            let off = sort.is_of_amounts() && self.query.currencies.len() != 1;
            let why = if off { " (choose one currency)" } else { "" };
            view! {
                <option value=value selected=*sort == current disabled=off>
                    {sort_word(self.list, *sort)}
                    {why}
                </option>
            }
        });
        view! {
            <label class=class>
                <span class="field-label">"Sorted by"</span>
                <select name="sort">{options.collect_view()}</select>
            </label>
        }
        .into_any()
    }
}

/// A chip for each known value, and for each other value of the address.
fn chips(
    name: &'static str,
    legend: &str,
    known: impl Iterator<Item = String>,
    chosen: &[String],
    word: impl Fn(&str) -> String,
) -> AnyView {
    let mut values: Vec<_> = known.collect();
    for value in chosen {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    if values.is_empty() {
        return ().into_any();
    }
    let chips = values
        .into_iter()
        .map(|value| {
            let (label, checked) = (word(&value), chosen.contains(&value));
            view! { <CheckChip name value label checked /> }
        })
        .collect_view();
    view! {
        <FieldGroup legend=legend class="is-chips">
            {chips}
        </FieldGroup>
    }
    .into_any()
}

fn id_field(name: &'static str, label: &'static str, id: Option<&str>) -> AnyView {
    let value = id.unwrap_or_default().to_owned();
    view! { <TextField name label value /> }.into_any()
}

/// A date field. A value with a time of day needs a text field.
fn time_field(name: &'static str, label: String, value: Option<String>) -> AnyView {
    let value = value.unwrap_or_default();
    let kind = if value.contains('T') { "text" } else { "date" };
    view! { <TextField name label value kind /> }.into_any()
}

/// The offered ages, and the one of the address, as values and labels.
fn age_options(chosen: Option<u32>) -> Vec<(String, String)> {
    let mut hours: Vec<_> = AGES.into_iter().chain(chosen).collect();
    hours.sort_unstable();
    hours.dedup();
    let any = (String::new(), "Any time".to_owned());
    let words = hours.into_iter().map(|hours| {
        let span = format_span(i64::from(hours) * 3_600);
        (hours.to_string(), format!("At least {span}"))
    });
    std::iter::once(any).chain(words).collect()
}

fn state_legend(list: ListName) -> String {
    let none = match list {
        ListName::Refunds => "the pending ones",
        ListName::Holds => "the open ones",
        _ => "all",
    };
    format!("{} (none ticked: {none})", state_word(list))
}

pub(super) const fn state_word(list: ListName) -> &'static str {
    match list {
        ListName::Wallets | ListName::Orders => "Status",
        _ => "State",
    }
}

/// The amount that `min`, `max` and the sorts by amount compare.
pub(super) const fn amount_word(list: ListName) -> &'static str {
    match list {
        ListName::Wallets => "Available",
        ListName::Orders => "Total",
        ListName::Findings => "At risk",
        ListName::Refunds | ListName::Holds | ListName::Cases | ListName::Customers => "Amount",
    }
}

/// The time that `from` and `to` compare.
pub(super) const fn time_word(list: ListName) -> &'static str {
    match list {
        ListName::Wallets | ListName::Orders | ListName::Customers => "Last event",
        ListName::Refunds => "Requested",
        ListName::Findings => "Since",
        ListName::Holds => "Held",
        ListName::Cases => "Proposed",
    }
}

const fn customer_word(list: ListName) -> &'static str {
    match list {
        ListName::Wallets | ListName::Holds => "Owner's id",
        _ => "Customer's id",
    }
}

/// A code of the contract in words. Another producer's code is shown unchanged.
pub(super) fn code_word(code: &str) -> String {
    let known =
        !matches!(Reason::from(code), Reason::Other(_)) || !matches!(Destination::from(code), Destination::Other(_));
    if known { sentence(code) } else { code.to_owned() }
}

const fn sort_word(list: ListName, sort: Sort) -> &'static str {
    match (sort, list) {
        (Sort::Newest, ListName::Wallets | ListName::Orders) => "Last event, newest first",
        (Sort::Oldest, ListName::Wallets | ListName::Orders) => "Last event, oldest first",
        (Sort::Newest, ListName::Refunds) => "Newest request",
        (Sort::Oldest, ListName::Refunds) => "Oldest request",
        (Sort::Newest, _) => "Newest first",
        (Sort::Oldest, _) => "Oldest first",
        (Sort::Id, _) => "Id",
        (Sort::AmountUp, _) => "Smallest amount",
        (Sort::AmountDown, _) => "Largest amount",
        (Sort::Stuck, _) => "Longest in its state",
        (Sort::State, _) => "State",
        (Sort::Order, _) => "Order",
        (Sort::Severity, _) => "Most severe first",
        (Sort::Risk, _) => "Amount × days, highest first",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(list: ListName, search: &str) -> Bar {
        Bar {
            list,
            query: list_query(list, search).query,
            search: search.to_owned(),
            currencies: vec!["EUR".parse().unwrap(), "JPY".parse().unwrap()],
        }
    }

    #[test]
    fn the_age_of_the_address_is_among_the_options() {
        let values = |chosen| {
            age_options(chosen)
                .into_iter()
                .map(|(value, _)| value)
                .collect::<Vec<_>>()
        };
        assert_eq!(values(None).len(), AGES.len() + 1);
        assert_eq!(values(Some(48)).len(), AGES.len() + 1);
        assert_eq!(values(Some(5))[..3], ["", "4", "5"]);
    }

    #[test]
    fn each_filter_has_a_control_of_its_name() {
        for list in ListName::ALL {
            for filter in list.filters() {
                let control = bar(list, "").control(*filter).to_html();
                let name = format!("name=\"{}\"", list.word(*filter));
                assert!(control.contains(&name), "{list:?} {filter:?}: {control}");
            }
        }
    }

    #[test]
    fn sorts_by_amount_are_enabled_only_with_one_currency() {
        for (search, off) in [("", 2), ("currency=EUR", 0), ("currency=EUR&currency=JPY", 2)] {
            let html = bar(ListName::Refunds, search).sort("field").to_html();
            assert_eq!(html.matches("disabled").count(), off, "{search}: {html}");
        }
    }

    #[test]
    fn an_amount_without_a_currency_is_kept_with_a_hint() {
        let html = |search| bar(ListName::Orders, search).control(Filter::Min).to_html();
        assert!(html("min=10").contains("value=\"10\"") && html("min=10").contains("one currency"));
        assert!(!html("min=10&currency=EUR").contains("one currency"));
    }

    #[test]
    fn a_value_with_a_time_of_day_has_a_text_field() {
        let html = |search| bar(ListName::Orders, search).control(Filter::From).to_html();
        assert!(html("from=2026-01-02").contains("type=\"date\""));
        assert!(html("from=2026-01-02T03:04:05Z").contains("type=\"text\""));
    }
}
