//! Writes the audit trail. An act is recorded as asked before it is done, and as done, refused or failed before the
//! caller gets the answer. If a refusal can't be recorded, the caller gets that error instead.

use super::{CompensationError, Compensations, Requester};
use crate::domain::{
    audit::{AuditOutcome, NewEntry},
    ids::{Domain, EntityId},
};

/// The actor of recovery. No operator can have this name.
const RECOVERY: &str = "(recovery)";

/// The person or program that acts, for the audit trail.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub name: String,
    pub from: Option<String>,
    pub session: Option<String>,
}

impl Actor {
    pub fn recovery() -> Self {
        Self {
            name: RECOVERY.to_owned(),
            from: None,
            session: None,
        }
    }
}

impl From<&Requester> for Actor {
    fn from(who: &Requester) -> Self {
        Self {
            name: who.name.to_string(),
            from: who.from.clone(),
            session: who.session.clone(),
        }
    }
}

/// The subject and the case of an act.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub subject: Option<(Domain, EntityId)>,
    pub case: Option<EntityId>,
}

impl Compensations {
    pub(super) async fn record(
        &self,
        by: &Actor,
        act: &'static str,
        outcome: AuditOutcome,
        about: &About,
        detail: Option<String>,
    ) -> Result<(), CompensationError> {
        let entry = NewEntry {
            subject: about.subject.as_ref().map(|(domain, id)| format!("{domain} {id}")),
            case: about.case.as_ref().map(ToString::to_string),
            detail,
            from: by.from.clone(),
            session: by.session.clone(),
            ..NewEntry::new(by.name.as_str(), act, outcome)
        };
        self.audit.record(entry).await.map_err(|error| {
            tracing::error!(act, %error, "an audit entry can't be written");
            CompensationError::Unrecorded
        })
    }

    /// Records an act that was refused or failed. Returns the answer unchanged, unless a refusal can't be recorded.
    pub(super) async fn record_failure<T>(
        &self,
        who: &Requester,
        act: &'static str,
        about: &About,
        answer: Result<T, CompensationError>,
    ) -> Result<T, CompensationError> {
        let Err(error) = &answer else { return answer };
        let outcome = if error.is_refusal() {
            AuditOutcome::Refused
        } else {
            AuditOutcome::Failed
        };
        let recorded = self
            .record(&who.into(), act, outcome, about, Some(error.to_string()))
            .await;
        match recorded {
            // The error of a store is returned even if it can't be recorded.
            Err(unrecorded) if error.is_refusal() => Err(unrecorded),
            _ => answer,
        }
    }
}
