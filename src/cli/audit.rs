//! `ledgerscope audit`: verifies the hash chain of the audit trail, or exports its entries as JSON lines. An export is
//! itself an entry of the trail.

use clap::{Args, Subcommand};
use futures::TryStreamExt as _;

use super::{
    CliError,
    audited::actor,
    output::{Output, count},
    settings::Settings,
};
use crate::{
    app_state::AccessStore,
    audit::VerifyError,
    domain::audit::{AuditOutcome, NewEntry},
};

#[derive(Args, Debug)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Recompute every hash; exit code 1 where the chain is broken
    Verify,
    /// Print the entries as JSON, one a line, oldest first
    Export,
}

pub async fn run(settings: &Settings, args: &AuditArgs) -> Result<(), CliError> {
    let access = settings.existing_access()?;
    match args.command {
        AuditCommand::Verify => verify(&access).await,
        AuditCommand::Export => export(&access).await,
    }
}

async fn verify(access: &AccessStore) -> Result<(), CliError> {
    let verified = access.audit.verify().await.map_err(|error| match error {
        VerifyError::Broken(broken) => CliError::Negative(broken.to_string()),
        VerifyError::Unavailable(error) => error.into(),
    })?;
    let mut out = Output::new();
    out.line(&format!(
        "unbroken: {} entries on {}; head {}",
        verified.entries,
        count(usize::try_from(verified.days).unwrap_or(usize::MAX), "day"),
        verified.head
    ))?;
    out.finish()?;
    Ok(())
}

async fn export(access: &AccessStore) -> Result<(), CliError> {
    let entry = NewEntry::new(actor(), "audit.export", AuditOutcome::Done);
    access.audit.append(entry).await?;
    let mut out = Output::new();
    let mut entries = access.audit.export();
    while let Some(entry) = entries.try_next().await? {
        out.json(&entry)?;
    }
    out.finish()?;
    Ok(())
}
