//! The comparison of the read model with its store. A check compares one row with the end of its stream. A pass reads the stream
//! of every row and compares the raw digest. Differing streams are read again, and what the store has lost is recorded. A pass
//! takes a bounded share of the time, unless it was requested.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{ProjectError, Projector};
use crate::{
    domain::{
        event::{Entry, RawDigest},
        ids::{Domain, EntityId, Position},
    },
    event_log::{EventLog, FeedPosition, Identity, READ_MANY_MAX, READ_MAX, ReadError, StreamEnd, roll},
    read_model::{
        Shared,
        batch::Batch,
        database::{Database, ReadModelError},
        entity::Entity,
        recent::{self, Recorded},
        sources,
        witness::{self, Compared, Witness},
    },
    views::{
        health::{Progress, StoreState},
        truncate,
    },
};

/// The number of rows that a pass compares at once, and the number of entries of each that are read together.
const ROWS: usize = 64;
const PAGE: usize = 200;
/// The pause between two passes.
const BETWEEN_PASSES: Duration = Duration::from_mins(10);
const RETRY: Duration = Duration::from_secs(5);

/// An entity to compare with its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub id: EntityId,
    /// What a pass found. `None` if the check does not come from a pass.
    pub differs: Option<Differs>,
}

/// How a stream differs from its row, according to a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The stream has other entries than the row of this position and digest.
    From(Position, RawDigest),
    Unreadable,
}

/// Facts about a store that show whether it has gone back.
#[derive(Debug)]
struct Checkup {
    identity: Identity,
    end: FeedPosition,
    /// The feed ends before the position up to which it was read, or `missing` is not empty.
    went_back: bool,
    /// Recent entries that the store no longer has.
    missing: Vec<Recorded>,
}

impl<S: Entity> Projector<S> {
    /// Compares the store's identity, the end of its feed and the recent entries with what was recorded. Returns `true` if the
    /// store has gone back: every row was compared, and the feed has to be followed from its end. If only the identity has
    /// changed, requests a pass at full speed.
    pub(super) async fn check_continuity(&mut self, recorded: &str, reconnected: bool) -> Result<bool, ProjectError> {
        let found = self.checkup().await?;
        let identity = serde_json::to_string(&found.identity).unwrap_or_default();
        // A store without an identity may be a different one after every reconnection.
        let unknown = found.identity == Identity::default();
        let broken = !unknown && !continues(recorded, &found.identity);
        if found.went_back {
            tracing::warn!(
                domain = %S::DOMAIN,
                "the store lost entries that were read before; every entity is compared with the store"
            );
            self.reload(found.missing).await?;
            self.place = found.end;
            self.shared.changes.begin(S::DOMAIN, &self.place);
            let (place, now) = (self.place.clone(), (self.settings.clock)());
            self.blocking(move |database| {
                database.write(|connection| {
                    sources::set_feed(connection, S::DOMAIN, &place, now)?;
                    sources::set_identity(connection, S::DOMAIN, &identity)
                })
            })
            .await?;
            return Ok(true);
        }
        if broken || (unknown && reconnected) {
            // The pass records the new identity at its end. If the process ends before that, the next one requests the pass
            // again.
            if reconnected || self.doubted.as_deref() != Some(identity.as_str()) {
                self.doubted = Some(identity);
                self.shared.note_identity_change(S::DOMAIN);
            }
        } else if identity != recorded {
            self.blocking(move |database| {
                database.write(|connection| sources::set_identity(connection, S::DOMAIN, &identity))
            })
            .await?;
        }
        Ok(false)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(domain = %S::DOMAIN))]
    async fn checkup(&self) -> Result<Checkup, ProjectError> {
        let (identity, end) = (self.log.identity().await?, self.log.feed_end().await?);
        let reaches = |(at, place): (usize, &Position)| end.0.get(at).is_some_and(|end| end >= place);
        let reaches = self.place.0.iter().enumerate().all(reaches);
        let missing = self.missing_entries().await?;
        Ok(Checkup {
            identity,
            end,
            went_back: !reaches || !missing.is_empty(),
            missing,
        })
    }

    /// The recent entries that the store no longer has at their positions.
    async fn missing_entries(&self) -> Result<Vec<Recorded>, ProjectError> {
        let recorded = self.blocking(|database| database.read(recent::list)).await?;
        let own = recorded.into_iter().filter(|known| known.domain == S::DOMAIN);
        let looks = own.map(async |known| {
            let found = match self.log.read(&known.subject, known.entry.position.before(), 1).await {
                Ok(found) => found,
                // A stream that can't be read does not show that the store has gone back.
                Err(ReadError::Damaged { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            // The read model keeps truncated entries.
            let same = found
                .first()
                .map(truncate::row)
                .is_some_and(|found| found.position == known.entry.position && found.fields == known.entry.fields);
            Ok((!same).then_some(known))
        });
        let missing = futures::future::try_join_all(looks)
            .await?
            .into_iter()
            .flatten()
            .collect();
        Ok(missing)
    }

    /// Compares every row, and scans for streams without a row.
    async fn reload(&mut self, missing: Vec<Recorded>) -> Result<(), ProjectError> {
        let loading = StoreState::Loading(Progress::default());
        self.shared.state(S::DOMAIN).send_replace(loading);
        let mut after = 0;
        while let Some((last, checks)) = step(&*self.log, &self.database, S::DOMAIN, after).await? {
            self.take_checks(checks).await?;
            after = last;
        }
        let now = (self.settings.clock)();
        // These entries are removed last: until then they show that the store has gone back.
        self.blocking(move |database| {
            database.write(|connection| {
                recent::remove(connection, &missing)?;
                sources::set_checked(connection, S::DOMAIN, now)
            })
        })
        .await?;
        self.shared.changes.forget();
        self.scan().await
    }

    /// Compares the rows of these entities with the ends of their streams. Reads differing streams again, and records losses.
    pub(super) async fn take_checks(&mut self, checks: Vec<Check>) -> Result<(), ProjectError> {
        for checks in checks.chunks(READ_MANY_MAX) {
            let ids: Vec<_> = checks.iter().map(|check| check.id.clone()).collect();
            let ends = self.log.ends(&ids).await?;
            let compared: Vec<_> = checks.iter().cloned().zip(ends).collect();
            let found = self
                .blocking(move |database| {
                    database.read(|connection| {
                        let mut found = Differing::default();
                        for (check, end) in compared {
                            let known = witness::of(connection, S::DOMAIN, &check.id)?;
                            found.add(check, known, &end);
                        }
                        Ok(found)
                    })
                })
                .await?;
            self.read_again(found).await?;
        }
        Ok(())
    }

    async fn read_again(&mut self, found: Differing) -> Result<(), ProjectError> {
        let Differing {
            mut again,
            lost,
            unreadable,
        } = found;
        for known in &lost {
            tracing::warn!(
                domain = %S::DOMAIN, id = %known.id, entries = known.entries, position = %known.position,
                "the store lost entries of a stream that were read before; the stream is read again"
            );
            self.histories.forget(&known.id).await;
            again.push(known.id.clone());
        }
        again.extend(unreadable.iter().cloned());
        if again.is_empty() {
            return Ok(());
        }
        if !lost.is_empty() || !unreadable.is_empty() {
            let now = (self.settings.clock)();
            self.blocking(move |database| {
                database.write(|connection| {
                    let batch = Batch::new(connection, S::DOMAIN)?;
                    for known in &lost {
                        witness::keep_loss(connection, S::DOMAIN, known, now)?;
                        batch.set_stale(
                            &known.id,
                            "the store's entries differ from those that were read before",
                            now,
                        )?;
                    }
                    for id in &unreadable {
                        batch.set_stale(id, "some of its entries can't be read", now)?;
                    }
                    batch.finish()
                })
            })
            .await?;
        }
        let changed = self.refresh(again, None).await?;
        self.shared.changes.publish(S::DOMAIN, changed, None);
        Ok(())
    }
}

/// Entities whose streams differ from their rows.
#[derive(Debug, Default)]
struct Differing {
    /// Streams to read on.
    again: Vec<EntityId>,
    /// Rows that were made from entries that the store does not have.
    lost: Vec<Witness>,
    unreadable: Vec<EntityId>,
}

impl Differing {
    fn add(&mut self, check: Check, known: Option<Witness>, end: &StreamEnd) {
        let Some(known) = known else {
            return self.again.push(check.id);
        };
        let compared = known.compare(end);
        match check.differs {
            _ if compared == Compared::Lost => self.lost.push(known),
            // A row that was written after the pass read it reflects the store's present entries.
            Some(Differs::From(position, digest)) if known.position == position && known.digest == digest => {
                self.lost.push(known);
            }
            Some(Differs::Unreadable) => self.unreadable.push(check.id),
            _ if compared == Compared::Same => {}
            _ => self.again.push(check.id),
        }
    }
}

/// Whether the store's identity has the history and the run of the recorded one. If the recorded one has no run, the history
/// decides.
fn continues(recorded: &str, now: &Identity) -> bool {
    let Ok(before) = serde_json::from_str::<Identity>(recorded) else {
        return false;
    };
    before.run.is_some() == now.run.is_some() && before.run == now.run && before.history == now.history
        || before.run.is_none() && before.history.is_some() && before.history == now.history
}

/// Compares the rows after number `after` with their streams. Returns the number of the last compared row, and the entities that
/// differ. `None` after the last row.
async fn step(
    log: &dyn EventLog,
    database: &Arc<Database>,
    domain: Domain,
    after: i64,
) -> Result<Option<(i64, Vec<Check>)>, ProjectError> {
    let reading = Arc::clone(database);
    let rows = spawn_blocking(move || reading.read(|connection| witness::after(connection, domain, after, ROWS)));
    let rows = rows.await.map_err(|_| ReadModelError::Stopped)??;
    let Some(last) = rows.last().map(|row| row.n) else {
        return Ok(None);
    };
    let wanted: Vec<_> = rows.iter().map(|row| (row.id.clone(), Position::START)).collect();
    let mut checks = Vec::new();
    match log.read_many(&wanted, PAGE).await {
        Ok(pages) => {
            for (row, page) in rows.iter().zip(pages) {
                checks.extend(differing(row, is_same(log, row, page).await)?);
            }
        }
        // One of the streams can't be read. Reading each alone finds out which.
        Err(ReadError::Damaged { .. }) => {
            for row in &rows {
                let same = match log.read(&row.id, Position::START, PAGE).await {
                    Ok(page) => is_same(log, row, page).await,
                    Err(error) => Err(error),
                };
                checks.extend(differing(row, same)?);
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Some((last, checks)))
}

/// The check that a row needs after its stream was read; `None` if they agree.
fn differing(row: &Witness, same: Result<bool, ReadError>) -> Result<Option<Check>, ReadError> {
    let differs = match same {
        Ok(true) => return Ok(None),
        Ok(false) => Differs::From(row.position, row.digest),
        Err(ReadError::Damaged { .. }) => Differs::Unreadable,
        Err(error) => return Err(error),
    };
    Ok(Some(Check {
        id: row.id.clone(),
        differs: Some(differs),
    }))
}

/// Whether a stream has exactly the entries that the row was made from, up to the row's position. `page` is the first page of the
/// stream.
async fn is_same(log: &dyn EventLog, row: &Witness, mut page: Vec<Entry>) -> Result<bool, ReadError> {
    let (mut digest, mut entries, mut limit) = (RawDigest::default(), 0, PAGE);
    loop {
        let full = page.len() >= limit;
        let mut last = None;
        for entry in page {
            last = Some(entry.position);
            if entry.position > row.position {
                return Ok(entries == row.entries && digest == row.digest);
            }
            digest = roll(digest, entry.digest);
            entries += 1;
        }
        match last.filter(|_| full) {
            Some(last) => {
                limit = READ_MAX;
                page = log.read(&row.id, last, limit).await?;
            }
            None => return Ok(entries == row.entries && digest == row.digest),
        }
    }
}

/// Repeats passes over every row: one in [`BETWEEN_PASSES`], with a share of the time, and one at full speed for each request.
pub async fn pass_forever(
    log: Arc<dyn EventLog>,
    database: Arc<Database>,
    shared: Arc<Shared>,
    domain: Domain,
    share: u32,
    clock: fn() -> DateTime<Utc>,
) {
    loop {
        shared.live(domain).await;
        // A filling counts as a pass, because it reads every stream.
        let wait = next_pass(&database, domain, clock).await;
        tokio::select! {
            () = shared.pass_requested(domain) => {}
            () = sleep(wait) => {}
        }
        let hurried = shared.take_pass_request(domain);
        match pass(
            &*log,
            &database,
            &shared,
            domain,
            if hurried { None } else { Some(share) },
            clock,
        )
        .await
        {
            Ok(()) => {}
            Err(error) => {
                tracing::debug!(%domain, %error, "a comparison with the store failed and continues later");
                if hurried {
                    shared.request_pass(domain);
                }
                sleep(RETRY).await;
            }
        }
    }
}

/// The time until the next pass is due.
async fn next_pass(database: &Arc<Database>, domain: Domain, clock: fn() -> DateTime<Utc>) -> Duration {
    let source = write(database, move |connection| sources::read(connection, domain)).await;
    let checked_at = source.ok().and_then(|source| source.checked_at);
    let since = checked_at.and_then(|at| (clock() - at).to_std().ok());
    since.map_or(Duration::ZERO, |since| BETWEEN_PASSES.saturating_sub(since))
}

/// Runs one pass. With a `share` of the time in percent, it continues where the last pass stopped. Without, it begins at the
/// first row and runs at full speed.
async fn pass(
    log: &dyn EventLog,
    database: &Arc<Database>,
    shared: &Arc<Shared>,
    domain: Domain,
    share: Option<u32>,
    clock: fn() -> DateTime<Utc>,
) -> Result<(), ProjectError> {
    let source = write(database, move |connection| sources::read(connection, domain)).await?;
    let identity = match share {
        None => Some(log.identity().await?),
        Some(_) => None,
    };
    let changes = shared.identity_changes(domain);
    let mut after = if share.is_some() { source.checked_to } else { 0 };
    loop {
        let begun = Instant::now();
        let Some((last, checks)) = step(log, database, domain, after).await? else {
            break;
        };
        for check in checks {
            shared.check(domain, check).await;
        }
        after = last;
        write(database, move |connection| {
            sources::set_checked_to(connection, domain, after)
        })
        .await?;
        if let Some(share) = share {
            let share = share.clamp(1, 100);
            sleep(begun.elapsed() * (100 - share) / share).await;
            if shared.is_pass_requested(domain) {
                return Ok(());
            }
        }
    }
    let now = clock();
    write(database, move |connection| {
        if let Some(identity) = &identity {
            let identity = serde_json::to_string(identity).unwrap_or_default();
            sources::set_identity(connection, domain, &identity)?;
        }
        sources::set_checked(connection, domain, now)
    })
    .await?;
    if share.is_none() {
        shared.set_checked(domain, changes);
    }
    Ok(())
}

async fn write<T: Send + 'static>(
    database: &Arc<Database>,
    work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, ReadModelError> {
    let database = Arc::clone(database);
    let done = spawn_blocking(move || database.write(|transaction| work(transaction)));
    done.await.map_err(|_| ReadModelError::Stopped)?
}
