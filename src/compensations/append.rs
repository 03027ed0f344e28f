//! Appends one event until the outcome is known. An append whose answer was lost is retried with the same idempotency
//! key, until the store answers or the time is up. No other file of this module writes to a store.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    CompensationError, Compensations, Requester,
    append_outcome::{self, AppendOutcome},
};
use crate::{
    domain::{
        compensation::case::{Case, CaseEvent},
        event::{NewEvent, format_time},
        ids::{EntityId, Sequence},
    },
    event_log::{AppendError, EventLog, Expected},
};

/// How long an append is retried while the store certainly appends nothing, for instance during a failover.
const UNAVAILABLE_MAX: Duration = Duration::from_secs(3);
/// The first and the longest pause of the back-off between retries. The pause doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(2);

/// Appends an event with an idempotency key, and counts the outcome.
pub(super) async fn append(
    log: &dyn EventLog,
    id: &EntityId,
    expected: Sequence,
    event: NewEvent,
    patience: Duration,
) -> AppendOutcome {
    let outcome = append_until_known(log, id, expected, event, patience).await;
    append_outcome::count(log.name(), &outcome);
    outcome
}

async fn append_until_known(
    log: &dyn EventLog,
    id: &EntityId,
    expected: Sequence,
    event: NewEvent,
    patience: Duration,
) -> AppendOutcome {
    let deadline = Instant::now() + patience;
    let give_up = Instant::now() + patience.min(UNAVAILABLE_MAX);
    let mut pause = PAUSE_FIRST;
    let mut may_be_appended = false;
    loop {
        let why = match log
            .append(id, Expected::Exactly(expected), std::slice::from_ref(&event))
            .await
        {
            Ok(appended) => return AppendOutcome::Appended(appended.first),
            // Stores check the key before the sequence, so an earlier successful try of this append causes neither
            // error.
            Err(AppendError::Conflict { .. }) => return AppendOutcome::Conflict,
            Err(AppendError::KeyReused(_)) => return AppendOutcome::KeyReused,
            Err(AppendError::Invalid(why)) => return AppendOutcome::Invalid(why),
            Err(error) => error,
        };
        // This try appended nothing if the store was unavailable. The outcome of an earlier try may still be unknown.
        may_be_appended |= !matches!(why, AppendError::Unavailable { .. });
        if !may_be_appended && Instant::now() + pause > give_up {
            return AppendOutcome::Unavailable(why.to_string());
        }
        tracing::warn!(log = %log.name(), %id, %why, "the outcome of an append is not known yet");
        if Instant::now() + pause > deadline {
            return AppendOutcome::Unknown;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// A new id for the event of a person's act.
pub(super) fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}

/// An event of a case. The event of a person's act has a fresh id, so that it is never mistaken for a repeat. The event
/// that ends a case has the same id in every process.
pub(super) fn case_event(id: String, actor: &str, case: &Case, at: DateTime<Utc>, event: &CaseEvent) -> NewEvent {
    NewEvent {
        idempotencykey: Some(id.clone()),
        id,
        r#type: event.type_name().to_owned(),
        time: format_time(at),
        actor: Some(actor.to_owned()),
        correlationid: Some(case.id.to_string()),
        causationid: case.allowed_by.clone(),
        data: event.data(),
        extra: Vec::new(),
    }
}

impl Compensations {
    /// Appends a person's act to a case, and returns the changed case; `None` if the case had moved.
    pub(super) async fn append_by(
        &self,
        requester: &Requester,
        case: &Case,
        event: &CaseEvent,
        now: DateTime<Utc>,
    ) -> Result<Option<Case>, CompensationError> {
        let event = case_event(fresh_id(), requester.name.as_str(), case, now, event);
        let outcome = self.append_to_case(case, event.clone()).await;
        match outcome {
            AppendOutcome::Appended(_) | AppendOutcome::Conflict | AppendOutcome::KeyReused => {
                self.cases.note(&case.id);
            }
            AppendOutcome::Unknown => self.leave_unknown(&case.id),
            AppendOutcome::Invalid(_) | AppendOutcome::Unavailable(_) => {}
        }
        Ok(outcome.in_case(&case.id)?.map(|_| case.with(event, now)))
    }

    /// Appends to a case at the sequence at which it was read.
    pub(super) async fn append_to_case(&self, case: &Case, event: NewEvent) -> AppendOutcome {
        let log = &*self.stores.compensation;
        append(log, &case.id, case.sequence, event, self.settings.patience).await
    }
}
