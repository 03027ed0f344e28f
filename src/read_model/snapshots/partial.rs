//! A long wallet as a command is decided on it: the state at its last snapshot, gone on with over what the log has had since,
//! with those postings and holds that the command is about. The tail is read from the log every time, so it is never older
//! than a replay of the whole stream would be; where that can't be had, there is none and the stream is to be read whole.

use super::{Histories, SnapshotError, SnapshotStore, access::Trouble, recorder::SEGMENT};
use crate::{
    domain::{
        event::Entry,
        fold::Fold,
        ids::{EntityId, Position, Sequence},
        wallet::{Part, WalletState},
    },
    event_log::{READ_MAX, ReadError},
};

/// What of a long wallet is asked for besides its figures and open holds.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    pub parts: Vec<Part>,
    /// Every credit for this refund.
    pub refund: Option<&'a str>,
    /// An event that touched a posting: the posting's event id and its own.
    pub sought: Option<(&'a str, &'a str)>,
}

/// A long wallet at the end of its stream, in part.
#[derive(Debug)]
pub struct Brief {
    pub fold: Fold<WalletState>,
    /// The place of the last entry that is left out.
    pub from: Sequence,
    /// Every entry after it, with its place.
    pub tail: Vec<(Sequence, Entry)>,
    /// The event that was sought, where it is among what is left out.
    pub found: Option<Entry>,
}

impl Histories<WalletState> {
    /// A long wallet as it is now; `None` for one that has no snapshots and is to be read whole.
    pub async fn brief(&self, id: &EntityId, wanted: &Wanted<'_>) -> Result<Option<Brief>, ReadError> {
        self.or_forget(id, self.try_brief(id, wanted).await).await
    }

    /// The first entries after a place, at most so many; `None` for a wallet that is to be read whole.
    pub async fn entries_after(
        &self,
        id: &EntityId,
        place: Sequence,
        most: usize,
    ) -> Result<Option<Vec<(Sequence, Entry)>>, ReadError> {
        self.or_forget(id, self.try_entries_after(id, place, most).await).await
    }

    async fn try_brief(&self, id: &EntityId, wanted: &Wanted<'_>) -> Result<Option<Brief>, Trouble> {
        let Some((kept, last)) = self.last_snapshot(id).await? else {
            return Ok(None);
        };
        let entries = self.log.read_all(id, last.position).await?;
        let (number, from) = (last.number, last.place);
        let mut fold = last.fold;
        if !fold.continues_with(&entries) {
            // Something came that belongs before what the snapshots say.
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
        Ok(Some(Brief {
            fold,
            from,
            tail,
            found,
        }))
    }

    /// The event with this id in the segments in which a posting was touched.
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
        let Some((kept, last)) = self.last_snapshot(id).await? else {
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
                    // Out of order: which entries are the first is known when all are sorted.
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
