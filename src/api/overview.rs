//! The first page's figures, the findings, and how the stores are doing.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::{
    domain::findings::Finding,
    views::{
        health::StoreHealth,
        lists::{FindingsQuery, Page},
        overview::Overview,
    },
};

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

/// Findings, worst first; all of them, or those of one kind.
#[server(endpoint = "findings", input = Json)]
pub async fn list_findings(query: FindingsQuery) -> Result<Page<Finding>, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let findings = caller.ask(move |ledger| ledger.list_findings(&query)).await?;
    Ok(super::context::truncated(findings))
}
