//! A cache of the most recently used heads, bounded in bytes.

use lru::LruCache;

use super::{Head, Remembered};
use crate::domain::ids::EntityId;

/// The largest number of bytes of the heads of one domain, approximately.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The approximate number of bytes of a cache entry besides its head.
const ENTRY_BYTES: usize = 320;

pub(super) struct HeadCache<S: Remembered> {
    /// The heads, each with its approximate number of bytes.
    kept: LruCache<EntityId, (Head<S>, usize)>,
    bytes: usize,
}

impl<S: Remembered> HeadCache<S> {
    pub fn new() -> Self {
        Self {
            kept: LruCache::unbounded(),
            bytes: 0,
        }
    }

    pub fn get(&mut self, id: &EntityId) -> Option<Head<S>> {
        self.kept.get(id).map(|(head, _)| head.clone())
    }

    /// Caches a head, unless it takes more than an eighth of all bytes.
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

    /// The approximate number of bytes of all cached heads.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn remove(&mut self, id: &EntityId) {
        if let Some((_, bytes)) = self.kept.pop(id) {
            self.bytes -= bytes;
        }
    }
}
