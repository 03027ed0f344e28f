//! The heads that are kept: those lately used, within a bound of bytes. Which one goes is decided by when it was last used.

use std::collections::{BTreeMap, HashMap};

use super::{Head, Remembered};
use crate::domain::ids::EntityId;

/// Bytes that the heads of one domain may take, as far as they are weighed.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes that its places in both maps take, its id among them, about.
const PLACE: usize = 320;

pub(super) struct Heads<S: Remembered> {
    by_id: HashMap<EntityId, Kept<S>>,
    /// By the tick of their last use.
    by_use: BTreeMap<u64, EntityId>,
    tick: u64,
    bytes: usize,
}

struct Kept<S: Remembered> {
    head: Head<S>,
    used: u64,
    bytes: usize,
}

impl<S: Remembered> Heads<S> {
    pub fn new() -> Self {
        Self {
            by_id: HashMap::new(),
            by_use: BTreeMap::new(),
            tick: 0,
            bytes: 0,
        }
    }

    pub fn get(&mut self, id: &EntityId) -> Option<Head<S>> {
        let kept = self.by_id.get_mut(id)?;
        self.tick += 1;
        if let Some(id) = self.by_use.remove(&kept.used) {
            self.by_use.insert(self.tick, id);
        }
        kept.used = self.tick;
        Some(kept.head.clone())
    }

    pub fn put(&mut self, id: &EntityId, head: &Head<S>) {
        self.remove(id);
        let bytes = head.fold.state.weight() + PLACE;
        if bytes > BYTES_MAX / 8 {
            return;
        }
        self.tick += 1;
        self.bytes += bytes;
        self.by_use.insert(self.tick, id.clone());
        let kept = Kept {
            head: head.clone(),
            used: self.tick,
            bytes,
        };
        self.by_id.insert(id.clone(), kept);
        while self.bytes > BYTES_MAX
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            if let Some(gone) = self.by_id.remove(&oldest) {
                self.bytes -= gone.bytes;
            }
        }
    }

    /// Bytes that they take, as far as they are weighed.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn remove(&mut self, id: &EntityId) {
        if let Some(gone) = self.by_id.remove(id) {
            self.bytes -= gone.bytes;
            self.by_use.remove(&gone.used);
        }
    }
}
