//! Compensations: the form with its preview, issuing and proposing, decisions, and cases. The module `compensations`
//! decides what is allowed and what is written.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use super::ApiError;
use crate::{
    domain::{compensation::draft::Draft, ids::EntityId},
    views::{
        compensations::{ApprovalForm, CaseRow, CaseView, Confirmation, FormView},
        lists::{ListQuery, Page},
    },
};

/// The form of a command with a preview of its effect. Writes nothing. `seen` contains the stream positions that the
/// reader last saw ([`crate::domain::compensation::command::pins_text`]); the answer contains what was appended after
/// them.
#[server(endpoint = "compensation-form", input = Json)]
pub async fn get_compensation_form(draft: Draft, seen: String) -> Result<FormView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Propose).await?;
    let seen = super::compensation_form::pins(&seen)?;
    let form = caller.compensations().form(&caller.who(), &draft, &seen).await?;
    super::compensation_form::preview_shown(&caller, form).await
}

/// Issues the compensation, or proposes it if it needs an approval. Redirects to the page of the case.
#[server(endpoint = "compensation-issue")]
pub async fn issue_compensation(form: Confirmation) -> Result<EntityId, ApiError> {
    let mut caller = super::context::authorise(super::context::Act::Propose).await?;
    caller.check_form(&form.form_token).await?;
    super::proof::prove_if_given(&mut caller, &form.password, &form.code).await?;
    let (compensations, who) = (caller.shared_compensations(), caller.who());
    let case = super::compensation_form::to_its_end(async move { compensations.issue(&who, &form).await }).await?;
    super::compensation_form::lead_to_case(&case);
    Ok(case)
}

#[server(endpoint = "compensation-approve")]
pub async fn approve_compensation(form: ApprovalForm) -> Result<(), ApiError> {
    let mut caller = super::context::authorise(super::context::Act::Approve).await?;
    caller.check_form(&form.form_token).await?;
    let case = super::compensation_form::case_id(&form.case)?;
    super::proof::prove_if_given(&mut caller, &form.password, &form.code).await?;
    let (compensations, who) = (caller.shared_compensations(), caller.who());
    super::compensation_form::to_its_end(async move { compensations.approve(&who, &form).await }).await?;
    super::compensation_form::lead_to_case(&case);
    Ok(())
}

#[server(endpoint = "compensation-decline")]
pub async fn decline_compensation(form: ApprovalForm) -> Result<(), ApiError> {
    let caller = super::context::authorise(super::context::Act::Approve).await?;
    caller.check_form(&form.form_token).await?;
    let case = super::compensation_form::case_id(&form.case)?;
    let (compensations, who) = (caller.shared_compensations(), caller.who());
    super::compensation_form::to_its_end(async move { compensations.decline(&who, &form).await }).await?;
    super::compensation_form::lead_to_case(&case);
    Ok(())
}

/// Withdraws the caller's own proposal.
#[server(endpoint = "compensation-withdraw")]
pub async fn withdraw_compensation(form: ApprovalForm) -> Result<(), ApiError> {
    let caller = super::context::authorise(super::context::Act::Propose).await?;
    caller.check_form(&form.form_token).await?;
    let case = super::compensation_form::case_id(&form.case)?;
    let (compensations, who, id) = (caller.shared_compensations(), caller.who(), case.clone());
    super::compensation_form::to_its_end(async move { compensations.withdraw(&who, &id, &form.note).await }).await?;
    super::compensation_form::lead_to_case(&case);
    Ok(())
}

#[server(endpoint = "cases", input = Json)]
pub async fn list_cases(query: ListQuery) -> Result<Page<CaseRow>, ApiError> {
    let caller = super::context::reader_of(super::context::ListName::Cases, &query).await?;
    let page = caller.compensations().cases(&caller.who(), &query).await?;
    Ok(super::context::truncated(page))
}

#[server(endpoint = "compensation", input = Json)]
pub async fn get_compensation(id: EntityId) -> Result<CaseView, ApiError> {
    let caller = super::context::authorise(super::context::Act::Read).await?;
    let view = caller.compensations().case(&caller.who(), &id).await?;
    caller.shown(view, &format!("case {id}")).await
}

/// The number of cases that wait for the reader's decision, for the navigation; 0 for roles that can't approve.
#[server(endpoint = "approvals-waiting", input = Json)]
pub async fn count_approvals() -> Result<u32, ApiError> {
    let caller = super::context::signed_in()?;
    if !caller.principal.can(super::context::Act::Approve) {
        return Ok(0);
    }
    Ok(caller.compensations().waiting_for(&caller.who()).await?)
}
