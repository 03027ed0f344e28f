//! `ledgerscope export`: the logs as files of CloudEvents (contract §9), by domain, then by id, then in each stream's own
//! order, so that two exports of the same ledger are the same bytes. An event that has no such line is reported.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use flate2::{Compression, write::GzEncoder};
use futures::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{CliError, cloud_event, output::complain, scan, settings::Settings};
use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId, Position},
    },
    event_log::{EventLog, READ_MAX, ReadError},
};

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Only these wallets or orders
    #[arg(value_name = "ID")]
    ids: Vec<EntityId>,
    /// Only this domain: wallet or order
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<Domain>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compress with gzip
    #[arg(long)]
    gzip: bool,
}

pub async fn run(settings: &Settings, args: &ExportArgs) -> Result<(), CliError> {
    let target = Target::new(args.output.as_deref())?;
    let mut export = Export {
        sink: Sink::open(&target, args.gzip)?,
        written: 0,
        left_out: 0,
    };
    let mut found = vec![false; args.ids.len()];
    for domain in Domain::ALL {
        if args.domain.is_some_and(|only| only != domain) {
            continue;
        }
        let log = settings.log_of(domain)?;
        let ids = if args.ids.is_empty() {
            scan::ids(&*log).await?
        } else {
            args.ids.clone()
        };
        let mut index = 0;
        export
            .domain(&log, ids, |exists| {
                if let Some(found) = found.get_mut(index) {
                    *found |= exists;
                }
                index += 1;
            })
            .await?;
    }
    let Export {
        sink,
        written,
        left_out,
    } = export;
    sink.finish()?;
    target.settle()?;
    let missing = args.ids.iter().zip(&found).filter(|(_, found)| !**found);
    let missing: Vec<_> = missing.map(|(id, _)| id.as_str()).collect();
    if !missing.is_empty() {
        return Err(CliError::No(format!("not in the stores: {}", missing.join(", "))));
    }
    if left_out > 0 {
        return Err(CliError::No(format!(
            "{written} events written; {left_out} can't be written as CloudEvents and were left out"
        )));
    }
    Ok(())
}

struct Export {
    sink: Sink,
    written: u64,
    left_out: u64,
}

impl Export {
    /// Writes the streams in the order given; `exists` is told of each whether it is there.
    async fn domain(
        &mut self,
        log: &Arc<dyn EventLog>,
        ids: Vec<EntityId>,
        mut exists: impl FnMut(bool),
    ) -> Result<(), CliError> {
        let bar = ProgressBar::with_draw_target(Some(ids.len() as u64), ProgressDrawTarget::stderr());
        // The first pages are fetched ahead of their turn; few streams have more than one.
        let mut pages = stream::iter(ids)
            .map(async |id| {
                let page = log.read(&id, Position::START, READ_MAX).await?;
                Ok::<_, ReadError>((id, page))
            })
            .buffered(scan::CONCURRENT_READS);
        while let Some(next) = pages.next().await {
            let (id, mut page) = next?;
            exists(!page.is_empty());
            while let Some(last) = page.last().map(|entry| entry.position) {
                self.page(log.domain(), &id, &page)?;
                page = match page.len() {
                    READ_MAX => log.read(&id, last, READ_MAX).await?,
                    _ => Vec::new(),
                };
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn page(&mut self, domain: Domain, id: &EntityId, page: &[Entry]) -> io::Result<()> {
        for entry in page {
            match cloud_event::write(domain, id, entry) {
                Ok(line) => {
                    self.written += 1;
                    self.sink.line(&line)?;
                }
                Err(reason) => {
                    self.left_out += 1;
                    complain(&format!("{domain} {id} at {}: {reason}", entry.position));
                }
            }
        }
        Ok(())
    }
}

/// Where the lines end up.
enum Target {
    Stdout,
    /// Something that is there and is no file, as a pipe.
    Device(PathBuf),
    /// A file, which gets its name only when it is whole.
    File {
        name: PathBuf,
        partial: PathBuf,
    },
}

impl Target {
    fn new(output: Option<&Path>) -> Result<Self, CliError> {
        let Some(name) = output else {
            return Ok(Self::Stdout);
        };
        if fs::metadata(name).is_ok_and(|about| !about.is_file()) {
            return Ok(Self::Device(name.to_owned()));
        }
        let mut partial = name
            .file_name()
            .ok_or_else(|| CliError::Usage(format!("{} names no file", name.display())))?
            .to_owned();
        partial.push(".partial");
        Ok(Self::File {
            name: name.to_owned(),
            partial: name.with_file_name(partial),
        })
    }

    fn settle(&self) -> io::Result<()> {
        match self {
            Self::File { name, partial } => fs::rename(partial, name),
            Self::Stdout | Self::Device(_) => Ok(()),
        }
    }
}

/// The way there, packed or not.
enum Sink {
    Plain(Box<dyn Write>),
    Packed(Box<GzEncoder<Box<dyn Write>>>),
}

impl Sink {
    fn open(target: &Target, gzip: bool) -> Result<Self, CliError> {
        let create = |path: &Path| {
            File::create(path).map_err(|error| CliError::Usage(format!("can't write {}: {error}", path.display())))
        };
        let raw: Box<dyn Write> = match target {
            Target::Stdout => Box::new(io::stdout()),
            Target::Device(name) => Box::new(create(name)?),
            Target::File { partial, .. } => Box::new(create(partial)?),
        };
        let buffered: Box<dyn Write> = Box::new(BufWriter::with_capacity(256 * 1024, raw));
        Ok(if gzip {
            Self::Packed(Box::new(GzEncoder::new(buffered, Compression::default())))
        } else {
            Self::Plain(buffered)
        })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let sink: &mut dyn Write = match self {
            Self::Plain(sink) => sink,
            Self::Packed(sink) => sink,
        };
        sink.write_all(line.as_bytes())?;
        sink.write_all(b"\n")
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut sink) => sink.flush(),
            Self::Packed(sink) => sink.finish()?.flush(),
        }
    }
}
