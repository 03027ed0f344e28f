//! One subject's part of an import. Each line is already in the stream, comes next, or waits for its predecessors.
//! Lines that come next are appended in batches at an exact sequence. If a batch is refused, its events are appended
//! one by one, so that each line has its own result.

use std::collections::{BTreeMap, HashSet};

use super::{
    super::CliError,
    lines::{Line, SourceLocation},
};
use crate::{
    domain::{
        event::{Entry, NewEvent},
        ids::{EntityId, Position, Sequence},
    },
    event_log::{APPEND_MAX, AppendError, EventLog, Expected, READ_MAX, ReadError},
};

/// Approximate size of an append in bytes.
const BATCH_BYTES: usize = 1024 * 1024;
/// How often an append is planned again after a conflict with another writer.
const CONFLICTS_MAX: usize = 5;

/// Lines whose predecessors are missing so far, by sequence.
pub type Waiting = BTreeMap<Sequence, Line>;

/// The results of the lines.
#[derive(Default)]
pub struct Outcome {
    pub appended: u64,
    pub already: u64,
    pub refused: Vec<(SourceLocation, String)>,
}

pub struct Subject<'a> {
    log: &'a dyn EventLog,
    id: &'a EntityId,
    exists: bool,
    /// The event ids in the stream by sequence, planned ones included.
    places: BTreeMap<Sequence, String>,
    ids: HashSet<String>,
    last: Sequence,
    batch: Vec<Line>,
    batch_bytes: usize,
    pub waiting: Waiting,
    pub outcome: Outcome,
}

/// How a line fits into the stream.
enum Fit {
    Next,
    Ahead(Sequence),
    Already,
    Never(String),
}

impl<'a> Subject<'a> {
    pub fn new(log: &'a dyn EventLog, id: &'a EntityId, exists: bool, waiting: Waiting) -> Self {
        Self {
            log,
            id,
            exists,
            places: BTreeMap::new(),
            ids: HashSet::new(),
            last: 0,
            batch: Vec::new(),
            batch_bytes: 0,
            waiting,
            outcome: Outcome::default(),
        }
    }

    /// Appends the lines, refuses them, or keeps them waiting. An error means that the store does not answer.
    pub async fn take(&mut self, lines: Vec<Line>) -> Result<(), CliError> {
        if self.exists {
            self.load().await?;
        }
        for line in lines {
            self.sort_in(line).await?;
            while let Some(next) = self.waiting.remove(&(self.last + 1)) {
                self.sort_in(next).await?;
            }
        }
        self.flush().await
    }

    async fn sort_in(&mut self, line: Line) -> Result<(), CliError> {
        match self.fit(&line) {
            Fit::Next => {
                self.batch_bytes += line.event.data.len();
                self.plan(&line.event.id);
                self.batch.push(line);
                if self.batch.len() == APPEND_MAX || self.batch_bytes >= BATCH_BYTES {
                    self.flush().await?;
                }
            }
            Fit::Ahead(sequence) => self.wait(sequence, line),
            Fit::Already => self.outcome.already += 1,
            Fit::Never(why) => self.outcome.refused.push((line.place, why)),
        }
        Ok(())
    }

    fn fit(&self, line: &Line) -> Fit {
        let id = &line.event.id;
        let known = self.ids.contains(id);
        let Some(sequence) = line.sequence else {
            return if known { Fit::Already } else { Fit::Next };
        };
        match self.places.get(&sequence) {
            Some(there) if there == id => Fit::Already,
            Some(there) => Fit::Never(format!(
                "event number {sequence} of {} is another event, {there}",
                self.id
            )),
            None if known => Fit::Never(format!("event {id} is already in {}, with another number", self.id)),
            None if sequence == self.last + 1 => Fit::Next,
            None if sequence > self.last => Fit::Ahead(sequence),
            None => Fit::Never(format!(
                "{} is already at event number {} and has no number {sequence}; an earlier event can't be added",
                self.id, self.last
            )),
        }
    }

    fn wait(&mut self, sequence: Sequence, line: Line) {
        match self.waiting.get(&sequence) {
            Some(other) if other.event.id == line.event.id => self.outcome.already += 1,
            Some(other) => {
                let why = format!("another line has event {} as number {sequence}", other.event.id);
                self.outcome.refused.push((line.place, why));
            }
            None => {
                self.waiting.insert(sequence, line);
            }
        }
    }

    fn plan(&mut self, id: &str) {
        self.last += 1;
        self.places.insert(self.last, id.to_owned());
        self.ids.insert(id.to_owned());
    }

    /// Appends the batch.
    async fn flush(&mut self) -> Result<(), CliError> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let count = batch.len() as u64;
        if count == 0 {
            return Ok(());
        }
        let events: Vec<_> = batch.iter().map(|line| line.event.clone()).collect();
        match self.append(self.last - count, &events).await? {
            Ok(false) => {
                self.exists = true;
                self.outcome.appended += count;
                Ok(())
            }
            Ok(true) | Err(_) => self.one_by_one(batch).await,
        }
    }

    /// Appends events after sequence `at`. Returns whether they had been appended before, or why they were refused. A
    /// store that does not answer ends the import.
    async fn append(&self, at: Sequence, events: &[NewEvent]) -> Result<Result<bool, AppendError>, CliError> {
        match self.log.append(self.id, Expected::Exactly(at), events).await {
            Ok(appended) => Ok(Ok(appended.repeated)),
            Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                Err(CliError::Append(error))
            }
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Loads the stream again and appends the lines one by one, so that each line has its own result.
    async fn one_by_one(&mut self, batch: Vec<Line>) -> Result<(), CliError> {
        self.load().await?;
        for line in batch {
            self.one(line).await?;
        }
        Ok(())
    }

    async fn one(&mut self, line: Line) -> Result<(), CliError> {
        for _ in 0..CONFLICTS_MAX {
            match self.fit(&line) {
                Fit::Next => {}
                Fit::Already => {
                    self.outcome.already += 1;
                    return Ok(());
                }
                Fit::Ahead(sequence) => {
                    self.wait(sequence, line);
                    return Ok(());
                }
                Fit::Never(why) => {
                    self.outcome.refused.push((line.place, why));
                    return Ok(());
                }
            }
            match self.append(self.last, std::slice::from_ref(&line.event)).await? {
                Ok(true) => {
                    self.outcome.already += 1;
                    return Ok(());
                }
                Ok(false) => {
                    self.plan(&line.event.id);
                    self.outcome.appended += 1;
                    return Ok(());
                }
                Err(AppendError::Conflict { .. }) => self.load().await?,
                Err(refused) => {
                    self.outcome.refused.push((line.place, refused.to_string()));
                    return Ok(());
                }
            }
        }
        let why = format!("other writers kept appending to {}; import the file again", self.id);
        self.outcome.refused.push((line.place, why));
        Ok(())
    }

    /// Loads the stream. Only ids and sequences of its events are kept.
    async fn load(&mut self) -> Result<(), ReadError> {
        self.places.clear();
        self.ids.clear();
        self.last = 0;
        let mut after = Position::START;
        loop {
            let page = self.log.read(self.id, after, READ_MAX).await?;
            let Some(newest) = page.last() else {
                return Ok(());
            };
            after = newest.position;
            let full = page.len() == READ_MAX;
            for entry in &page {
                self.note(entry);
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn note(&mut self, entry: &Entry) {
        let sequence = entry.sequence();
        let id = entry.fields.id().unwrap_or_default().to_owned();
        if let Some(sequence) = sequence {
            self.last = self.last.max(sequence);
            self.places.entry(sequence).or_insert_with(|| id.clone());
        }
        self.ids.insert(id);
    }
}
