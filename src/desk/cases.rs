//! Every case in a row each, in memory: what lists are made of and where unfinished cases are found. It follows the
//! compensation log, can be thrown away at any time, and is never asked whether something may be done.

mod list;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use chrono::{DateTime, Utc};
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use tokio::sync::{Mutex, OnceCell};

use super::{DeskError, books::Case};
use crate::{
    domain::{
        compensation::case::{CaseState, CaseStatus},
        ids::{EntityId, Position},
    },
    event_log::{EventLog, FeedPosition, ReadError},
    views::compensations::CaseRow,
};

/// Cases that are read at once while all are read.
const READS_AT_ONCE: usize = 32;

/// Newest first; the id settles what is equal.
pub(super) type Place = (Reverse<DateTime<Utc>>, EntityId);

pub(super) struct Cases {
    log: Arc<dyn EventLog>,
    rows: RwLock<Rows>,
    /// Where the feed was before everything was read for the first time.
    loaded: OnceCell<FeedPosition>,
    /// One at a time reads everything.
    loading: Mutex<()>,
}

#[derive(Default)]
pub(super) struct Rows {
    pub all: BTreeMap<Place, CaseRow>,
    /// Those that are not over.
    pub open: BTreeSet<Place>,
    /// Those of each proposer.
    pub of: HashMap<String, BTreeSet<Place>>,
    places: HashMap<EntityId, Place>,
}

impl Cases {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            rows: RwLock::default(),
            loaded: OnceCell::new(),
            loading: Mutex::default(),
        }
    }

    // A panic in mid-change would leave a list half done in memory only; the next load makes it whole.
    pub fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every case was read once.
    pub async fn ready(&self) -> Result<(), DeskError> {
        let failed = DeskError::read(self.log.name());
        let load = self.loaded.get_or_try_init(|| async {
            let from = self.log.feed_end().await?;
            self.load().await?;
            Ok::<_, ReadError>(from)
        });
        load.await.map(|_| ()).map_err(failed)
    }

    /// Reads every case that is new or not over.
    pub async fn load(&self) -> Result<(), ReadError> {
        let _one = self.loading.lock().await;
        let mut pages = self.log.streams();
        while let Some(ids) = pages.try_next().await? {
            let reads = stream::iter(ids.into_iter().filter(|id| !self.is_over(id)))
                .map(|id| async move {
                    let entries = self.log.read_all(&id, Position::START).await?;
                    Ok::<_, ReadError>(Case::fold(&id, entries))
                })
                .buffer_unordered(READS_AT_ONCE);
            let cases: Vec<_> = reads.try_collect().await?;
            for case in cases {
                self.put(&case);
            }
        }
        Ok(())
    }

    /// Ids of cases as they are appended to; for ever.
    pub fn follow(&self) -> BoxStream<'_, Result<BTreeSet<EntityId>, ReadError>> {
        let from = self.loaded.get().cloned().unwrap_or_default();
        self.log
            .follow(from)
            .map_ok(|entries| entries.into_iter().map(|entry| entry.subject).collect())
            .boxed()
    }

    /// Reads a case anew. A store that does not answer leaves the row as it was: the feed or the next round bring it up.
    pub async fn refresh(&self, id: &EntityId) {
        match self.log.read_all(id, Position::START).await {
            Ok(entries) => self.put(&Case::fold(id, entries)),
            Err(error) => tracing::debug!(case = %id, %error, "the list of cases is behind"),
        }
    }

    /// The cases that are not over, oldest first.
    pub fn open(&self) -> Vec<EntityId> {
        self.rows().open.iter().rev().map(|(_, id)| id.clone()).collect()
    }

    /// Whether nothing can come of a case any more, as far as is known.
    pub fn is_over(&self, id: &EntityId) -> bool {
        let rows = self.rows();
        rows.places.get(id).is_some_and(|place| !rows.open.contains(place))
    }

    /// A case as it is now.
    pub fn put(&self, case: &Case) {
        let Some(row) = row(&case.id, &case.state) else {
            return;
        };
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let place = (Reverse(row.proposed_at), row.id.clone());
        // Two reads may come in the wrong order; nothing follows an end.
        if rows.all.get(&place).is_some_and(|known| known.status.is_final()) {
            return;
        }
        if row.status.is_final() {
            rows.open.remove(&place);
        } else {
            rows.open.insert(place.clone());
        }
        rows.of.entry(row.proposer.clone()).or_default().insert(place.clone());
        rows.places.insert(row.id.clone(), place.clone());
        rows.all.insert(place, row);
    }
}

/// A case as lists show it; nothing where its proposal can't be read.
pub(super) fn row(id: &EntityId, state: &CaseState) -> Option<CaseRow> {
    let proposal = state.proposal.as_ref()?;
    let action = &proposal.command.action;
    let (domain, subject) = action.subject();
    Some(CaseRow {
        id: id.clone(),
        name: action.name(),
        domain,
        subject: subject.clone(),
        refund: action.refund().map(str::to_owned),
        amount: proposal.amount,
        status: state.status.unwrap_or(CaseStatus::Proposed),
        status_since: state.status_since?,
        proposer: state.proposer.clone(),
        proposed_at: state.proposed_at?,
        expires_at: state.awaits_approval().then_some(proposal.expires_at),
    })
}
