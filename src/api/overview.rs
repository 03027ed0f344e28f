//! The first page's figures, the findings, and how the stores are doing.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::domain::{
    findings::{Finding, FindingKind},
    listing::{Overview, Page, StoreHealth},
};

#[server(endpoint = "overview", input = Json)]
pub async fn get_overview() -> Result<Overview, ApiError> {
    Ok(super::context::ledger()?.overview())
}

#[server(endpoint = "health", input = Json)]
pub async fn get_health() -> Result<Vec<StoreHealth>, ApiError> {
    Ok(super::context::ledger()?.health())
}

/// Findings, worst first; all of them, or those of one kind. `page` counts from 1.
#[server(endpoint = "findings", input = Json)]
pub async fn list_findings(kind: Option<FindingKind>, page: u32) -> Result<Page<Finding>, ApiError> {
    Ok(super::context::ledger()?.list_findings(kind, page))
}
