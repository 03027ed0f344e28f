//! The program: parses the command line and calls one function.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ledgerscope::server::{self, config::ServerConfig, state::AppState};

/// Look into an event-sourced ledger of wallets and orders
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the pages
    Serve(ServerConfig),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Serve(config) = Arguments::parse().command;
    match server::serve(&config, AppState::default()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}
