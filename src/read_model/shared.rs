//! State that the projectors of a read model share with its readers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc, watch};

use super::{changes::Changes, projector::Check};
use crate::{
    domain::ids::Domain,
    event_log::FeedPosition,
    views::health::{Progress, StoreState},
};

/// The largest number of entities that wait for a comparison with their store, by domain.
const CHECKS_MAX: usize = 1_024;

/// State that projectors write and others read.
pub struct Shared {
    wallet: watch::Sender<StoreState>,
    order: watch::Sender<StoreState>,
    /// By domain, whether every stream was read to its end once. Then the indexes exist.
    filled: [AtomicBool; 2],
    /// By domain, the position up to which the feed was read. `None` until the domain is filled or resumed.
    places: Mutex<[Option<FeedPosition>; 2]>,
    /// By domain, when the rows that this process resumed were last written.
    resumed: Mutex<[Option<DateTime<Utc>>; 2]>,
    pub changes: Arc<Changes>,
    /// By domain, the entities that the projector has to compare with the store.
    pub checks: [mpsc::Sender<Check>; 2],
    /// By domain, whether a pass at full speed is requested.
    pub passes: [(AtomicBool, Notify); 2],
    /// By domain, how often the store's identity changed without a proof of continuity, and how many of these changes were
    /// followed by a whole pass.
    identity_changes: [(AtomicU64, AtomicU64); 2],
    /// By domain, whether there was an outage after which the store's identity was not compared yet.
    outages: [AtomicBool; 2],
}

/// The receivers of [`Shared::checks`], by domain.
pub type Checks = [mpsc::Receiver<Check>; 2];

impl Shared {
    pub fn new() -> (Self, Checks) {
        let loading = || watch::Sender::new(StoreState::Loading(Progress::default()));
        let (wallet_checks, of_wallets) = mpsc::channel(CHECKS_MAX);
        let (order_checks, of_orders) = mpsc::channel(CHECKS_MAX);
        let shared = Self {
            wallet: loading(),
            order: loading(),
            filled: [const { AtomicBool::new(false) }; 2],
            places: Mutex::default(),
            resumed: Mutex::default(),
            changes: Changes::new(),
            checks: [wallet_checks, order_checks],
            passes: Default::default(),
            identity_changes: Default::default(),
            outages: Default::default(),
        };
        (shared, [of_wallets, of_orders])
    }

    pub fn state(&self, domain: Domain) -> &watch::Sender<StoreState> {
        match domain {
            Domain::Wallet => &self.wallet,
            Domain::Order => &self.order,
        }
    }

    /// Waits until a store is read to its end.
    pub async fn live(&self, domain: Domain) {
        let mut state = self.state(domain).subscribe();
        let _ = state.wait_for(|state| *state == StoreState::Live).await;
    }

    /// Queues a comparison of an entity. Waits while the queue is full.
    pub async fn check(&self, domain: Domain, check: Check) {
        let _ = self.checks[domain as usize].send(check).await;
    }

    /// Requests a pass at full speed.
    pub fn request_pass(&self, domain: Domain) {
        let (requested, notify) = &self.passes[domain as usize];
        requested.store(true, Ordering::Release);
        notify.notify_one();
    }

    /// Notes that the store's identity changed without a proof of continuity, and requests a pass.
    pub fn note_identity_change(&self, domain: Domain) {
        self.identity_changes[domain as usize].0.fetch_add(1, Ordering::AcqRel);
        self.request_pass(domain);
    }

    /// The changes of identity so far. A pass reads them before it begins, and notes them as checked at its end.
    pub fn identity_changes(&self, domain: Domain) -> u64 {
        self.identity_changes[domain as usize].0.load(Ordering::Acquire)
    }

    /// Notes an outage: after it the store may be another one, until its identity was compared.
    pub fn note_outage(&self, domain: Domain) {
        self.outages[domain as usize].store(true, Ordering::Release);
    }

    pub fn had_outage(&self, domain: Domain) -> bool {
        self.outages[domain as usize].load(Ordering::Acquire)
    }

    pub fn forget_outage(&self, domain: Domain) {
        self.outages[domain as usize].store(false, Ordering::Release);
    }

    pub fn set_checked(&self, domain: Domain, changes: u64) {
        self.identity_changes[domain as usize]
            .1
            .fetch_max(changes, Ordering::AcqRel);
    }

    /// Whether the store may be another one: its identity was not compared after an outage, or has changed and no whole pass has
    /// ended since.
    pub fn is_unchecked(&self, domain: Domain) -> bool {
        let (changes, checked) = &self.identity_changes[domain as usize];
        self.had_outage(domain) || checked.load(Ordering::Acquire) < changes.load(Ordering::Acquire)
    }

    pub fn is_pass_requested(&self, domain: Domain) -> bool {
        self.passes[domain as usize].0.load(Ordering::Acquire)
    }

    pub fn take_pass_request(&self, domain: Domain) -> bool {
        self.passes[domain as usize].0.swap(false, Ordering::AcqRel)
    }

    pub async fn pass_requested(&self, domain: Domain) {
        self.passes[domain as usize].1.notified().await;
    }

    pub fn set_filled(&self, domain: Domain, filled: bool) {
        self.filled[domain as usize].store(filled, Ordering::Release);
    }

    pub fn is_filled(&self, domain: Domain) -> bool {
        self.filled[domain as usize].load(Ordering::Acquire)
    }

    pub fn set_place(&self, domain: Domain, place: FeedPosition) {
        self.places()[domain as usize] = Some(place);
    }

    pub fn places(&self) -> MutexGuard<'_, [Option<FeedPosition>; 2]> {
        self.places.lock()
    }

    pub fn set_resumed(&self, domain: Domain, at: Option<DateTime<Utc>>) {
        self.resumed()[domain as usize] = at;
    }

    pub fn resumed(&self) -> MutexGuard<'_, [Option<DateTime<Utc>>; 2]> {
        self.resumed.lock()
    }
}
