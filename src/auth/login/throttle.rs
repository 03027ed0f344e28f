//! The limit on failed sign-ins. A try counts for its account and for its address. Each counter lives for a quarter of
//! an hour from its first failure. A try above a limit is refused before its password is verified.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::SignInError;
use crate::{
    auth::{
        records::{Count, Records},
        secrets,
    },
    event_log::Unavailable,
};

/// After so many failures of an account name, further tries with that name are refused.
pub const ACCOUNT_FAILURES_MAX: u64 = 5;
/// After so many failures from an address, further tries from there are refused.
pub const ADDRESS_FAILURES_MAX: u64 = 20;
/// The life of a counter, from the first failure.
pub const FAILURES_WITHIN: Duration = Duration::from_mins(15);

pub(super) struct Throttle {
    records: Arc<dyn Records>,
}

/// A counted try.
pub(super) struct Attempt {
    account: String,
    address: String,
}

impl Throttle {
    pub(super) const fn new(records: Arc<dyn Records>) -> Self {
        Self { records }
    }

    /// Counts a try as failed. [`Throttle::succeeded`] and [`Throttle::take_back`] correct this.
    pub(super) async fn begin(&self, name: &str, from: IpAddr) -> Result<Attempt, SignInError> {
        let attempt = Attempt {
            account: account_key(name),
            address: address_key(from),
        };
        // The address is counted first, so that a blocked address does not use up the tries of an account.
        let count = self.records.increment(&attempt.address, FAILURES_WITHIN).await?;
        refuse_above(ADDRESS_FAILURES_MAX, count)?;
        let count = self.records.increment(&attempt.account, FAILURES_WITHIN).await?;
        refuse_above(ACCOUNT_FAILURES_MAX, count)?;
        Ok(attempt)
    }

    /// Uncounts a try.
    pub(super) async fn take_back(&self, attempt: Attempt) -> Result<(), Unavailable> {
        self.records.decrement(&attempt.account).await?;
        self.records.decrement(&attempt.address).await
    }

    /// Resets the counter of the account, and uncounts this try for the address.
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
        // At least 1, so that the message never says "in 0 s".
        retry_after_seconds: count.expires_in.as_secs() + 1,
    })
}

/// The counter key of an account. Names without an operator are counted as well, so that tries do not reveal which
/// names exist. The key contains the digest, because the name may have any length.
fn account_key(name: &str) -> String {
    format!("login:account:{}", secrets::sha256(name.as_bytes()))
}

/// The counter key of an address. IPv6 addresses of one /64 are counted together, because a client usually has the
/// whole /64.
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
    fn ipv6_addresses_of_one_network_share_a_key() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn account_keys_have_a_fixed_length() {
        assert_eq!(account_key("").len(), account_key(&"x".repeat(10_000)).len());
    }
}
