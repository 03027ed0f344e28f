//! The writer of the audit trail: one task per process. It takes the queued entries, appends them to the chain in one
//! batch, and then answers their callers. After a conflict with another process it reads the new entries and retries.
//! Its only state is the end of the chain.

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

/// Entries per append.
const BATCH: usize = 500;
/// Entries per read of the log.
const PAGE: usize = 1_000;
/// The most appends per batch, conflicts and seals included.
const TRIES: usize = 200;
/// The upper bound of the random pause between retries, in milliseconds.
const PAUSE_MAX: u64 = 20;

/// A queued entry.
pub(super) struct Job {
    pub entry: NewEntry,
    pub id: String,
    pub time: String,
    pub answer: oneshot::Sender<Result<(), Unavailable>>,
}

/// The end of the chain, as far as it was read.
struct End {
    link: Link,
    stream: EntityId,
    /// The position of the last entry that was read. Entries that this process has appended since may be after it.
    position: Position,
    sequence: Sequence,
    hash: String,
    /// The next stream, if this one is sealed.
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

    /// Writes entries until all senders are dropped.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            let written = self.write(&mut batch).await;
            // The rest of the batch was not recorded as far as is known. The end of the chain is read again next time.
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

    /// Appends the batch. Answers the jobs that are durable and removes them from `batch`; after an error the others
    /// remain.
    async fn write(&mut self, batch: &mut Vec<Job>) -> Result<(), Unavailable> {
        let mut last = String::from("other processes kept appending");
        for attempt in 0..TRIES {
            let mut end = match self.end.take() {
                Some(end) => end,
                None => find_end(&self.log).await?,
            };
            // The first append does not read first: a conflict would show that others have appended.
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

    /// Makes one append: the batch, or the seal that comes before it.
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
        // A clock that was set back does not move the chain back to an earlier day.
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
            // Another process appended first, or the append succeeded and its answer was lost. The next read shows
            // which.
            Err(error @ (AppendError::Conflict { .. } | AppendError::KeyReused(_) | AppendError::Unknown { .. })) => {
                self.end = Some(end);
                Ok(Tried::Again(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the entries after `end`, from other processes or from an append whose answer was lost. Answers the jobs of
    /// the batch that are among them.
    async fn catch_up(&self, end: &mut End, batch: &mut Vec<Job>) -> Result<(), Unavailable> {
        loop {
            let page = self.log.read(&end.stream, end.position, PAGE).await?;
            let ended = page.len() < PAGE;
            for entry in page {
                end.position = entry.position;
                // An unreadable event does not keep new entries from being recorded; `verify` reports it.
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

/// The result of one append.
enum Tried {
    Done,
    /// The stream was sealed or changed; the batch still has to be appended.
    Onward,
    /// A conflict or an unknown outcome: retry.
    Again(String),
}

/// The start of the last stream of the chain. None of its entries are read yet.
async fn find_end(log: &Arc<dyn EventLog>) -> Result<End, Unavailable> {
    let days = short_streams::ids(log, chain::PREFIX).await?;
    let last = days.iter().filter_map(|id| Link::parse(id.as_str())).max();
    End::start_of(last.unwrap_or(Link::START), chain::nothing())
}
