//! Histories of entities as folds that go on: the state at a stream's end, read from where it was known before. What was
//! lately moved or looked at is kept, within a bound; everything else is read again from the log. Never writes to a log.

mod folding;
mod heads;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        event::Entry,
        fold::Fold,
        ids::{EntityId, Position},
        order::OrderState,
        replay::{Replayable, in_sequence_order},
        wallet::WalletState,
    },
    event_log::{EventLog, READ_MANY_MAX, READ_MAX, ReadError},
};

pub use self::folding::Folding;
use self::heads::Heads;

/// Entries of a stream that are read along with those of others.
const PAGE: usize = 1_000;
/// Entries that are folded before the caller hears of them.
const TOLD_AT_ONCE: usize = 1_000;

/// A state whose histories can be kept.
pub trait Remembered: Replayable + Send + Sync + std::fmt::Debug + 'static {
    /// About how many bytes it takes in memory.
    fn weight(&self) -> usize;
}

impl Remembered for WalletState {
    fn weight(&self) -> usize {
        // Keys and rows of the maps, with the room that their nodes leave.
        512 + 320 * self.postings.len() + 320 * self.holds.len()
    }
}

impl Remembered for OrderState {
    fn weight(&self) -> usize {
        512 + 384 * self.refunds.len()
    }
}

/// What a caller hears while a history goes on.
#[derive(Debug)]
pub enum Told<'a, S> {
    /// What follows begins at the stream's beginning: whatever was known before is void.
    Anew,
    /// The next entries, and the fold after them.
    Page { fold: &'a Fold<S>, entries: &'a [Entry] },
}

/// An entity at the end of its stream.
#[derive(Debug)]
pub struct Head<S> {
    pub fold: Arc<Fold<S>>,
    /// Where its stream was read to.
    pub last: Position,
    /// When the ledger learnt of its last event.
    pub last_recorded: DateTime<Utc>,
    /// Entries of its stream.
    pub entries: u64,
}

// Derived, it would ask for S: Clone.
impl<S> Clone for Head<S> {
    fn clone(&self) -> Self {
        Self {
            fold: Arc::clone(&self.fold),
            last: self.last,
            last_recorded: self.last_recorded,
            entries: self.entries,
        }
    }
}

/// The histories of one domain's entities.
pub struct Histories<S> {
    log: Arc<dyn EventLog>,
    heads: Mutex<Heads<S>>,
}

impl<S: Remembered> Histories<S> {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            heads: Mutex::new(Heads::new()),
        }
    }

    /// Goes on to a stream's end. `known` is the last position that the caller has accounted for, `None` for nothing yet;
    /// `told` hears of every entry after it, in order. `None` for a stream without entries.
    pub async fn advance(
        &self,
        id: &EntityId,
        known: Option<Position>,
        told: &mut (dyn FnMut(Told<'_, S>) + Send),
    ) -> Result<Option<Head<S>>, ReadError> {
        let kept = known.and_then(|known| self.heads().get(id).filter(|head| head.last == known));
        let mut folding = match kept {
            Some(head) => Folding::going_on(head),
            None => Folding::new(),
        };
        if !self.read_on(id, &mut folding, told).await? {
            return self.refold(id, told).await;
        }
        Ok(folding.finish().inspect(|head| self.heads().put(id, head)))
    }

    /// The same for many streams at once, which share reads. `None` for those that have nothing after `known`.
    pub async fn advance_many(
        &self,
        wanted: &[(EntityId, Option<Position>)],
        told: &mut (dyn FnMut(&EntityId, Told<'_, S>) + Send),
    ) -> Result<Vec<Option<Head<S>>>, ReadError> {
        let mut heads = Vec::with_capacity(wanted.len());
        for wanted in wanted.chunks(READ_MANY_MAX) {
            let after: Vec<_> = wanted
                .iter()
                .map(|(id, known)| (id.clone(), known.unwrap_or(Position::START)))
                .collect();
            let pages = self.log.read_many(&after, PAGE).await?;
            for ((id, known), page) in wanted.iter().zip(pages) {
                heads.push(if page.is_empty() {
                    None
                } else {
                    let told = &mut |of: Told<'_, S>| told(id, of);
                    self.go_on(id, *known, page, told).await?
                });
            }
        }
        Ok(heads)
    }

    /// Goes on with a page that was read already.
    async fn go_on(
        &self,
        id: &EntityId,
        known: Option<Position>,
        page: Vec<Entry>,
        told: &mut (dyn FnMut(Told<'_, S>) + Send),
    ) -> Result<Option<Head<S>>, ReadError> {
        let kept = known.and_then(|known| self.heads().get(id).filter(|head| head.last == known));
        let mut folding = match (kept, known) {
            (Some(head), _) => Folding::going_on(head),
            (None, None) => Folding::new(),
            // Nobody holds the state before the page: all of the stream is needed.
            (None, Some(_)) => return self.advance(id, None, told).await,
        };
        let ended = page.len() < PAGE;
        if !folding.push(&page, told) {
            return self.refold(id, told).await;
        }
        if !ended && !self.read_on(id, &mut folding, told).await? {
            return self.refold(id, told).await;
        }
        Ok(folding.finish().inspect(|head| self.heads().put(id, head)))
    }

    /// Reads on to the stream's end; `false` where what comes is out of order.
    async fn read_on(
        &self,
        id: &EntityId,
        folding: &mut Folding<S>,
        told: &mut (dyn FnMut(Told<'_, S>) + Send),
    ) -> Result<bool, ReadError> {
        loop {
            let page = self.log.read(id, folding.last(), READ_MAX).await?;
            if !page.is_empty() && !folding.push(&page, told) {
                return Ok(false);
            }
            if page.len() < READ_MAX {
                return Ok(true);
            }
        }
    }

    /// Folds a whole stream whose entries did not come in sequence order.
    async fn refold(
        &self,
        id: &EntityId,
        told: &mut (dyn FnMut(Told<'_, S>) + Send),
    ) -> Result<Option<Head<S>>, ReadError> {
        let mut all = Vec::new();
        let mut after = Position::START;
        loop {
            let page = self.log.read(id, after, READ_MAX).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            all.extend(page);
        }
        let placed = in_sequence_order(all);
        let entries: Vec<_> = placed.into_iter().map(|(_, entry)| entry).collect();
        let mut folding = Folding::new();
        for page in entries.chunks(TOLD_AT_ONCE) {
            folding.push_sorted(page, told);
        }
        // Not kept: the next entry may again belong before others.
        Ok(folding.finish())
    }

    fn heads(&self) -> MutexGuard<'_, Heads<S>> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
