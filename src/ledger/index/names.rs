//! Names as small numbers: every id and text that the index holds stands once in one buffer, and rows hold its number. A
//! name is never taken out again; the ids of a ledger only grow.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use string_interner::{StringInterner, Symbol as _, backend::StringBackend, symbol::SymbolU32};

/// A place in one of the index's tables: four bytes, with or without an [`Option`] around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(NonZeroU32);

impl Slot {
    /// The place with this index, counted from 0. A table of more than four thousand million rows is none that fits in memory.
    pub fn at(index: usize) -> Self {
        let place = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        Self(NonZeroU32::new(place).unwrap_or(NonZeroU32::MAX))
    }

    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Texts by number, numbers by text.
#[derive(Clone, Debug)]
pub struct Names(StringInterner<StringBackend<SymbolU32>>);

impl Default for Names {
    fn default() -> Self {
        Self(StringInterner::new())
    }
}

impl Names {
    /// None yet, and room for so many.
    pub fn with_capacity(names: usize) -> Self {
        Self(StringInterner::with_capacity(names))
    }

    /// The number of a text; a new one has the next.
    pub fn intern(&mut self, text: &str) -> Slot {
        Slot::at(self.0.get_or_intern(text).to_usize())
    }

    pub fn find(&self, text: &str) -> Option<Slot> {
        self.0.get(text).map(|symbol| Slot::at(symbol.to_usize()))
    }

    pub fn text(&self, slot: Slot) -> &str {
        let symbol = SymbolU32::try_from_usize(slot.index());
        symbol.and_then(|symbol| self.0.resolve(symbol)).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.text(Slot::at(index)))
    }
}
