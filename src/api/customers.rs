//! Customers: the list, and one customer's page.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::{
    customers::{CustomerRow, CustomerView},
    lists::{ListQuery, Page},
};

#[server(endpoint = "customers", input = Json)]
pub async fn list_customers(query: ListQuery) -> Result<Page<CustomerRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Customers, &query).await?;
    let search = caller.search();
    let page = caller.ask(move |ledger| ledger.customers(&query, search)).await?;
    caller.shown(page, "customers").await
}

#[server(endpoint = "customer", input = Json)]
pub async fn get_customer(id: String) -> Result<CustomerView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let subject = format!("customer {id}");
    let view = caller.ask(move |ledger| ledger.customer(&id)).await?;
    caller.shown(view, &subject).await
}
