//! Rate limits of requests: per operator for signed-in callers, per address for others. They keep one client from using
//! all of the server, and slow down the copying of the ledger with a stolen session. Each process has its own. Limits
//! on amounts are in `auth::day_limits`.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use super::config::Rates;

/// After so many requests, the counters of idle callers are dropped.
const TIDY_EVERY: u32 = 4_096;

/// The caller whose requests are counted together.
#[derive(Clone, Debug)]
pub enum Asker<'a> {
    Operator(&'a str),
    /// A caller without a session, and the address if it is known.
    Stranger(Option<IpAddr>),
}

/// The counters of recent requests.
pub struct RateLimits {
    reads: DefaultKeyedRateLimiter<String>,
    writes: DefaultKeyedRateLimiter<String>,
    strangers: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    asked: AtomicU32,
}

impl RateLimits {
    pub fn new(rates: Rates) -> Self {
        fn keyed<K: std::hash::Hash + Eq + Clone>(a_minute: NonZeroU32) -> DefaultKeyedRateLimiter<K> {
            RateLimiter::keyed(Quota::per_minute(a_minute))
        }
        Self {
            reads: keyed(rates.reads_a_minute),
            writes: keyed(rates.writes_a_minute),
            strangers: keyed(rates.strangers_a_minute),
            clock: DefaultClock::default(),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts a request. `Err` is the number of whole seconds, at least 1, after which the caller can try again.
    pub fn count(&self, asker: &Asker<'_>, writes: bool) -> Result<(), u64> {
        self.tidy();
        let taken = match asker {
            Asker::Operator(name) if writes => self.writes.check_key(&(*name).to_owned()),
            Asker::Operator(name) => self.reads.check_key(&(*name).to_owned()),
            Asker::Stranger(from) => self.strangers.check_key(&household(*from)),
        };
        taken.map_err(|not_until| not_until.wait_time_from(self.clock.now()).as_secs() + 1)
    }

    fn tidy(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.reads.retain_recent();
            self.writes.retain_recent();
            self.strangers.retain_recent();
        }
    }
}

/// The address that is counted: IPv6 addresses of one /64 count together, because a provider gives a customer a whole
/// /64.
fn household(from: Option<IpAddr>) -> IpAddr {
    match from.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)).to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> RateLimits {
        let rate = |n| NonZeroU32::new(n).unwrap();
        RateLimits::new(Rates {
            reads_a_minute: rate(3),
            writes_a_minute: rate(1),
            strangers_a_minute: rate(2),
        })
    }

    #[test]
    fn operators_have_separate_limits() {
        let limits = limits();
        for name in ["ada", "bob"] {
            let who = Asker::Operator(name);
            assert_eq!(limits.count(&who, true), Ok(()));
            assert!((1..=60).contains(&limits.count(&who, true).unwrap_err()));
            for _ in 0..3 {
                assert_eq!(limits.count(&who, false), Ok(()));
            }
            assert!(limits.count(&who, false).is_err());
        }
    }

    #[test]
    fn strangers_are_counted_by_ipv4_address_or_ipv6_network() {
        let limits = limits();
        let from = |text: &str| Asker::Stranger(Some(text.parse().unwrap()));
        assert!(limits.count(&from("2001:db8::1"), false).is_ok());
        assert!(limits.count(&from("2001:db8::2"), true).is_ok());
        assert!(limits.count(&from("2001:db8::3"), false).is_err());
        assert!(limits.count(&from("2001:db8:0:1::1"), false).is_ok());
        assert!(limits.count(&from("10.0.0.1"), false).is_ok());
        assert!(limits.count(&from("::ffff:10.0.0.1"), false).is_ok());
        assert!(limits.count(&from("10.0.0.1"), false).is_err());
        assert!(limits.count(&from("10.0.0.2"), false).is_ok());
    }
}
