//! The relay, which copies events from a domain's store to its queue. It is not part of the port, because it needs two
//! servers with the same entry ids: a Redis store and a Redis queue.

use super::{OpenError, ReadError, redis};
use crate::domain::ids::Domain;

/// Copies the feed of a domain's store to the streams of its queue server (contract §2): whole events, each under the
/// entry id of its feed entry, in the feed's order. Redis refuses an id that is not greater than the last one. So an
/// event is copied exactly once, however often a relay is killed and however many run, and the queue's last id is the
/// checkpoint.
///
/// Streams that another producer writes without a feed are not relayed, because they have no feed entry whose id the
/// copy could have.
pub struct Relay(redis::relay::Relay);

impl Relay {
    /// Checks the URLs. Connects when it runs.
    pub fn new(domain: Domain, store_url: &str, queue_url: &str) -> Result<Self, OpenError> {
        let is_redis = |url: &str| url.starts_with("redis://") || url.starts_with("rediss://");
        if !is_redis(store_url) || !is_redis(queue_url) {
            return Err(OpenError::Invalid(
                "events are relayed from a Redis store to a Redis queue only; give both URLs as 'redis://' or 'rediss://'"
                    .into(),
            ));
        }
        Ok(Self(redis::relay::Relay::new(domain.into(), store_url, queue_url)?))
    }

    /// Copies the feed entries that the queue does not have yet. Returns the number of copied events.
    pub async fn catch_up(&self) -> Result<u64, ReadError> {
        self.0.catch_up().await
    }

    /// Copies existing and new events until `stop` completes. Waits for a server that is down.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.0.run() => {}
        }
    }
}
