//! `ledgerscope import`: appends events from files of CloudEvents. Every event is appended at one sequence, or refused
//! with its line and a reason. Events that a stream already has are skipped, so an import can be repeated or resumed.
//! The content of events is not checked, because existing histories are imported as they are.

mod lines;
mod subject;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use futures::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::{
    lines::{Line, Lines, SourceLocation},
    subject::{Outcome, Subject, Waiting},
};
use super::{CliError, cloud_event, output::print_error, scan, settings::Settings};
use crate::{
    domain::ids::{Domain, EntityId},
    event_log::EventLog,
};

/// Lines, and bytes, of a chunk: large enough for the store to share its flushes, small enough for memory.
const CHUNK_LINES: usize = 20_000;
const CHUNK_BYTES: usize = 32 * 1024 * 1024;
/// Subjects that are appended to at the same time: one batch of the embedded store.
const CONCURRENT_SUBJECTS: usize = 256;
/// Lines that may wait for their predecessors, over all subjects.
const WAITING_MAX: usize = 100_000;

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Files of CloudEvents, one a line, plain or gzip; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

type Key = (Domain, EntityId);

/// The lines of a chunk for one subject, and its lines that wait since earlier chunks.
struct Work {
    lines: Vec<Line>,
    waiting: Waiting,
}

struct Import<'a> {
    settings: &'a Settings,
    files: Vec<String>,
    logs: HashMap<Domain, Arc<dyn EventLog>>,
    /// Streams that have events. Only these need to be read.
    existing: HashSet<Key>,
    /// Lines whose predecessors are missing so far, by subject.
    waiting: BTreeMap<Key, Waiting>,
    appended: u64,
    already: u64,
    refused: u64,
    bar: ProgressBar,
}

pub async fn run(settings: &Settings, args: ImportArgs) -> Result<(), CliError> {
    let mut import = Import {
        settings,
        files: args.files.iter().map(|path| path.display().to_string()).collect(),
        logs: HashMap::new(),
        existing: HashSet::new(),
        waiting: BTreeMap::new(),
        appended: 0,
        already: 0,
        refused: 0,
        bar: bar(),
    };
    let done = import.files(&args.files).await;
    import.bar.finish_and_clear();
    match done {
        Ok(()) => import.report(),
        Err(error @ (CliError::Read(_) | CliError::Append(_))) => Err(CliError::Store(format!(
            "{error}; {} events were appended before that; import again, no event is added twice",
            import.appended
        ))),
        Err(error) => Err(error),
    }
}

/// The progress bar. It is drawn on a terminal only.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} lines, {per_sec}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Import<'_> {
    async fn files(&mut self, paths: &[PathBuf]) -> Result<(), CliError> {
        for (file, path) in paths.iter().enumerate() {
            let mut lines = Lines::open(path)
                .map_err(|error| CliError::Usage(format!("can't read {}: {error}", path.display())))?;
            while self.chunk(file, &mut lines).await? {}
        }
        let left = std::mem::take(&mut self.waiting);
        let mut never: Vec<_> = left.into_values().flatten().collect();
        never.sort_by_key(|(_, line)| line.place);
        for (sequence, line) in never {
            let before = sequence - 1;
            self.refuse(
                line.place,
                &format!("event number {before}, which must come before it, is missing"),
            );
        }
        Ok(())
    }

    /// Reads a chunk of lines and appends their events. Returns false at the end of the file.
    async fn chunk(&mut self, file: usize, lines: &mut Lines) -> Result<bool, CliError> {
        let mut work: BTreeMap<Key, Vec<Line>> = BTreeMap::new();
        let (mut count, mut bytes) = (0, 0);
        let more = loop {
            if count >= CHUNK_LINES || bytes >= CHUNK_BYTES {
                break true;
            }
            let Some((number, text)) = lines.next() else {
                break false;
            };
            count += 1;
            self.bar.inc(1);
            let place = SourceLocation { file, line: number };
            let read = text.and_then(|text| {
                bytes += text.len();
                cloud_event::read(&text)
            });
            match read {
                Ok(read) => work.entry((read.domain, read.subject)).or_default().push(Line {
                    place,
                    sequence: read.sequence,
                    event: read.event,
                }),
                Err(why) => self.refuse(place, &why),
            }
        };
        self.append(work).await?;
        Ok(more)
    }

    async fn append(&mut self, work: BTreeMap<Key, Vec<Line>>) -> Result<(), CliError> {
        for domain in Domain::ALL {
            if !self.logs.contains_key(&domain) && work.keys().any(|(of, _)| *of == domain) {
                let log = self.settings.log_of(domain)?;
                self.existing
                    .extend(scan::ids(&*log).await?.into_iter().map(|id| (domain, id)));
                self.logs.insert(domain, log);
            }
        }
        let jobs: Vec<_> = work
            .into_iter()
            .filter_map(|(key, lines)| {
                let log = Arc::clone(self.logs.get(&key.0)?);
                let exists = !self.existing.insert(key.clone());
                let waiting = self.waiting.remove(&key).unwrap_or_default();
                Some((key, log, exists, Work { lines, waiting }))
            })
            .collect();
        let mut done = stream::iter(jobs)
            .map(async |(key, log, exists, work)| {
                let mut subject = Subject::new(&*log, &key.1, exists, work.waiting);
                let taken = subject.take(work.lines).await;
                let Subject { outcome, waiting, .. } = subject;
                (key, outcome, waiting, taken)
            })
            .buffer_unordered(CONCURRENT_SUBJECTS);
        let mut refused = Vec::new();
        let mut failed = Ok(());
        // Every subject runs to its end, even after an error, so that all appended events are counted.
        while let Some((key, outcome, waiting, taken)) = done.next().await {
            let Outcome {
                appended,
                already,
                refused: lines,
            } = outcome;
            self.appended += appended;
            self.already += already;
            refused.extend(lines);
            if !waiting.is_empty() {
                self.waiting.insert(key, waiting);
            }
            if taken.is_err() && failed.is_ok() {
                failed = taken;
            }
        }
        drop(done);
        self.bound(&mut refused);
        refused.sort();
        for (place, why) in refused {
            self.refuse(place, &why);
        }
        failed
    }

    /// Refuses the waiting lines beyond [`WAITING_MAX`].
    fn bound(&mut self, refused: &mut Vec<(SourceLocation, String)>) {
        let count: usize = self.waiting.values().map(BTreeMap::len).sum();
        for _ in WAITING_MAX..count {
            let Some(mut of) = self.waiting.last_entry() else {
                return;
            };
            if let Some((_, line)) = of.get_mut().pop_last() {
                let why = format!(
                    "more than {WAITING_MAX} lines wait for earlier events of their streams; sort the file by sequence"
                );
                refused.push((line.place, why));
            }
            if of.get().is_empty() {
                of.remove();
            }
        }
    }

    fn refuse(&mut self, place: SourceLocation, why: &str) {
        self.refused += 1;
        let file = self.files.get(place.file).map_or("", String::as_str);
        self.bar
            .suspend(|| print_error(&format!("{file}:{}: {why}", place.line)));
    }

    fn report(&self) -> Result<(), CliError> {
        print_error(&format!(
            "{} appended, {} already there, {} refused",
            self.appended, self.already, self.refused
        ));
        if self.refused > 0 {
            return Err(CliError::Printed);
        }
        Ok(())
    }
}
