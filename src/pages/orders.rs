//! The list of orders.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::list::{Column, ListRow, list_page};
use crate::{
    api::{ApiError, list_orders},
    components::{
        badge::{IncompleteMark, Nothing, OrderStatusBadge},
        id::{OrderLink, PartyName},
        money::Money,
        time::{Fineness, Since, Time},
    },
    domain::ids::Domain,
    views::{
        lists::{ListName, ListQuery, Page, Sort},
        orders::OrderRow,
    },
};

#[component]
pub fn OrdersPage() -> impl IntoView {
    list_page::<OrderRow>(|_| ().into_any())
}

impl ListRow for OrderRow {
    const LIST: ListName = ListName::Orders;
    const DOMAINS: &'static [Domain] = &[Domain::Order];
    const SEARCHED: &'static str = "Order, wallet, refund, customer's id or name";
    const COLUMNS: &'static [Column] = &[
        Column::new("Order").sorting(&[Sort::Id]),
        Column::new("Customer"),
        Column::new("Status"),
        Column::new("Placed"),
        Column::figures("Total").sorting(&[Sort::AmountDown, Sort::AmountUp]),
        Column::figures("Refunded"),
        Column::figures("Refunds pending"),
        Column::new("Last event").sorting(&[Sort::Newest, Sort::Oldest]),
    ];
    const NONE: (&'static str, &'static str) = (
        "There are no orders yet",
        "An order appears here with the first event in its stream.",
    );

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_orders(query).await
    }

    fn row(self, now: DateTime<Utc>) -> AnyView {
        let Self {
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
        } = self;
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
        // Most orders have no refund. A dash is easier to skip than a zero.
        let unless_zero = |amount: Decimal| {
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
}
