//! The list of refunds: filtered, sorted and paged by the address alone, with the sums of all that match.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    form::AskForm,
    list::{Answered, answered, found, no_rows_here, not_read},
    live::follow_all,
    region::{as_of, list_region},
    session::Session,
};
use crate::{
    api::{ApiError, list_refunds},
    components::{
        field::{CheckChip, FieldGroup, SelectField, TextField},
        notice::{Empty, Ignored},
        page_links::{PageInfo, PageLinks, SearchOn},
        refund_table::RefundRows,
        sums::Sums,
        table::{SortHead, Sorted, Table},
        time::format_span,
        words::{grouped, sentence},
    },
    domain::{access::Act, ids::Domain, refund::RefundState},
    views::{
        href,
        lists::{PageAt, SEARCH_MAX},
        query::{Parsed, refunds_csv_href, refunds_href, refunds_query, sort_word},
        refunds::{RefundSort, RefundsPage as RowsPage, RefundsQuery},
    },
};

type Answer = Answered<RefundsQuery, RowsPage>;

/// Orders to choose from where there are no heads to sort by; the first is the default, which addresses leave out.
const SORTS: [(&str, &str); 8] = [
    ("", "Oldest request"),
    ("newest", "Newest request"),
    ("stuck", "Longest in its state"),
    ("amount_down", "Largest amount"),
    ("amount_up", "Smallest amount"),
    ("state", "State"),
    ("refund", "Refund"),
    ("order", "Order"),
];
/// Ages to choose from, in hours.
const AGES: [u32; 7] = [4, 24, 48, 120, 168, 336, 720];

#[component]
pub fn RefundsPage() -> impl IntoView {
    let search = use_location().search;
    let parsed = Memo::new(move |_| search.with(|search| refunds_query(search)));
    let query = Memo::new(move |_| parsed.with(|Parsed { query, .. }| query.clone()));
    let answer = Resource::new(
        move || query.get(),
        |query| answered(query, &[Domain::Order], list_refunds),
    );
    let first = move || {
        let query = query.get_untracked();
        (query.at != PageAt::First).then(|| page_href(&query, PageAt::First))
    };
    let session = Session::current();
    let ignored = move || view! { <Ignored notes=parsed.get().ignored /> };
    let file = session.if_may(Act::Export, move || {
        view! {
            <a class="button is-small" href=move || query.with(refunds_csv_href) rel="external" download="">
                "Download CSV"
            </a>
        }
        .into_any()
    });
    view! {
        <Title text="Refunds" />
        {follow_all()}
        <header class="page-head">
            <h1>"Refunds"</h1>
            {as_of(answer, |answer| answer.page.now)}
            {file}
        </header>
        <div class="stack">
            <div class="panel">
                <Filters query answer />
            </div>
            {ignored}
            <div class="panel">
                {list_region(answer, "refunds", first, show)}
            </div>
        </div>
    }
    .into_any()
}

/// The filter form. Ticking and choosing takes effect at once; without scripts the button does it.
#[component]
fn Filters(query: Memo<RefundsQuery>, answer: Resource<Result<Answer, ApiError>>) -> impl IntoView {
    let chips = RefundState::ALL
        .iter()
        .map(|&state| {
            let checked = Signal::derive(move || query.with(|query| query.states.contains(&state)));
            view! { <CheckChip name="state" value=state.as_str() label=sentence(state.as_str()) checked /> }
        })
        .collect_view();
    let sort = Signal::derive(move || query.with(|query| sort_word(query.sort).to_owned()));
    let sorts = SORTS.map(|(word, label)| (word.to_owned(), label.to_owned())).to_vec();
    let text = Signal::derive(move || query.with(|query| query.text.clone()));
    let overdue = Signal::derive(move || query.with(|query| query.overdue));
    let age = Signal::derive(move || {
        query.with(|query| {
            query
                .older_than_hours
                .map(|hours| hours.to_string())
                .unwrap_or_default()
        })
    });
    let ages = Signal::derive(move || age_options(query.with(|query| query.older_than_hours)));
    let currency = Signal::derive(move || query.with(|query| query.currency.map(String::from).unwrap_or_default()));
    view! {
        <AskForm action=href::REFUNDS class="filters" at_once=true address=|search| refunds_href(&refunds_query(search).query)>
            <TextField
                name="q"
                label="Search"
                kind="search"
                value=text
                placeholder="Refund, order, wallet, customer or reason"
                max_length=Some(SEARCH_MAX)
                wide=true
            />
            <SelectField name="age" label="In its state for" value=age options=ages />
            <Transition>
                {move || Suspend::new(async move {
                    let known = answer.await.map(|answer| answer.page.currencies).unwrap_or_default();
                    let mut options = vec![(String::new(), "Any".to_owned())];
                    options.extend(known.into_iter().map(|known| (known.to_string(), known.to_string())));
                    let chosen = currency.get();
                    if !options.iter().any(|(option, _)| *option == chosen) {
                        options.push((chosen.clone(), chosen));
                    }
                    view! { <SelectField name="currency" label="Currency" value=currency options=Signal::stored(options) /> }
                })}
            </Transition>
            <SelectField name="sort" label="Sorted by" class="is-for-cards" value=sort options=Signal::stored(sorts) />
            <FieldGroup legend="Limit">
                <CheckChip name="overdue" value="1" label="Overdue only" checked=overdue />
            </FieldGroup>
            <FieldGroup legend="State (none ticked: all that are pending)" class="is-whole-row">
                {chips}
            </FieldGroup>
            <div class="form-end">
                <button class="button is-main" type="submit">
                    "Apply"
                </button>
                <a href=href::REFUNDS>"Clear"</a>
            </div>
        </AskForm>
    }
    .into_any()
}

/// The ages to choose from, and the one that the address asks for.
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

/// The address of another page of the list.
fn page_href(query: &RefundsQuery, at: PageAt) -> String {
    refunds_href(&RefundsQuery { at, ..query.clone() })
}

fn show(Answered { query, page, unread }: Answer) -> AnyView {
    let RowsPage {
        rows,
        previous,
        next,
        total,
        overdue,
        sums,
        stopped,
        ..
    } = page;
    let info = PageInfo {
        at: query.at.clone(),
        previous,
        next,
        stopped,
    };
    let href_of = |at| page_href(&query, at);
    if rows.is_empty() {
        return no_rows_here("refund", &info, &unread, href_of).unwrap_or_else(|| nothing(&query));
    }
    let overdue = overdue.filter(|overdue| *overdue > 0);
    let sorted = query.clone();
    view! {
        <div class="totals">
            <p>
                <strong>{found(total, "refund", &unread)}</strong>
                {overdue.map(|overdue| view! { <span class="totals-overdue">{format!("{} overdue", grouped(overdue))}</span> })}
            </p>
            {not_read(&unread)}
            {sums.map(|sums| view! { <Sums sums counts=true /> })}
        </div>
        <Table caption="Refunds" class="folds">
            <Heads query=sorted />
            <RefundRows rows />
        </Table>
        <SearchOn info=info.clone() href=href_of />
        <PageLinks label="Refunds" info href=href_of />
    }
    .into_any()
}

/// The columns' heads, most of which sort.
#[component]
fn Heads(query: RefundsQuery) -> impl IntoView {
    let head = |label: &'static str, first: RefundSort, again: RefundSort, figures: bool| {
        let sorted = (query.sort == first || query.sort == again).then(|| direction(query.sort));
        let sort = if query.sort == first { again } else { first };
        let href = refunds_href(&RefundsQuery {
            sort,
            at: PageAt::First,
            ..query.clone()
        });
        view! { <SortHead label href sorted figures /> }
    };
    view! {
        <thead>
            <tr>
                {head("Refund", RefundSort::Refund, RefundSort::Refund, false)}
                {head("Order", RefundSort::Order, RefundSort::Order, false)}
                <th scope="col">"Wallet"</th>
                {head("State", RefundSort::State, RefundSort::State, false)}
                <th scope="col">"Waits for"</th>
                {head("In state for", RefundSort::Stuck, RefundSort::Stuck, true)}
                {head("Requested (UTC)", RefundSort::Oldest, RefundSort::Newest, false)}
                <th scope="col">"Reason"</th>
                {head("Amount", RefundSort::AmountDown, RefundSort::AmountUp, true)}
            </tr>
        </thead>
    }
    .into_any()
}

/// Which way the values of the sorted column go.
const fn direction(sort: RefundSort) -> Sorted {
    match sort {
        RefundSort::Newest | RefundSort::Stuck | RefundSort::AmountDown => Sorted::Down,
        RefundSort::Oldest | RefundSort::AmountUp | RefundSort::State | RefundSort::Refund | RefundSort::Order => {
            Sorted::Up
        }
    }
}

/// Nothing matches, or nothing is owed at all.
fn nothing(query: &RefundsQuery) -> AnyView {
    let unfiltered = RefundsQuery {
        sort: query.sort,
        ..RefundsQuery::default()
    } == *query;
    if unfiltered {
        return view! {
            <Empty title="No refund is pending">
                <p>"Everything that was asked for is settled: nobody waits for money."</p>
                <p>
                    <a href=refunds_href(&every_state(&RefundsQuery::default()))>"See the settled ones"</a>
                </p>
            </Empty>
        }
        .into_any();
    }
    let elsewhere = query.states.is_empty().then(|| {
        view! {
            <p>
                <a href=refunds_href(&every_state(query))>"Look in every state, settled ones too"</a>
            </p>
        }
    });
    view! {
        <Empty title="No refund matches">
            {elsewhere}
            <p>
                <a href=href::REFUNDS>"Show all that are pending"</a>
            </p>
        </Empty>
    }
    .into_any()
}

fn every_state(query: &RefundsQuery) -> RefundsQuery {
    RefundsQuery {
        states: RefundState::ALL.to_vec(),
        at: PageAt::First,
        ..query.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_can_be_chosen() {
        for (word, _) in SORTS {
            let query = refunds_query(&format!("sort={word}"));
            assert_eq!((sort_word(query.query.sort), query.ignored.len()), (word, 0));
        }
    }

    #[test]
    fn an_age_of_ones_own_can_be_chosen_again() {
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
}
