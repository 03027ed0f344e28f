//! The list of customers: each id of a wallet's owner or of an order's customer.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::list::{Column, ListRow, list_page};
use crate::{
    api::{ApiError, list_customers},
    components::{badge::Nothing, id::CustomerLink, words::grouped},
    domain::ids::Domain,
    views::{
        customers::CustomerRow,
        lists::{ListName, ListQuery, Page},
    },
};

/// The most names that a row shows.
const NAMES_SHOWN: usize = 3;

#[component]
pub fn CustomersPage() -> impl IntoView {
    list_page::<CustomerRow>(|_| ().into_any())
}

/// The first `NAMES_SHOWN` names of a customer in a line, and the number of the others.
pub fn names(all: &[String]) -> AnyView {
    if all.is_empty() {
        return view! { <Nothing /> }.into_any();
    }
    let shown = all.iter().take(NAMES_SHOWN).cloned();
    let shown = shown
        .map(|name| view! { <li><bdi title=name.clone()>{name.clone()}</bdi></li> })
        .collect_view();
    let rest = all.len().saturating_sub(NAMES_SHOWN);
    let rest = (rest > 0).then(|| view! { <li class="aside">{format!("and {rest} more")}</li> });
    view! { <ul class="customer-names">{shown} {rest}</ul> }.into_any()
}

impl ListRow for CustomerRow {
    const LIST: ListName = ListName::Customers;
    const DOMAINS: &'static [Domain] = &[Domain::Wallet, Domain::Order];
    const SEARCHED: &'static str = "Customer's id or name";
    const COLUMNS: &'static [Column] = &[
        Column::new("Customer"),
        Column::new("Names"),
        Column::figures("Wallets"),
        Column::figures("Orders"),
        Column::figures("Refunds"),
        Column::figures("Pending refunds"),
    ];
    const NONE: (&'static str, &'static str) = (
        "There are no customers yet",
        "A customer appears here with the first wallet or order that names one.",
    );

    async fn ask(query: ListQuery) -> Result<Page<Self>, ApiError> {
        list_customers(query).await
    }

    fn row(self, _: DateTime<Utc>) -> AnyView {
        let Self {
            customer,
            names: all,
            wallets,
            orders,
            refunds,
            pending_refunds,
        } = self;
        let key = customer.clone();
        view! {
            <tr data-key=key>
                <th scope="row" class="card-head">
                    <CustomerLink id=customer />
                </th>
                <td data-label="Names">{names(&all)}</td>
                <td class="figures" data-label="Wallets">{grouped(wallets)}</td>
                <td class="figures" data-label="Orders">{grouped(orders)}</td>
                <td class="figures" data-label="Refunds">{grouped(refunds)}</td>
                <td class="figures" data-label="Pending refunds">{grouped(pending_refunds)}</td>
            </tr>
        }
        .into_any()
    }
}
