//! The read model of a command. The command uses the read model in the directory if it is of these stores and reaches the ends of
//! their feeds: one that a server owns, or one without an owner that is brought up to date here. Otherwise, and with a filter,
//! the command uses a temporary one, which the same projector fills and which is removed at the end.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::TryStreamExt as _;
use rusqlite::Connection;
use tokio::time::{Instant, sleep};

use super::{
    Moment, Settings, Shared, Stores,
    database::{Database, Ownership, ReadModelError},
    lists::{self, Ask, ListRow, Search},
    projector::{ProjectError, Projector},
    snapshots::{Histories, SnapshotStore},
    sources,
};
use crate::{
    domain::{
        ids::{Domain, EntityId},
        order::OrderState,
        replay::Filter,
        wallet::WalletState,
    },
    event_log::{EventLog, FeedPosition},
    views::lists::{ListQuery, PageAt},
};

pub use sources::Unreadable;

/// How long the server that owns a read model may take to reach the end of a feed.
const BEHIND_MAX: Duration = Duration::from_secs(2);
/// The pause between two looks at the server's position.
const PAUSE: Duration = Duration::from_millis(50);
/// Rows that are read in one transaction. Short transactions let the owner truncate its write-ahead log.
const PAGE: usize = 1_000;

/// A read model that reflects at least what the stores had when it was opened.
pub struct UpToDate {
    rows: Rows,
    /// The directories of a temporary read model, which are removed last.
    _scratch: Option<Scratch>,
}

enum Rows {
    Own(Arc<Database>),
    /// The read model of a server, which keeps writing it.
    Observed(Connection),
}

/// The directories that were created for a temporary read model. They are removed on drop.
struct Scratch {
    dir: Option<PathBuf>,
    /// The deepest first.
    made: Vec<PathBuf>,
}

impl Scratch {
    /// Notes which ancestors of `dir` do not exist. Must be called before anything is created within `dir`.
    fn within(dir: &Path) -> Self {
        let missing = dir
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
        Self {
            dir: None,
            made: missing.map(Path::to_owned).collect(),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            let _ = fs::remove_dir_all(dir);
        }
        for dir in &self.made {
            // Fails if the directory is not empty, so files of others stay.
            let _ = fs::remove_dir(dir);
        }
    }
}

impl UpToDate {
    /// Opens a read model of the events that `filter` keeps. Only the `needed` stores have to answer. If one does not answer,
    /// returns an error and creates nothing.
    pub async fn open(
        stores: &Stores,
        settings: &Settings,
        needed: &[Domain],
        filter: &Filter,
    ) -> Result<Self, ProjectError> {
        let mut ends = Vec::new();
        for domain in needed {
            ends.push((*domain, stores.of(*domain).log.feed_end().await?));
        }
        if filter.is_empty()
            && let Some(dir) = &settings.dir
            && let Some(rows) = kept(dir, stores, settings, &ends).await?
        {
            match &rows {
                Rows::Own(_) => tracing::debug!("answering from the read model in the directory"),
                Rows::Observed(_) => tracing::debug!("answering from the read model of another process"),
            }
            return Ok(Self { rows, _scratch: None });
        }
        tracing::debug!("answering from a temporary read model");
        let dir = settings.dir.clone().unwrap_or_else(std::env::temp_dir);
        let mut scratch = Scratch::within(&dir);
        let database = Arc::new(Database::temporary(&dir, &stores.names())?);
        scratch.dir = Some(database.dir().to_owned());
        bring_up(&database, stores, settings, needed, filter).await?;
        Ok(Self {
            rows: Rows::Own(database),
            _scratch: Some(scratch),
        })
    }

    /// Runs queries in one read transaction, on one consistent state of the rows. Blocks the thread.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadModelError> {
        match &self.rows {
            Rows::Own(database) => database.read(work),
            Rows::Observed(connection) => {
                let transaction = connection.unchecked_transaction()?;
                let answer = work(&transaction)?;
                transaction.finish()?;
                Ok(answer)
            }
        }
    }

    /// The streams of a domain that can't be read, by id. Their rows have the figures that were read last.
    pub fn unreadable(&self, domain: Domain) -> Result<Vec<Unreadable>, ReadModelError> {
        self.read(|connection| sources::unreadable(connection, domain))
    }

    /// The next rows of a list, and the cursor after them, which is `None` at the end. The caller has to check the query: a wrong
    /// one yields no rows.
    pub fn list<Row: ListRow>(
        &self,
        query: &ListQuery,
        moment: &Moment,
    ) -> Result<(Vec<Row>, Option<PageAt>), ReadModelError> {
        let ask = Ask::part(PAGE, Search::Names, *moment);
        let page = self.read(|connection| lists::page::<Row>(connection, query, &ask))?;
        page.map_or_else(|_| Ok((Vec::new(), None)), lists::next_part)
    }
}

/// The read model in `dir`, if it can be used and reaches these ends of the feeds.
async fn kept(
    dir: &Path,
    stores: &Stores,
    settings: &Settings,
    ends: &[(Domain, FeedPosition)],
) -> Result<Option<Rows>, ProjectError> {
    // A new read model records the URLs of all stores. It is created only if all answer, since a URL may be mistyped.
    let create = !Database::is_in(dir)? && all_answer(stores).await;
    match Database::acquire(dir, &stores.names(), create)? {
        Ownership::Unusable => Ok(None),
        Ownership::Observed(connection) => {
            let is_current = stands_for(&connection, stores, ends).await?;
            Ok(is_current.then_some(Rows::Observed(connection)))
        }
        Ownership::Owned(database) => {
            let database = Arc::new(database);
            let needed: Vec<_> = ends.iter().map(|(domain, _)| *domain).collect();
            let reached = bring_up(&database, stores, settings, &needed, &Filter::default()).await?;
            // A server that starts while the rows are printed can then own the directory.
            database.release();
            Ok(reached.then_some(Rows::Own(database)))
        }
    }
}

async fn all_answer(stores: &Stores) -> bool {
    for domain in Domain::ALL {
        if stores.of(domain).log.feed_end().await.is_err() {
            return false;
        }
    }
    true
}

/// Fills a read model or brings it up to date. Returns `false` if the end of a feed was not reached.
async fn bring_up(
    database: &Arc<Database>,
    stores: &Stores,
    settings: &Settings,
    needed: &[Domain],
    filter: &Filter,
) -> Result<bool, ProjectError> {
    let (shared, [wallet_checks, order_checks]) = Shared::new();
    let shared = Arc::new(shared);
    // Orders come first. A refund that is settled between the two readings then appears as credited and not succeeded, which was
    // true for a moment. The other way round it would appear as succeeded and never credited, which is a worse error.
    if needed.contains(&Domain::Order) {
        let histories = Arc::new(Histories::filtered(Arc::clone(&stores.order.log), *filter));
        let projector =
            Projector::<OrderState>::new(&stores.order, database, &histories, settings, &shared, order_checks);
        if !projector.bring_up().await? {
            return Ok(false);
        }
    }
    if needed.contains(&Domain::Wallet) {
        let log = Arc::clone(&stores.wallet.log);
        // Snapshots of a temporary read model would never be used.
        let kept = settings.snapshots && settings.dir.as_deref() == Some(database.dir());
        let histories: Histories<WalletState> = if kept && filter.is_empty() {
            Histories::new(log, Some(SnapshotStore::new(Arc::clone(database))))
        } else {
            Histories::filtered(log, *filter)
        };
        let projector = Projector::new(
            &stores.wallet,
            database,
            &Arc::new(histories),
            settings,
            &shared,
            wallet_checks,
        );
        return projector.bring_up().await;
    }
    Ok(true)
}

/// Whether the rows of a server reach these ends of the feeds within [`BEHIND_MAX`].
async fn stands_for(
    connection: &Connection,
    stores: &Stores,
    ends: &[(Domain, FeedPosition)],
) -> Result<bool, ProjectError> {
    let begun = Instant::now();
    for (domain, end) in ends {
        let log = &*stores.of(*domain).log;
        let source = loop {
            let source = sources::read(connection, *domain).map_err(ReadModelError::from)?;
            if !source.filled || source.feed.0.len() > end.0.len() {
                return Ok(false);
            }
            if source.feed.reaches(end) {
                break source;
            }
            if begun.elapsed() > BEHIND_MAX {
                return Ok(false);
            }
            sleep(PAUSE).await;
        };
        // If the rows are ahead of the feed, they reflect entries that the store has lost since.
        if source.feed != *end && !log.feed_end().await?.reaches(&source.feed) {
            return Ok(false);
        }
        if source.unfed && !log.feed_is_complete() && !ends_agree(connection, *domain, log).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether every stream ends where its row says, and every row has such a stream. Streams that are recorded as unreadable are not
/// compared.
async fn ends_agree(connection: &Connection, domain: Domain, log: &dyn EventLog) -> Result<bool, ProjectError> {
    let mut pages = log.streams();
    while let Some(ids) = pages.try_next().await? {
        let row = |id: &EntityId| Ok((id.clone(), sources::row_end(connection, domain, id)?));
        let rows: rusqlite::Result<Vec<_>> = ids.iter().map(row).collect();
        if !sources::differing(log, &rows.map_err(ReadModelError::from)?)
            .await?
            .is_empty()
        {
            return Ok(false);
        }
    }
    let mut after = None;
    loop {
        let rows = sources::row_ends(connection, domain, after.as_ref(), PAGE).map_err(ReadModelError::from)?;
        if !sources::differing(log, &rows).await?.is_empty() {
            return Ok(false);
        }
        match rows.into_iter().last() {
            Some((id, _)) => after = Some(id),
            None => return Ok(true),
        }
    }
}
