//! Verifies the audit trail: follows the chain from its start, recomputes every hash, and checks that every day's
//! stream is in the chain. Entries that were cut off at the end can't be detected from the rest. To detect them, an
//! operator compares the head with one that was noted earlier and stored elsewhere.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Audit,
    chain::{self, Data, Envelope, Link},
    read,
};
use crate::{
    domain::{
        event::Entry,
        ids::{Position, Sequence},
    },
    event_log::{EventLog, Unavailable},
};

/// Entries per read of the log.
const PAGE: usize = 1_000;

/// The result for an intact chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Days with entries.
    pub days: u64,
    pub entries: u64,
    /// The hash of the last event. If the chain still contains an earlier head, no event up to that head was cut off.
    pub head: String,
}

/// The first event at which the chain is not intact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail is broken at {day}/{sequence}: {why}")]
pub struct Broken {
    /// The stream.
    pub day: String,
    /// The sequence that was expected.
    pub sequence: Sequence,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The current position in the chain.
struct Walk {
    link: Link,
    sequence: Sequence,
    hash: String,
    entries: u64,
    /// The next stream, once the seal of the current one was read.
    next: Option<Link>,
}

impl Audit {
    pub async fn verify(&self) -> Result<Verified, VerifyError> {
        // The days are listed before the walk, so that a day that begins later is not reported as outside of the chain.
        let mut beside: BTreeSet<Link> = read::days(&self.log).await?.into_iter().collect();
        let mut walk = Walk {
            link: Link::START,
            sequence: 0,
            hash: chain::nothing(),
            entries: 0,
            next: None,
        };
        let mut days = 0;
        loop {
            let before = walk.entries;
            walk.stream(&self.log).await?;
            days += u64::from(walk.entries > before);
            beside.remove(&walk.link);
            let Some(next) = walk.next.take() else { break };
            (walk.link, walk.sequence) = (next, 0);
        }
        match beside.first() {
            Some(link) => Err(Broken {
                day: link.to_string(),
                sequence: 1,
                why: "the chain does not lead to this day".into(),
            }
            .into()),
            None => Ok(Verified {
                days,
                entries: walk.entries,
                head: walk.hash,
            }),
        }
    }
}

impl Walk {
    /// Walks one stream to its end.
    async fn stream(&mut self, log: &Arc<dyn EventLog>) -> Result<(), VerifyError> {
        let (id, mut after) = (self.link.stream()?, Position::START);
        loop {
            let page = log.read(&id, after, PAGE).await.map_err(Unavailable::from)?;
            for entry in &page {
                self.step(entry).map_err(|why| Broken {
                    day: self.link.to_string(),
                    sequence: self.sequence + 1,
                    why: why.into(),
                })?;
                after = entry.position;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn step(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if self.next.is_some() {
            return Err("an entry follows the seal of its day");
        }
        if entry.sequence() != Some(self.sequence + 1) {
            return Err("the sequence has a gap, a repeat or no number");
        }
        let data = chain::data(entry).ok_or("the data can't be read, or has members that no hash covers")?;
        if data.prev != self.hash {
            return Err("it does not continue the entry before it: an entry was removed, changed or reordered");
        }
        let kind = self.check(entry, &data)?;
        self.next = match (kind, &data.next) {
            (chain::SEALED, Some(next)) => {
                let next = Link::parse(next).filter(|next| *next > self.link);
                Some(next.ok_or("its seal does not name a later day")?)
            }
            (chain::RECORDED, None) if self.link != Link::START => None,
            _ => return Err("it is neither an entry nor a seal"),
        };
        self.entries += u64::from(kind == chain::RECORDED);
        self.sequence += 1;
        self.hash = data.hash;
        Ok(())
    }

    /// Checks that the hash is that of the event. Returns the event's type.
    fn check<'a>(&self, entry: &'a Entry, data: &Data) -> Result<&'a str, &'static str> {
        let fields = &entry.fields;
        let id = fields.id().ok_or("it has no id")?;
        let kind = fields.r#type().ok_or("it has no type")?;
        let covered = fields.idempotencykey() == Some(id)
            && fields.correlationid().is_none()
            && fields.causationid().is_none()
            && fields.extra.is_empty();
        if !covered {
            return Err("it has fields that no hash covers");
        }
        let envelope = Envelope {
            stream: &self.link.to_string(),
            sequence: self.sequence + 1,
            id,
            time: fields.time().ok_or("it has no time")?,
            kind,
            actor: fields.actor().ok_or("it has no actor")?,
        };
        if chain::hash(envelope, data) != data.hash {
            return Err("its hash does not match its content");
        }
        Ok(kind)
    }
}
