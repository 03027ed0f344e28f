//! Compensations: the form with its preview, issuing or proposing it, approvals, and the cases that keep account.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use super::ApiError;
use crate::domain::{
    compensation::{
        draft::Draft,
        view::{CaseRow, CaseView, CasesQuery, Confirmation, FormView, JudgementForm},
    },
    ids::EntityId,
    listing::Page,
};

/// The form of a command, and what it would do as it is filled in. Writes nothing. `seen` is where the streams were when the
/// reader last looked ([`crate::domain::compensation::command::pins_text`]): the answer holds what was appended since.
#[server(endpoint = "compensation-form", input = Json)]
pub async fn get_compensation_form(draft: Draft, seen: String) -> Result<FormView, ApiError> {
    let _ = (draft, seen);
    Err(ApiError::Internal)
}

/// Issues what the form says, or proposes it where it needs somebody else's approval; leads to the case's page.
#[server(endpoint = "compensation-issue")]
pub async fn issue_compensation(form: Confirmation) -> Result<EntityId, ApiError> {
    let _ = form;
    Err(ApiError::Internal)
}

#[server(endpoint = "compensation-approve")]
pub async fn approve_compensation(form: JudgementForm) -> Result<(), ApiError> {
    let _ = form;
    Err(ApiError::Internal)
}

#[server(endpoint = "compensation-decline")]
pub async fn decline_compensation(form: JudgementForm) -> Result<(), ApiError> {
    let _ = form;
    Err(ApiError::Internal)
}

/// Takes one's own proposal back.
#[server(endpoint = "compensation-withdraw")]
pub async fn withdraw_compensation(form: JudgementForm) -> Result<(), ApiError> {
    let _ = form;
    Err(ApiError::Internal)
}

#[server(endpoint = "compensations", input = Json)]
pub async fn list_compensations(query: CasesQuery) -> Result<Page<CaseRow>, ApiError> {
    let _ = query;
    Err(ApiError::Internal)
}

#[server(endpoint = "compensation", input = Json)]
pub async fn get_compensation(id: EntityId) -> Result<CaseView, ApiError> {
    let _ = id;
    Err(ApiError::Internal)
}

/// How many cases wait for the reader: for the mark in the navigation. Nothing for roles that approve nothing.
#[server(endpoint = "approvals-waiting", input = Json)]
pub async fn count_approvals() -> Result<u32, ApiError> {
    Err(ApiError::Internal)
}
