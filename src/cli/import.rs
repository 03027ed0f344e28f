//! `ledgerscope import`: files of CloudEvents into the logs (contract §9). A thread reads and checks lines, a chunk at a
//! time; the lines of a chunk are put to their subjects, many subjects at once. Doing it twice, or again after it was
//! stopped half-way, adds nothing that is there.

mod reader;
mod subject;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::{
    reader::{Chunk, Place, Source},
    subject::{Outcome, Pending, Room, Subject},
};
use super::{CliError, settings::Settings};
use crate::{
    domain::ids::{Domain, EntityId},
    event_log::EventLog,
};

/// Subjects that are appended to at the same time: enough for a store that writes many appends with one disk flush.
const CONCURRENT_SUBJECTS: usize = 256;

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Files of CloudEvents as JSON, one event a line, plain or gzip; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub async fn run(settings: &Settings, args: ImportArgs) -> Result<(), CliError> {
    let sources = reader::open(args.files).map_err(CliError::Usage)?;
    let mut import = Import {
        logs: [settings.log_of(Domain::Wallet)?, settings.log_of(Domain::Order)?],
        names: sources.iter().map(|source| source.name.clone()).collect(),
        existing: BTreeMap::new(),
        subjects: HashMap::new(),
        room: Arc::default(),
        appended: 0,
        already: 0,
        refused: 0,
        bar: progress(&sources),
    };
    let mut chunks = reader::start(sources, import.bar.clone())?;
    let mut done = Ok(());
    while let Some(chunk) = chunks.recv().await {
        done = import.take(chunk).await;
        if done.is_err() {
            break;
        }
    }
    import.finish(done)
}

type Key = (Domain, EntityId);

struct Import {
    logs: [Arc<dyn EventLog>; 2],
    names: Vec<String>,
    /// The streams that were there when a domain was first met.
    existing: BTreeMap<Domain, HashSet<EntityId>>,
    subjects: HashMap<Key, Subject>,
    room: Arc<Room>,
    appended: u64,
    already: u64,
    refused: u64,
    bar: ProgressBar,
}

impl Import {
    /// Brings every line of a chunk to where it belongs.
    async fn take(&mut self, chunk: Chunk) -> Result<(), CliError> {
        let mut refused = chunk.refused;
        let mut groups: HashMap<Key, Vec<Pending>> = HashMap::new();
        for (place, line) in chunk.lines {
            let key = (line.domain, line.subject);
            groups.entry(key).or_default().push(Pending {
                place,
                sequence: line.sequence,
                event: line.event,
            });
        }
        let mut work = Vec::with_capacity(groups.len());
        for (key, lines) in groups {
            let log = Arc::clone(&self.logs[usize::from(key.0 == Domain::Order)]);
            let mut subject = match self.subjects.remove(&key) {
                Some(subject) => subject,
                None => self.meet(&*log, &key).await?,
            };
            work.push(async move {
                let mut outcome = Outcome::default();
                let done = subject.take(&*log, lines, &mut outcome).await;
                (key, subject, outcome, done)
            });
        }
        let mut work = stream::iter(work).buffer_unordered(CONCURRENT_SUBJECTS);
        let mut failed = None;
        while let Some((key, subject, outcome, done)) = work.next().await {
            self.subjects.insert(key, subject);
            self.appended += outcome.appended;
            self.already += outcome.already;
            refused.extend(outcome.refused);
            if let Err(error) = done {
                failed.get_or_insert(error);
            }
        }
        self.refuse(refused);
        self.bar
            .set_message(format!("{} appended, {} already there", self.appended, self.already));
        failed.map_or(Ok(()), Err)
    }

    /// A subject that this import has not met before.
    async fn meet(&mut self, log: &dyn EventLog, (domain, id): &Key) -> Result<Subject, CliError> {
        if !self.existing.contains_key(domain) {
            let ids = log
                .streams()
                .try_fold(HashSet::new(), async |mut ids, page| {
                    ids.extend(page);
                    Ok(ids)
                })
                .await?;
            self.existing.insert(*domain, ids);
        }
        let exists = self.existing.get(domain).is_some_and(|ids| ids.contains(id));
        Ok(Subject::new(id.clone(), exists, Arc::clone(&self.room)))
    }

    /// Reports lines that can't be taken, in the order of the files.
    fn refuse(&mut self, mut refused: Vec<(Place, String)>) {
        refused.sort_by_key(|(place, _)| *place);
        self.refused += refused.len() as u64;
        self.bar.suspend(|| {
            let mut err = io::stderr().lock();
            for (place, reason) in &refused {
                let name = self.names.get(place.file).map_or("?", String::as_str);
                // Where nobody listens to complaints, the exit code still tells.
                let _ = writeln!(err, "{name}:{}: {reason}", place.line);
            }
        });
    }

    fn finish(mut self, done: Result<(), CliError>) -> Result<(), CliError> {
        let whole = done.is_ok();
        if whole {
            let left = self
                .subjects
                .drain()
                .flat_map(|(_, subject)| subject.left_over())
                .collect();
            self.refuse(left);
        }
        self.bar.finish_and_clear();
        let counts = format!(
            "{} appended, {} already there, {} refused",
            self.appended, self.already, self.refused
        );
        match done {
            // No "ledgerscope:" before it: this is the answer, not a complaint.
            Ok(()) => {
                let _ = writeln!(io::stderr(), "{counts}");
                if self.refused == 0 { Ok(()) } else { Err(CliError::Said) }
            }
            Err(error) => {
                let code = error.exit_code();
                let line = format!("{error}; stopped after {counts}; import again to go on where it stopped");
                Err(if code == 3 {
                    CliError::Store(line)
                } else {
                    CliError::No(line)
                })
            }
        }
    }
}

/// On a terminal: how much of the files was read. Elsewhere: nothing.
fn progress(sources: &[Source]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let sizes: Option<Vec<u64>> = sources.iter().map(|source| source.size).collect();
    let (length, template) = match sizes {
        Some(sizes) => (
            Some(sizes.iter().sum()),
            "{bar:32} {bytes}/{total_bytes}  {msg}  {eta} left",
        ),
        None => (None, "{spinner} {bytes}  {msg}"),
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
