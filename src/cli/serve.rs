//! `ledgerscope serve`: opens the stores, starts the read model and the recovery of compensations, and runs the server.
//! Relays of domains with a queue run in the same process, so that a small installation needs one program.

use std::{future::pending, sync::Arc};

use super::{CliError, settings::Settings};
use crate::{
    app_state::{AccessStore, AppState},
    compensations::{self, CompensationStores, Compensations},
    domain::ids::Domain,
    event_log::relay::Relay,
    ledger::Ledger,
    server::{
        self, ServeError,
        config::{ConfigError, ServerConfig},
    },
};

pub async fn run(settings: &Settings, config: &ServerConfig) -> Result<(), CliError> {
    let refused = |error: ConfigError| CliError::from(ServeError::from(error));
    config.check().map_err(refused)?;
    let stores = settings.stores()?;
    let access = settings.access(config.rules())?;
    config.check_demo(look_at_people(&access).await).map_err(refused)?;
    let compensation = settings.compensation_store()?;
    let written = CompensationStores {
        wallet: Arc::clone(&stores.wallet.log),
        order: Arc::clone(&stores.order.log),
        compensation: Arc::clone(&compensation.log),
    };
    let ledger = Ledger::start(stores, settings.of_read_model())?;
    let compensations = Compensations::new(
        written,
        Arc::clone(&access.auth) as Arc<dyn compensations::DayLimits>,
        Arc::clone(&access.audit) as Arc<dyn compensations::AuditLog>,
        Arc::clone(&ledger) as Arc<dyn compensations::Credits>,
        ledger.follow_cases(compensation),
        settings.compensations(),
    );
    let compensations = Arc::new(compensations.with_histories(ledger.wallet_histories()));
    let recovering = Arc::clone(&compensations);
    // The task ends with the program. The next start recovers unfinished compensations.
    tokio::spawn(async move { recovering.run().await });
    relay(settings)?;
    let AccessStore { auth, audit } = access;
    let followed = Arc::clone(&ledger);
    let served = server::serve(
        config,
        AppState {
            ledger,
            compensations,
            auth,
            audit,
        },
    )
    .await;
    followed.stop();
    Ok(served?)
}

/// Whether there are enabled demo operators. Logs a warning if no operator can sign in. A store that does not answer
/// now may answer later; until then nobody can sign in.
async fn look_at_people(access: &AccessStore) -> bool {
    match access.auth.operators().list().await {
        Ok(operators) => {
            if operators.iter().all(|operator| operator.disabled) {
                tracing::warn!("no operator can sign in; add one: ledgerscope operator add NAME --role admin");
            }
            operators.iter().any(|operator| operator.demo && !operator.disabled)
        }
        Err(error) => {
            tracing::warn!(%error, "the operators can't be read; nobody can sign in until the access store answers");
            false
        }
    }
}

fn relay(settings: &Settings) -> Result<(), CliError> {
    for domain in Domain::ALL {
        if let Some(queue) = settings.queue(domain) {
            let relay = Relay::new(domain, settings.store(domain), queue)?;
            tracing::info!(%domain, "copying events to the queue");
            // The task ends with the program. The next relay continues after the queue's last entry.
            tokio::spawn(async move { relay.run(pending()).await });
        }
    }
    Ok(())
}
