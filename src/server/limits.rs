//! How often one may ask: by operator once somebody is signed in, by address before. It keeps one program from drowning
//! the others and a thief of a session from copying the ledger in a minute; a limit on money is no business of a process
//! (that one is kept in the store, by `access`).

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

/// After so many questions those who have not asked for a while are forgotten.
const TIDY_EVERY: u32 = 4_096;

/// Who asks, for the purpose of counting.
#[derive(Clone, Debug)]
pub enum Asker<'a> {
    Operator(&'a str),
    /// Nobody is signed in; the address where it is known.
    Stranger(Option<IpAddr>),
}

/// What everybody asked for lately.
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

    /// Counts a question; `Err` is the number of whole seconds, from 1, after which it may be asked again.
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

/// A customer of a provider owns all of an IPv6 /64, so all of it counts as one.
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
    fn each_operator_has_a_share_of_their_own() {
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
    fn strangers_are_told_apart_by_what_they_can_change_about_their_address() {
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
