//! The background tasks of the read model: projectors, building of indexes, passes that compare rows with the stores, snapshots
//! of long wallets, and notifications of changes that come with time alone.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Settings, Stores,
    database::Database,
    due,
    lists::{self, refunds::Moment},
    projector::{Projector, pass_forever},
    search_index,
    shared::{Checks, Shared},
    snapshots::{Histories, LONG},
    whole_ids,
};
use crate::{
    domain::{
        ids::{Domain, EntityId},
        order::OrderState,
        wallet::WalletState,
    },
    views::health::StoreState,
};

/// The interval of the search for refunds that became overdue and holds that expired.
const LOOK_FOR_DUE: Duration = Duration::from_secs(2);
/// The interval of the search for wallets that became long. Also the pause after an index is complete.
const LOOK_FOR_LONG: Duration = Duration::from_mins(1);
/// The pause after an index could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// What the background tasks need.
pub struct Tasks {
    pub stores: Stores,
    pub settings: Settings,
    pub database: Arc<Database>,
    pub shared: Arc<Shared>,
    pub wallets: Arc<Histories<WalletState>>,
    pub orders: Arc<Histories<OrderState>>,
}

impl Tasks {
    /// Runs all tasks until the future is dropped.
    pub async fn run(self, checks: Checks) {
        let [wallet_checks, order_checks] = checks;
        let this = Arc::new(self);
        let mut tasks = JoinSet::new();
        let (database, settings, shared) = (&this.database, &this.settings, &this.shared);
        tasks.spawn(
            Projector::new(
                &this.stores.wallet,
                database,
                &this.wallets,
                settings,
                shared,
                wallet_checks,
            )
            .run(),
        );
        tasks.spawn(
            Projector::new(
                &this.stores.order,
                database,
                &this.orders,
                settings,
                shared,
                order_checks,
            )
            .run(),
        );
        tasks.spawn(Arc::clone(&this).track_long_wallets());
        tasks.spawn(Arc::clone(&this).watch_the_time());
        tasks.spawn(Arc::clone(&this).index_ids());
        for domain in Domain::ALL {
            tasks.spawn(Arc::clone(&this).build_search(domain));
            let log = Arc::clone(&this.stores.of(domain).log);
            let (share, clock) = (settings.check_share, settings.clock);
            tasks.spawn(pass_forever(
                log,
                Arc::clone(database),
                Arc::clone(shared),
                domain,
                share,
                clock,
            ));
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Waits while a domain is being filled, since filling has priority.
    async fn while_filling(&self) {
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            let _ = state.wait_for(|state| !matches!(state, StoreState::Loading(_))).await;
        }
    }

    /// Moves the ids that a filling has collected to their index. Each step is a transaction of its own, so that projectors can
    /// write between the steps.
    async fn index_ids(self: Arc<Self>) {
        loop {
            self.while_filling().await;
            let database = Arc::clone(&self.database);
            match spawn_blocking(move || database.write(|connection| whole_ids::extend(connection))).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => sleep(LOOK_FOR_LONG).await,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the index of ids could not be written; it is tried again");
                    sleep(RETRY).await;
                }
                Err(_) => return,
            }
        }
    }

    /// Builds the search index of a domain. Each step is a transaction of its own, so that projectors can write between the
    /// steps.
    async fn build_search(self: Arc<Self>, domain: Domain) {
        loop {
            self.shared.live(domain).await;
            self.while_filling().await;
            let database = Arc::clone(&self.database);
            let step = spawn_blocking(move || database.write(|connection| search_index::extend(connection, domain)));
            match step.await {
                Ok(Ok(true)) => {}
                // The loop goes on, because a domain that is filled anew has an empty index again.
                Ok(Ok(false)) => sleep(LOOK_FOR_LONG).await,
                Ok(Err(error)) => {
                    tracing::warn!(%domain, %error, "the search index is not written");
                    sleep(RETRY).await;
                }
                Err(_) => return,
            }
        }
    }

    /// Publishes changes that come with time alone.
    async fn watch_the_time(self: Arc<Self>) {
        let moment = || Moment {
            now: (self.settings.clock)(),
            limits: self.settings.limits,
        };
        let mut from = moment();
        let mut ticks = interval(LOOK_FOR_DUE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let to = moment();
            let filled = Domain::ALL.map(|domain| self.shared.is_filled(domain));
            let database = Arc::clone(&self.database);
            let due = spawn_blocking(move || {
                database.read(|connection| {
                    let mut due = Vec::new();
                    if filled[Domain::Order as usize] {
                        due.extend(due::overdue(connection, &from, &to)?);
                    }
                    if filled[Domain::Wallet as usize] {
                        due.extend(due::expired(connection, from.now, to.now)?);
                    }
                    Ok(due)
                })
            });
            let Ok(Ok(due)) = due.await else { continue };
            for domain in Domain::ALL {
                let of_domain: Vec<_> = due.iter().filter(|changed| changed.domain == domain).cloned().collect();
                if !of_domain.is_empty() {
                    self.shared.changes.publish_due(domain, of_domain);
                }
            }
            from = to;
        }
    }

    /// Makes snapshots of long wallets that have none yet, one wallet after the other, the longest first: without snapshots it
    /// takes longest to load.
    async fn track_long_wallets(self: Arc<Self>) {
        self.shared.live(Domain::Wallet).await;
        let mut ticks = interval(LOOK_FOR_LONG);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let database = Arc::clone(&self.database);
            let long = spawn_blocking(move || database.read(|connection| lists::long_wallets(connection, LONG)));
            let Ok(Ok(long)) = long.await else { continue };
            for (id, entries) in long {
                self.track(&id, entries).await;
            }
        }
    }

    async fn track(&self, id: &EntityId, entries: u64) {
        if let Err(error) = self.wallets.track(id, entries).await {
            tracing::debug!(%id, %error, "the snapshots of a long wallet are written later");
        }
    }
}
