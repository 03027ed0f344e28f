//! One whole event as a JSON file; its page truncates long payloads. Personal fields are masked for roles that may not
//! read them.

use axum::{
    Extension,
    extract::{Path, State},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::{ExportError, allowed};
use crate::{
    app_state::AppState,
    auth::Visitor,
    domain::{
        access::Act,
        audit::AuditOutcome,
        ids::{Domain, EntityId},
    },
    ledger::LedgerError,
    views::mask::Mask,
};

pub(super) const ROUTE: &str = "/export/events/{domain}/{subject}/{position}";

pub(super) async fn whole(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    Path((domain, subject, position)): Path<(String, String, String)>,
) -> Result<Response, ExportError> {
    let principal = allowed(&visitor, ROUTE)?;
    let domain: Domain = domain.parse().map_err(|_| ExportError::NotFound)?;
    let subject = EntityId::new(subject).map_err(|_| ExportError::NotFound)?;
    let position = position.parse().map_err(|_| ExportError::NotFound)?;
    let view = state.ledger.event(domain, &subject, position).await;
    let mut entry = view
        .map_err(|error| match error {
            LedgerError::NotFound { .. } => ExportError::NotFound,
            LedgerError::Invalid(message) => ExportError::Invalid(message),
            LedgerError::Store { domain, .. } => ExportError::StoreDown(domain),
            LedgerError::ReadModel(message) => ExportError::ReadModel(message),
        })?
        .entry;
    if principal.can(Act::ReadPersonal) {
        let view = principal.entry("view", AuditOutcome::Done);
        let view = view.about(format!("event {position} of {domain} {subject}"));
        let recorded = state.audit.record_once(view).await;
        recorded.map_err(|_| ExportError::Unrecorded)?;
    } else {
        entry.mask();
    }
    let json = serde_json::to_string_pretty(&entry).map_err(|_| ExportError::Internal)?;
    let name = format!("attachment; filename=\"{domain}-{subject}-{position}.json\"");
    Ok((
        [
            (CONTENT_TYPE, "application/json".to_owned()),
            (CONTENT_DISPOSITION, name),
        ],
        json,
    )
        .into_response())
}
