//! Reads streams on from their known positions, and writes what was read. A stream that can't be read is set aside. An outage of
//! the store is an error.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{ProjectError, Projector, fold::Gathering};
use crate::{
    domain::ids::{EntityId, Position},
    event_log::{FeedPosition, ReadError},
    read_model::{
        batch::Batch,
        changes::Changed,
        entity::{Entity, Update},
        snapshots::FoldStep,
        sources,
    },
};

impl<S: Entity> Projector<S> {
    /// Reads these streams on from their known positions.
    pub(super) async fn read_on(
        &self,
        ids: Vec<EntityId>,
        unfed_before: Option<DateTime<Utc>>,
    ) -> Result<Read<S>, ProjectError> {
        let wanted = self
            .blocking(move |database| {
                database.read(|connection| {
                    let known = |id: EntityId| Ok((id.clone(), sources::known(connection, S::DOMAIN, &id)?));
                    ids.into_iter().map(known).collect::<rusqlite::Result<Vec<_>>>()
                })
            })
            .await?;
        let mut read = Read::default();
        match self.advance(&wanted, unfed_before, &mut read).await {
            Err(ReadError::Damaged { .. }) if wanted.len() > 1 => {
                // One of the streams can't be read. Reading each alone finds out which.
                read = Read::default();
                for one in wanted {
                    self.advance_one(one, unfed_before, &mut read).await?;
                }
            }
            Err(ReadError::Damaged { reason, .. }) => {
                read = Read::default();
                read.unreadable
                    .extend(wanted.into_iter().map(|(id, _)| (id, reason.clone())));
            }
            other => other?,
        }
        Ok(read)
    }

    async fn advance_one(
        &self,
        wanted: (EntityId, Option<Position>),
        unfed_before: Option<DateTime<Utc>>,
        read: &mut Read<S>,
    ) -> Result<(), ReadError> {
        let id = wanted.0.clone();
        match self.advance(&[wanted], unfed_before, read).await {
            Err(ReadError::Damaged { reason, .. }) => {
                read.unreadable.push((id, reason));
                Ok(())
            }
            other => other,
        }
    }

    async fn advance(
        &self,
        wanted: &[(EntityId, Option<Position>)],
        unfed_before: Option<DateTime<Utc>>,
        read: &mut Read<S>,
    ) -> Result<(), ReadError> {
        let mut gathering: HashMap<EntityId, Gathering<S>> = HashMap::new();
        let mut observe = |id: &EntityId, step: FoldStep<'_, S>| {
            gathering.entry(id.clone()).or_default().observe(&step);
        };
        let heads = self.histories.advance_many(wanted, &mut observe).await?;
        for ((id, known), head) in wanted.iter().zip(heads) {
            let Some(head) = head else {
                if known.is_none() {
                    read.absent.push(id.clone());
                }
                continue;
            };
            let gathered = gathering.remove(id).unwrap_or_default();
            let is_late = |before: DateTime<Utc>| {
                gathered
                    .newest()
                    .any(|entry| known.is_none_or(|known| entry.position > known) && entry.recorded < before)
            };
            read.unfed |= unfed_before.is_some_and(is_late);
            read.updates.push((id.clone(), gathered.update(head)));
        }
        Ok(())
    }

    /// Writes what was read in one transaction, with the feed position that it reflects.
    pub(super) async fn write(&self, read: Read<S>, feed: Option<FeedPosition>) -> Result<(), ProjectError> {
        let now = (self.settings.clock)();
        let events: u64 = read.updates.iter().map(|(_, update)| update.entries).sum();
        self.blocking(move |database| {
            database.write(|connection| {
                let mut batch = Batch::new(connection, S::DOMAIN)?;
                for (id, update) in &read.updates {
                    batch.put(id, update)?;
                    batch.unset_stale(id)?;
                }
                for (id, reason) in &read.unreadable {
                    tracing::warn!(domain = %S::DOMAIN, %id, reason, "a stream can't be read and is set aside");
                    batch.put_unreadable::<S>(id, reason, now)?;
                }
                for id in &read.absent {
                    batch.put_absent::<S>(id)?;
                }
                batch.finish()?;
                if read.unfed {
                    sources::set_unfed(connection, S::DOMAIN)?;
                }
                match &feed {
                    Some(feed) => sources::set_feed(connection, S::DOMAIN, feed, now),
                    None => Ok(()),
                }
            })
        })
        .await?;
        self.progressed(events);
        Ok(())
    }
}

/// What was read of a batch of streams.
pub struct Read<S: Entity> {
    updates: Vec<(EntityId, Update<S>)>,
    /// Streams that can't be read, and why.
    unreadable: Vec<(EntityId, String)>,
    /// Streams that do not exist, or no longer exist.
    absent: Vec<EntityId>,
    /// One of the entries is missing from the feed.
    unfed: bool,
}

// A derived impl would require `S: Default`.
impl<S: Entity> Default for Read<S> {
    fn default() -> Self {
        Self {
            updates: Vec::new(),
            unreadable: Vec::new(),
            absent: Vec::new(),
            unfed: false,
        }
    }
}

impl<S: Entity> Read<S> {
    pub fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.unreadable.is_empty() && self.absent.is_empty()
    }

    pub fn changed(&self) -> impl Iterator<Item = Changed> {
        let changed = |id: &EntityId, wallet: Option<&str>| Changed {
            domain: S::DOMAIN,
            id: id.clone(),
            wallet: wallet.map(str::to_owned),
        };
        let read = self
            .updates
            .iter()
            .map(move |(id, update)| changed(id, S::wallet(&update.fold.state)));
        let unread = self.unreadable.iter().map(|(id, _)| id).chain(&self.absent);
        read.chain(unread.map(move |id| changed(id, None)))
    }
}
