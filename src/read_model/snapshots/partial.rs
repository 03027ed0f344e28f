//! A long wallet, loaded partially to decide a command: the state at the last snapshot, folded on with the entries after it, and
//! the postings and holds that the command names. The entries after the snapshot are read from the log each time, so the result
//! is as recent as a replay of the whole stream. `None` means that the caller has to load the whole stream.

use super::{
    Histories, SnapshotError, SnapshotStore,
    access::{Last, Trouble},
    recorder::SEGMENT,
};
use crate::{
    domain::{
        event::Entry,
        fold::Fold,
        ids::{EntityId, Position, Sequence},
        wallet::{Part, WalletState},
    },
    event_log::{READ_MAX, ReadError},
};

/// What to load of a long wallet besides its figures and open holds.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    pub parts: Vec<Part>,
    /// Load every credit for this refund.
    pub refund: Option<&'a str>,
    /// Find an event: the event id of the posting that it touched, and its own id.
    pub sought: Option<(&'a str, &'a str)>,
}

/// A long wallet at the end of its stream, loaded partially.
#[derive(Debug)]
pub struct PartialWallet {
    pub fold: Fold<WalletState>,
    /// The sequence of the last entry that is left out.
    pub from: Sequence,
    /// Every entry after that, with its sequence.
    pub tail: Vec<(Sequence, Entry)>,
    /// The sought event, if it is among the entries that are left out.
    pub found: Option<Entry>,
}

impl Histories<WalletState> {
    /// Loads a long wallet partially. `None` if it has no snapshots and has to be loaded whole.
    pub async fn load_partially(&self, id: &EntityId, wanted: &Wanted<'_>) -> Result<Option<PartialWallet>, ReadError> {
        self.or_forget(id, self.try_load_partially(id, wanted).await).await
    }

    /// The first entries after a sequence, at most `most`. `None` if the wallet has to be read whole.
    pub async fn entries_after(
        &self,
        id: &EntityId,
        place: Sequence,
        most: usize,
    ) -> Result<Option<Vec<(Sequence, Entry)>>, ReadError> {
        self.or_forget(id, self.try_entries_after(id, place, most).await).await
    }

    async fn try_load_partially(&self, id: &EntityId, wanted: &Wanted<'_>) -> Result<Option<PartialWallet>, Trouble> {
        let Some(Last {
            store: kept,
            snapshot: last,
            tail: entries,
        }) = self.last_snapshot(id).await?
        else {
            return Ok(None);
        };
        let (number, from) = (last.number, last.place);
        let mut fold = last.fold;
        if !fold.continues_with(&entries) {
            // An entry came that belongs before the snapshot.
            self.remove_snapshots(id).await;
            return Ok(None);
        }
        let mut parts = wanted.parts.clone();
        if let Some(refund) = wanted.refund {
            parts.extend(kept.credits(id, refund)?.into_iter().map(Part::Posting));
        }
        parts.extend(entries.iter().flat_map(WalletState::parts_of));
        kept.recall(id, &mut fold.state, parts, number)?;
        let mut place = from;
        let mut tail = Vec::with_capacity(entries.len());
        for entry in entries {
            place = entry.sequence().unwrap_or(place);
            fold.push(&entry, |_| {});
            tail.push((place, entry));
        }
        let found = match wanted.sought {
            Some((posting, event)) => self.find(kept, id, posting, event).await?,
            None => None,
        };
        Ok(Some(PartialWallet {
            fold,
            from,
            tail,
            found,
        }))
    }

    /// Finds the event with this id in the segments that touched a posting.
    async fn find(
        &self,
        kept: &SnapshotStore,
        id: &EntityId,
        posting: &str,
        event: &str,
    ) -> Result<Option<Entry>, Trouble> {
        for number in kept.segments_touching(id, posting)? {
            let before = match number.checked_sub(1) {
                Some(before) => kept.numbered(id, before)?.ok_or(SnapshotError::Damaged)?.position,
                None => Position::START,
            };
            let entries = self.log.read(id, before, segment()).await?;
            let found = entries.into_iter().find(|entry| entry.fields.id() == Some(event));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn try_entries_after(
        &self,
        id: &EntityId,
        place: Sequence,
        most: usize,
    ) -> Result<Option<Vec<(Sequence, Entry)>>, Trouble> {
        let Some(Last {
            store: kept,
            snapshot: last,
            ..
        }) = self.last_snapshot(id).await?
        else {
            return Ok(None);
        };
        let start = if last.place <= place {
            Some(last)
        } else {
            kept.whole(id, i64::MAX, i64::MAX, place)?
        };
        let (mut after, mut at) = start.map_or((Position::START, 0), |start| (start.position, start.place));
        let mut found = Vec::new();
        let limit = segment() + most;
        loop {
            let page = self.log.read(id, after, limit).await?;
            let full = page.len() >= limit;
            for entry in page {
                let next = entry.sequence().unwrap_or(at);
                if next < at {
                    // The stream is out of order, so the first entries are known only after all are sorted.
                    return Ok(None);
                }
                (at, after) = (next, entry.position);
                if at > place && found.len() < most {
                    found.push((at, entry));
                }
            }
            if !full || found.len() >= most {
                return Ok(Some(found));
            }
        }
    }
}

fn segment() -> usize {
    usize::try_from(SEGMENT).unwrap_or(READ_MAX)
}
