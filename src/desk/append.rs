//! Appending one event so that its outcome is known: an append whose answer was lost is asked for again, with the same key,
//! until the log says what became of it or patience runs out. The only place of the desk that writes to a log.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Desk, outcomes};
use crate::{
    domain::{
        compensation::case::{Case, CaseEvent},
        event::{NewEvent, format_time},
        ids::{EntityId, Sequence},
    },
    event_log::{AppendError, EventLog, Expected},
};

/// The pause before an append is asked for again; it doubles up to the second one.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(2);

/// What became of an append.
#[derive(Debug)]
pub(super) enum Fate {
    /// It stands at this sequence, since now or since an earlier try.
    Stands(Sequence),
    /// It was not appended and can't be any more: the stream has gone on.
    Conflict,
    /// Something else was appended under its key.
    KeyReused,
    /// No log takes this event.
    Invalid(String),
    /// It was certainly not appended, because the store does not answer.
    Unavailable(String),
    /// Nobody knows.
    Doubt,
}

/// Appends an event that has an idempotency key, and counts what became of it.
pub(super) async fn append(
    log: &dyn EventLog,
    id: &EntityId,
    expected: Sequence,
    event: NewEvent,
    patience: Duration,
) -> Fate {
    let fate = append_until_known(log, id, expected, event, patience).await;
    outcomes::count(log.name(), &fate);
    fate
}

async fn append_until_known(
    log: &dyn EventLog,
    id: &EntityId,
    expected: Sequence,
    event: NewEvent,
    patience: Duration,
) -> Fate {
    let deadline = Instant::now() + patience;
    let mut pause = PAUSE_FIRST;
    let mut in_doubt = false;
    loop {
        let why = match log
            .append(id, Expected::Exactly(expected), std::slice::from_ref(&event))
            .await
        {
            Ok(appended) => return Fate::Stands(appended.first),
            // The key is looked at before the position, so neither of these can be about an earlier try of this append.
            Err(AppendError::Conflict { .. }) => return Fate::Conflict,
            Err(AppendError::KeyReused(_)) => return Fate::KeyReused,
            Err(AppendError::Invalid(why)) => return Fate::Invalid(why),
            // Nothing was appended by this try; an earlier one is as doubtful as it was.
            Err(error @ AppendError::Unavailable { .. }) if !in_doubt => return Fate::Unavailable(error.to_string()),
            Err(error) => error,
        };
        in_doubt = true;
        tracing::warn!(log = %log.name(), %id, %why, "the outcome of an append is not known yet");
        if Instant::now() + pause > deadline {
            return Fate::Doubt;
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

impl Desk {
    /// Appends to a case where it was read.
    pub(super) async fn append_to_case(&self, case: &Case, event: NewEvent) -> Fate {
        let log = &*self.stores.compensation;
        append(log, &case.id, case.sequence, event, self.settings.patience).await
    }
}
