//! The page of a customer: the names, sums by currency, and the first rows of each list, with a link to the whole list.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::{
    address::param,
    customers::names,
    list::{ListRow, plain_heads},
    live::follow_all,
    region::region,
};
use crate::{
    api::get_customer,
    components::{money::Money, table::Table, words::total},
    views::{
        customers::{CustomerSums, CustomerView, First},
        href,
        lists::{Count, ListName, ListQuery},
        query::list_href,
    },
};

#[component]
pub fn CustomerPage() -> impl IntoView {
    let id = param("id");
    let answer = get_customer(id.clone());
    view! {
        <Title text=format!("Customer {id}") />
        {follow_all()}
        <header class="page-head">
            <nav class="crumbs" aria-label="Breadcrumb">
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
        stopped: false,
    };
    view! {
        <div class="stack">
            <dl class="panel details entity-facts">
                <div>
                    <dt>"Names"</dt>
                    <dd>{names(&row.names)}</dd>
                </div>
            </dl>
            {by_currency(sums)}
            {section("Findings", findings, Some(of()), now)}
            {section("Refunds", refunds, Some(every_refund), now)}
            {section("Wallets", wallets, Some(of()), now)}
            {section("Open holds", holds, Some(of()), now)}
            {section("Orders", orders, Some(of()), now)}
            {section("Cases", cases, None, now)}
        </div>
    }
    .into_any()
}

/// The sums of the customer's wallets and orders, one row of figures per currency. `None` if there are too many to add up.
fn by_currency(sums: Option<Vec<CustomerSums>>) -> AnyView {
    let Some(sums) = sums else {
        return view! {
            <p class="aside">"Totals are not shown, because there are more than 10,000 wallets or orders."</p>
        }
        .into_any();
    };
    let figures = |sums: CustomerSums| {
        let currency = sums.currency;
        let figure = |label: &'static str, amount: Decimal| {
            view! {
                <div class="figure">
                    <dt class="figure-label">{label}</dt>
                    <dd class="figure-value">
                        <Money amount currency />
                    </dd>
                </div>
            }
        };
        view! {
            <dl class="figures-row entity-figures">
                {figure("Available", sums.available)}
                {figure("Held", sums.held)}
                {figure("Paid", sums.paid)}
                {figure("Refunded", sums.refunded)}
                {figure("Refunds pending", sums.pending)}
            </dl>
        }
    };
    sums.into_iter().map(figures).collect_view().into_any()
}

/// The first rows of a list, with a link to all of them. Empty if the list has no rows.
fn section<Row: ListRow>(
    heading: &'static str,
    first: First<Row>,
    whole: Option<ListQuery>,
    now: DateTime<Utc>,
) -> AnyView {
    if first.rows.is_empty() && !first.stopped {
        return ().into_any();
    }
    let list = Row::LIST;
    let id = format!("customer-{}", list.as_str());
    let all = whole.map(|query| {
        let text = format!("All {}", total(first.total, list.noun()));
        view! { <a href=list_href(list, &query)>{text}</a> }
    });
    let table = if first.rows.is_empty() {
        view! { <p class="panel-note">"There are too many rows to search on this page."</p> }.into_any()
    } else {
        let rows = first.rows.into_iter().map(|row| row.row(now)).collect_view();
        view! {
            <Table caption=format!("{heading} of this customer") class="cards-when-narrow">
                <thead>{plain_heads(Row::COLUMNS)}</thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby=id.clone()>
            <div class="panel-head">
                <h2 id=id.clone()>{heading}</h2>
                {all}
            </div>
            {table}
        </section>
    }
    .into_any()
}
