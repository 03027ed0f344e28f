//! A case as loaded from its stream: the state, and what is needed to append its next event.

use chrono::{DateTime, Utc};

use super::CaseState;
use crate::domain::{
    event::{Entry, NewEvent, RawDigest},
    fold::Fold,
    ids::{EntityId, Position, Sequence},
    replay::in_sequence_order,
};

/// The prefix of case ids (contract §6). Other streams of the compensation store are not cases.
pub const CASE_PREFIX: &str = "CMP-";

/// Whether a stream of the compensation store is a case.
pub fn is_case_id(id: &EntityId) -> bool {
    id.as_str().starts_with(CASE_PREFIX)
}

/// A case with its entries.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: EntityId,
    pub state: CaseState,
    /// The sequence of the last event, which the next append expects; 0 for a case that does not exist.
    pub sequence: Sequence,
    /// The id of the event that allows the case to be issued.
    pub allowed_by: Option<String>,
    /// In sequence order.
    pub entries: Vec<Entry>,
}

impl Case {
    /// Folds the entries of a stream, given in any order.
    pub fn fold(id: &EntityId, entries: Vec<Entry>) -> Self {
        let placed = in_sequence_order(entries);
        let mut fold = Fold::<CaseState>::new();
        let mut allowed_by = None;
        for (_, entry) in &placed {
            let allows = matches!(
                entry.fields.r#type(),
                Some("compensation.proposed" | "compensation.approved")
            );
            if fold.push(entry, |_| {}) && allows {
                allowed_by = entry.fields.id().map(str::to_owned);
            }
        }
        Self {
            id: id.clone(),
            sequence: fold.sequence,
            state: fold.state,
            allowed_by,
            entries: placed.into_iter().map(|(_, entry)| entry).collect(),
        }
    }

    pub const fn exists(&self) -> bool {
        self.sequence > 0
    }

    /// The case with one more event, which was appended at the case's sequence. The new entry has the position of the
    /// entry before it and no digest, because only a read from the store gives them.
    #[must_use]
    pub fn with(&self, event: NewEvent, recorded: DateTime<Utc>) -> Self {
        let mut entries = self.entries.clone();
        entries.push(Entry {
            position: entries.last().map_or(Position::START, |last| last.position),
            recorded,
            fields: event.into_fields(self.sequence + 1),
            digest: RawDigest::default(),
        });
        Self::fold(&self.id, entries)
    }

    /// The position of the last entry and the number of entries; `None` if the case does not exist.
    pub fn end(&self) -> Option<(Position, u64)> {
        let last = self.entries.iter().map(|entry| entry.position).max()?;
        Some((last, self.entries.len() as u64))
    }
}
