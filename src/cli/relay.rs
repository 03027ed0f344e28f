//! `ledgerscope relay`: copies the events of the stores into the queues of their domains until a signal arrives.
//! `event_log::relay` has the rules of copying.

use std::io;

use clap::Args;
use futures::future::join_all;
use tokio::{signal::unix, sync::watch};

use super::{CliError, output::Output, settings::Settings};
use crate::{domain::ids::Domain, event_log::relay::Relay};

#[derive(Args, Debug)]
pub struct RelayArgs {
    /// Only these domains; by default every domain that has a queue
    #[arg(value_name = "DOMAIN")]
    domains: Vec<Domain>,
    /// Copy the events that the stores have now, then end
    #[arg(long)]
    once: bool,
}

pub async fn run(settings: &Settings, args: &RelayArgs) -> Result<(), CliError> {
    let relays = relays(settings, &args.domains)?;
    if args.once {
        let mut out = Output::new();
        for (domain, relay) in &relays {
            let count = relay.catch_up().await?;
            out.line(&format!("{domain}: {count} events copied"))?;
        }
        out.finish()?;
        return Ok(());
    }
    let (stop, stopped) = watch::channel(false);
    let running = relays.iter().map(|(domain, relay)| {
        tracing::info!(%domain, "copying events to the queue");
        let mut stopped = stopped.clone();
        relay.run(async move {
            // An error means that the sender was dropped. The relay stops then, too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
    });
    let signal = stop_signal()?;
    tokio::join!(join_all(running), async {
        signal.await;
        stop.send_replace(true);
    });
    Ok(())
}

fn relays(settings: &Settings, wanted: &[Domain]) -> Result<Vec<(Domain, Relay)>, CliError> {
    let mut relays = Vec::new();
    for domain in Domain::ALL {
        let named = wanted.contains(&domain);
        match settings.queue(domain) {
            Some(queue) if named || wanted.is_empty() => {
                relays.push((domain, Relay::new(domain, settings.store(domain), queue)?));
            }
            None if named => {
                return Err(CliError::Usage(format!(
                    "the {domain} queue is not set; use --{domain}-queue"
                )));
            }
            _ => {}
        }
    }
    if relays.is_empty() {
        return Err(CliError::Usage(
            "no queue is set; use --wallet-queue, --order-queue or both".into(),
        ));
    }
    Ok(relays)
}

/// Installs the signal handlers. The future completes at the first SIGINT (Ctrl-C) or SIGTERM.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
