//! Errors of compensations. Every error but [`CompensationError::OutcomeUnknown`] means that the call appended nothing to the ledger.

use crate::{
    domain::{
        access::Act,
        compensation::{case::CaseRefusal, decide::Rejection},
        form::FieldError,
        ids::{EntityId, LogName},
    },
    event_log::ReadError,
    read_model::lists::ListError,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompensationError {
    /// A field of the form is wrong.
    #[error("{0}")]
    Field(FieldError),
    /// The rules of the ledger say no.
    #[error("{0}")]
    Rejected(Rejection),
    /// The case can't be moved on by this person, or at all.
    #[error("{0}")]
    Case(CaseRefusal),
    /// A stream is not where it was looked at.
    #[error("something was appended since you looked; nothing was issued")]
    Moved,
    #[error("the role may not {0}")]
    Forbidden(Act),
    #[error("give your password again")]
    ProofNeeded,
    /// The form's case exists, and is about something else or somebody else's.
    #[error("this form was used for another compensation; begin a new one")]
    FormReused,
    /// What the form says is not what was previewed.
    #[error("the form says something else than what was previewed; preview it again")]
    Stale,
    /// Certain: nothing was appended.
    #[error("the {log} store: {reason}")]
    Store { log: LogName, reason: String },
    #[error("the audit trail can't be written, so nothing was done")]
    Unrecorded,
    /// The list can't be asked for what the address says.
    #[error("{0}")]
    List(ListError),
    /// Nobody knows yet, or it is half done; it will be finished or undone.
    #[error("the case {case} is open and will be finished or refused; don't repeat it")]
    OutcomeUnknown { case: EntityId },
}

impl CompensationError {
    /// Somebody may not, or the rules say no; as opposed to a store that does not answer.
    pub const fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Store { .. } | Self::Unrecorded | Self::OutcomeUnknown { .. }
        )
    }

    pub(super) fn store(log: LogName, reason: impl Into<String>) -> Self {
        Self::Store {
            log,
            reason: reason.into(),
        }
    }

    pub(super) fn read(log: LogName) -> impl FnOnce(ReadError) -> Self {
        move |error| Self::store(log, error.to_string())
    }
}

impl From<FieldError> for CompensationError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl From<Rejection> for CompensationError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<CaseRefusal> for CompensationError {
    fn from(refusal: CaseRefusal) -> Self {
        Self::Case(refusal)
    }
}
