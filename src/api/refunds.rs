//! Refunds: the list and one refund's page.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::{
    domain::refund::RefundRow,
    views::{
        lists::{ListQuery, Page},
        refunds::RefundView,
    },
};

#[server(endpoint = "refunds", input = Json)]
pub async fn list_refunds(query: ListQuery) -> Result<Page<RefundRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Refunds, &query).await?;
    let search = caller.search();
    let page = caller.ask(move |ledger| ledger.refunds(&query, search)).await?;
    Ok(super::context::truncated(page))
}

/// One refund. `order` selects one if several orders use the id.
#[server(endpoint = "refund", input = Json)]
pub async fn get_refund(refund: String, order: Option<String>) -> Result<RefundView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let view = caller.ledger().refund(&refund, order.as_deref()).await?;
    caller.shown(view, &format!("refund {refund}")).await
}
