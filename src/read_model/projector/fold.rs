//! The folding of streams on their way into the read model.

use std::{cmp::Reverse, collections::BinaryHeap};

use chrono::{DateTime, Utc};

use super::super::entity::{Digest, Entity, Update};
use crate::{
    domain::{
        event::{Entry, RawDigest},
        ids::{EntityId, Position},
    },
    event_log::{Swept, roll},
    read_model::{
        recent,
        snapshots::{FoldCursor, FoldStep, Head, Histories},
        whole_ids::{self, IdHash},
    },
    views::truncate,
};

/// What is collected of a stream beside its fold.
#[derive(Debug)]
pub struct Gathering<S: Entity> {
    touched: S::Touched,
    newest: Vec<Entry>,
    /// Entries recorded earlier are not among the newest of the batch.
    newest_since: DateTime<Utc>,
    anew: bool,
    digests: Digests,
    ids: Vec<IdHash>,
}

/// Digests of the entries of a stream.
#[derive(Debug)]
enum Digests {
    /// The rolled digest of all entries from the first on.
    Rolled(RawDigest),
    /// The digests of the entries after the known ones.
    Later(Vec<RawDigest>),
    /// The digests of all entries, in sequence order instead of stream order.
    Unsorted(Vec<(Position, RawDigest)>),
}

// A derived impl would require `S: Default`.
impl<S: Entity> Default for Gathering<S> {
    fn default() -> Self {
        Self {
            touched: S::Touched::default(),
            newest: Vec::new(),
            newest_since: DateTime::<Utc>::MIN_UTC,
            anew: false,
            digests: Digests::Later(Vec::new()),
            ids: Vec::new(),
        }
    }
}

impl<S: Entity> Gathering<S> {
    pub fn observe(&mut self, step: &FoldStep<'_, S>) {
        match step {
            FoldStep::Anew { in_order } => {
                *self = Self {
                    anew: true,
                    digests: if *in_order {
                        Digests::Rolled(RawDigest::default())
                    } else {
                        Digests::Unsorted(Vec::new())
                    },
                    newest_since: self.newest_since,
                    ..Self::default()
                }
            }
            FoldStep::Page { fold, entries } => {
                self.digests.add(entries);
                whole_ids::gather(entries, &mut self.ids);
                S::touch(&fold.state, entries, &mut self.touched, &mut self.ids);
                let from = entries.len().saturating_sub(recent::KEPT);
                // Entries are truncated, because a batch of streams stays in memory until it is written.
                let newest = entries[from..]
                    .iter()
                    .filter(|entry| entry.recorded >= self.newest_since);
                self.newest.extend(newest.map(truncate::row));
                self.newest.drain(..self.newest.len().saturating_sub(recent::KEPT));
            }
        }
    }

    pub fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.newest.iter()
    }

    pub fn update(mut self, head: Head<S>) -> Update<S> {
        self.ids.sort_unstable();
        self.ids.dedup();
        Update {
            anew: self.anew,
            fold: head.fold,
            entries: head.entries,
            last: head.last,
            touched: self.touched,
            newest: self.newest,
            digest: self.digests.finish(),
            ids: self.ids,
        }
    }
}

impl Digests {
    fn add(&mut self, entries: &[Entry]) {
        match self {
            Self::Rolled(digest) => {
                for entry in entries {
                    *digest = roll(*digest, entry.digest);
                }
            }
            Self::Later(digests) => digests.extend(entries.iter().map(|entry| entry.digest)),
            Self::Unsorted(digests) => digests.extend(entries.iter().map(|entry| (entry.position, entry.digest))),
        }
    }

    fn finish(self) -> Digest {
        match self {
            Self::Rolled(digest) => Digest::Whole(digest),
            Self::Later(digests) => Digest::After(digests),
            Self::Unsorted(mut digests) => {
                digests.sort_unstable_by_key(|(position, _)| *position);
                let digests = digests.into_iter();
                Digest::Whole(digests.fold(RawDigest::default(), |digest, (_, next)| roll(digest, next)))
            }
        }
    }
}

/// A stream that is being folded part by part.
pub struct Unfinished<S: Entity> {
    folding: FoldCursor<S>,
    gathering: Gathering<S>,
}

/// The result of pushing a part of a stream.
pub enum Pushed<S: Entity> {
    /// The entries are not in sequence order, so the stream has to be read again as a whole.
    Disordered,
    Unfinished(Box<Unfinished<S>>),
    /// The update of the entity; `None` for a stream without entries.
    Finished(Option<Update<S>>),
}

impl<S: Entity> Unfinished<S> {
    pub fn new(folding: FoldCursor<S>) -> Self {
        Self {
            folding,
            gathering: Gathering::default(),
        }
    }

    /// Folds a stream that came in one part. Returns `false` if the entries are out of order.
    fn push_whole(&mut self, entries: &[Entry]) -> bool {
        let gathering = &mut self.gathering;
        entries.is_empty() || self.folding.push(entries, &mut |step| gathering.observe(&step))
    }

    fn finish(self) -> Option<Update<S>> {
        let gathering = self.gathering;
        self.folding.finish().map(|head| gathering.update(head))
    }

    /// Folds one part of several.
    pub fn push_part(mut self, histories: &Histories<S>, id: &EntityId, entries: &[Entry], last: bool) -> Pushed<S> {
        let gathering = &mut self.gathering;
        if !histories.push_part(id, &mut self.folding, entries, &mut |step| gathering.observe(&step)) {
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

/// The result of folding a batch of whole streams.
#[derive(Debug)]
pub struct Folded<S: Entity> {
    pub updates: Vec<(EntityId, Update<S>)>,
    /// Streams that are out of order and have to be read again.
    pub disordered: Vec<EntityId>,
}

/// The recorded time of the oldest among the newest [`recent::KEPT`] entries of a batch. The earliest time for an empty batch.
fn newest_since(batch: &[Swept]) -> DateTime<Utc> {
    let mut newest: BinaryHeap<Reverse<DateTime<Utc>>> = BinaryHeap::with_capacity(recent::KEPT + 1);
    for entry in batch.iter().flat_map(|swept| &swept.entries) {
        if newest.len() < recent::KEPT || newest.peek().is_some_and(|last| entry.recorded > last.0) {
            newest.push(Reverse(entry.recorded));
            if newest.len() > recent::KEPT {
                newest.pop();
            }
        }
    }
    newest.peek().map_or(DateTime::<Utc>::MIN_UTC, |last| last.0)
}

pub fn fold_all<S: Entity>(batch: Vec<Swept>, histories: &Histories<S>) -> Folded<S> {
    let newest_since = newest_since(&batch);
    let mut folded = Folded {
        updates: Vec::with_capacity(batch.len()),
        disordered: Vec::new(),
    };
    for swept in batch {
        let mut stream = Unfinished::new(histories.folding());
        stream.gathering.newest_since = newest_since;
        if !stream.push_whole(&swept.entries) {
            folded.disordered.push(swept.subject);
        } else if let Some(update) = stream.finish() {
            folded.updates.push((swept.subject, update));
        }
    }
    folded
}
