//! What administrators do: operators and their limits, and the audit trail.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use super::ApiError;
use crate::domain::{
    access::{OperatorAnswer, OperatorForm, OperatorRow},
    audit::{AuditEntry, AuditQuery},
    listing::Page,
};

#[server(endpoint = "operators", input = Json)]
pub async fn list_operators() -> Result<Vec<OperatorRow>, ApiError> {
    Err(ApiError::Internal)
}

#[server(endpoint = "operator-change")]
pub async fn change_operator(form: OperatorForm) -> Result<OperatorAnswer, ApiError> {
    let _ = form;
    Err(ApiError::Internal)
}

/// The trail, newest first.
#[server(endpoint = "audit", input = Json)]
pub async fn search_audit(query: AuditQuery) -> Result<Page<AuditEntry>, ApiError> {
    let _ = query;
    Err(ApiError::Internal)
}
