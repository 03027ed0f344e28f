//! Access to the last snapshot of a long wallet, if it is of this log. If snapshots can't be read, the wallet is read whole.
//! Damaged snapshots are removed.

use super::{Histories, SnapshotError, SnapshotStore, recorder::Snapshot};
use crate::{
    domain::{ids::EntityId, wallet::WalletState},
    event_log::ReadError,
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

    /// The snapshot store and the wallet's last snapshot. `None` if there is no snapshot of this log.
    pub(super) async fn last_snapshot(&self, id: &EntityId) -> Result<Option<(&SnapshotStore, Snapshot)>, Trouble> {
        let Some(kept) = self.store.as_ref() else {
            return Ok(None);
        };
        let Some(last) = kept.last(id)? else { return Ok(None) };
        let trusted = self.is_trusted(id, last.position, last.place).await?;
        Ok(trusted.then_some((kept, last)))
    }
}
