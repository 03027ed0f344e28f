//! The program: parses the command line and calls one function.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ledgerscope::{
    domain::ids::Domain,
    event_log,
    ledger::{Ledger, Settings, Store, Stores},
    server::{self, config::ServerConfig, state::AppState},
};

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
    let store = |domain, variable| {
        let url = std::env::var(variable).unwrap_or_else(|_| event_log::default_url(domain));
        let adapter = if url.starts_with("embedded:") {
            "embedded"
        } else {
            "redis"
        };
        event_log::open(domain, &url).map(|log| Store { log, adapter })
    };
    let stores = match (
        store(Domain::Wallet, "LEDGERSCOPE_WALLET_STORE"),
        store(Domain::Order, "LEDGERSCOPE_ORDER_STORE"),
    ) {
        (Ok(wallet), Ok(order)) => Stores { wallet, order },
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let ledger = Ledger::start(stores, Settings::default());
    match server::serve(&config, AppState { ledger }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}
