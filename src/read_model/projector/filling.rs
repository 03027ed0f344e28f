//! The first filling of a domain: every stream of the store is read, folded and written, in parallel. Rows are written without
//! indexes, which are created at the end. If the process ends during the filling, the next start begins it again. The other
//! domain keeps its rows.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::Instant,
};

use super::{
    FEED_DELAY, ProjectError, Projector,
    fold::{Pushed, Unfinished, fold_all},
};
use crate::{
    domain::{
        event::Entry,
        ids::{Domain, EntityId},
    },
    event_log::{Identity, Swept},
    read_model::{
        batch::{Batch, evaluate_all},
        customers,
        database::{Database, ReadModelError},
        entity::{Entity, Update},
        schema, sources,
    },
};

/// The state of a filling.
struct Filling<S: Entity> {
    /// Hashes of the ids of the streams that were met. A sweep may yield a stream twice.
    seen: HashSet<u64>,
    hasher: RandomState,
    unfinished: HashMap<EntityId, Unfinished<S>>,
    /// Streams to read again once the indexes exist, with the reason: out of order, listed twice, cut off, unreadable.
    again: Vec<(EntityId, String)>,
    tasks: JoinSet<Result<Done, ReadModelError>>,
    /// Entries recorded before this time should be in the feed.
    fed_before: DateTime<Utc>,
    /// The number of entries that should be in the feed.
    should_be_fed: u64,
}

/// The result of a task that folds and writes a batch.
struct Done {
    entries: u64,
    disordered: Vec<EntityId>,
}

const DISORDERED: &str = "its entries are not in sequence order; it is read again as a whole";
const TWICE: &str = "the store listed it twice; it is read again";
const CUT_OFF: &str = "the sweep ended before its last part; it is read again";

impl<S: Entity> Projector<S> {
    /// Fills the domain from every stream. The recorded feed position is the feed's end before the sweep, so entries appended
    /// meanwhile come after it.
    #[tracing::instrument(level = "debug", skip_all, fields(domain = %S::DOMAIN))]
    pub(super) async fn fill(&mut self) -> Result<(), ProjectError> {
        let identity = self.log.identity().await?;
        self.place = self.log.feed_end().await?;
        self.target.clone_from(&self.place);
        self.begun = Instant::now();
        let of = self.log.feed_length().await?;
        self.begin_progress(of);
        self.blocking(|database| database.write(|connection| schema::reset(connection, S::DOMAIN)))
            .await?;
        self.histories.clear();
        let mut filling = Filling::<S> {
            seen: HashSet::new(),
            hasher: RandomState::new(),
            unfinished: HashMap::new(),
            again: Vec::new(),
            tasks: JoinSet::new(),
            fed_before: (self.settings.clock)() - FEED_DELAY,
            should_be_fed: 0,
        };
        if let Err(error) = self.sweep(&mut filling).await {
            // Waits for tasks that still write: they must not write after the next filling has begun.
            while filling.tasks.join_next().await.is_some() {}
            return Err(error);
        }
        // A stream without its last part was cut off by the end of the sweep.
        let cut = std::mem::take(&mut filling.unfinished).into_keys();
        filling.again.extend(cut.map(|id| (id, CUT_OFF.to_owned())));
        // There are more old entries than the feed has, so some are not in the feed.
        let unfed = !self.log.feed_is_complete() && of.is_some_and(|of| filling.should_be_fed > of);
        self.finish_filling(filling.again, identity, unfed).await
    }

    /// Reads every stream, and spawns tasks that fold and write.
    async fn sweep(&self, filling: &mut Filling<S>) -> Result<(), ProjectError> {
        let log = Arc::clone(&self.log);
        let mut parts = log.sweep();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        while let Some(batch) = parts.try_next().await? {
            let batch = batch.into_iter().filter_map(|swept| filling.readable(swept));
            let batch: Vec<_> = batch.collect();
            let (whole, long): (Vec<_>, Vec<_>) = batch.into_iter().partition(|swept| swept.first && swept.last);
            for swept in long {
                self.fill_part(swept, filling).await?;
            }
            let whole: Vec<_> = whole
                .into_iter()
                .filter(|swept| filling.is_new(&swept.subject))
                .collect();
            for swept in &whole {
                filling.count(&swept.entries);
            }
            while filling.tasks.len() > cores {
                self.settle(filling).await?;
            }
            let (database, histories) = (Arc::clone(&self.database), Arc::clone(&self.histories));
            filling.tasks.spawn_blocking(move || {
                let folded = fold_all(whole, &histories);
                write(&database, &folded.updates)?;
                Ok(Done {
                    entries: folded.updates.iter().map(|(_, update)| update.entries).sum(),
                    disordered: folded.disordered,
                })
            });
        }
        while !filling.tasks.is_empty() {
            self.settle(filling).await?;
        }
        Ok(())
    }

    async fn settle(&self, filling: &mut Filling<S>) -> Result<(), ProjectError> {
        let Some(done) = filling.tasks.join_next().await else {
            return Ok(());
        };
        let done = self
            .blocking(move |_| done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
            .await?;
        self.progressed(done.entries);
        let disordered = done.disordered.into_iter();
        filling.again.extend(disordered.map(|id| (id, DISORDERED.to_owned())));
        Ok(())
    }

    async fn fill_part(&self, swept: Swept, filling: &mut Filling<S>) -> Result<(), ProjectError> {
        let Swept {
            subject,
            first,
            last,
            entries,
            unreadable: _,
        } = swept;
        let stream = match filling.unfinished.remove(&subject) {
            Some(stream) if !first => stream,
            _ if first && filling.is_new(&subject) => Unfinished::new(self.histories.from_beginning()),
            // The rest of a stream that was given up, or a stream that was met before.
            _ => return Ok(()),
        };
        filling.count(&entries);
        let read = entries.len() as u64;
        let (histories, id) = (Arc::clone(&self.histories), subject.clone());
        let database = Arc::clone(&self.database);
        let pushed = spawn_blocking(move || {
            let pushed = stream.push_part(&histories, &id, &entries, last);
            match pushed {
                Pushed::Finished(Some(update)) => {
                    write(&database, &[(id, update)])?;
                    Ok(Pushed::Finished(None))
                }
                other => Ok::<_, ReadModelError>(other),
            }
        });
        let pushed = pushed.await;
        let pushed = self
            .blocking(move |_| pushed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
            .await?;
        match pushed {
            Pushed::Disordered => filling.again.push((subject, DISORDERED.to_owned())),
            Pushed::Unfinished(stream) => {
                filling.unfinished.insert(subject, *stream);
            }
            Pushed::Finished(_) => {}
        }
        self.progressed(read);
        Ok(())
    }

    /// Creates the indexes, and records the domain as filled.
    async fn finish_filling(
        &self,
        again: Vec<(EntityId, String)>,
        identity: Identity,
        unfed: bool,
    ) -> Result<(), ProjectError> {
        let identity = serde_json::to_string(&identity).unwrap_or_default();
        let (place, now) = (self.place.clone(), (self.settings.clock)());
        let ids: Vec<_> = again.iter().map(|(id, _)| id.clone()).collect();
        self.blocking(move |database| {
            database.write(|connection| {
                schema::create_indexes(connection, S::DOMAIN)?;
                customers::fill(connection, S::DOMAIN)?;
                sources::set_filled(connection, S::DOMAIN)?;
                sources::set_feed(connection, S::DOMAIN, &place, now)?;
                sources::set_identity(connection, S::DOMAIN, &identity)?;
                sources::set_checked(connection, S::DOMAIN, now)?;
                if unfed {
                    sources::set_unfed(connection, S::DOMAIN)?;
                }
                let batch = Batch::new(connection, S::DOMAIN)?;
                for (id, reason) in &again {
                    batch.set_stale(id, reason, now)?;
                }
                let both = Domain::ALL.into_iter().map(|domain| sources::read(connection, domain));
                let both: Vec<_> = both.collect::<rusqlite::Result<_>>()?;
                if both.iter().all(|source| source.filled) {
                    evaluate_all(connection)?;
                }
                Ok(())
            })
        })
        .await?;
        // If this fails, the next rescan reads these streams.
        self.refresh(ids, None).await.map(drop)
    }
}

impl<S: Entity> Filling<S> {
    /// Sets an unreadable stream aside. Returns a readable one.
    fn readable(&mut self, swept: Swept) -> Option<Swept> {
        let Some(reason) = swept.unreadable else {
            return Some(swept);
        };
        self.unfinished.remove(&swept.subject);
        self.again.push((swept.subject, reason));
        None
    }

    /// Counts the entries that should be in the feed.
    fn count(&mut self, entries: &[Entry]) {
        let old = entries.iter().filter(|entry| entry.recorded < self.fed_before);
        self.should_be_fed += old.count() as u64;
    }

    /// Whether the stream is met for the first time. Otherwise it is queued to be read again.
    fn is_new(&mut self, id: &EntityId) -> bool {
        let new = self.seen.insert(self.hasher.hash_one(id));
        if !new {
            self.again.push((id.clone(), TWICE.to_owned()));
        }
        new
    }
}

fn write<S: Entity>(database: &Database, updates: &[(EntityId, Update<S>)]) -> Result<(), ReadModelError> {
    database.write(|connection| {
        let mut batch = Batch::new(connection, S::DOMAIN)?;
        for (id, update) in updates {
            batch.put(id, update)?;
        }
        batch.finish()
    })
}
