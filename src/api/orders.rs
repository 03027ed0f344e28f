//! Orders: the list and one order's page.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::{
    domain::ids::EntityId,
    views::{
        lists::{ListQuery, Page},
        orders::{OrderRow, OrderView},
        timelines::TimelineQuery,
    },
};

#[server(endpoint = "orders", input = Json)]
pub async fn list_orders(query: ListQuery) -> Result<Page<OrderRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Orders, &query).await?;
    let search = caller.search();
    let page = caller.ask(move |ledger| ledger.orders(&query, search)).await?;
    caller.shown(page, "orders").await
}

#[server(endpoint = "order", input = Json)]
pub async fn get_order(id: EntityId, query: TimelineQuery) -> Result<OrderView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let view = caller.ledger().order(&id, &query).await?;
    caller.shown(view, &format!("order {id}")).await
}
