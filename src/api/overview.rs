//! The first page's figures, and how the stores are doing.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::{health::StoreHealth, overview::Overview};

#[server(endpoint = "overview", input = Json)]
pub async fn get_overview() -> Result<Overview, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let overview = caller.ask(super::context::Ledger::overview).await?;
    caller.shown(overview, "overview").await
}

/// For everybody who is signed in: it stands above every page.
#[server(endpoint = "health", input = Json)]
pub async fn get_health() -> Result<Vec<StoreHealth>, ApiError> {
    Ok(super::context::signed_in()?.ledger().health())
}
