//! Errors of compensations. Every error but [`CompensationError::OutcomeUnknown`] means that the call appended nothing
//! to the ledger.

use crate::{
    domain::{
        access::Act,
        compensation::{
            case::CaseRefusal,
            decide::{Rejection, Uncertain},
        },
        form::FieldError,
        ids::{EntityId, LogName},
    },
    event_log::ReadError,
    read_model::lists::ListError,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompensationError {
    /// A field of the form is invalid.
    #[error("{0}")]
    Field(FieldError),
    /// The rules of the ledger refuse the command.
    #[error("{0}")]
    Rejected(Rejection),
    /// The case's state, or the person, does not allow the act.
    #[error("{0}")]
    Case(CaseRefusal),
    /// A stream has moved since it was seen.
    #[error("events were appended since the preview; nothing was issued")]
    Moved,
    #[error("your role does not allow this: {0}")]
    Forbidden(Act),
    #[error("enter your password again")]
    ProofNeeded,
    /// The form's case exists, but is of another command or another person.
    #[error("this form was already used for another case; open a new form")]
    FormReused,
    /// The form is not the previewed one.
    #[error("the form differs from the preview; preview it again")]
    Stale,
    /// Another wallet may have a credit for the refund, which the proposal does not say.
    #[error(
        "it is not certain that no other wallet was credited for this refund: {0}; nothing was issued, try again later"
    )]
    CreditsUncertain(Uncertain),
    /// A store does not answer. Nothing was appended.
    #[error("the {log} store: {reason}")]
    Store { log: LogName, reason: String },
    #[error("the audit trail can't be written, so nothing was done")]
    Unrecorded,
    /// The query of the list is invalid.
    #[error("{0}")]
    List(ListError),
    /// The outcome is unknown, or only a part is appended. Recovery will finish or undo it.
    #[error("the case {case} is open and will be issued or refused automatically; don't repeat it")]
    OutcomeUnknown { case: EntityId },
}

impl CompensationError {
    /// Whether permissions or rules refused the act, as opposed to a failure of a store.
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
