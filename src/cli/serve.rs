//! `ledgerscope serve`: opens the stores, starts the read model over them, and hands both to the server. Domains with a queue
//! are relayed beside it, so that one program is all that a small installation runs.

use std::future::pending;

use super::{CliError, settings::Settings};
use crate::{
    domain::ids::Domain,
    event_log::relay::Relay,
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
    for domain in Domain::ALL {
        if let Some(queue) = settings.queue(domain) {
            let relay = Relay::new(domain, settings.store(domain), queue)?;
            tracing::info!(%domain, "relaying to its queue");
            // Ends with the program; wherever it is then, the next relay goes on from the queue's last entry.
            tokio::spawn(async move { relay.run(pending()).await });
        }
    }
    Ok(server::serve(config, AppState { ledger }).await?)
}
