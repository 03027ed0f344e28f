//! `ledgerscope serve`: opens the stores, starts the read model over them, and hands both to the server.

use super::{CliError, settings::Settings};
use crate::{
    domain::ids::Domain,
    ledger::{self, Ledger, Store, Stores},
    server::{self, config::ServerConfig, state::AppState},
};

pub async fn run(settings: &Settings, config: &ServerConfig) -> Result<(), CliError> {
    let store = |domain| {
        let embedded = settings.store(domain).starts_with("embedded:");
        let adapter = if embedded { "embedded" } else { "redis" };
        settings.log_of(domain).map(|log| Store { log, adapter })
    };
    let stores = Stores {
        wallet: store(Domain::Wallet)?,
        order: store(Domain::Order)?,
    };
    let ledger = Ledger::start(
        stores,
        ledger::Settings {
            limits: settings.limits(),
            ..ledger::Settings::default()
        },
    );
    Ok(server::serve(config, AppState { ledger }).await?)
}
