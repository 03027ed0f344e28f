//! The figures of the overview page, and the state of the stores.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::{health::StoreHealth, overview::Overview};

#[server(endpoint = "overview", input = Json)]
pub async fn get_overview() -> Result<Overview, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let overview = caller.ask(super::context::Ledger::overview).await?;
    caller.shown(overview, "overview").await
}

/// The state of the stores. Any role may read it, because every page shows it.
#[server(endpoint = "health", input = Json)]
pub async fn get_health() -> Result<Vec<StoreHealth>, ApiError> {
    Ok(super::context::signed_in()?.ledger().health())
}
