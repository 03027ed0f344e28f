//! What was recorded lately, so that a page that asks again every few seconds does not fill the audit trail: of one session
//! and one subject, one view a minute is enough to know who saw what.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

/// How long a record stands for those that would follow.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// What is remembered at most; beyond it everything is recorded again.
const REMEMBERED_MAX: usize = 50_000;

/// What was recorded lately, by session and subject.
#[derive(Default)]
pub struct Recent(Mutex<HashMap<(String, String), DateTime<Utc>>>);

impl Recent {
    /// Whether it was recorded less than a minute ago.
    pub fn knows(&self, session: &str, subject: &str, now: DateTime<Utc>) -> bool {
        let recorded = self.0.lock();
        let key = (session.to_owned(), subject.to_owned());
        recorded.get(&key).is_some_and(|at| now - *at < AGAIN_AFTER)
    }

    /// Remembers that it was. To be told once the record stands, and not before.
    pub fn learn(&self, session: &str, subject: &str, now: DateTime<Utc>) {
        let mut recorded = self.0.lock();
        if recorded.len() >= REMEMBERED_MAX {
            recorded.retain(|_, at| now - *at < AGAIN_AFTER);
        }
        if recorded.len() >= REMEMBERED_MAX {
            recorded.clear();
        }
        recorded.insert((session.to_owned(), subject.to_owned()), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_later_it_counts_again() {
        let recent = Recent::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert!(!recent.knows("s", "wallet W-1", at(0)));
        recent.learn("s", "wallet W-1", at(0));
        assert!(recent.knows("s", "wallet W-1", at(59)));
        assert!(!recent.knows("s", "wallet W-1", at(60)));
        assert!(!recent.knows("s", "wallet W-2", at(1)) && !recent.knows("t", "wallet W-1", at(1)));
    }
}
