//! Logs that fail at a chosen append, like a killed process or a lost answer, and logs in which somebody else appends
//! at the worst moment. All logs of a process share one count of appends.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use ledgerscope::{
    compensations::CompensationStores,
    domain::{
        event::{Entry, NewEvent},
        ids::{EntityId, LogName, Position},
    },
    event_log::{AppendError, Appended, EventLog, Expected, FeedEntry, FeedPosition, ReadError},
};
use tokio::sync::Notify;

/// The failure at the chosen append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// The process dies before the append.
    DieBefore,
    /// The process dies after the append, before it gets the answer.
    DieAfter,
    /// The append succeeds, and its answer is lost: the outcome is unknown.
    LoseAnswer,
    /// The append does not happen, and the outcome is unknown.
    LoseQuestion,
    /// From here on this log is unavailable: nothing is appended, for certain.
    GoAway,
    /// From here on this log does not answer: the outcome is unknown.
    GoSilent,
}

pub struct Plan {
    at: usize,
    spoil: Option<Spoil>,
    appends: AtomicUsize,
    away: Mutex<Option<LogName>>,
    dead: AtomicBool,
    pub died: Notify,
    /// Events that somebody else appends to a log just before the first append of a case to it.
    meanwhile: Mutex<Vec<(LogName, Vec<NewEvent>)>>,
}

impl Plan {
    /// Fails at append number `at`, from 0.
    pub fn spoil(spoil: Spoil, at: usize) -> Arc<Self> {
        Self::new(Some(spoil), at, Vec::new())
    }

    pub fn meanwhile(log: LogName, events: Vec<NewEvent>) -> Arc<Self> {
        Self::new(None, 0, vec![(log, events)])
    }

    pub fn new(spoil: Option<Spoil>, at: usize, meanwhile: Vec<(LogName, Vec<NewEvent>)>) -> Arc<Self> {
        Arc::new(Self {
            at,
            spoil,
            appends: AtomicUsize::new(0),
            away: Mutex::default(),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            meanwhile: Mutex::new(meanwhile),
        })
    }

    /// Whether the chosen append was reached.
    pub fn was_reached(&self) -> bool {
        self.appends.load(Ordering::SeqCst) > self.at
    }

    /// Makes all logs answer again.
    pub fn heal(&self) {
        *self.away.lock().unwrap() = None;
    }

    pub fn stores(self: &Arc<Self>, stores: CompensationStores) -> CompensationStores {
        let spoiled = |inner| {
            Arc::new(Spoiled {
                inner,
                plan: Arc::clone(self),
            })
        };
        CompensationStores {
            wallet: spoiled(stores.wallet),
            order: spoiled(stores.order),
            compensation: spoiled(stores.compensation),
        }
    }

    async fn die<T>(&self) -> T {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
        pending().await
    }

    fn is_away(&self, log: LogName) -> bool {
        *self.away.lock().unwrap() == Some(log)
    }
}

struct Spoiled {
    inner: Arc<dyn EventLog>,
    plan: Arc<Plan>,
}

impl Spoiled {
    fn store(&self) -> String {
        format!("{} store", self.name())
    }

    fn unknown(&self) -> AppendError {
        AppendError::Unknown {
            store: self.store(),
            reason: "spoiled".to_owned(),
        }
    }

    fn unavailable(&self) -> AppendError {
        AppendError::Unavailable {
            store: self.store(),
            reason: "spoiled".to_owned(),
        }
    }

    async fn others_append(&self, id: &EntityId) {
        let events = {
            let mut meanwhile = self.plan.meanwhile.lock().unwrap();
            let found = meanwhile.iter().position(|(log, _)| *log == self.name());
            found.map(|found| meanwhile.remove(found).1)
        };
        if let Some(events) = events {
            self.inner.append(id, Expected::Any, &events).await.unwrap();
        }
    }
}

#[async_trait]
impl EventLog for Spoiled {
    fn name(&self) -> LogName {
        self.inner.name()
    }

    async fn read(&self, id: &EntityId, after: Position, limit: usize) -> Result<Vec<Entry>, ReadError> {
        if self.plan.dead.load(Ordering::SeqCst) {
            return pending().await;
        }
        if self.plan.is_away(self.name()) {
            return Err(ReadError::Unavailable {
                store: self.store(),
                reason: "spoiled".to_owned(),
            });
        }
        self.inner.read(id, after, limit).await
    }

    async fn append(&self, id: &EntityId, expected: Expected, events: &[NewEvent]) -> Result<Appended, AppendError> {
        if self.plan.dead.load(Ordering::SeqCst) {
            return pending().await;
        }
        self.others_append(id).await;
        let number = self.plan.appends.fetch_add(1, Ordering::SeqCst);
        let spoil = self.plan.spoil.filter(|_| number == self.plan.at);
        if matches!(spoil, Some(Spoil::GoAway | Spoil::GoSilent)) {
            *self.plan.away.lock().unwrap() = Some(self.name());
        }
        if self.plan.is_away(self.name()) {
            return Err(match self.plan.spoil {
                Some(Spoil::GoAway) => self.unavailable(),
                _ => self.unknown(),
            });
        }
        match spoil {
            Some(Spoil::DieBefore) => self.plan.die().await,
            Some(Spoil::DieAfter) => {
                let _ = self.inner.append(id, expected, events).await;
                self.plan.die().await
            }
            Some(Spoil::LoseAnswer) => {
                let _ = self.inner.append(id, expected, events).await;
                Err(self.unknown())
            }
            Some(Spoil::LoseQuestion) => Err(self.unknown()),
            _ => self.inner.append(id, expected, events).await,
        }
    }

    fn streams(&self) -> BoxStream<'_, Result<Vec<EntityId>, ReadError>> {
        self.inner.streams()
    }

    async fn feed_end(&self) -> Result<FeedPosition, ReadError> {
        self.inner.feed_end().await
    }

    fn follow(&self, from: FeedPosition) -> BoxStream<'_, Result<Vec<FeedEntry>, ReadError>> {
        self.inner.follow(from)
    }

    fn feed_is_complete(&self) -> bool {
        self.inner.feed_is_complete()
    }
}
