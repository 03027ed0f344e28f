//! Reads the forms of compensations, and converts their errors to [`ApiError`].

use std::future::Future;

use super::{ApiError, context::Caller, proof};
use crate::{
    compensations::CompensationError,
    domain::{
        access::Act,
        audit::AuditOutcome,
        compensation::{
            case::CaseRefusal,
            command::{Pin, parse_pins},
        },
        form::Field,
        ids::{EntityId, LogName},
    },
    views::{compensations::FormView, href, mask::Mask},
};

/// The longest text of positions, in bytes. A command concerns at most two streams.
const PINS_MAX: usize = 1_000;

/// Parses the stream positions that the reader of a form has seen; empty text means none.
pub(super) fn pins(text: &str) -> Result<Vec<Pin>, ApiError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let short = Some(text).filter(|text| text.len() <= PINS_MAX);
    short.and_then(parse_pins).ok_or_else(|| ApiError::Invalid {
        message: "the form's stream positions are invalid; preview it again".to_owned(),
    })
}

pub(super) fn case_id(text: &str) -> Result<EntityId, ApiError> {
    EntityId::new(text).map_err(|error| ApiError::Invalid {
        message: error.to_string(),
    })
}

/// Records the preview in the audit trail, and masks names that the caller may not read.
pub(super) async fn preview_shown(caller: &Caller, mut form: FormView) -> Result<FormView, ApiError> {
    let subject = format!("{} {}", form.domain, form.subject);
    let entry = caller
        .principal
        .entry("compensation.preview", AuditOutcome::Done)
        .about(subject)
        .detail(form.name.to_string());
    caller.audit().record_once(entry).await?;
    if !caller.principal.can(Act::ReadPersonal) {
        form.mask();
    }
    Ok(form)
}

/// Runs `work` to its end even if the request is cancelled, so that a closed page does not leave a compensation half
/// done.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, CompensationError>> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::spawn(work).await;
    let done = done.map_err(|error| {
        tracing::error!(%error, "a compensation was interrupted");
        ApiError::Internal
    })?;
    Ok(done?)
}

pub(super) fn lead_to_case(case: &EntityId) {
    leptos_axum::redirect(&href::compensation(case.as_str()));
}

impl From<CompensationError> for ApiError {
    fn from(error: CompensationError) -> Self {
        let message = error.to_string();
        match error {
            CompensationError::Field(error) => Self::Field { error },
            CompensationError::Case(CaseRefusal::Unknown) => Self::NotFound {
                what: "the case".to_owned(),
                filtered: false,
            },
            CompensationError::Rejected(_)
            | CompensationError::Case(_)
            | CompensationError::FormReused
            | CompensationError::CreditsUncertain(_)
            | CompensationError::Stale => Self::Refused { message },
            CompensationError::List(_) => Self::Invalid { message },
            CompensationError::Moved => Self::Moved,
            CompensationError::Forbidden(_) => Self::Forbidden,
            CompensationError::ProofNeeded => proof::field(Field::Password, &message),
            CompensationError::Store { log, .. } => {
                tracing::error!(%message, "a store of a compensation does not answer");
                match (log, log.domain()) {
                    (_, Some(domain)) => Self::StoreDown { domain },
                    (LogName::Access, _) => Self::Unrecorded,
                    _ => Self::Refused {
                        message: "the compensation store does not answer, so nothing was done; try again in a moment"
                            .to_owned(),
                    },
                }
            }
            CompensationError::Unrecorded => Self::Unrecorded,
            CompensationError::OutcomeUnknown { case } => Self::OutcomeUnknown { case },
        }
    }
}
