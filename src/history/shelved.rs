//! What every reading of a long wallet shares: the last waypoint that can be trusted, what the log has had since, and giving the
//! shelf up where it fails, so that the wallet is read whole.

use super::{Histories, Shelf, ShelfError, track::Waypoint};
use crate::{
    domain::{ids::EntityId, wallet::WalletState},
    event_log::ReadError,
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
}
