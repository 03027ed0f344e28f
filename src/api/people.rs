//! Server functions for administrators: operators and their limits, and the audit trail.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;

use super::ApiError;
use crate::{
    domain::access::OperatorRow,
    views::{
        audit::{AuditEntry, AuditQuery},
        lists::NumberedPage,
        operators::{OperatorAnswer, OperatorForm},
    },
};

#[server(endpoint = "operators", input = Json)]
pub async fn list_operators() -> Result<Vec<OperatorRow>, ApiError> {
    let caller = super::context::authorise(super::context::Act::ManageOperators).await?;
    Ok(super::operator_form::rows(&caller).await?)
}

/// Changes an operator. Needs a recent proof of the caller's password. A new password is only in the answer.
#[server(endpoint = "operator-change")]
pub async fn change_operator(form: OperatorForm) -> Result<OperatorAnswer, ApiError> {
    let mut caller = super::context::authorise(super::context::Act::ManageOperators).await?;
    caller.check_form(&form.form_token).await?;
    let change = super::operator_form::OperatorChange::read(&form)?;
    super::proof::prove(&mut caller, &form.password, &form.code).await?;
    let answer = change.make(&caller).await?;
    if answer.password.is_some() {
        super::context::answer_in_place();
    }
    Ok(answer)
}

/// A page of audit entries, newest first.
#[server(endpoint = "audit", input = Json)]
pub async fn search_audit(query: AuditQuery) -> Result<NumberedPage<AuditEntry>, ApiError> {
    let caller = super::context::authorise(super::context::Act::Audit).await?;
    if query.text.chars().count() > crate::views::lists::SEARCH_MAX {
        return Err(ApiError::Invalid {
            message: format!(
                "the search text is too long; use at most {} characters",
                crate::views::lists::SEARCH_MAX
            ),
        });
    }
    Ok(caller.audit().search(&query).await?)
}
