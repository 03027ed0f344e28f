//! The audit trail: who did what, when, from where, to what, and with what outcome. Entries are appended to the access
//! log, in one stream per day. Each entry contains the hash of the one before, so later changes, removals and moves are
//! detected; `chain` defines the format. An act that can't be recorded must not happen: [`Audit::append`] returns when
//! the entry is durable.

mod chain;
mod read;
mod recent;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

pub use self::verify::{Broken, Verified, VerifyError};
use self::{
    recent::Recent,
    writer::{Job, Writer},
};
use crate::{
    domain::{
        audit::{AuditOutcome, NewEntry},
        event::format_time,
    },
    event_log::{Clock, EventLog, Unavailable, short_streams},
};

/// The capacity of the writer's queue. A caller waits while the queue is full.
const QUEUE: usize = 2_000;
/// The timeout of recording an entry, including the wait for earlier entries.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest detail and the longest other field of an entry, in characters. Longer texts are cut off.
const DETAIL_MAX: usize = 2_000;
const WORD_MAX: usize = 200;

/// An entry could not be recorded, or it is unknown whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail can't be written: {0}")]
pub struct AuditError(pub Unavailable);

impl From<Unavailable> for AuditError {
    fn from(error: Unavailable) -> Self {
        Self(error)
    }
}

/// The entry with long texts cut off, because a long text must not keep an act from being recorded.
fn bounded(mut entry: NewEntry) -> NewEntry {
    for text in [&mut entry.actor, &mut entry.act] {
        cut(text, WORD_MAX);
    }
    for (text, max) in [
        (&mut entry.subject, WORD_MAX),
        (&mut entry.case, WORD_MAX),
        (&mut entry.from, WORD_MAX),
        (&mut entry.session, WORD_MAX),
        (&mut entry.detail, DETAIL_MAX),
    ] {
        if let Some(text) = text {
            cut(text, max);
        }
    }
    entry
}

fn cut(text: &mut String, max: usize) {
    if let Some((at, _)) = text.char_indices().nth(max) {
        text.truncate(at);
        text.push('…');
    }
}

pub struct Audit {
    log: Arc<dyn EventLog>,
    clock: Clock,
    /// The queue of the writer. The first entry starts the writer.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    recent: Recent,
}

impl Audit {
    pub fn new(log: Arc<dyn EventLog>, clock: Clock) -> Self {
        Self {
            log,
            clock,
            jobs: Mutex::default(),
            recent: Recent::default(),
        }
    }

    /// Like [`Self::append`], and writes an error to the log. For callers that do not show the error.
    pub async fn record(&self, entry: NewEntry) -> Result<(), AuditError> {
        let (act, outcome) = (entry.act.clone(), entry.outcome);
        let recorded = self.append(entry).await;
        recorded.inspect_err(|error| tracing::error!(act, %outcome, %error, "an audit entry can't be written"))
    }

    /// Records an entry, unless one with the same act, outcome and subject was recorded for the same session less than
    /// a minute ago.
    pub async fn record_once(&self, entry: NewEntry) -> Result<(), AuditError> {
        let session = entry.session.clone().unwrap_or_else(|| entry.actor.clone());
        let subject = entry.subject.as_deref().unwrap_or_default();
        let what = format!("{} {} {subject}", entry.act, entry.outcome);
        let now = (self.clock)();
        if self.recent.knows(&session, &what, now) {
            return Ok(());
        }
        self.record(entry).await?;
        self.recent.learn(&session, &what, now);
        Ok(())
    }

    /// Appends an entry and returns when it is durable. After an error the entry may still be in the trail; the caller
    /// must not do the act.
    pub async fn append(&self, entry: NewEntry) -> Result<(), AuditError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            entry: bounded(entry),
            id: short_streams::fresh_key(),
            time: format_time((self.clock)()),
            answer,
        };
        let slow = || Unavailable("the writer does not answer; whether the entry was written is unknown".into());
        let stopped = || Unavailable("the writer has stopped; whether the entry was written is unknown".into());
        let done = async {
            self.jobs().send(job).await.map_err(|_| stopped())?;
            answered.await.map_err(|_| stopped())?
        };
        timeout(PATIENCE, done).await.unwrap_or_else(|_| Err(slow()))?;
        Ok(())
    }

    /// Records the start of an act before it is done (outcome `Asked`). The caller records the end.
    pub async fn begin(&self, entry: &NewEntry) -> Result<(), AuditError> {
        self.append(entry.ended(AuditOutcome::Asked)).await
    }

    fn jobs(&self) -> mpsc::Sender<Job> {
        let mut jobs = self.jobs.lock();
        if let Some(jobs) = jobs.as_ref().filter(|jobs| !jobs.is_closed()) {
            return jobs.clone();
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(Writer::new(Arc::clone(&self.log), Arc::clone(&self.clock)).run(receiver));
        jobs.insert(sender).clone()
    }
}
