//! The first page's figures, and how the stores are doing.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::domain::listing::{Overview, StoreHealth};

#[server(endpoint = "overview", input = Json)]
pub async fn get_overview() -> Result<Overview, ApiError> {
    Ok(super::ledger()?.overview())
}

#[server(endpoint = "health", input = Json)]
pub async fn get_health() -> Result<Vec<StoreHealth>, ApiError> {
    Ok(super::ledger()?.health())
}
