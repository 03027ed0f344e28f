//! Recently recorded entries. A page that refreshes every few seconds must not fill the audit trail, so a view is
//! recorded once a minute per session and subject.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

/// How long a recorded entry suppresses equal ones.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// The most remembered entries. If more are recent, all are forgotten, and equal entries are recorded again.
const REMEMBERED_MAX: usize = 50_000;

/// The times of recent entries, by session and subject.
#[derive(Default)]
pub struct Recent(Mutex<HashMap<(String, String), DateTime<Utc>>>);

impl Recent {
    /// Whether an entry for this session and subject was recorded less than a minute ago.
    pub fn knows(&self, session: &str, subject: &str, now: DateTime<Utc>) -> bool {
        let recorded = self.0.lock();
        let key = (session.to_owned(), subject.to_owned());
        recorded.get(&key).is_some_and(|at| now - *at < AGAIN_AFTER)
    }

    /// Remembers an entry. Call it only after the entry was recorded.
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
    fn an_entry_is_forgotten_after_a_minute() {
        let recent = Recent::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert!(!recent.knows("s", "wallet W-1", at(0)));
        recent.learn("s", "wallet W-1", at(0));
        assert!(recent.knows("s", "wallet W-1", at(59)));
        assert!(!recent.knows("s", "wallet W-1", at(60)));
        assert!(!recent.knows("s", "wallet W-2", at(1)) && !recent.knows("t", "wallet W-1", at(1)));
    }
}
