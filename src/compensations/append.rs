//! Appends one event until its outcome is known. An append whose answer was lost is sent again with the same idempotency key, until the
//! store says what became of it or the time is up. No other file of this module writes to a store.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{CompensationError, Compensations, Requester, outcomes};
use crate::{
    domain::{
        compensation::case::{Case, CaseEvent},
        event::{NewEvent, format_time},
        ids::{EntityId, LogName, Sequence},
    },
    event_log::{AppendError, EventLog, Expected},
};

/// The pause before an append is asked for again; it doubles up to the second one.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(2);

/// What became of an append.
#[derive(Debug)]
pub(super) enum AppendOutcome {
    /// It stands at this sequence, since now or since an earlier try.
    Appended(Sequence),
    /// It was not appended and can't be any more: the stream has gone on.
    Conflict,
    /// Something else was appended under its key.
    KeyReused,
    /// No log takes this event.
    Invalid(String),
    /// It was certainly not appended, because the store does not answer.
    Unavailable(String),
    /// Nobody knows.
    Unknown,
}

impl AppendOutcome {
    /// The sequence of the event that was appended to a case; `None` where the case had gone on.
    pub fn in_case(self, case: &EntityId) -> Result<Option<Sequence>, CompensationError> {
        match self {
            Self::Appended(sequence) => Ok(Some(sequence)),
            Self::Conflict | Self::KeyReused => Ok(None),
            Self::Invalid(reason) | Self::Unavailable(reason) => {
                Err(CompensationError::store(LogName::Compensation, reason))
            }
            Self::Unknown => Err(CompensationError::OutcomeUnknown { case: case.clone() }),
        }
    }
}

/// Appends an event that has an idempotency key, and counts what became of it.
pub(super) async fn append(
    log: &dyn EventLog,
    id: &EntityId,
    expected: Sequence,
    event: NewEvent,
    patience: Duration,
) -> AppendOutcome {
    let outcome = append_until_known(log, id, expected, event, patience).await;
    outcomes::count(log.name(), &outcome);
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
    let mut pause = PAUSE_FIRST;
    let mut may_be_appended = false;
    loop {
        let why = match log
            .append(id, Expected::Exactly(expected), std::slice::from_ref(&event))
            .await
        {
            Ok(appended) => return AppendOutcome::Appended(appended.first),
            // The key is looked at before the position, so neither of these can be about an earlier try of this append.
            Err(AppendError::Conflict { .. }) => return AppendOutcome::Conflict,
            Err(AppendError::KeyReused(_)) => return AppendOutcome::KeyReused,
            Err(AppendError::Invalid(why)) => return AppendOutcome::Invalid(why),
            // Nothing was appended by this try; the outcome of an earlier one is still unknown.
            Err(error @ AppendError::Unavailable { .. }) if !may_be_appended => {
                return AppendOutcome::Unavailable(error.to_string());
            }
            Err(error) => error,
        };
        may_be_appended = true;
        tracing::warn!(log = %log.name(), %id, %why, "the outcome of an append is not known yet");
        if Instant::now() + pause > deadline {
            return AppendOutcome::Unknown;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// An id for something that a person does now.
pub(super) fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}

/// An event of a case. What a person does has a fresh id, so that nobody else's is taken for it; what ends a case has the
/// same whoever writes it.
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
    /// Appends what a person does to a case, and answers with the case as it is then; `None` where the case had gone on.
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

    /// Appends to a case where it was read.
    pub(super) async fn append_to_case(&self, case: &Case, event: NewEvent) -> AppendOutcome {
        let log = &*self.stores.compensation;
        append(log, &case.id, case.sequence, event, self.settings.patience).await
    }
}
