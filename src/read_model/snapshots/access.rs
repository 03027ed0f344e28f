//! Access to the last snapshot of a long wallet, if it is of this log. If snapshots can't be read, the wallet is read whole.
//! Damaged snapshots are removed.

use super::{
    Histories, SnapshotError, SnapshotStore,
    recorder::{SEGMENT, Snapshot},
};
use crate::{
    domain::{event::Entry, ids::EntityId, wallet::WalletState},
    event_log::{ReadError, StreamEnd},
};

/// Why there is no result: the log or the snapshots can't be read.
pub(super) enum Trouble {
    Log(ReadError),
    SnapshotStore(SnapshotError),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Log(error)
    }
}

impl From<SnapshotError> for Trouble {
    fn from(error: SnapshotError) -> Self {
        Self::SnapshotStore(error)
    }
}

impl Histories<WalletState> {
    /// Turns an error of the snapshots into `None`, so that the caller reads the whole stream. Removes damaged snapshots.
    pub(super) async fn or_forget<T>(
        &self,
        id: &EntityId,
        answer: Result<Option<T>, Trouble>,
    ) -> Result<Option<T>, ReadError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(Trouble::Log(error)) => Err(error),
            Err(Trouble::SnapshotStore(error)) => {
                self.drop_damaged(id, &error).await;
                Ok(None)
            }
        }
    }

    /// The wallet's last snapshot and the entries after it. `None` if there is no snapshot of this log, or if the stream lacks an
    /// entry up to the snapshot: then all snapshots of the wallet are removed.
    pub(super) async fn last_snapshot(&self, id: &EntityId) -> Result<Option<Last<'_>>, Trouble> {
        let Some(store) = self.store.as_ref() else {
            return Ok(None);
        };
        let Some(snapshot) = store.last(id)? else {
            return Ok(None);
        };
        if !self.is_trusted(id, snapshot.position, snapshot.place).await? {
            return Ok(None);
        }
        // The end comes first: entries that are appended afterwards are not counted.
        let end = self.log.ends(std::slice::from_ref(id)).await?.pop();
        let tail = self.log.read_all(id, snapshot.position).await?;
        let expected = (snapshot.number + 1) * SEGMENT;
        let has_all = match end {
            Some(StreamEnd::Present {
                last: Some(last),
                length,
                ..
            }) => {
                let later = tail.partition_point(|entry| entry.position <= last) as u64;
                last >= snapshot.position && length == expected + later
            }
            _ => false,
        };
        if !has_all {
            tracing::warn!(%id, "the stream lacks entries that the snapshots of a long wallet include; it is read whole");
            self.forget(id).await;
            return Ok(None);
        }
        Ok(Some(Last { store, snapshot, tail }))
    }
}

/// The last snapshot of a long wallet, with all entries after it.
pub(super) struct Last<'a> {
    pub store: &'a SnapshotStore,
    pub snapshot: Snapshot,
    pub tail: Vec<Entry>,
}
