//! The port for records that expire and are changed in place: sessions, counters of failed logins, used codes, look-up
//! slots. The URL of the access store selects the adapter, and one conformance suite runs on both. Permanent data
//! belong into the log.

mod embedded;
mod redis;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::event_log::{Clock, OpenError, Unavailable};

/// The longest key in bytes.
pub const KEY_BYTES_MAX: usize = 200;
/// The longest value in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// A counter's value and its remaining time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub count: u64,
    pub expires_in: Duration,
}

/// Values by key, each with a time to live. A key is either a value or a counter. Every call is one atomic step.
#[async_trait]
pub trait Records: Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable>;

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), Unavailable>;

    /// Puts the value only if the key is absent; returns whether it did.
    async fn put_new(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, Unavailable>;

    /// Puts `new` only if the value is `old`; returns whether it did. A deleted record is not put again.
    async fn replace(&self, key: &str, old: &[u8], new: &[u8], ttl: Duration) -> Result<bool, Unavailable>;

    async fn delete(&self, key: &str) -> Result<(), Unavailable>;

    /// Adds one to a counter. It lives for `ttl` from its first increment.
    async fn increment(&self, key: &str, ttl: Duration) -> Result<Count, Unavailable>;

    /// Subtracts one from a counter that exists and is above zero.
    async fn decrement(&self, key: &str) -> Result<(), Unavailable>;
}

/// Selects the adapter by the URL's scheme. Connects on first use. The embedded adapter uses `clock`, Redis its own
/// clock.
pub fn open(url: &str, clock: Clock) -> Result<Arc<dyn Records>, OpenError> {
    let (scheme, rest) = url.split_once(':').ok_or(OpenError::Scheme)?;
    match scheme {
        "embedded" => Ok(Arc::new(embedded::Embedded::open(rest, clock))),
        "redis" | "rediss" => Ok(Arc::new(redis::Redis::open(url)?)),
        _ => Err(OpenError::Scheme),
    }
}

fn check(key: &str, value: &[u8]) -> Result<(), Unavailable> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
        return Err(Unavailable(format!(
            "a record has a key of 1 to {KEY_BYTES_MAX} bytes and a value of at most {VALUE_BYTES_MAX}"
        )));
    }
    Ok(())
}

fn unavailable(reason: impl std::fmt::Display) -> Unavailable {
    Unavailable(format!("the access store does not answer: {reason}"))
}

/// The time to live in whole milliseconds, at least 1, because a record can't have a time to live of 0.
fn milliseconds(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 4).max(1)
}
