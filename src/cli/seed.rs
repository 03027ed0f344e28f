//! `ledgerscope seed`: fills empty stores with a demo ledger, or keeps a small shop running. The events come from a
//! pure generator in the modules below: the same seed and moment give the same events. This file writes them.

mod chance;
mod names;
mod shop;
mod story;
mod trouble;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{MissedTickBehavior, interval};

use self::{
    shop::{Shop, Size},
    story::{PlannedEvent, Streams},
};
use super::{CliError, filter::time, output::print_error, relay::stop_signal, settings::Settings};
use crate::{
    domain::{
        event::NewEvent,
        ids::{Domain, EntityId},
    },
    event_log::{APPEND_MAX, EventLog, Expected},
};

/// Days of history of a demo ledger.
const DAYS: i64 = 548;
/// Streams written at the same time.
const CONCURRENT_STREAMS: usize = 256;
/// Maximum number of small purchases and top-ups of the busiest wallet.
const SNACKS_MAX: u64 = 3_000;
/// Wallets of the shop of `--live`.
const LIVE_WALLETS: u64 = 12;
const TICK: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub struct SeedArgs {
    /// Number of wallets
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    wallets: u64,
    /// Number of orders
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(0..=200_000))]
    orders: u64,
    /// Seed of the random numbers; the same seed and --now give the same ledger
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The time at which the ledger's history ends (RFC 3339); by default now
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "live")]
    now: Option<DateTime<Utc>>,
    /// Do nothing if a store already has events
    #[arg(long)]
    if_empty: bool,
    /// Append the events of a small demo shop until Ctrl-C, also to stores that already have events
    #[arg(long, conflicts_with_all = ["if_empty", "wallets", "orders"])]
    live: bool,
    /// Orders per minute of the shop of --live
    #[arg(long, value_name = "N", default_value_t = 20, requires = "live", value_parser = clap::value_parser!(u64).range(1..=6_000))]
    rate: u64,
}

pub async fn run(settings: &Settings, args: &SeedArgs) -> Result<(), CliError> {
    let mut logs = HashMap::new();
    for domain in Domain::ALL {
        logs.insert(domain, settings.log_of(domain)?);
    }
    if args.live {
        return live(&logs, args).await;
    }
    for domain in Domain::ALL {
        let mut pages = logs[&domain].streams();
        while let Some(page) = pages.try_next().await? {
            if page.is_empty() {
                continue;
            }
            let what = format!("the {domain} store has events already");
            if args.if_empty {
                print_error(&format!("{what}; nothing was added"));
                return Ok(());
            }
            return Err(CliError::Negative(format!("{what}; a demo ledger needs empty stores")));
        }
    }
    let streams = ledger(args.seed, args.now.unwrap_or_else(Utc::now), args.wallets, args.orders);
    let count: usize = streams.0.values().map(Vec::len).sum();
    let entities = streams.0.len();
    stream::iter(streams.0)
        .map(|((domain, id), events)| {
            let log = Arc::clone(&logs[&domain]);
            async move { write(&*log, &id, &events).await }
        })
        .buffer_unordered(CONCURRENT_STREAMS)
        .try_collect::<()>()
        .await?;
    print_error(&format!("{count} events of {entities} wallets and orders written"));
    Ok(())
}

async fn write(log: &dyn EventLog, id: &EntityId, events: &[NewEvent]) -> Result<(), CliError> {
    let mut at = 0;
    for batch in events.chunks(APPEND_MAX) {
        at = log
            .append(id, Expected::Exactly(at), batch)
            .await
            .map_err(CliError::Append)?
            .last;
    }
    Ok(())
}

/// The demo ledger of a seed and a moment.
fn ledger(seed: u64, now: DateTime<Utc>, wallets: u64, orders: u64) -> Streams {
    let mut shop = Shop::new(seed, "");
    let start = (now - TimeDelta::days(DAYS))
        .date_naive()
        .and_time(NaiveTime::MIN)
        .and_utc();
    let size = Size {
        wallets,
        orders,
        snacks: orders.min(SNACKS_MAX),
    };
    // The last ten minutes are left for `trouble`.
    let end = now - TimeDelta::minutes(10);
    shop.live_through(size, start, end);
    let mut streams = Streams::default();
    for planned in shop.run_until(end) {
        streams.add(planned);
    }
    trouble::add(&mut shop, &mut streams, now, orders / 50);
    streams
}

/// Runs a shop whose customers sign up at the start and place orders until the program is stopped. Its ids have a
/// prefix of their own, so it can run beside any history and be started any number of times.
async fn live(logs: &HashMap<Domain, Arc<dyn EventLog>>, args: &SeedArgs) -> Result<(), CliError> {
    let closing_time = stop_signal()?;
    tokio::pin!(closing_time);
    let started = Utc::now();
    let mut shop = Shop::new(args.seed, &format!("{:X}-", started.timestamp()));
    shop.hurry();
    for _ in 0..LIVE_WALLETS {
        shop.add_wallet(started);
    }
    print_error(&format!(
        "appending the events of a shop with {LIVE_WALLETS} customers and {} orders per minute; Ctrl-C stops it",
        args.rate
    ));
    let mut clock = interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut ordered, mut written) = (0, 0_u64);
    loop {
        tokio::select! {
            () = &mut closing_time => break,
            _ = clock.tick() => {}
        }
        let now = Utc::now();
        let due = (now - started).num_seconds().unsigned_abs() * args.rate / 60;
        while ordered < due {
            shop.add_order(now);
            ordered += 1;
        }
        for PlannedEvent { domain, id, event } in shop.run_until(now) {
            logs[&domain]
                .append(&id, Expected::Any, &[event])
                .await
                .map_err(CliError::Append)?;
            written += 1;
        }
    }
    print_error(&format!("{written} events written"));
    Ok(())
}

#[cfg(test)]
mod tests;
