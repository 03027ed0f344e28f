//! The feed of a Redis store as it grows. It uses blocking reads on a connection of its own, so that they block no
//! other caller. After a lost connection it continues where it was.

use std::{sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use redis::RedisResult;
use tokio::time::sleep;

use super::{
    entry::{Pages, RawEntry},
    keys,
    link::{Link, Session, Trouble},
};
use crate::{
    domain::ids::{LogName, Position},
    event_log::{FeedEntry, FeedPosition, ReadError},
};

/// Entries of one partition's feed in one item.
const PAGE: usize = 1_000;
/// How long the server blocks a read that has no entries, in milliseconds.
const BLOCK: u64 = 2_000;
/// How long a read may take in total. A server that is alive answers after `BLOCK`.
const BLOCK_MAX: Duration = Duration::from_secs(6);
/// Back-off between attempts to reconnect: the first and the longest pause.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(2);

pub(super) fn follow(link: Arc<Link>, from: FeedPosition) -> BoxStream<'static, Result<Vec<FeedEntry>, ReadError>> {
    let follower = Follower {
        link,
        session: None,
        after: from,
        cut_off: false,
        pause: PAUSE_FIRST,
    };
    stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await;
        Some((item, follower))
    })
    .boxed()
}

struct Follower {
    link: Arc<Link>,
    session: Option<Session>,
    after: FeedPosition,
    /// Whether an outage was reported and is not over.
    cut_off: bool,
    pause: Duration,
}

impl Follower {
    /// Waits for the next page. An outage is reported once.
    async fn next(&mut self) -> Result<Vec<FeedEntry>, ReadError> {
        loop {
            match self.page().await {
                Ok(page) => {
                    self.cut_off = false;
                    self.pause = PAUSE_FIRST;
                    if !page.is_empty() {
                        return Ok(page);
                    }
                }
                Err(trouble) => {
                    self.session = None;
                    if !self.cut_off {
                        self.cut_off = true;
                        return Err(trouble.into_fault().into_read(self.link.domain));
                    }
                    sleep(self.pause).await;
                    self.pause = (self.pause * 2).min(PAUSE_LAST);
                }
            }
        }
    }

    /// The entries that were received within `BLOCK`, possibly none.
    async fn page(&mut self) -> Result<Vec<FeedEntry>, Trouble> {
        if self.session.is_none() {
            self.session = Some(self.link.own(BLOCK_MAX).await?);
        }
        let Some(session) = &mut self.session else {
            return Ok(Vec::new());
        };
        let pages = read_feeds(session, self.link.domain, &mut self.after, PAGE, BLOCK).await?;
        Ok((0..)
            .zip(&pages)
            .flat_map(|(partition, page)| page.iter().filter_map(move |entry| entry.feed_entry(partition)))
            .collect())
    }
}

/// Reads each partition's feed after a position and advances the position: at most `count` entries of each feed. Waits
/// up to `block` milliseconds for the first entry.
pub(super) async fn read_feeds(
    session: &mut Session,
    domain: LogName,
    after: &mut FeedPosition,
    count: usize,
    block: u64,
) -> RedisResult<Vec<Vec<RawEntry>>> {
    let feeds: Vec<String> = (0..session.partitions)
        .map(|partition| keys::feed(domain, partition))
        .collect();
    after.0.resize(feeds.len(), Position::START);
    let mut read = redis::cmd("XREAD");
    read.arg("COUNT").arg(count);
    read.arg("BLOCK").arg(block);
    read.arg("STREAMS").arg(&feeds);
    for position in &after.0 {
        read.arg(position.to_string());
    }
    let Pages(mut pages) = read.query_async(&mut session.connection).await?;
    Ok(feeds
        .iter()
        .zip(&mut after.0)
        .map(|(feed, after)| {
            let page = pages.remove(feed).unwrap_or_default();
            if let Some(last) = page.last() {
                *after = last.position;
            }
            page
        })
        .collect())
}
