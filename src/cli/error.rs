//! The errors of the command line: one line of text for a person, and one exit code for a program (contract §10). All
//! exit codes of subcommands are here.

use std::io;

use crate::{
    audit::AuditError,
    auth::operators::OperatorError,
    event_log::{AppendError, OpenError, ReadError, Unavailable},
    ledger::LedgerError,
    read_model::{ProjectError, ReadModelError, cases::CasesError},
    server::ServeError,
};

/// Exit code if the answer is no.
const NO: u8 = 1;
/// Exit code of wrong usage.
const USAGE: u8 = 2;
/// Exit code of a store that can't be reached.
const STORE: u8 = 3;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Something was not found, was refused or failed.
    #[error("{0}")]
    Negative(String),
    /// The errors were printed already, line by line.
    #[error("already reported")]
    Printed,
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Url(#[from] OpenError),
    #[error("{0}; check that it runs and that --wallet-store or --order-store is right")]
    Read(#[from] ReadError),
    #[error("{0}; check that it runs and that --wallet-store or --order-store is right")]
    Append(AppendError),
    #[error("{0}")]
    ReadModel(#[from] ReadModelError),
    /// A store does not answer. The text says what that means for the work in progress.
    #[error("{0}")]
    Store(String),
    #[error("can't write the output: {0}")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<ProjectError> for CliError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Store(error) => error.into(),
            ProjectError::Model(error) => error.into(),
        }
    }
}

impl From<CasesError> for CliError {
    fn from(error: CasesError) -> Self {
        match error {
            CasesError::Store(_) | CasesError::Loading => Self::Store(format!(
                "{error}; check that the store runs and that --compensation-store is right"
            )),
            CasesError::List(_) => Self::Negative(error.to_string()),
            CasesError::ReadModel(error) => error.into(),
        }
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store { source, .. } => source.into(),
            other => Self::Negative(other.to_string()),
        }
    }
}

impl From<Unavailable> for CliError {
    fn from(error: Unavailable) -> Self {
        Self::Store(format!("{error}; check that it runs and that --access-store is right"))
    }
}

impl From<AuditError> for CliError {
    fn from(error: AuditError) -> Self {
        Self::Store(format!(
            "{error}; nothing was done; check that the store runs and that --access-store is right"
        ))
    }
}

impl From<OperatorError> for CliError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Missing(_) | OperatorError::Exists(_) => Self::Negative(error.to_string()),
            OperatorError::Invalid(why) => Self::Usage(why),
            OperatorError::Unavailable(error) => error.into(),
        }
    }
}

impl CliError {
    /// The exit code of contract §10. A closed pipe is not an error: the reader has read enough.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Usage(_)
            | Self::Url(_)
            | Self::ReadModel(ReadModelError::InUse(_) | ReadModelError::Directory { .. }) => USAGE,
            Self::Read(_)
            | Self::Store(_)
            | Self::Append(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => STORE,
            Self::Serve(error) => error.exit_code(),
            Self::Negative(_) | Self::Printed | Self::Output(_) | Self::Append(_) | Self::ReadModel(_) => NO,
        }
    }

    /// The line to print, if any.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Printed => None,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            other => Some(other.to_string()),
        }
    }
}
