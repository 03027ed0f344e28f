//! Streams of an embedded log: the feed as it grows, and the ids of its streams. An append of this process wakes the
//! feed at once. Appends of other processes are found by polling, ten times a second.

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

/// Feed entries, or ids, in one item.
const PAGE: usize = 1_000;
/// Interval of polling for appends of other processes.
const POLL: Duration = Duration::from_millis(100);
/// Pause after a feed could not be read.
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
    /// Waits for the next page. An outage is reported once.
    async fn next(&mut self) -> Result<Vec<FeedEntry>, ReadError> {
        loop {
            // Marked as seen before the read, so that an append after the read wakes the wait below.
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

    /// Waits for an append of this process or for the next poll. After the writer has ended, only polling is left.
    async fn wait(&mut self) {
        if let Ok(Err(_)) = timeout(POLL, self.appended.changed()).await {
            sleep(POLL).await;
        }
    }
}
