//! The keeper: starts the projectors, from a checkpoint where there is a good one of these very stores, and writes checkpoints
//! now and then. A store that does not answer at the start is shown as it was; if it turns out to be another, everything is
//! begun anew.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Settings, Shared, Stores,
    checkpoint::{Checkpoints, Places},
    index::Index,
    projector::Projector,
};
use crate::{
    domain::{
        ids::{Domain, EntityId, Position},
        listing::{Progress, Recent, StoreState},
        order::OrderState,
        truncate,
        wallet::WalletState,
    },
    event_log::{EventLog, FeedPosition, ReadError},
    history::{Histories, LONG, Shelf},
};

/// How long a store that does not answer is waited for before its figures are shown as they were.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often wallets are looked for that have become long.
const LOOK_FOR_LONG: Duration = Duration::from_mins(1);
/// Before it is asked again whether it is the one that the checkpoint was made of.
const RETRY: Duration = Duration::from_secs(1);

/// What a checkpoint says of a domain's store, for telling whether it still is that store.
#[derive(Clone, Debug)]
struct Witnesses {
    place: FeedPosition,
    /// Entries that it had.
    entries: Vec<Recent>,
}

#[derive(Clone)]
pub struct Keeper {
    stores: Stores,
    settings: Settings,
    shared: Arc<Shared>,
    checkpoints: Option<Checkpoints>,
    /// The generation of the index that was saved last; held while a checkpoint is written, so that one is at a time.
    saved: Arc<Mutex<u64>>,
    wallets: Arc<Histories<WalletState>>,
    orders: Arc<Histories<OrderState>>,
}

impl Keeper {
    pub fn new(stores: &Stores, settings: &Settings, shared: &Arc<Shared>) -> Self {
        Self {
            stores: stores.clone(),
            settings: settings.clone(),
            shared: Arc::clone(shared),
            checkpoints: settings.checkpoints.as_deref().map(Checkpoints::new),
            saved: Arc::default(),
            wallets: Arc::new(Histories::new(Arc::clone(&stores.wallet.log), shelf(settings))),
            orders: Arc::new(Histories::new(Arc::clone(&stores.order.log), None)),
        }
    }

    /// Bytes of the heads of all domains.
    pub fn kept_bytes(&self) -> usize {
        self.wallets.kept_bytes() + self.orders.kept_bytes()
    }

    /// The wallets' histories.
    pub fn wallets(&self) -> &Histories<WalletState> {
        &self.wallets
    }

    /// The same, for others who read wallets in this process.
    pub fn share_wallets(&self) -> Arc<Histories<WalletState>> {
        Arc::clone(&self.wallets)
    }

    /// Runs until dropped.
    pub async fn run(self) {
        let mut from = self.resume().await;
        loop {
            let mut tasks = JoinSet::new();
            let mut unverified = Vec::new();
            if let Some((places, unasked)) = from.take() {
                let [wallet, order] = places.feeds();
                let made_at = places.made_at;
                tasks.spawn(self.wallet_projector().run(Some((wallet, made_at))));
                tasks.spawn(self.order_projector().run(Some((order, made_at))));
                unverified = unasked;
            } else {
                tasks.spawn(self.wallet_projector().run(None));
                tasks.spawn(self.order_projector().run(None));
            }
            tasks.spawn(self.clone().track_long_wallets());
            tokio::select! {
                () = self.save_now_and_then() => return,
                () = self.until_foreign(unverified) => {}
            }
            tasks.shutdown().await;
            self.begin_anew().await;
        }
    }

    fn wallet_projector(&self) -> Projector<WalletState> {
        Projector::new(&self.stores.wallet, &self.wallets, &self.settings, &self.shared)
    }

    fn order_projector(&self) -> Projector<OrderState> {
        Projector::new(&self.stores.order, &self.orders, &self.settings, &self.shared)
    }

    /// Takes the newest good checkpoint up, if it is of these stores; says which stores could not be asked.
    async fn resume(&self) -> Option<(Places, Vec<(Domain, Witnesses)>)> {
        let checkpoints = self.checkpoints.clone()?;
        let begun = Instant::now();
        let (index, places) = spawn_blocking(move || checkpoints.load()).await.ok()??;
        let mut unverified = Vec::new();
        let recent = index.recent();
        for (domain, place) in Domain::ALL.into_iter().zip(places.feeds()) {
            let entries = recent
                .iter()
                .filter(|recent| recent.domain == domain)
                .cloned()
                .collect();
            let witnesses = Witnesses { place, entries };
            match tokio::time::timeout(PATIENCE, is_same(&*self.stores.of(domain).log, &witnesses)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    self.begin_anew().await;
                    return None;
                }
                Ok(Err(_)) | Err(_) => unverified.push((domain, witnesses)),
            }
        }
        let counts = index.counts();
        tracing::info!(
            events = counts.events,
            wallets = counts.wallets,
            orders = counts.orders,
            milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            made_at = %places.made_at,
            "going on from a checkpoint"
        );
        for domain in Domain::ALL {
            self.shared.set_unfed(domain, places.unfed[domain as usize]);
            self.shared.state(domain).send_replace(StoreState::Loading(Progress {
                events: counts.events,
                ..Progress::default()
            }));
        }
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = index.generation();
        *self.shared.index_mut() = index;
        self.shared.set_resumed(Some(places.made_at));
        Some((places, unverified))
    }

    /// Ends when one of the stores turns out to be another than the checkpoint's.
    async fn until_foreign(&self, mut unverified: Vec<(Domain, Witnesses)>) {
        while let Some((domain, witnesses)) = unverified.pop() {
            loop {
                match is_same(&*self.stores.of(domain).log, &witnesses).await {
                    Ok(true) => break,
                    Ok(false) => return,
                    Err(_) => sleep(RETRY).await,
                }
            }
        }
        std::future::pending::<()>().await;
    }

    async fn begin_anew(&self) {
        tracing::warn!("the checkpoint is of other stores; everything is replayed");
        // First: a checkpoint that is written meanwhile must not say that an empty index stands at the feeds' ends.
        self.shared.forget_places();
        *self.shared.index_mut() = Index::default();
        self.shared.changes.forget();
        self.shared.set_resumed(None);
        for domain in Domain::ALL {
            self.shared
                .state(domain)
                .send_replace(StoreState::Loading(Progress::default()));
        }
        if let Some(checkpoints) = self.checkpoints.clone() {
            let _ = spawn_blocking(move || checkpoints.clear()).await;
        }
    }

    /// Puts waypoints of long wallets on the shelf that are not there yet, one wallet after the other: first those that are
    /// long already, then those that become so.
    async fn track_long_wallets(self) {
        let mut state = self.shared.state(Domain::Wallet).subscribe();
        let _ = state.wait_for(|state| *state == StoreState::Live).await;
        let mut ticks = interval(LOOK_FOR_LONG);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut generation = None;
        loop {
            ticks.tick().await;
            let mut long: Vec<(u64, EntityId)> = {
                let index = self.shared.index();
                if generation.replace(index.generation()) == Some(index.generation()) {
                    continue;
                }
                let long = index.wallets().filter(|(_, row)| row.events > LONG);
                long.filter_map(|(slot, row)| Some((row.events, EntityId::new(index.wallet_id(slot)).ok()?)))
                    .collect()
            };
            // The longest are the ones that are slow until then.
            long.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
            for (entries, id) in long {
                if let Err(error) = self.wallets.track(&id, entries).await {
                    tracing::debug!(%id, %error, "a long wallet is tracked later");
                    generation = None;
                }
            }
        }
    }

    /// Every so often, and once as soon as everything was loaded.
    async fn save_now_and_then(&self) {
        let (Some(_), Some(every)) = (&self.checkpoints, self.settings.checkpoint_every) else {
            return std::future::pending().await;
        };
        for domain in Domain::ALL {
            let mut state = self.shared.state(domain).subscribe();
            let _ = state.wait_for(|state| *state == StoreState::Live).await;
        }
        let mut ticks = interval(every.max(RETRY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.save().await;
        }
    }

    /// Writes a checkpoint, if there is something new to write and both stores were read to their ends.
    pub async fn save(&self) {
        let this = self.clone();
        if let Err(error) = spawn_blocking(move || this.save_blocking()).await {
            tracing::error!(%error, "no checkpoint was written");
        }
    }

    fn save_blocking(&self) {
        let (Some(checkpoints), Some(_)) = (&self.checkpoints, self.settings.checkpoint_every) else {
            return;
        };
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        // The places first: the index may then know more than they say, which reading again does no harm to.
        let [Some(wallet), Some(order)] = self.shared.places() else {
            return;
        };
        let places = Places {
            wallet: wallet.0,
            order: order.0,
            unfed: self.shared.unfed(),
            made_at: (self.settings.clock)(),
        };
        // A copy, so that nobody waits for the disk.
        let index = {
            let index = self.shared.index();
            if index.generation() == *saved {
                return;
            }
            index.clone()
        };
        let begun = Instant::now();
        match checkpoints.save(&index, &places) {
            Ok(bytes) => {
                *saved = index.generation();
                let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(
                    bytes,
                    milliseconds,
                    events = index.counts().events,
                    "a checkpoint was written"
                );
            }
            Err(error) => tracing::warn!(%error, "no checkpoint was written"),
        }
    }
}

/// Where waypoints of long wallets are kept: beside the checkpoints. Without, such wallets are read whole.
fn shelf(settings: &Settings) -> Option<Arc<Shelf>> {
    let dir = settings.checkpoints.as_deref()?;
    let shelf = Shelf::open(dir).inspect_err(|error| tracing::warn!(%error, "long wallets are read whole"));
    shelf.ok().map(Arc::new)
}

/// Whether a log is the one that a checkpoint was made of: its feed reaches as far, and the entries are where they were.
async fn is_same(log: &dyn EventLog, witnesses: &Witnesses) -> Result<bool, ReadError> {
    let end = log.feed_end().await?;
    let reaches = |(at, place): (usize, &Position)| end.0.get(at).is_some_and(|end| end >= place);
    if end.0.len() != witnesses.place.0.len() || !witnesses.place.0.iter().enumerate().all(reaches) {
        return Ok(false);
    }
    for witness in &witnesses.entries {
        let found = log.read(&witness.subject, witness.entry.position.before(), 1).await?;
        // The index has the entries of recent events truncated.
        if found.first().map(truncate::row).as_ref() != Some(&witness.entry) {
            return Ok(false);
        }
    }
    Ok(true)
}
