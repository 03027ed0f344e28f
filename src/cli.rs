//! The command line: one file a subcommand, and what they share (settings, errors, output). Subcommands parse their
//! arguments, call the modules below and map the results to the exit codes of contract §10. This module has no rules of
//! the ledger.

mod amounts;
mod audit;
mod audited;
mod cloud_event;
mod describe;
mod error;
mod export;
mod filter;
mod import;
mod list;
mod operator;
mod order;
mod output;
mod relay;
mod scan;
mod search;
mod seed;
mod serve;
mod settings;
mod verify;
mod wallet;

use std::process::ExitCode;

use clap::{Parser, Subcommand, error::ErrorKind};
use tracing_subscriber::EnvFilter;

use crate::{
    domain::refund::RefundRow,
    server::config::ServerConfig,
    views::{
        compensations::CaseRow,
        customers::CustomerRow,
        findings::FindingRow,
        orders::OrderRow,
        wallets::{HoldListRow, WalletRow},
    },
};

pub use error::CliError;
use list::ListArgs;
use settings::{LogFormat, Settings};

/// Inspect an event-sourced ledger of wallets and orders.
///
/// Each domain has a store of its own, named by a URL: `embedded:DIR`, `redis://…` or `rediss://…`. Every setting is a
/// flag or an environment variable; the flag wins.
#[derive(Debug, Parser)]
#[command(name = "ledgerscope", version, max_term_width = 120)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pages
    Serve(ServerConfig),
    /// Print a wallet: balances, timeline, anomalies
    Wallet(wallet::WalletArgs),
    /// Print an order: money, refunds, timeline, anomalies
    Order(order::OrderArgs),
    /// List wallets
    Wallets(ListArgs<WalletRow>),
    /// List orders
    Orders(ListArgs<OrderRow>),
    /// List refunds: the pending ones, unless other states are asked for
    Refunds(ListArgs<RefundRow>),
    /// List inconsistencies across wallets and orders
    Findings(ListArgs<FindingRow>),
    /// List holds: the open ones, unless other states are asked for
    Holds(ListArgs<HoldListRow>),
    /// List the cases of compensations
    Cases(ListArgs<CaseRow>),
    /// List the customers that wallets and orders name
    Customers(ListArgs<CustomerRow>),
    /// Find anything by a part of an id or a name, by an amount, or by the whole id of a payment, a reference, an event or a correlation
    Search(search::SearchArgs),
    /// Append events from files of CloudEvents, one a line, plain or gzip
    Import(import::ImportArgs),
    /// Write events as CloudEvents, one a line
    Export(export::ExportArgs),
    /// Fill empty stores with a demo ledger, or append the events of a demo shop until Ctrl-C
    Seed(seed::SeedArgs),
    /// Copy events from the stores to their queues, for consumers
    Relay(relay::RelayArgs),
    /// Add, change and list operators
    Operator(operator::OperatorArgs),
    /// Compare the read model with a replay of all events
    Verify(verify::VerifyArgs),
    /// Verify the audit trail, or print it
    Audit(audit::AuditArgs),
}

/// Parses the process's arguments and runs the subcommand.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    start_log(&arguments);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::print_error(&format!("can't start the program's threads: {error}"));
            return ExitCode::from(1);
        }
    };
    let done = runtime.block_on(run(arguments));
    // Drops store calls that are still blocked.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(line) = error.line() {
                output::print_error(&line);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// Prints help or the version. Prints any other error in the arguments as one line (contract §10). Returns exit code 2
/// for an error.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    output::print_error(&one_line(&error.render().to_string()));
    ExitCode::from(2)
}

/// Reduces clap's message of several paragraphs to one line: what is wrong, and a pointer to `--help`.
fn one_line(message: &str) -> String {
    let about = message.split("\n\nUsage:").next().unwrap_or_default();
    let about = about.split("\n\nFor more information").next().unwrap_or_default();
    let words: Vec<_> = about.trim_start_matches("error: ").split_whitespace().collect();
    format!("{}; see --help", words.join(" "))
}

/// Starts the program's log on standard error. The level is a setting; its default is `info` for `serve` and `relay`,
/// `error` for the rest.
fn start_log(arguments: &Arguments) {
    let default = match arguments.command {
        Command::Serve(_) | Command::Relay(_) => "info",
        _ => "error",
    };
    let directives = arguments.settings.log.as_deref().unwrap_or(default);
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(std::io::stderr);
    match arguments.settings.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

async fn run(arguments: Arguments) -> Result<(), CliError> {
    let settings = arguments.settings;
    match arguments.command {
        Command::Serve(config) => serve::run(&settings, &config).await,
        Command::Wallet(args) => wallet::run(&settings, &args).await,
        Command::Order(args) => order::run(&settings, &args).await,
        Command::Wallets(args) => list::run(&settings, &args).await,
        Command::Orders(args) => list::run(&settings, &args).await,
        Command::Refunds(args) => list::run(&settings, &args).await,
        Command::Findings(args) => list::run(&settings, &args).await,
        Command::Holds(args) => list::run(&settings, &args).await,
        Command::Cases(args) => list::run_cases(&settings, &args).await,
        Command::Customers(args) => list::run(&settings, &args).await,
        Command::Search(args) => search::run(&settings, &args).await,
        Command::Import(args) => import::run(&settings, args).await,
        Command::Export(args) => export::run(&settings, &args).await,
        Command::Seed(args) => seed::run(&settings, &args).await,
        Command::Relay(args) => relay::run(&settings, &args).await,
        Command::Operator(args) => operator::run(&settings, args).await,
        Command::Verify(args) => verify::run(&settings, &args).await,
        Command::Audit(args) => audit::run(&settings, &args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn wrong_arguments_are_one_line() {
        for (args, expected) in [
            (&["wallet"][..], "<ID>"),
            (&["wallet", "W-1", "--at", "then"], "RFC 3339"),
            (&["wallets", "--nonsense"], "--nonsense"),
            (&["wallets", "--min", "1", "--min", "2"], "--min"),
        ] {
            let args = std::iter::once(&"ledgerscope").chain(args);
            let error = Arguments::try_parse_from(args).unwrap_err();
            let line = one_line(&error.render().to_string());
            assert!(
                line.contains(expected) && !line.contains('\n') && !line.contains("Usage"),
                "{line}"
            );
        }
    }

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
