//! One stream being folded, a page at a time: from its beginning, or on from a head.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Head, Remembered, Told};
use crate::domain::{event::Entry, fold::Fold, ids::Position};

pub struct Folding<S> {
    fold: Arc<Fold<S>>,
    last: Position,
    last_recorded: DateTime<Utc>,
    entries: u64,
    /// It began at the stream's beginning and nobody was told yet.
    untold: bool,
}

impl<S: Remembered> Folding<S> {
    /// From the beginning.
    pub fn new() -> Self {
        Self {
            fold: Arc::new(Fold::new()),
            last: Position::START,
            last_recorded: DateTime::<Utc>::MIN_UTC,
            entries: 0,
            untold: true,
        }
    }

    pub(super) fn going_on(head: Head<S>) -> Self {
        Self {
            fold: head.fold,
            last: head.last,
            last_recorded: head.last_recorded,
            entries: head.entries,
            untold: false,
        }
    }

    /// Where the next page begins.
    pub const fn last(&self) -> Position {
        self.last
    }

    /// Goes on with the next entries of the stream. `false`: they do not come in sequence order, nothing was folded, and only
    /// the whole stream gives the right answer.
    pub fn push(&mut self, entries: &[Entry], told: &mut (dyn FnMut(Told<'_, S>) + Send)) -> bool {
        if !self.fold.continues_with(entries) {
            return false;
        }
        self.push_sorted(entries, told);
        true
    }

    pub(super) fn push_sorted(&mut self, entries: &[Entry], told: &mut (dyn FnMut(Told<'_, S>) + Send)) {
        if std::mem::take(&mut self.untold) {
            told(Told::Anew);
        }
        let fold = Arc::make_mut(&mut self.fold);
        for entry in entries {
            fold.push(entry, |_| {});
            self.last = self.last.max(entry.position);
            self.last_recorded = self.last_recorded.max(entry.recorded);
        }
        self.entries += entries.len() as u64;
        told(Told::Page { fold, entries });
    }

    /// `None` where there was no entry.
    pub fn finish(self) -> Option<Head<S>> {
        (self.entries > 0).then_some(Head {
            fold: self.fold,
            last: self.last,
            last_recorded: self.last_recorded,
            entries: self.entries,
        })
    }
}
