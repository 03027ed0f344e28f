//! What an embedded log tells as it happens, as streams: the feed as it grows, and the ids there are. An append of this
//! process wakes the feed at once; what another process appends is seen by looking again, ten times a second.

use std::{sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{Readers, read};
use crate::{
    domain::ids::{EntityId, Position},
    event_log::{FeedEntry, ReadError},
};

/// Entries of the feed, or ids, in one item.
const PAGE: usize = 1_000;
/// How often other processes are looked after.
const POLL: Duration = Duration::from_millis(100);
/// How long a feed that can't be read is left alone.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn streams(readers: Arc<Readers>) -> BoxStream<'static, Result<Vec<EntityId>, ReadError>> {
    stream::try_unfold(String::new(), move |after| {
        let readers = Arc::clone(&readers);
        async move {
            let ids = readers
                .run(move |connection| read::streams(connection, &after, PAGE))
                .await?;
            let last = ids.last().map(|id| id.as_str().to_owned());
            Ok(last.map(|last| (ids, last)))
        }
    })
    .boxed()
}

pub(super) fn follow(
    readers: Arc<Readers>,
    appended: watch::Receiver<()>,
    from: Position,
) -> BoxStream<'static, Result<Vec<FeedEntry>, ReadError>> {
    let follower = Follower {
        readers,
        appended,
        after: from,
        cut_off: false,
    };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await;
        Some((item, follower))
    })
    .boxed()
}

struct Follower {
    readers: Arc<Readers>,
    appended: watch::Receiver<()>,
    after: Position,
    cut_off: bool,
}

impl Follower {
    /// Waits for the next page; an outage is told once.
    async fn next(&mut self) -> Result<Vec<FeedEntry>, ReadError> {
        loop {
            // Marked as seen before the look, so that an append after the look wakes the wait below.
            self.appended.mark_unchanged();
            match self.page().await {
                Ok(page) => {
                    self.cut_off = false;
                    if let Some(last) = page.last() {
                        self.after = last.position;
                        return Ok(page);
                    }
                    self.wait().await;
                }
                Err(error) if !self.cut_off => {
                    self.cut_off = true;
                    return Err(error);
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn page(&self) -> Result<Vec<FeedEntry>, ReadError> {
        let after = self.after;
        self.readers
            .run(move |connection| read::feed(connection, after, PAGE))
            .await
    }

    /// Until this process appends or it is time to look again. Where the writer has ended, only time is left.
    async fn wait(&mut self) {
        if let Ok(Err(_)) = timeout(POLL, self.appended.changed()).await {
            sleep(POLL).await;
        }
    }
}
