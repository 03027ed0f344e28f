//! The rows of compensation cases, and the projector that updates them from the compensation store. A case is a short stream and
//! is always read whole. The rows are only for lists. Decisions about a case use its stream.

mod projector;
mod rows;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::Utc;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use self::projector::CaseProjector;
use super::{
    Store,
    database::{Database, ReadModelError, StoreNames},
    lists::{self, Ask, ListError, Moment, Search},
    search::{self, Reach, SearchText},
};
use crate::{
    domain::{ids::EntityId, refund::Limits},
    event_log::EventLog,
    views::{
        compensations::CaseRow,
        lists::{ListQuery, Page, PageAt},
        search::Hits,
    },
};

/// The number of rows in a part of a list that is read to its end.
const PART: usize = 1_000;
/// How long a list waits for the rows of cases to be up to date.
const WAIT: Duration = Duration::from_secs(5);

/// Why a list of cases can't be given.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// The compensation store does not answer.
    #[error("{0}")]
    Store(String),
    #[error("the cases are still loading; try again in a few seconds")]
    Loading,
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
}

/// Cases that were appended to, and whose rows are not written yet.
#[derive(Debug, Default)]
struct Noted {
    ids: BTreeSet<EntityId>,
    /// The number of cases that were ever noted.
    count: u64,
}

/// The state of the projector.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Every case was read once.
    loaded: bool,
    /// Why the compensation store can't be read at present.
    down: Option<String>,
    /// The rows reflect this many of the noted cases.
    written: u64,
}

/// State that the projector shares with readers.
#[derive(Default)]
struct Shared {
    noted: Mutex<Noted>,
    notify: Notify,
    progress: watch::Sender<Progress>,
}

impl Shared {
    /// The cases that were noted since the last call, and the number of all that were ever noted.
    fn take_noted(&self) -> (BTreeSet<EntityId>, u64) {
        let mut noted = self.noted.lock();
        (std::mem::take(&mut noted.ids), noted.count)
    }
}

/// Cases have neither ages nor limits, so any moment serves.
fn moment() -> Moment {
    Moment {
        now: Utc::now(),
        limits: Limits::default(),
    }
}

/// The rows of cases in a read model.
pub struct Cases {
    database: Arc<Database>,
    shared: Arc<Shared>,
    running: JoinHandle<()>,
}

impl Cases {
    /// Starts the projector of a compensation store. Must be called in a Tokio runtime.
    pub(super) fn start(store: Store, database: Arc<Database>, rescan: Duration) -> Arc<Self> {
        let shared = Arc::new(Shared::default());
        let projector = CaseProjector::new(store, Arc::clone(&database), Arc::clone(&shared), rescan);
        Arc::new(Self {
            database,
            shared,
            running: tokio::spawn(projector.run()),
        })
    }

    /// The cases of a log, in a temporary read model.
    pub fn temporary(log: Arc<dyn EventLog>) -> Result<Arc<Self>, ReadModelError> {
        let none = StoreNames {
            wallet: String::new(),
            order: String::new(),
        };
        let database = Database::temporary(&std::env::temp_dir(), &none)?;
        let store = Store {
            log,
            adapter: "embedded",
            url: String::new(),
        };
        Ok(Self::start(store, Arc::new(database), Duration::from_secs(30)))
    }

    /// Notes that a case was appended to. Later lists wait until its row is written.
    pub fn note(&self, id: &EntityId) {
        let mut noted = self.shared.noted.lock();
        noted.ids.insert(id.clone());
        noted.count += 1;
        drop(noted);
        self.shared.notify.notify_one();
    }

    /// One page of the matching cases.
    pub async fn page(&self, query: &ListQuery) -> Result<Page<CaseRow>, CasesError> {
        self.caught_up().await?;
        self.ask(query, Ask::page(query, Search::Names, moment())).await
    }

    /// The next matching cases, and the cursor after them, which is `None` at the end.
    pub async fn list(&self, query: &ListQuery) -> Result<(Vec<CaseRow>, Option<PageAt>), CasesError> {
        self.caught_up().await?;
        let page = self.ask(query, Ask::part(PART, Search::Names, moment())).await?;
        Ok(lists::next_part(page)?)
    }

    /// The cases that match a text.
    pub async fn search(&self, text: &SearchText, reach: Reach) -> Result<Hits<CaseRow>, CasesError> {
        self.caught_up().await?;
        let text = text.clone();
        Ok(self
            .read(move |connection| search::find(connection, &text, &reach))
            .await?)
    }

    async fn ask(&self, query: &ListQuery, ask: Ask) -> Result<Page<CaseRow>, CasesError> {
        let query = query.clone();
        let page = self
            .read(move |connection| lists::page(connection, &query, &ask))
            .await?;
        Ok(page?)
    }

    /// Reads rows on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadModelError> {
        let database = Arc::clone(&self.database);
        let read = spawn_blocking(move || database.read(work)).await;
        read.map_err(|_| ReadModelError::Stopped)?
    }

    /// The number of cases that wait for an approval and were not proposed by `reader`.
    pub async fn waiting_for(&self, reader: &str) -> Result<u64, CasesError> {
        self.caught_up().await?;
        let reader = reader.to_owned();
        Ok(self
            .read(move |connection| lists::count_waiting(connection, &reader))
            .await?)
    }

    /// Waits until every case was read once and the rows reflect all cases that were noted so far.
    async fn caught_up(&self) -> Result<(), CasesError> {
        let noted = self.shared.noted.lock().count;
        let mut progress = self.shared.progress.subscribe();
        let reached = |progress: &Progress| progress.loaded && progress.written >= noted;
        // After a timeout, too, the present progress decides.
        let _ = timeout(WAIT, progress.wait_for(|now| reached(now) || now.down.is_some())).await;
        let now = progress.borrow().clone();
        match now.down {
            // Once every case was read, the rows are shown even if the store is down.
            _ if now.loaded => Ok(()),
            Some(reason) => Err(CasesError::Store(reason)),
            None => Err(CasesError::Loading),
        }
    }
}

impl Drop for Cases {
    fn drop(&mut self) {
        self.running.abort();
        // The task may be dropped late, or never if the process ends.
        self.database.discard();
    }
}
