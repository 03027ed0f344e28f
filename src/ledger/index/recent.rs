//! What was just recorded, in either domain: the newest few entries, with long texts truncated.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::{
    event::Entry,
    ids::{Domain, EntityId, Position},
    listing::Recent,
    truncate,
};

/// Entries that are kept.
pub const RECENT_KEPT: usize = 20;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recently(BTreeMap<(DateTime<Utc>, Domain, EntityId, Position), Entry>);

impl Recently {
    /// Newest first.
    pub fn newest_first(&self) -> Vec<Recent> {
        let newest_first = self.0.iter().rev();
        newest_first
            .map(|((_, domain, subject, _), entry)| Recent {
                domain: *domain,
                subject: subject.clone(),
                entry: entry.clone(),
            })
            .collect()
    }

    /// Remembers entries, if they are among the newest.
    pub fn note(&mut self, domain: Domain, id: &EntityId, entries: &[Entry]) {
        for entry in entries.iter().rev().take(RECENT_KEPT) {
            let full = self.0.len() >= RECENT_KEPT;
            let oldest = self.0.first_key_value().map(|(key, _)| key.0);
            if full && oldest.is_some_and(|oldest| entry.recorded < oldest) {
                break;
            }
            let key = (entry.recorded, domain, id.clone(), entry.position);
            self.0.insert(key, truncate::row(entry));
            if self.0.len() > RECENT_KEPT {
                self.0.pop_first();
            }
        }
    }
}
