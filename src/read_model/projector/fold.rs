//! Streams being folded on their way into the read model.

use super::super::entity::{Entity, Update};
use crate::{
    domain::{event::Entry, ids::EntityId},
    event_log::Swept,
    history::{Folding, Head, Histories, Told},
    read_model::recent,
};

/// What is gathered of a stream beside its fold.
#[derive(Debug)]
pub struct Gathering<S: Entity> {
    touched: S::Touched,
    newest: Vec<Entry>,
    anew: bool,
}

// Derived, it would ask for S: Default.
impl<S: Entity> Default for Gathering<S> {
    fn default() -> Self {
        Self {
            touched: S::Touched::default(),
            newest: Vec::new(),
            anew: false,
        }
    }
}

impl<S: Entity> Gathering<S> {
    pub fn hear(&mut self, told: &Told<'_, S>) {
        match told {
            Told::Anew => {
                *self = Self {
                    anew: true,
                    ..Self::default()
                }
            }
            Told::Page { fold, entries } => {
                S::touch(&fold.state, entries, &mut self.touched);
                let from = entries.len().saturating_sub(recent::KEPT);
                self.newest.extend_from_slice(&entries[from..]);
                self.newest.drain(..self.newest.len().saturating_sub(recent::KEPT));
            }
        }
    }

    pub fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.newest.iter()
    }

    pub fn update(self, head: Head<S>) -> Update<S> {
        Update {
            anew: self.anew,
            fold: head.fold,
            entries: head.entries,
            last: head.last,
            touched: self.touched,
            newest: self.newest,
        }
    }
}

/// A stream that is being folded, part after part.
pub struct Unfinished<S: Entity> {
    folding: Folding<S>,
    gathering: Gathering<S>,
}

/// What became of a part of a stream.
pub enum Pushed<S: Entity> {
    /// Its entries are not in sequence order: it has to be read again as a whole.
    Disordered,
    Unfinished(Box<Unfinished<S>>),
    /// `None` for a stream without entries.
    Finished(Option<Update<S>>),
}

impl<S: Entity> Unfinished<S> {
    pub fn new(folding: Folding<S>) -> Self {
        Self {
            folding,
            gathering: Gathering::default(),
        }
    }

    /// A stream that came in one part. `false`: out of order.
    fn push_whole(&mut self, entries: &[Entry]) -> bool {
        let gathering = &mut self.gathering;
        entries.is_empty() || self.folding.push(entries, &mut |told| gathering.hear(&told))
    }

    fn finish(self) -> Option<Update<S>> {
        let gathering = self.gathering;
        self.folding.finish().map(|head| gathering.update(head))
    }

    /// One part of several.
    pub fn push_part(mut self, histories: &Histories<S>, id: &EntityId, entries: &[Entry], last: bool) -> Pushed<S> {
        let gathering = &mut self.gathering;
        if !histories.push_part(id, &mut self.folding, entries, &mut |told| gathering.hear(&told)) {
            return Pushed::Disordered;
        }
        if !last {
            return Pushed::Unfinished(Box::new(self));
        }
        let gathering = self.gathering;
        let head = histories.finish_parts(id, self.folding);
        Pushed::Finished(head.map(|head| gathering.update(head)))
    }
}

/// What became of a batch of whole streams.
#[derive(Debug)]
pub struct Folded<S: Entity> {
    pub updates: Vec<(EntityId, Update<S>)>,
    /// Those that are out of order and have to be read again.
    pub disordered: Vec<EntityId>,
}

pub fn fold_all<S: Entity>(batch: Vec<Swept>, histories: &Histories<S>) -> Folded<S> {
    let mut folded = Folded {
        updates: Vec::with_capacity(batch.len()),
        disordered: Vec::new(),
    };
    for swept in batch {
        let mut stream = Unfinished::new(histories.folding());
        if !stream.push_whole(&swept.entries) {
            folded.disordered.push(swept.subject);
        } else if let Some(update) = stream.finish() {
            folded.updates.push((swept.subject, update));
        }
    }
    folded
}
