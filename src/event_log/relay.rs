//! Hands what a domain's log records to those who handle events: [`Relay`] copies from a store to a queue. It is apart from
//! the log's port because it needs two servers that share a notion of an entry's id, which is why a redis store and a redis
//! queue are the only pair there is.

use super::{OpenError, ReadError, redis};
use crate::domain::ids::Domain;

/// Copies the feed of a domain's store into the streams of its queue server (contract §2): whole events, each under the entry
/// id that its feed entry has in the store, in the feed's order. Redis refuses an id that is not greater than the last, so
/// an event is copied exactly once however often a relay is killed and however many run, and what was copied last is the
/// queue's own last id.
///
/// An entity that a foreign producer writes without a feed is not relayed: there is no place in the feed to copy it under.
pub struct Relay(redis::relay::Relay);

impl Relay {
    /// Checks the URLs; connects when it is run.
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

    /// Copies what the feed has now and the queue has not; says how many events that were.
    pub async fn catch_up(&self) -> Result<u64, ReadError> {
        self.0.catch_up().await
    }

    /// Copies what there is and what comes, until `stop` is done. A server that is away is waited for.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.0.run() => {}
        }
    }
}
