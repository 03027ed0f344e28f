//! `ledgerscope export`: the events of the logs as CloudEvents, one a line, in an order that depends only on their
//! content. An event that can't be written as a `CloudEvent` is left out and reported on standard error. Events are never
//! altered.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use clap::Args;
use flate2::{Compression, write::GzEncoder};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{CliError, cloud_event, output::print_error, scan, settings::Settings};
use crate::{
    domain::ids::{Domain, EntityId, Position},
    event_log::EventLog,
};

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Ids of the entities; by default all
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

/// The counts of an export.
#[derive(Default)]
struct Tally {
    entities: u64,
    left_out: u64,
}

pub async fn run(settings: &Settings, args: &ExportArgs) -> Result<(), CliError> {
    // Sorted by name: lines are sorted by domain first.
    let domains = [Domain::Order, Domain::Wallet];
    let wanted = domains
        .into_iter()
        .filter(|domain| args.domain.is_none_or(|only| only == *domain));
    let logs: Vec<_> = wanted
        .map(|domain| Ok((domain, settings.existing_log_of(domain)?)))
        .collect::<Result<_, CliError>>()?;
    let mut target = Target::open(args)?;
    let mut tally = Tally::default();
    for (domain, log) in logs {
        export((domain, &*log), &args.ids, &mut target, &mut tally).await?;
    }
    target.finish()?;
    if tally.left_out > 0 {
        print_error(&format!(
            "{} events could not be written as CloudEvents",
            tally.left_out
        ));
        return Err(CliError::Printed);
    }
    if tally.entities == 0 && !args.ids.is_empty() {
        return Err(CliError::Negative(
            "none of these ids has an event in the stores that were read".into(),
        ));
    }
    Ok(())
}

async fn export(
    (domain, log): (Domain, &dyn EventLog),
    wanted: &[EntityId],
    target: &mut Target,
    tally: &mut Tally,
) -> Result<(), CliError> {
    let ids = if wanted.is_empty() {
        scan::ids(log).await?
    } else {
        let mut ids = wanted.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let mut histories = stream::iter(ids)
        .map(async |id| log.read_all(&id, Position::START).await.map(|entries| (id, entries)))
        .buffered(scan::CONCURRENT_READS);
    while let Some((id, entries)) = histories.try_next().await? {
        tally.entities += u64::from(!entries.is_empty());
        for entry in &entries {
            match cloud_event::write(domain, &id, entry) {
                Ok(line) => target.line(&line)?,
                Err(why) => {
                    tally.left_out += 1;
                    print_error(&format!("{domain} {id}, position {}: {why}", entry.position));
                }
            }
        }
    }
    Ok(())
}

/// The output of an export.
enum Target {
    Plain(BufWriter<Box<dyn Write>>),
    Gzip(GzEncoder<BufWriter<Box<dyn Write>>>),
}

impl Target {
    fn open(args: &ExportArgs) -> Result<Self, CliError> {
        let to: Box<dyn Write> = match &args.output {
            Some(path) => Box::new(
                File::create(path)
                    .map_err(|error| CliError::Usage(format!("can't write to {}: {error}", path.display())))?,
            ),
            None => Box::new(io::stdout()),
        };
        let to = BufWriter::with_capacity(64 * 1024, to);
        Ok(if args.gzip {
            Self::Gzip(GzEncoder::new(to, Compression::default()))
        } else {
            Self::Plain(to)
        })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let to: &mut dyn Write = match self {
            Self::Plain(to) => to,
            Self::Gzip(to) => to,
        };
        to.write_all(line.as_bytes())?;
        to.write_all(b"\n")
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut to) => to.flush(),
            Self::Gzip(to) => to.finish()?.flush(),
        }
    }
}
