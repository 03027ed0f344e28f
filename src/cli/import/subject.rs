//! One subject of an import: what its stream has, which lines come next, which are there already and which run ahead of
//! their predecessor. It appends in batches, and one by one where a batch is refused, so that each line gets its own answer.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::reader::Place;
use crate::{
    cli::{CliError, scan},
    domain::{
        event::NewEvent,
        ids::{EntityId, Sequence},
    },
    event_log::{APPEND_MAX, AppendError, Appended, EventLog, Expected},
};

/// Lines that may wait for their predecessors, over all subjects.
const WAITING_MAX: usize = 100_000;
/// Bytes of payload that may wait with them.
const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How often an append is tried on a stream that others write to at the same time.
const ATTEMPTS: usize = 5;

/// A line on its way into a stream.
pub struct Pending {
    pub place: Place,
    pub sequence: Option<Sequence>,
    pub event: NewEvent,
}

/// What became of lines.
#[derive(Default)]
pub struct Outcome {
    pub appended: u64,
    pub already: u64,
    pub refused: Vec<(Place, String)>,
}

impl Outcome {
    fn refuse(&mut self, place: Place, reason: impl Into<String>) {
        self.refused.push((place, reason.into()));
    }
}

/// What waits for its predecessor, counted over all subjects.
#[derive(Default)]
pub struct Room {
    lines: AtomicUsize,
    bytes: AtomicUsize,
}

impl Room {
    fn enter(&self, event: &NewEvent) -> bool {
        let full = self.lines.load(Ordering::Relaxed) >= WAITING_MAX
            || self.bytes.load(Ordering::Relaxed) >= WAITING_BYTES_MAX;
        if !full {
            self.lines.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(event.data.len(), Ordering::Relaxed);
        }
        !full
    }

    fn leave(&self, event: &NewEvent) {
        self.lines.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(event.data.len(), Ordering::Relaxed);
    }
}

pub struct Subject {
    id: EntityId,
    /// Whether the fields below say what the stream has.
    loaded: bool,
    last: Sequence,
    ids: HashSet<Arc<str>>,
    by_sequence: HashMap<Sequence, Arc<str>>,
    /// Lines that run ahead of their predecessor.
    waiting: BTreeMap<Sequence, Pending>,
    room: Arc<Room>,
}

/// Where a line belongs.
enum Verdict {
    Next,
    Already,
    Ahead(Sequence),
    /// That depends on what becomes of the batch before it.
    Unsettled,
    Refused(String),
}

/// Lines that are appended together.
#[derive(Default)]
struct Batch {
    lines: Vec<Pending>,
    ids: HashSet<String>,
}

impl Batch {
    fn push(&mut self, line: Pending) {
        self.ids.insert(line.event.id.clone());
        self.lines.push(line);
    }
}

impl Subject {
    /// `exists`: its stream was there when the import began, so that what it has must be read first.
    pub fn new(id: EntityId, exists: bool, room: Arc<Room>) -> Self {
        Self {
            id,
            loaded: !exists,
            last: 0,
            ids: HashSet::new(),
            by_sequence: HashMap::new(),
            waiting: BTreeMap::new(),
            room,
        }
    }

    /// Brings lines into the stream, in their order. An error is the store's and ends the import.
    pub async fn take(
        &mut self,
        log: &dyn EventLog,
        lines: Vec<Pending>,
        outcome: &mut Outcome,
    ) -> Result<(), CliError> {
        if !self.loaded {
            self.load(log).await?;
        }
        let mut batch = Batch::default();
        for line in lines {
            self.place(log, line, &mut batch, outcome).await?;
            while let Some(line) = self.called(&batch) {
                self.place(log, line, &mut batch, outcome).await?;
            }
        }
        self.flush(log, &mut batch, outcome).await?;
        // A batch that was refused in part may have left lines behind whose turn it is now.
        while let Some(line) = self.called(&batch) {
            self.place(log, line, &mut batch, outcome).await?;
            self.flush(log, &mut batch, outcome).await?;
        }
        Ok(())
    }

    /// The lines whose predecessor never came.
    pub fn left_over(self) -> impl Iterator<Item = (Place, String)> {
        let next = self.last + 1;
        self.waiting.into_values().map(move |line| {
            let sequence = line.sequence.unwrap_or_default();
            let reason = format!("it is event {sequence} of {}, and event {next} never came", self.id);
            (line.place, reason)
        })
    }

    async fn load(&mut self, log: &dyn EventLog) -> Result<(), CliError> {
        self.last = 0;
        for entry in scan::history(log, &self.id).await? {
            let id: Arc<str> = entry.fields.id.clone().unwrap_or_default().into();
            if let Some(sequence) = entry.sequence() {
                self.last = self.last.max(sequence);
                self.by_sequence.entry(sequence).or_insert_with(|| Arc::clone(&id));
            }
            self.ids.insert(id);
        }
        self.loaded = true;
        Ok(())
    }

    /// The line that waits for what is there by now, if there is one.
    fn called(&mut self, batch: &Batch) -> Option<Pending> {
        let staged = self.last + batch.lines.len() as u64;
        let first = self.waiting.first_entry()?;
        if *first.key() > staged + 1 {
            return None;
        }
        let line = first.remove();
        self.room.leave(&line.event);
        Some(line)
    }

    async fn place(
        &mut self,
        log: &dyn EventLog,
        line: Pending,
        batch: &mut Batch,
        outcome: &mut Outcome,
    ) -> Result<(), CliError> {
        let mut verdict = self.judge(&line, batch);
        if matches!(verdict, Verdict::Unsettled) {
            self.flush(log, batch, outcome).await?;
            verdict = self.judge(&line, batch);
        }
        match verdict {
            Verdict::Next => {
                batch.push(line);
                if batch.lines.len() == APPEND_MAX {
                    self.flush(log, batch, outcome).await?;
                }
            }
            other => self.settle(other, line, outcome),
        }
        Ok(())
    }

    fn judge(&self, line: &Pending, batch: &Batch) -> Verdict {
        let id = line.event.id.as_str();
        let staged = self.last + batch.lines.len() as u64;
        let Some(sequence) = line.sequence else {
            return if self.ids.contains(id) {
                Verdict::Already
            } else if batch.ids.contains(id) {
                Verdict::Unsettled
            } else {
                Verdict::Next
            };
        };
        if sequence <= self.last {
            return match self.by_sequence.get(&sequence) {
                Some(there) if **there == *id => Verdict::Already,
                Some(there) => Verdict::Refused(format!("event {sequence} of {} is another one, '{there}'", self.id)),
                None => Verdict::Refused(format!("{} has no event {sequence}, but later ones", self.id)),
            };
        }
        if sequence <= staged {
            return Verdict::Unsettled;
        }
        if sequence == staged + 1 {
            return Verdict::Next;
        }
        match self.waiting.get(&sequence) {
            Some(there) if there.event.id == id => Verdict::Already,
            Some(there) => Verdict::Refused(format!("line {} names the same sequence {sequence}", there.place.line)),
            None => Verdict::Ahead(sequence),
        }
    }

    /// For every verdict but the one to append.
    fn settle(&mut self, verdict: Verdict, line: Pending, outcome: &mut Outcome) {
        match verdict {
            Verdict::Already => outcome.already += 1,
            Verdict::Refused(reason) => outcome.refuse(line.place, reason),
            Verdict::Ahead(sequence) if self.room.enter(&line.event) => {
                self.waiting.insert(sequence, line);
            }
            Verdict::Ahead(sequence) => outcome.refuse(
                line.place,
                format!(
                    "it is event {sequence} of {}, and too many lines wait for others already; sort the file by sequence",
                    self.id
                ),
            ),
            Verdict::Next | Verdict::Unsettled => {
                outcome.refuse(line.place, "the stream is being written by others; import again");
            }
        }
    }

    async fn flush(&mut self, log: &dyn EventLog, batch: &mut Batch, outcome: &mut Outcome) -> Result<(), CliError> {
        batch.ids.clear();
        let lines = std::mem::take(&mut batch.lines);
        if lines.is_empty() {
            return Ok(());
        }
        if let [_] = lines[..] {
            return self.one_by_one(log, lines, outcome).await;
        }
        let (events, places): (Vec<_>, Vec<_>) = lines
            .into_iter()
            .map(|line| (line.event, (line.place, line.sequence)))
            .unzip();
        let appended = log.append(&self.id, Expected::Exactly(self.last), &events).await;
        let events = events.into_iter();
        match appended {
            Ok(Appended { repeated: false, .. }) => {
                outcome.appended += places.len() as u64;
                events.for_each(|event| self.keep(event.id));
                Ok(())
            }
            Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                Err(CliError::Append(error))
            }
            // One of them is to blame, or somebody else was here: find out which.
            Ok(_) | Err(_) => {
                let lines = events
                    .zip(places)
                    .map(|(event, (place, sequence))| Pending { place, sequence, event });
                self.one_by_one(log, lines.collect(), outcome).await
            }
        }
    }

    async fn one_by_one(
        &mut self,
        log: &dyn EventLog,
        lines: Vec<Pending>,
        outcome: &mut Outcome,
    ) -> Result<(), CliError> {
        for line in lines {
            self.one(log, line, outcome).await?;
        }
        Ok(())
    }

    async fn one(&mut self, log: &dyn EventLog, line: Pending, outcome: &mut Outcome) -> Result<(), CliError> {
        let alone = Batch::default();
        for _ in 0..ATTEMPTS {
            let verdict = self.judge(&line, &alone);
            if !matches!(verdict, Verdict::Next) {
                self.settle(verdict, line, outcome);
                return Ok(());
            }
            let events = std::slice::from_ref(&line.event);
            match log.append(&self.id, Expected::Exactly(self.last), events).await {
                Ok(Appended { repeated: false, .. }) => {
                    outcome.appended += 1;
                    self.keep(line.event.id);
                    return Ok(());
                }
                Ok(Appended { first, .. }) => {
                    self.repeated(first, &line, outcome);
                    return Ok(());
                }
                Err(AppendError::Conflict { actual, .. }) => {
                    self.load(log).await?;
                    // The log's own count decides, also where foreign entries look otherwise.
                    self.last = actual;
                }
                Err(error @ (AppendError::Invalid(_) | AppendError::KeyReused(_))) => {
                    outcome.refuse(line.place, error.to_string());
                    return Ok(());
                }
                Err(error) => return Err(CliError::Append(error)),
            }
        }
        self.settle(Verdict::Next, line, outcome);
        Ok(())
    }

    /// The log knows the line's idempotency key from an event that is the same in all but id and time.
    fn repeated(&self, first: Sequence, line: &Pending, outcome: &mut Outcome) {
        match line.sequence {
            Some(sequence) if sequence != first => outcome.refuse(
                line.place,
                format!("its idempotency key was used by event {first} of {}", self.id),
            ),
            _ => outcome.already += 1,
        }
    }

    /// Takes note of an event that was appended.
    fn keep(&mut self, id: String) {
        let id: Arc<str> = id.into();
        self.last += 1;
        self.by_sequence.insert(self.last, Arc::clone(&id));
        self.ids.insert(id);
    }
}
