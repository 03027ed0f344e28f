//! How many tries there are. Two counters a try, of the account and of the address, each living for a quarter of an hour
//! from its first failure; a try that is one too many is refused without being looked at.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::SignInError;
use crate::{
    auth::{
        records::{Count, Records},
        secrets,
    },
    event_log::Unavailable,
};

/// Failures of one account after which nobody is let in by that name.
pub const ACCOUNT_FAILURES_MAX: u64 = 5;
/// Failures from one address after which nobody is let in from there.
pub const ADDRESS_FAILURES_MAX: u64 = 20;
/// From the first failure.
pub const FAILURES_WITHIN: Duration = Duration::from_mins(15);

pub(super) struct Throttle {
    records: Arc<dyn Records>,
}

/// A try that was counted.
pub(super) struct Attempt {
    account: String,
    address: String,
}

impl Throttle {
    pub(super) const fn new(records: Arc<dyn Records>) -> Self {
        Self { records }
    }

    /// Counts a try as failed, until it turns out to be otherwise.
    pub(super) async fn begin(&self, name: &str, from: IpAddr) -> Result<Attempt, SignInError> {
        let attempt = Attempt {
            account: account_key(name),
            address: address_key(from),
        };
        // The address first: who may not even try does not use up the tries of an account.
        let count = self.records.increment(&attempt.address, FAILURES_WITHIN).await?;
        refuse_above(ADDRESS_FAILURES_MAX, count)?;
        let count = self.records.increment(&attempt.account, FAILURES_WITHIN).await?;
        refuse_above(ACCOUNT_FAILURES_MAX, count)?;
        Ok(attempt)
    }

    /// As if it had not been.
    pub(super) async fn take_back(&self, attempt: Attempt) -> Result<(), Unavailable> {
        self.records.decrement(&attempt.account).await?;
        self.records.decrement(&attempt.address).await
    }

    /// Forgives the account its failures; the address is only given back this one try.
    pub(super) async fn succeeded(&self, attempt: Attempt) -> Result<(), Unavailable> {
        self.records.delete(&attempt.account).await?;
        self.records.decrement(&attempt.address).await
    }
}

fn refuse_above(max: u64, count: Count) -> Result<(), SignInError> {
    if count.count <= max {
        return Ok(());
    }
    Err(SignInError::Throttled {
        // Never "in 0 s".
        retry_after_seconds: count.expires_in.as_secs() + 1,
    })
}

/// Names that nobody has are counted like others, or the difference would show; of any length, so by their digest.
fn account_key(name: &str) -> String {
    format!("login:account:{}", secrets::sha256(name.as_bytes()))
}

/// Whoever has an IPv6 address has 2^64 of them.
fn address_key(from: IpAddr) -> String {
    match from.to_canonical() {
        IpAddr::V4(address) => format!("login:address:{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("login:address:{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_with_its_neighbours_of_one_household() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn any_name_makes_a_key_of_one_length() {
        assert_eq!(account_key("").len(), account_key(&"x".repeat(10_000)).len());
    }
}
