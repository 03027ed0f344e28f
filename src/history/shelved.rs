//! What every reading of a long wallet shares: the last waypoint that can be trusted, what the log has had since, and giving the
//! shelf up where it fails, so that the wallet is read whole.

use super::{Histories, Shelf, ShelfError, track::Waypoint};
use crate::{
    domain::{
        event::Entry,
        ids::{EntityId, Position},
        wallet::WalletState,
    },
    event_log::{READ_MAX, ReadError},
};

/// Why there is no answer: the log, or the shelf.
pub(super) enum Trouble {
    Log(ReadError),
    Shelf(ShelfError),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Log(error)
    }
}

impl From<ShelfError> for Trouble {
    fn from(error: ShelfError) -> Self {
        Self::Shelf(error)
    }
}

impl Histories<WalletState> {
    /// Where the shelf failed, what it has of the wallet is forgotten and there is no answer.
    pub(super) fn on_shelf<T>(
        &self,
        id: &EntityId,
        answer: Result<Option<T>, Trouble>,
    ) -> Result<Option<T>, ReadError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(Trouble::Log(error)) => Err(error),
            Err(Trouble::Shelf(error)) => {
                self.drop_shelved(id, &error);
                Ok(None)
            }
        }
    }

    /// The shelf and the last waypoint, if it is of this log.
    pub(super) async fn last_waypoint(&self, id: &EntityId) -> Result<Option<(&Shelf, Waypoint)>, Trouble> {
        let Some(kept) = self.shelf.as_deref() else {
            return Ok(None);
        };
        let Some(last) = kept.last(id)? else { return Ok(None) };
        let trusted = self.is_trusted(id, last.position, last.place).await?;
        Ok(trusted.then_some((kept, last)))
    }

    pub(super) async fn read_all_after(&self, id: &EntityId, mut after: Position) -> Result<Vec<Entry>, ReadError> {
        let mut all = Vec::new();
        loop {
            let page = self.log.read(id, after, READ_MAX).await?;
            let full = page.len() >= READ_MAX;
            if let Some(last) = page.last() {
                after = last.position;
            }
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }
}
