//! The one task of a process that writes the trail. It takes whatever entries wait, hangs them onto the end of the chain in
//! one append, and answers them after it; where another process was faster it reads what that one wrote and tries again. It
//! keeps in mind where the chain ends and nothing else.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::chain::{self, Link};
use crate::{
    domain::{
        audit::NewEntry,
        event::format_time,
        ids::{EntityId, Position, Sequence},
    },
    event_log::{AppendError, Clock, EventLog, Expected, Unavailable, short_streams},
};

/// Entries in one append.
const BATCH: usize = 500;
/// Entries in one read of what others wrote.
const PAGE: usize = 1_000;
/// How often a batch is tried while others get in between.
const TRIES: usize = 200;
/// Pauses between tries are random and below this, in milliseconds.
const PAUSE_MAX: u64 = 20;

/// An entry that waits.
pub(super) struct Job {
    pub entry: NewEntry,
    pub id: String,
    pub time: String,
    pub answer: oneshot::Sender<Result<(), Unavailable>>,
}

/// Where the chain ends, as far as it was read.
struct End {
    link: Link,
    stream: EntityId,
    /// Of the last entry that was read; what this process appended since may be beyond it.
    position: Position,
    sequence: Sequence,
    hash: String,
    /// The stream goes on there.
    sealed: Option<Link>,
}

impl End {
    fn start_of(link: Link, prev: String) -> Result<Self, Unavailable> {
        Ok(Self {
            link,
            stream: link.stream()?,
            position: Position::START,
            sequence: 0,
            hash: prev,
            sealed: None,
        })
    }
}

pub(super) struct Writer {
    log: Arc<dyn EventLog>,
    clock: Clock,
    end: Option<End>,
}

impl Writer {
    pub(super) fn new(log: Arc<dyn EventLog>, clock: Clock) -> Self {
        Self { log, clock, end: None }
    }

    /// Until nobody can send entries any more.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            let written = self.write(&mut batch).await;
            // What is left was not written. What fails once may be found to be otherwise by reading it all again.
            if let Err(error) = written {
                self.end = None;
                tracing::warn!(%error, "the audit trail can't be written");
                for job in batch.drain(..) {
                    let _ = job.answer.send(Err(error.clone()));
                }
            }
            batch.clear();
        }
    }

    /// Takes out of `batch` what is durable.
    async fn write(&mut self, batch: &mut Vec<Job>) -> Result<(), Unavailable> {
        let mut last = String::from("others write without a pause");
        for attempt in 0..TRIES {
            let mut end = match self.end.take() {
                Some(end) => end,
                None => find_end(&self.log).await?,
            };
            // At the first try nothing speaks for somebody else's entries; a conflict would tell.
            if attempt > 0 || end.sequence == 0 {
                self.catch_up(&mut end, batch).await?;
            }
            let tried = self.append(end, batch).await?;
            match tried {
                Tried::Done => return Ok(()),
                Tried::Onward => {}
                Tried::Again(error) => {
                    last = error;
                    sleep(Duration::from_millis(rand::random_range(0..PAUSE_MAX))).await;
                }
            }
        }
        Err(Unavailable(last))
    }

    /// One append: of the batch, or of the seal that has to come before it.
    async fn append(&mut self, mut end: End, batch: &mut Vec<Job>) -> Result<Tried, Unavailable> {
        if batch.is_empty() {
            self.end = Some(end);
            return Ok(Tried::Done);
        }
        if let Some(next) = end.sealed {
            self.end = Some(End::start_of(next, end.hash)?);
            return Ok(Tried::Onward);
        }
        let now = (self.clock)();
        let today = Link(Some(now.date_naive()));
        // A clock that was put back does not make the chain go back.
        let seals = end.link < today;
        let mut events = Vec::with_capacity(batch.len());
        let mut hash = end.hash.clone();
        if seals {
            let at = (&end.stream, end.sequence + 1);
            let (event, sealed) = chain::sealed(today, &format_time(now), at, &hash)?;
            events.push(event);
            hash = sealed;
        } else {
            for (sequence, job) in (end.sequence + 1..).zip(batch.iter()) {
                let (event, next) = chain::recorded(&job.entry, &job.id, &job.time, (&end.stream, sequence), &hash)?;
                events.push(event);
                hash = next;
            }
        }
        match self
            .log
            .append(&end.stream, Expected::Exactly(end.sequence), &events)
            .await
        {
            Ok(appended) => {
                (end.sequence, end.hash) = (appended.last, hash);
                end.sealed = seals.then_some(today);
                self.end = Some(end);
                if seals {
                    return Ok(Tried::Onward);
                }
                for job in batch.drain(..) {
                    let _ = job.answer.send(Ok(()));
                }
                Ok(Tried::Done)
            }
            // Somebody was faster, or it was appended and the answer was lost: reading on will tell.
            Err(error @ (AppendError::Conflict { .. } | AppendError::KeyReused(_) | AppendError::Unknown { .. })) => {
                self.end = Some(end);
                Ok(Tried::Again(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what was appended since, by others or by a try whose answer was lost, and answers what of the batch is there.
    async fn catch_up(&self, end: &mut End, batch: &mut Vec<Job>) -> Result<(), Unavailable> {
        loop {
            let page = self.log.read(&end.stream, end.position, PAGE).await?;
            let ended = page.len() < PAGE;
            for entry in page {
                end.position = entry.position;
                // What can't be read is reported by `verify`; it does not keep others from being recorded.
                end.sequence = entry.sequence().unwrap_or(end.sequence + 1);
                if let Some(data) = chain::data(&entry) {
                    end.hash = data.hash;
                    end.sealed = data
                        .next
                        .as_deref()
                        .and_then(Link::parse)
                        .filter(|next| *next > end.link);
                }
                if let Some(at) = batch.iter().position(|job| Some(job.id.as_str()) == entry.fields.id()) {
                    let _ = batch.remove(at).answer.send(Ok(()));
                }
            }
            if ended {
                return Ok(());
            }
        }
    }
}

/// What came of one append.
enum Tried {
    Done,
    /// The batch's turn is still to come.
    Onward,
    /// Not appended, or not known to be.
    Again(String),
}

/// The last stream there is, nothing of it read yet.
async fn find_end(log: &Arc<dyn EventLog>) -> Result<End, Unavailable> {
    let days = short_streams::ids(log, chain::PREFIX).await?;
    let last = days.iter().filter_map(|id| Link::parse(id.as_str())).max();
    End::start_of(last.unwrap_or(Link::START), chain::nothing())
}
