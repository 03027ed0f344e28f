//! The ids of cases that have not ended, read from the compensation store. Recovery uses them instead of the read
//! model, so that it does not depend on the state of the read model.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OnceCell;

use crate::{
    domain::{
        compensation::case::{Case, CaseStatus, is_case_id},
        ids::{EntityId, Position},
    },
    event_log::{EventLog, FeedPosition, READ_MANY_MAX, ReadError},
};

/// Entries per case in one bulk read. A case with more entries is treated as open and read alone.
const ENTRIES: usize = 100;

pub(super) struct OpenCases {
    log: Arc<dyn EventLog>,
    /// The cases that may be open. Some may have ended since they were last read.
    ids: Mutex<BTreeSet<EntityId>>,
    /// Hashes of the ids of cases that are known to have ended. No event follows an end.
    ended: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// The end of the feed before the first scan.
    scanned: OnceCell<FeedPosition>,
}

impl OpenCases {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            ids: Mutex::default(),
            ended: Mutex::default(),
            hasher: RandomState::new(),
            scanned: OnceCell::new(),
        }
    }

    /// Waits for the first scan of all cases.
    pub async fn ready(&self) -> Result<(), ReadError> {
        let scan = self.scanned.get_or_try_init(|| async {
            let from = self.log.feed_end().await?;
            self.scan().await?;
            Ok(from)
        });
        scan.await.map(drop)
    }

    /// Reads every case that is not known to have ended.
    pub async fn scan(&self) -> Result<(), ReadError> {
        let mut pages = self.log.streams();
        while let Some(ids) = pages.try_next().await? {
            let ids = ids.into_iter().filter(|id| is_case_id(id) && !self.has_ended(id));
            let ids: Vec<_> = ids.collect();
            for ids in ids.chunks(READ_MANY_MAX) {
                self.scan_these(ids).await?;
            }
        }
        Ok(())
    }

    async fn scan_these(&self, ids: &[EntityId]) -> Result<(), ReadError> {
        let wanted: Vec<_> = ids.iter().map(|id| (id.clone(), Position::START)).collect();
        let pages = match self.log.read_many(&wanted, ENTRIES).await {
            Ok(pages) => pages,
            // One of the cases is damaged. A recovery round reads each of them alone.
            Err(ReadError::Damaged { .. }) => {
                self.ids().extend(ids.iter().cloned());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for (id, entries) in ids.iter().zip(pages) {
            let whole = entries.len() < ENTRIES;
            let ended = whole && Case::fold(id, entries).state.status.is_some_and(CaseStatus::is_final);
            if ended {
                self.note_end(id);
            } else {
                self.ids().insert(id.clone());
            }
        }
        Ok(())
    }

    /// Follows the feed and adds the cases that get events. The stream ends with the feed. An error means that the
    /// store does not answer now.
    pub fn follow(&self) -> BoxStream<'_, Result<(), ReadError>> {
        let from = self.scanned.get().cloned().unwrap_or_default();
        let feed = self.log.follow(from);
        feed.map_ok(|entries| {
            let cases = entries.into_iter().map(|entry| entry.subject).filter(is_case_id);
            self.ids().extend(cases);
        })
        .boxed()
    }

    /// Forgets which cases have ended. After an outage the store may have lost their last events, so every case is read
    /// again.
    pub fn forget_ends(&self) {
        self.ended().clear();
    }

    /// Whether the feed contains all events, so that following it misses no case.
    pub fn feed_is_complete(&self) -> bool {
        self.log.feed_is_complete()
    }

    /// The ids of the cases that may be open, sorted.
    pub fn all(&self) -> Vec<EntityId> {
        self.ids().iter().cloned().collect()
    }

    /// Removes a case that has ended, or a stream that is no case.
    pub fn remove(&self, id: &EntityId, ended: bool) {
        self.ids().remove(id);
        if ended {
            self.note_end(id);
        }
    }

    fn note_end(&self, id: &EntityId) {
        let hash = self.hasher.hash_one(id);
        self.ended().insert(hash);
    }

    fn has_ended(&self, id: &EntityId) -> bool {
        let hash = self.hasher.hash_one(id);
        self.ended().contains(&hash)
    }

    fn ended(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.ended.lock()
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<EntityId>> {
        self.ids.lock()
    }
}
