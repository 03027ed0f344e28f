//! The heads used last, within a bound of bytes.

use lru::LruCache;

use super::{Head, Remembered};
use crate::domain::ids::EntityId;

/// Bytes that the heads of one domain may take, as far as they are weighed.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes that an entry of the cache takes besides its head, the id among them, about.
const ENTRY_BYTES: usize = 320;

pub(super) struct Heads<S: Remembered> {
    /// Each with its bytes.
    kept: LruCache<EntityId, (Head<S>, usize)>,
    bytes: usize,
}

impl<S: Remembered> Heads<S> {
    pub fn new() -> Self {
        Self {
            kept: LruCache::unbounded(),
            bytes: 0,
        }
    }

    pub fn get(&mut self, id: &EntityId) -> Option<Head<S>> {
        self.kept.get(id).map(|(head, _)| head.clone())
    }

    /// Keeps a head. One that takes more than an eighth of all bytes is not kept.
    pub fn put(&mut self, id: &EntityId, head: &Head<S>) {
        self.remove(id);
        let bytes = head.fold.state.weight() + ENTRY_BYTES;
        if bytes > BYTES_MAX / 8 {
            return;
        }
        self.bytes += bytes;
        self.kept.put(id.clone(), (head.clone(), bytes));
        while self.bytes > BYTES_MAX
            && let Some((_, (_, bytes))) = self.kept.pop_lru()
        {
            self.bytes -= bytes;
        }
    }

    /// Bytes that the heads take, as far as they are weighed.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn remove(&mut self, id: &EntityId) {
        if let Some((_, bytes)) = self.kept.pop(id) {
            self.bytes -= bytes;
        }
    }
}
