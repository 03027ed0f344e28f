//! The audit trail: who did what, when, from where, to what, and how it ended. It is appended to the access log, a stream a
//! day, and each entry holds the hash of the one before it, so what was changed, removed or put elsewhere later is found
//! (`chain` says exactly how). What can't be recorded must not happen: [`Audit::record`] returns once it is on the disk.

mod chain;
mod read;
mod verify;
mod writer;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

pub use self::verify::{Broken, Verified, VerifyError};
use self::writer::{Job, Writer};
use super::{Clock, Unavailable, lines};
use crate::{
    domain::{audit::AuditOutcome, event::format_time},
    event_log::EventLog,
};

/// Entries that wait for the writer; a caller beyond them waits to be let in.
const QUEUE: usize = 2_000;
/// How long an entry may take, with the wait for those before it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Characters that are kept of what may be long; the rest is cut off.
const DETAIL_MAX: usize = 2_000;
const WORD_MAX: usize = 200;

/// Why an entry is not in the trail, or may not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail can't be written: {0}")]
pub struct AuditError(pub Unavailable);

impl From<Unavailable> for AuditError {
    fn from(error: Unavailable) -> Self {
        Self(error)
    }
}

/// One entry to be. The trail adds the time, the place and the hashes. Nothing secret may be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    pub actor: String,
    pub act: String,
    pub outcome: AuditOutcome,
    pub subject: Option<String>,
    pub case: Option<String>,
    pub from: Option<String>,
    pub session: Option<String>,
    pub detail: Option<String>,
}

impl NewEntry {
    /// `actor` is an operator's name, or `cli:USER` for the command line; `act` is as in `sign_in`, `export.refunds`.
    pub fn new(actor: impl Into<String>, act: impl Into<String>, outcome: AuditOutcome) -> Self {
        Self {
            actor: actor.into(),
            act: act.into(),
            outcome,
            subject: None,
            case: None,
            from: None,
            session: None,
            detail: None,
        }
    }

    /// What it was about, as in `wallet W-1`.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    #[must_use]
    pub fn of_case(mut self, case: impl Into<String>) -> Self {
        self.case = Some(case.into());
        self
    }

    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address.to_string());
        self
    }

    /// The mark of a session, never its token.
    #[must_use]
    pub fn in_session(mut self, mark: impl Into<String>) -> Self {
        self.session = Some(mark.into());
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same act, and how it ended.
    #[must_use]
    pub fn ended(&self, outcome: AuditOutcome) -> Self {
        Self {
            outcome,
            detail: None,
            ..self.clone()
        }
    }

    /// Cuts off what is too long: that an act is recorded matters more than all of its words.
    fn bounded(mut self) -> Self {
        for (text, max) in [(&mut self.actor, WORD_MAX), (&mut self.act, WORD_MAX)] {
            cut(text, max);
        }
        for (text, max) in [
            (&mut self.subject, WORD_MAX),
            (&mut self.case, WORD_MAX),
            (&mut self.from, WORD_MAX),
            (&mut self.session, WORD_MAX),
            (&mut self.detail, DETAIL_MAX),
        ] {
            if let Some(text) = text {
                cut(text, max);
            }
        }
        self
    }
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
    /// The way to the writer, which is started by the first entry.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

impl Audit {
    pub(super) fn new(log: Arc<dyn EventLog>, clock: Clock) -> Self {
        Self {
            log,
            clock,
            jobs: Mutex::default(),
        }
    }

    /// Returns when the entry is on the disk. After an error it may be there all the same, of an act that did not happen.
    pub async fn record(&self, entry: NewEntry) -> Result<(), AuditError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            entry: entry.bounded(),
            id: lines::fresh_key(),
            time: format_time((self.clock)()),
            answer,
        };
        let slow = || Unavailable("its writer does not get on; whether it was written is not known".into());
        let stopped = || Unavailable("its writer has stopped; whether it was written is not known".into());
        let done = async {
            self.jobs().send(job).await.map_err(|_| stopped())?;
            answered.await.map_err(|_| stopped())?
        };
        timeout(PATIENCE, done).await.unwrap_or_else(|_| Err(slow()))?;
        Ok(())
    }

    /// Records that an act is about to be done, so that it can't be done unseen; [`Self::record`] tells the end.
    pub async fn begin(&self, entry: &NewEntry) -> Result<(), AuditError> {
        self.record(entry.ended(AuditOutcome::Asked)).await
    }

    fn jobs(&self) -> mpsc::Sender<Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.as_ref().filter(|jobs| !jobs.is_closed()) {
            return jobs.clone();
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(Writer::new(Arc::clone(&self.log), Arc::clone(&self.clock)).run(receiver));
        jobs.insert(sender).clone()
    }
}
