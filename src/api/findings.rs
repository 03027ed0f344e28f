//! The list of findings.

use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
use crate::views::{
    findings::FindingRow,
    lists::{ListQuery, Page},
};

#[server(endpoint = "findings", input = Json)]
pub async fn list_findings(query: ListQuery) -> Result<Page<FindingRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Findings, &query).await?;
    let search = caller.search();
    let page = caller.ask(move |ledger| ledger.findings_list(&query, search)).await?;
    Ok(super::context::truncated(page))
}
