//! Writes the audit trail: an act is recorded as asked before it is done, and as done, refused or failed before the caller gets the
//! answer. Where a refusal can't be recorded, the caller gets that error instead.

use super::{CompensationError, Compensations, Requester};
use crate::domain::{
    audit::{AuditOutcome, NewEntry},
    ids::{Domain, EntityId},
};

/// The actor of what recovery does. No operator can have this name.
const RECOVERY: &str = "(recovery)";

/// On whose behalf something is done, as the trail has it.
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

/// What an act is about.
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
            tracing::error!(act, %error, "an act can't be recorded");
            CompensationError::Unrecorded
        })
    }

    /// Records how an act ended that was not done, and passes the answer on.
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
            // Where a store failed, that is what has to be told, whatever the trail says.
            Err(unrecorded) if error.is_refusal() => Err(unrecorded),
            _ => answer,
        }
    }
}
