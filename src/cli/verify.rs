//! `ledgerscope verify --replay`: goes on from the newest checkpoint, replays everything beside it, and says whether the two
//! agree on every wallet, order, refund, credit and hold. It writes nothing. Producers may go on meanwhile: what differs is
//! looked at again before it is called a difference.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use clap::Args;
use tokio::time::{sleep, timeout};

use super::{CliError, output::Output, serve::stores, settings::Settings};
use crate::{
    ledger::{self, Ledger, Plain},
    views::health::StoreState,
};

/// Differences that are printed.
const SHOWN: usize = 20;
/// Times that the two are compared before a difference is one, and the pause between: both follow the stores meanwhile.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a store may be silent while the two are being loaded.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Compare the newest checkpoint with a replay from nothing
    #[arg(long, required = true)]
    replay: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, args: &VerifyArgs) -> Result<(), CliError> {
    let told = ledger::Settings {
        limits: settings.limits(),
        checkpoint_every: None,
        ..ledger::Settings::default()
    };
    let resumed = ledger::Settings {
        checkpoints: settings.read_model(),
        ..told.clone()
    };
    let resumed = Ledger::start(stores(settings)?, resumed);
    loaded(&resumed).await?;
    let Some(made_at) = resumed.resumed_from() else {
        return Err(CliError::No(
            "there is no good checkpoint of these stores to verify; a server writes one when it stops and every few minutes"
                .into(),
        ));
    };
    let replayed = Ledger::start(stores(settings)?, told);
    loaded(&replayed).await?;
    let (mut compared, mut different) = (0, BTreeSet::new());
    for look in 0..LOOKS {
        if look > 0 {
            sleep(PAUSE).await;
        }
        let (a, b) = (resumed.plain(), replayed.plain());
        let now = differences(&a, &b);
        compared = a.0.len();
        // A real difference stays; what was only being written is another thing at every look.
        different = if look == 0 {
            now
        } else {
            different.intersection(&now).cloned().collect()
        };
        if different.is_empty() {
            break;
        }
    }
    tell(args, made_at, compared, &different)?;
    if different.is_empty() {
        Ok(())
    } else {
        Err(CliError::Said)
    }
}

/// Waits until it is loaded, or one of its stores is down.
async fn loaded(ledger: &Arc<Ledger>) -> Result<(), CliError> {
    while timeout(PATIENCE, ledger.loaded()).await.is_err() {
        for health in ledger.health() {
            if let StoreState::Down { reason, .. } = health.state {
                return Err(CliError::Store(format!(
                    "the {} store can't be read: {reason}",
                    health.domain
                )));
            }
        }
    }
    Ok(())
}

fn differences(a: &Plain, b: &Plain) -> BTreeSet<String> {
    let mut different: BTreeSet<String> =
        a.0.iter()
            .filter(|(key, line)| b.0.get(*key) != Some(line))
            .map(|(key, _)| key.clone())
            .collect();
    different.extend(b.0.keys().filter(|key| !a.0.contains_key(*key)).cloned());
    different
}

fn tell(
    args: &VerifyArgs,
    made_at: chrono::DateTime<chrono::Utc>,
    compared: usize,
    different: &BTreeSet<String>,
) -> Result<(), CliError> {
    let mut out = Output::new();
    if args.json {
        out.json(&serde_json::json!({
            "checkpoint": made_at,
            "compared": compared,
            "different": different.len(),
            "differences": different.iter().take(SHOWN).collect::<Vec<_>>(),
        }))?;
    } else {
        let verdict = if different.is_empty() { "agree" } else { "do not agree" };
        out.line(&format!(
            "The checkpoint of {made_at:?} and a replay of everything {verdict}: {compared} rows compared, {} differ.",
            different.len()
        ))?;
        for key in different.iter().take(SHOWN) {
            out.line(&format!("  {key}"))?;
        }
    }
    out.finish()?;
    Ok(())
}
