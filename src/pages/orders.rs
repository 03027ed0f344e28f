//! Orders: a list to search, filter and sort. All of it stands in the address.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

use super::{
    list::{Answered, ListForm, answered, found, list_head, no_rows_here, none_found, not_read},
    live::follow_all,
    region::list_region,
};
use crate::{
    api::list_orders,
    components::{
        badge::{IncompleteMark, Nothing, OrderStatusBadge},
        id::{OrderLink, PartyName},
        money::Money,
        notice::Ignored,
        page_links::{PageInfo, PageLinks, SearchOn},
        table::Table,
        time::{Fineness, Since, Time},
    },
    domain::{ids::Domain, order::OrderStatus},
    views::{
        href,
        lists::{ListQuery, ListSort, Page, PageAt},
        orders::OrderRow,
        query::{list_href, list_query},
    },
};

type Answer = Answered<ListQuery, Page<OrderRow>>;

#[component]
pub fn OrdersPage() -> impl IntoView {
    let search = use_location().search;
    let parsed = Memo::new(move |_| {
        let statuses: Vec<_> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
        search.with(|search| list_query(search, &statuses))
    });
    let query = Memo::new(move |_| parsed.with(|parsed| parsed.query.clone()));
    let answer = Resource::new(
        move || query.get(),
        |query| answered(query, &[Domain::Order], list_orders),
    );
    let first = move || {
        let query = query.get_untracked();
        (query.at != PageAt::First).then(|| page_href(&query, PageAt::First))
    };
    let statuses = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
    view! {
        <Title text="Orders" />
        {follow_all()}
        <header class="page-head">
            <h1>"Orders"</h1>
        </header>
        <div class="stack">
        <ListForm action=href::ORDERS query statuses hint="Order, customer, wallet or refund" />
        {move || view! { <Ignored notes=parsed.with(|parsed| parsed.ignored.clone()) /> }}
        <div class="panel">{list_region(answer, "orders", first, show)}</div>
        </div>
    }
}

/// The address of another page of the list.
fn page_href(query: &ListQuery, at: PageAt) -> String {
    list_href(href::ORDERS, &ListQuery { at, ..query.clone() })
}

fn show(Answered { query, page, unread }: Answer) -> AnyView {
    let info = PageInfo::of(query.at.clone(), &page);
    let href_of = |at| page_href(&query, at);
    if page.rows.is_empty() {
        return no_rows_here("order", &info, &unread, href_of)
            .unwrap_or_else(|| none_found(href::ORDERS, "order", &query));
    }
    let sorted = query.clone();
    let head = move |label, sorts: &[ListSort]| list_head(label, &sorted, sorts, href::ORDERS);
    let rows = page.rows.into_iter().map(|row| row_view(row, page.now)).collect_view();
    view! {
        <div class="panel-head"><p><strong>{found(page.total, "order", &unread)}</strong></p>{not_read(&unread)}</div>
        <Table caption="Orders" class="folds">
            <thead>
                <tr>
                    {head("Order", &[ListSort::Id])}
                    <th scope="col">"Customer"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col">"Placed"</th>
                    {head("Total", &[ListSort::AmountDown, ListSort::AmountUp])}
                    <th scope="col" class="figures">
                        "Refunded"
                    </th>
                    <th scope="col" class="figures">
                        "Refunds pending"
                    </th>
                    {head("Last event", &[ListSort::Recent])}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
        <SearchOn info=info.clone() href=href_of />
        <PageLinks label="Orders" info href=href_of />
    }
    .into_any()
}

fn row_view(row: OrderRow, now: DateTime<Utc>) -> AnyView {
    let OrderRow {
        id,
        customer,
        status,
        currency,
        total,
        sums,
        complete,
        placed_at,
        last_time,
        ..
    } = row;
    let customer = match customer {
        Some(party) => view! { <PartyName party /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let placed = match placed_at {
        Some(at) => view! { <Time at fineness=Fineness::Day /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let total = match total {
        Some(amount) => view! { <Money amount currency /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    let last = match last_time {
        Some(at) => view! { <Since at now /> }.into_any(),
        None => view! { <Nothing /> }.into_any(),
    };
    // Most orders have no refund: nothing is quieter than zeros.
    let unless_zero = |amount: rust_decimal::Decimal| {
        if amount.is_zero() {
            view! { <Nothing /> }.into_any()
        } else {
            view! { <Money amount currency /> }.into_any()
        }
    };
    view! {
        <tr data-key=id.to_string()>
            <th scope="row" class="card-head">
                <OrderLink id=id.to_string() />
            </th>
            <td data-label="Customer">{customer}</td>
            <td data-label="Status">
                <span>
                    <OrderStatusBadge status />
                    " "
                    {(!complete).then(|| view! { <IncompleteMark /> })}
                </span>
            </td>
            <td data-label="Placed">{placed}</td>
            <td class="figures" data-label="Total">
                {total}
            </td>
            <td class="figures" data-label="Refunded">
                {unless_zero(sums.refunded)}
            </td>
            <td class="figures" data-label="Refunds pending">
                {unless_zero(sums.pending)}
            </td>
            <td data-label="Last event">{last}</td>
        </tr>
    }
    .into_any()
}
