//! Orders: the list and one order's page.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::domain::{
    ids::EntityId,
    listing::{ListQuery, OrderRow, OrderView, Page, TimelineQuery},
};

#[server(endpoint = "orders", input = Json)]
pub async fn list_orders(query: ListQuery) -> Result<Page<OrderRow>, ApiError> {
    Ok(super::context::ledger()?.orders(&query)?)
}

#[server(endpoint = "order", input = Json)]
pub async fn get_order(id: EntityId, query: TimelineQuery) -> Result<OrderView, ApiError> {
    Ok(super::context::ledger()?.order(&id, &query).await?)
}
