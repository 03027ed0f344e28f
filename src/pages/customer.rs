//! A customer: names, sums by currency, and everything that is theirs, each with the way to the whole list.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    customers::names,
    list::{ListRow, plain_heads},
    live::follow_all,
    region::region,
    title::title,
};
use crate::{
    api::get_customer,
    components::{badge::Nothing, money::Money, table::Table, words::total},
    domain::money::Currency,
    views::{
        customers::{CustomerSums, CustomerView, First},
        href,
        lists::{Count, ListName, ListQuery},
        query::list_href,
    },
};

#[component]
pub fn CustomerPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let answer = Resource::new(move || id.get(), get_customer);
    view! {
        {title(move || Some(format!("Customer {}", id.try_get()?)))}
        {follow_all()}
        <header class="page-head">
            <nav class="crumbs" aria-label="Where this is">
                <ol>
                    <li>
                        <a href=href::CUSTOMERS>"Customers"</a>
                    </li>
                </ol>
            </nav>
            <h1>
                "Customer "
                <span class="id">{id}</span>
            </h1>
        </header>
        {region(answer, "customer", show)}
    }
}

fn show(view: CustomerView) -> AnyView {
    let CustomerView {
        row,
        wallets,
        orders,
        refunds,
        holds,
        findings,
        cases,
        sums,
        now,
    } = view;
    let id = row.customer.clone();
    let of = || ListQuery {
        customer: Some(id.clone()),
        ..ListQuery::default()
    };
    let every_refund = ListQuery {
        states: ListName::Refunds.states().into_iter().map(str::to_owned).collect(),
        ..of()
    };
    let cases = First {
        total: Count::Exactly(cases.len() as u64),
        rows: cases,
    };
    view! {
        <div class="stack">
            <section class="panel" aria-label="Details">
                <dl class="facts">
                    <div>
                        <dt>"Names"</dt>
                        <dd>{names(&row.names)}</dd>
                    </div>
                    {by_currency(sums)}
                </dl>
            </section>
            {section("Findings", findings, Some(of()), now)}
            {section("Refunds", refunds, Some(every_refund), now)}
            {section("Wallets", wallets, Some(of()), now)}
            {section("Open holds", holds, Some(of()), now)}
            {section("Orders", orders, Some(of()), now)}
            {section("Cases about these wallets and orders", cases, None, now)}
        </div>
    }
    .into_any()
}

/// What the wallets hold and the orders come to.
fn by_currency(sums: Option<Vec<CustomerSums>>) -> AnyView {
    let Some(sums) = sums else {
        return view! {
            <div>
                <dt>"Sums"</dt>
                <dd>"Not added up: there are more than 10,000 wallets or orders."</dd>
            </div>
        }
        .into_any();
    };
    let sum = |label: &'static str, amount: fn(&CustomerSums) -> rust_decimal::Decimal| {
        let amounts = sums.iter().map(|sums| (amount(sums), sums.currency)).collect::<Vec<_>>();
        view! {
            <div>
                <dt>{label}</dt>
                <dd>{amounts_view(amounts)}</dd>
            </div>
        }
    };
    view! {
        {sum("Available", |sums| sums.available)}
        {sum("Held", |sums| sums.held)}
        {sum("Paid", |sums| sums.paid)}
        {sum("Refunded", |sums| sums.refunded)}
        {sum("Refunds pending", |sums| sums.pending)}
    }
    .into_any()
}

fn amounts_view(amounts: Vec<(rust_decimal::Decimal, Currency)>) -> AnyView {
    if amounts.is_empty() {
        return view! { <Nothing /> }.into_any();
    }
    let lines = amounts
        .into_iter()
        .map(|(amount, currency)| view! { <li><Money amount currency /></li> })
        .collect_view();
    view! { <ul class="sums">{lines}</ul> }.into_any()
}

/// The first rows of a list, with a link to all of them; nothing where there are none.
fn section<Row: ListRow>(
    heading: &'static str,
    first: First<Row>,
    whole: Option<ListQuery>,
    now: DateTime<Utc>,
) -> AnyView {
    if first.rows.is_empty() {
        return ().into_any();
    }
    let list = Row::LIST;
    let id = format!("customer-{}", list.as_str());
    let all = whole.map(|query| {
        let text = format!("All {}", total(first.total, list.noun()));
        view! { <a href=list_href(list, &query)>{text}</a> }
    });
    let rows = first.rows.into_iter().map(|row| row.row(now)).collect_view();
    view! {
        <section class="panel" aria-labelledby=id.clone()>
            <div class="panel-head">
                <h2 id=id.clone()>{heading}</h2>
                {all}
            </div>
            <Table caption=heading class="folds">
                <thead>{plain_heads(Row::COLUMNS)}</thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
    .into_any()
}
