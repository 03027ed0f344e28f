//! Wallets: the list, one wallet's page, its entries for a replay in the browser, and the list of holds.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::{
    domain::ids::{EntityId, Position},
    views::{
        lists::{ListQuery, Page},
        timelines::{History, TimelineQuery},
        wallets::{HoldListRow, WalletRow, WalletView},
    },
};

#[server(endpoint = "wallets", input = Json)]
pub async fn list_wallets(query: ListQuery) -> Result<Page<WalletRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Wallets, &query).await?;
    let search = caller.search();
    let page = caller.ask(move |ledger| ledger.wallets(&query, search)).await?;
    caller.shown(page, "wallets").await
}

#[server(endpoint = "holds", input = Json)]
pub async fn list_holds(query: ListQuery) -> Result<Page<HoldListRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Holds, &query).await?;
    let page = caller.ask(move |ledger| ledger.holds(&query)).await?;
    Ok(super::context::truncated(page))
}

#[server(endpoint = "wallet", input = Json)]
pub async fn get_wallet(id: EntityId, query: TimelineQuery) -> Result<WalletView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let view = caller.ledger().wallet(&id, &query).await?;
    caller.shown(view, &format!("wallet {id}")).await
}

/// The entries after a position for a replay: at most [`crate::views::timelines::HISTORY_ROWS_MAX`], fewer if they are
/// large.
#[server(endpoint = "wallet-history", input = Json)]
pub async fn get_wallet_history(id: EntityId, after: Option<Position>) -> Result<History, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let history = caller.ledger().wallet_history(&id, after.unwrap_or_default()).await?;
    caller.shown(history, &format!("wallet {id}")).await
}
