//! Refunds: the list and one refund's story.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::refunds::{RefundView, RefundsPage, RefundsQuery};

#[server(endpoint = "refunds", input = Json)]
pub async fn list_refunds(query: RefundsQuery) -> Result<RefundsPage, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let search = caller.search();
    let refunds = caller.ask(move |ledger| ledger.refunds(&query, search)).await?;
    Ok(super::context::truncated(refunds))
}

/// One refund; `order` says which, where several orders use its id.
#[server(endpoint = "refund", input = Json)]
pub async fn get_refund(refund: String, order: Option<String>) -> Result<RefundView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let view = caller.ledger().refund(&refund, order.as_deref()).await?;
    caller.shown(view, &format!("refund {refund}")).await
}
