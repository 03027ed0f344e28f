//! The writer thread. It puts all waiting appends into one transaction and answers them after the commit, so that they
//! share one disk flush. An append is never answered before its commit is on disk.

use std::{thread, time::Duration};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use super::{
    Fault, StoreLocation, connection,
    write::{Failed, Request, write},
};
use crate::{
    domain::{event::NewEvent, ids::EntityId},
    event_log::{AppendError, Appended, Expected},
};

/// Maximum number of appends in the queue. Further callers wait.
const QUEUE: usize = 1_024;
/// Maximum number of appends in one transaction, and the number of events from which no more are added.
const BATCH_APPENDS: usize = 256;
const BATCH_EVENTS: usize = 4_000;
/// How long to wait for the disk before an append fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Job {
    request: Request,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

pub(super) struct Writer {
    location: StoreLocation,
    /// The sender to the thread. The first append starts the thread.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    appended: watch::Sender<()>,
}

impl Writer {
    pub(super) fn new(location: StoreLocation) -> Self {
        Self {
            location,
            jobs: Mutex::default(),
            appended: watch::Sender::new(()),
        }
    }

    /// Notifies after every append of this process.
    pub(super) fn appended(&self) -> watch::Receiver<()> {
        self.appended.subscribe()
    }

    pub(super) async fn append(
        &self,
        id: EntityId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let domain = self.location.domain;
        let (answer, answered) = oneshot::channel();
        let request = Request { id, expected, events };
        let job = Job { request, answer };
        let stopped = || Fault::Unavailable("its writer has stopped".into());
        let jobs = self.jobs().map_err(|fault| fault.into_append(domain))?;
        timeout(PATIENCE, jobs.send(job))
            .await
            .map_err(|_| Fault::Unavailable("too many appends wait for the disk".into()).into_append(domain))?
            .map_err(|_| stopped().into_append(domain))?;
        timeout(PATIENCE, answered)
            .await
            .map_err(|_| Fault::Unavailable("its disk does not answer".into()).into_unknown(domain))?
            .map_err(|_| stopped().into_unknown(domain))?
    }

    fn jobs(&self) -> Result<mpsc::Sender<Job>, Fault> {
        let mut jobs = self.jobs.lock();
        if let Some(jobs) = jobs.as_ref().filter(|jobs| !jobs.is_closed()) {
            return Ok(jobs.clone());
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = Thread {
            location: self.location.clone(),
            jobs: receiver,
            appended: self.appended.clone(),
        };
        thread::Builder::new()
            .name(format!("{}-log", self.location.domain))
            .spawn(move || thread.run())
            .map_err(|error| Fault::Unavailable(format!("the writer thread can't be started: {error}")))?;
        Ok(jobs.insert(sender).clone())
    }
}

struct Thread {
    location: StoreLocation,
    jobs: mpsc::Receiver<Job>,
    appended: watch::Sender<()>,
}

impl Thread {
    /// Runs until the log is dropped. A connection that failed is closed; the next append opens a new one.
    fn run(mut self) {
        let mut connection = None;
        while let Some(batch) = self.batch() {
            let (requests, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.request, job.answer)).unzip();
            let results = self.write(&mut connection, &requests);
            for (answer, result) in answers.into_iter().zip(results) {
                // The caller may have stopped waiting.
                let _ = answer.send(result);
            }
        }
    }

    fn write(&self, connection: &mut Option<Connection>, requests: &[Request]) -> Vec<Result<Appended, AppendError>> {
        let domain = self.location.domain;
        let done = match connection {
            Some(connection) => write(connection, requests),
            None => connection::connect(&self.location)
                .map_err(Failed::Before)
                .and_then(|fresh| write(connection.insert(fresh), requests)),
        };
        match done {
            Ok(answers) => {
                self.appended.send_replace(());
                answers
            }
            Err(failed) => {
                *connection = None;
                let error = match failed {
                    Failed::Before(fault) => fault.into_append(domain),
                    Failed::InCommit(fault) => fault.into_unknown(domain),
                };
                vec![Err(error); requests.len()]
            }
        }
    }

    /// The waiting appends, at least one; `None` after the log was dropped.
    fn batch(&mut self) -> Option<Vec<Job>> {
        let mut batch = vec![self.jobs.blocking_recv()?];
        let mut events = batch[0].request.events.len();
        while batch.len() < BATCH_APPENDS && events < BATCH_EVENTS {
            let Ok(job) = self.jobs.try_recv() else { break };
            events += job.request.events.len();
            batch.push(job);
        }
        Some(batch)
    }
}
