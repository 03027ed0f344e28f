//! `ledgerscope verify --replay`: brings a copy of the read model up to date, fills a second one from nothing, and
//! compares all their rows. It writes to temporary directories only and creates no store. Producers may append
//! meanwhile, so differences are compared several times before they are reported.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};

use super::{CliError, output::Output, settings::Settings};
use crate::{
    domain::ids::Domain,
    ledger::{Ledger, LedgerError},
    read_model::{self, ReadModel, Rows, Stores},
    views::health::StoreState,
};

/// Differences that are printed.
const SHOWN: usize = 20;
/// How often the two read models are compared before a difference is reported, and the pause between. Both follow the
/// stores meanwhile.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a store may take to load before its health is checked.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Compare the read model with a replay of all events
    #[arg(long, required = true)]
    replay: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A temporary directory that is removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("ledgerscope-verify-{}", uuid::Uuid::now_v7().simple());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub async fn run(settings: &Settings, args: &VerifyArgs) -> Result<(), CliError> {
    let none = || {
        CliError::Negative(
            "there is no read model of these stores to verify; a server creates one in --read-model".into(),
        )
    };
    let dir = settings.read_model().ok_or_else(none)?;
    let stores = settings.existing_stores(&Domain::ALL)?;
    let scratch = Scratch::new();
    if !ReadModel::copy(&dir, &scratch.0, &stores)? {
        return Err(none());
    }
    let resumed = start(settings, &stores, Some(&scratch.0))?;
    loaded(&resumed).await?;
    let made_at = resumed.resumed_from().ok_or_else(none)?;
    let replayed = start(settings, &stores, None)?;
    loaded(&replayed).await?;
    let (mut compared, mut different) = (0, BTreeSet::new());
    for look in 0..LOOKS {
        if look > 0 {
            sleep(PAUSE).await;
        }
        // Both are read at the same time, so that few events arrive between the two.
        let (one, other) = (read(&resumed), read(&replayed));
        let (a, b) = (rows(one).await?, rows(other).await?);
        let now = differences(&a, &b);
        compared = a.0.len();
        // A real difference appears every time. A row that is being updated differs only for a while.
        different = if look == 0 {
            now
        } else {
            different.intersection(&now).cloned().collect()
        };
        if different.is_empty() {
            break;
        }
    }
    report(args, made_at, compared, &different)?;
    if different.is_empty() {
        Ok(())
    } else {
        Err(CliError::Printed)
    }
}

fn start(settings: &Settings, stores: &Stores, dir: Option<&Path>) -> Result<Arc<Ledger>, CliError> {
    let settings = read_model::Settings {
        dir: dir.map(Path::to_owned),
        ..settings.of_read_model()
    };
    Ok(Ledger::start(stores.clone(), settings)?)
}

/// Starts reading the rows on a blocking thread.
fn read(ledger: &Arc<Ledger>) -> JoinHandle<Result<Rows, LedgerError>> {
    let ledger = Arc::clone(ledger);
    spawn_blocking(move || ledger.rows())
}

async fn rows(reading: JoinHandle<Result<Rows, LedgerError>>) -> Result<Rows, CliError> {
    let read = reading.await.map_err(|error| CliError::Negative(error.to_string()))?;
    read.map_err(|error| CliError::Negative(error.to_string()))
}

/// Waits until every store is loaded. A store that is down or halted is an error.
async fn loaded(ledger: &Arc<Ledger>) -> Result<(), CliError> {
    while timeout(PATIENCE, ledger.loaded()).await.is_err() {
        for health in ledger.health() {
            match health.state {
                StoreState::Down { reason, .. } => {
                    let domain = health.domain;
                    return Err(CliError::Store(format!("the {domain} store can't be read: {reason}")));
                }
                StoreState::Halted { reason, .. } => return Err(CliError::Negative(reason)),
                StoreState::Loading(_) | StoreState::Live => {}
            }
        }
    }
    Ok(())
}

fn differences(a: &Rows, b: &Rows) -> BTreeSet<String> {
    let mut different: BTreeSet<String> =
        a.0.iter()
            .filter(|(key, line)| b.0.get(*key) != Some(line))
            .map(|(key, _)| key.clone())
            .collect();
    different.extend(b.0.keys().filter(|key| !a.0.contains_key(*key)).cloned());
    different
}

fn report(
    args: &VerifyArgs,
    made_at: chrono::DateTime<chrono::Utc>,
    compared: usize,
    different: &BTreeSet<String>,
) -> Result<(), CliError> {
    let mut out = Output::new();
    if args.json {
        out.json(&serde_json::json!({
            "read_model": made_at,
            "compared": compared,
            "different": different.len(),
            "differences": different.iter().take(SHOWN).collect::<Vec<_>>(),
        }))?;
    } else {
        let verdict = if different.is_empty() { "agree" } else { "do not agree" };
        out.line(&format!(
            "The read model of {made_at:?} and a replay of all events {verdict}: {compared} rows compared, {} differ.",
            different.len()
        ))?;
        for key in different.iter().take(SHOWN) {
            out.line(&format!("  {key}"))?;
        }
    }
    out.finish()?;
    Ok(())
}
