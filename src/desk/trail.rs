//! How the desk keeps the audit trail: an act is recorded as asked for before it is done, and as done or refused before
//! anybody is told. Failing to record a refusal is told instead of the refusal.

use super::{Desk, DeskError, TrailEntry, Who};
use crate::domain::{
    audit::AuditOutcome,
    ids::{Domain, EntityId},
};

/// Who stands in the trail for what the desk finishes by itself. No operator can be called this.
const NOBODY: &str = "(recovery)";

/// On whose behalf something is done, as the trail has it.
#[derive(Clone, Debug)]
pub(super) struct By {
    pub actor: String,
    pub from: Option<String>,
    pub session: Option<String>,
}

impl By {
    pub fn recovery() -> Self {
        Self {
            actor: NOBODY.to_owned(),
            from: None,
            session: None,
        }
    }
}

impl From<&Who> for By {
    fn from(who: &Who) -> Self {
        Self {
            actor: who.name.to_string(),
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

impl Desk {
    pub(super) async fn record(
        &self,
        by: &By,
        act: &'static str,
        outcome: AuditOutcome,
        about: &About,
        detail: Option<String>,
    ) -> Result<(), DeskError> {
        let entry = TrailEntry {
            act,
            outcome,
            actor: by.actor.clone(),
            subject: about.subject.as_ref().map(|(domain, id)| format!("{domain} {id}")),
            case: about.case.clone(),
            detail,
            from: by.from.clone(),
            session: by.session.clone(),
        };
        self.trail.record(entry).await.map_err(|error| {
            tracing::error!(act, %error, "an act can't be recorded");
            DeskError::Unrecorded
        })
    }

    /// Records how an act ended that was not done, and passes the answer on.
    pub(super) async fn account<T>(
        &self,
        who: &Who,
        act: &'static str,
        about: &About,
        answer: Result<T, DeskError>,
    ) -> Result<T, DeskError> {
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
