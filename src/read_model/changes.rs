//! The newest changes of all domains, in a ring buffer. Any number of readers read it at their own pace. A reader holds only a
//! number, so a slow one costs no memory. A reader that the ring has overtaken receives [`News::Reread`]. A change names the
//! entity, not what changed in it.

use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    domain::ids::{Domain, EntityId, Position},
    event_log::FeedPosition,
    views::lists::SEARCH_MAX,
};

/// The number of changes that the ring keeps.
const KEPT: usize = 65_536;
/// The largest length, in bytes, of a [`Resume`] text. It suffices for two feeds of some dozens of partitions.
const PLACE_LENGTH_MAX: usize = 4_096;

/// The changes of all domains.
pub struct Changes {
    ring: Mutex<Ring>,
    /// The number of the next change. Readers wait for it to grow.
    next: watch::Sender<u64>,
    /// Identifies the process that numbered the changes.
    run: Uuid,
}

struct Ring {
    changes: VecDeque<Change>,
    /// The number of the change after the newest.
    next: u64,
    kept: usize,
    /// By domain, the feed position before the oldest change in the ring. `None`: unknown.
    floor: [Option<Arc<FeedPosition>>; 2],
    /// By domain, the feed position of the newest change.
    place: [Option<Arc<FeedPosition>>; 2],
    /// By domain, whether a change was published that has no feed position.
    unfed: [bool; 2],
}

#[derive(Clone, Debug)]
struct Change {
    changed: Changed,
    /// The feed position that includes this change. `None` if a scan found the change.
    place: Option<Arc<FeedPosition>>,
}

/// A reader's position: the number of the next change, for this process, and feed positions, which another process on the same
/// stores understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    run: Uuid,
    next: u64,
    feeds: [Option<FeedPosition>; 2],
}

/// An entity that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    pub domain: Domain,
    pub id: EntityId,
    /// The wallet that a changed order names, if the order was read.
    pub wallet: Option<String>,
}

/// What a reader receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The entities that changed, oldest first. An entity occurs once for each of its changes.
    Changed(Vec<Changed>),
    /// Changes were lost, so the reader has to read everything again.
    Reread,
}

/// What a subscriber wants to know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Every change, for lists and totals.
    All,
    /// A wallet, and the orders that name it.
    Wallet(EntityId),
    Order(EntityId),
    /// The orders that have a refund of this id, and the wallets that were credited for it.
    Refund(String),
}

impl FromStr for Topic {
    type Err = ResumeError;

    fn from_str(text: &str) -> Result<Self, ResumeError> {
        let id = |id: &str| EntityId::new(id).map_err(|_| ResumeError);
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("wallet", wallet)) => id(wallet).map(Self::Wallet),
            Some(("order", order)) => id(order).map(Self::Order),
            Some(("refund", refund)) if refund.len() <= SEARCH_MAX => Ok(Self::Refund(refund.to_owned())),
            _ => Err(ResumeError),
        }
    }
}

/// A reader of the changes.
pub struct Subscription {
    changes: Arc<Changes>,
    next: u64,
    reread: bool,
    latest: watch::Receiver<u64>,
}

impl Changes {
    pub fn new() -> Arc<Self> {
        Self::keeping(KEPT)
    }

    fn keeping(kept: usize) -> Arc<Self> {
        Arc::new(Self {
            ring: Mutex::new(Ring {
                changes: VecDeque::new(),
                next: 0,
                kept,
                floor: [None, None],
                place: [None, None],
                unfed: [false; 2],
            }),
            next: watch::Sender::new(0),
            run: Uuid::now_v7(),
        })
    }

    /// Sets the position from which a feed is followed. Changes before it are unknown.
    pub fn begin(&self, domain: Domain, place: &FeedPosition) {
        let place = Arc::new(place.clone());
        let mut ring = self.ring();
        ring.floor[domain as usize] = Some(Arc::clone(&place));
        ring.place[domain as usize] = Some(place);
    }

    /// Publishes entities whose rows were written. `place` is the feed position that includes the changes; `None` if no feed
    /// entry named them.
    pub fn publish(&self, domain: Domain, changed: impl IntoIterator<Item = Changed>, place: Option<&FeedPosition>) {
        let place = place.cloned().map(Arc::new);
        let mut ring = self.ring();
        for changed in changed {
            let place = place.clone();
            ring.push(Change { changed, place });
        }
        match place {
            Some(_) => ring.place[domain as usize] = place,
            None => ring.unfed[domain as usize] = true,
        }
        let next = ring.next;
        drop(ring);
        self.next
            .send_if_modified(|latest| std::mem::replace(latest, next) != next);
    }

    /// Publishes entities that changed with time alone. Their changes have the present feed position.
    pub fn publish_due(&self, domain: Domain, changed: impl IntoIterator<Item = Changed>) {
        let mut ring = self.ring();
        for changed in changed {
            let place = ring.place[domain as usize].clone();
            ring.push(Change { changed, place });
        }
        let next = ring.next;
        drop(ring);
        self.next
            .send_if_modified(|latest| std::mem::replace(latest, next) != next);
    }

    /// Discards all changes. Every reader receives [`News::Reread`].
    pub fn forget(&self) {
        let mut ring = self.ring();
        // The skipped number puts every reader behind the oldest change.
        ring.next += 1;
        ring.changes.clear();
        ring.floor = [None, None];
        ring.place = [None, None];
        let next = ring.next;
        drop(ring);
        self.next.send_replace(next);
    }

    /// Subscribes from the position of an earlier reader, or from now.
    pub fn subscribe(self: &Arc<Self>, from: Option<&Resume>) -> Subscription {
        let latest = self.next.subscribe();
        let ring = self.ring();
        let next = match from {
            None => Some(ring.next),
            Some(resume) if resume.run == self.run => Some(resume.next.min(ring.next)),
            Some(resume) => ring.find(&resume.feeds),
        };
        Subscription {
            next: next.unwrap_or(ring.next),
            reread: next.is_none(),
            latest,
            changes: Arc::clone(self),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock()
    }
}

impl Ring {
    fn push(&mut self, change: Change) {
        if self.changes.len() >= self.kept
            && let Some(gone) = self.changes.pop_front()
            && gone.place.is_some()
        {
            self.floor[gone.changed.domain as usize] = gone.place;
        }
        self.changes.push_back(change);
        self.next += 1;
    }

    fn oldest(&self) -> u64 {
        self.next - self.changes.len() as u64
    }

    /// The number of the first change that a reader at these feed positions does not know. `None` if that is unknown.
    fn find(&self, feeds: &[Option<FeedPosition>; 2]) -> Option<u64> {
        for domain in Domain::ALL {
            let (floor, had) = (&self.floor[domain as usize], &feeds[domain as usize]);
            // Changes that a scan found have no feed position, so it is unknown whether the reader knows them.
            if self.unfed[domain as usize] || !reaches(had.as_ref()?, floor.as_deref()?) {
                return None;
            }
        }
        let knows = |change: &Change| match (&feeds[change.changed.domain as usize], &change.place) {
            (Some(had), Some(place)) => reaches(had, place),
            _ => false,
        };
        let known = self.changes.iter().take_while(|change| knows(change)).count();
        Some(self.oldest() + known as u64)
    }
}

/// Whether a reader at `had` has seen everything up to `place`. A `had` with fewer partitions is of another feed.
fn reaches(had: &FeedPosition, place: &FeedPosition) -> bool {
    had.0.len() >= place.0.len() && had.0.iter().zip(&place.0).all(|(had, place)| had >= place)
}

impl Subscription {
    /// Waits for unread changes. Returns `false` if there can be none any more.
    pub async fn wait(&mut self) -> bool {
        let next = self.next;
        self.reread || self.latest.wait_for(|latest| *latest > next).await.is_ok()
    }

    /// The unread changes, `most` at most, and the position after them.
    pub fn read(&mut self, most: usize) -> (News, Resume) {
        let ring = self.changes.ring();
        let oldest = ring.oldest();
        let news = if std::mem::take(&mut self.reread) || self.next < oldest {
            self.next = ring.next;
            News::Reread
        } else {
            let from = usize::try_from(self.next - oldest).unwrap_or(usize::MAX);
            let changes = ring.changes.iter().skip(from).take(most);
            let changed: Vec<_> = changes.map(|change| change.changed.clone()).collect();
            self.next += changed.len() as u64;
            News::Changed(changed)
        };
        let place = |domain: Domain| ring.place_before(self.next, domain);
        let resume = Resume {
            run: self.changes.run,
            next: self.next,
            feeds: Domain::ALL.map(place),
        };
        (news, resume)
    }
}

impl Ring {
    /// The position up to which a domain's feed was certainly read before the change of this number.
    fn place_before(&self, number: u64, domain: Domain) -> Option<FeedPosition> {
        if number >= self.next {
            return self.place[domain as usize].as_deref().cloned();
        }
        let before = usize::try_from(number.saturating_sub(self.oldest())).unwrap_or(usize::MAX);
        let next = self.changes.get(before).filter(|next| next.changed.domain == domain);
        let next = next.and_then(|next| next.place.as_ref());
        // A position is returned only after all changes with it. The changes that share the next change's position are not all
        // read.
        let done = self.changes.iter().take(before).rev().find(|change| {
            let place = change.place.as_ref();
            change.changed.domain == domain
                && place.is_some_and(|place| next.is_none_or(|next| !Arc::ptr_eq(place, next)))
        });
        let place = done.and_then(|change| change.place.as_ref());
        place
            .or(self.floor[domain as usize].as_ref())
            .map(|place| (**place).clone())
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run.simple(), self.next)?;
        for feed in &self.feeds {
            f.write_str("/")?;
            match feed {
                None => f.write_str("?")?,
                Some(feed) => {
                    for (at, position) in feed.0.iter().enumerate() {
                        let comma = if at == 0 { "" } else { "," };
                        write!(f, "{comma}{position}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The text is neither a position nor a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown topic or invalid position")]
pub struct ResumeError;

impl FromStr for Resume {
    type Err = ResumeError;

    fn from_str(text: &str) -> Result<Self, ResumeError> {
        if text.len() > PLACE_LENGTH_MAX {
            return Err(ResumeError);
        }
        let parts: Vec<_> = text.split('/').collect();
        let [run, next, wallet, order] = parts[..] else {
            return Err(ResumeError);
        };
        Ok(Self {
            run: run.parse().map_err(|_| ResumeError)?,
            next: next.parse().map_err(|_| ResumeError)?,
            feeds: [feed(wallet)?, feed(order)?],
        })
    }
}

fn feed(text: &str) -> Result<Option<FeedPosition>, ResumeError> {
    match text {
        "?" => Ok(None),
        "" => Ok(Some(FeedPosition::default())),
        text => {
            let positions: Result<Vec<Position>, _> = text.split(',').map(str::parse).collect();
            positions.map(|all| Some(FeedPosition(all))).map_err(|_| ResumeError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> EntityId {
        EntityId::new(text).unwrap()
    }

    fn at(major: u64) -> FeedPosition {
        FeedPosition(vec![Position { major, minor: 0 }])
    }

    fn hub(kept: usize) -> Arc<Changes> {
        let hub = Changes::keeping(kept);
        hub.begin(Domain::Wallet, &at(0));
        hub.begin(Domain::Order, &at(0));
        hub
    }

    fn changed(domain: Domain, ids: &[&str]) -> Vec<Changed> {
        let one = |text: &&str| Changed {
            domain,
            id: id(text),
            wallet: None,
        };
        ids.iter().map(one).collect()
    }

    fn tell(hub: &Changes, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            hub.publish(
                Domain::Wallet,
                changed(Domain::Wallet, &[&format!("W-{number}")]),
                Some(&at(number)),
            );
        }
    }

    fn wallets(news: News) -> Vec<String> {
        match news {
            News::Changed(all) => all.into_iter().map(|changed| changed.id.to_string()).collect(),
            News::Reread => vec!["reread".to_owned()],
        }
    }

    #[tokio::test]
    async fn a_reader_receives_the_changes_after_its_subscription() {
        let hub = hub(8);
        tell(&hub, 1..=2);
        let mut reader = hub.subscribe(None);
        assert_eq!(wallets(reader.read(9).0), [""; 0]);
        tell(&hub, 3..=5);
        assert!(reader.wait().await);
        assert_eq!(wallets(reader.read(2).0), ["W-3", "W-4"]);
        assert_eq!(wallets(reader.read(2).0), ["W-5"]);
    }

    #[tokio::test]
    async fn a_reader_that_the_ring_has_overtaken_rereads_once() {
        let hub = hub(4);
        let mut reader = hub.subscribe(None);
        tell(&hub, 1..=5);
        assert_eq!(wallets(reader.read(9).0), ["reread"]);
        assert_eq!(wallets(reader.read(9).0), [""; 0]);
        assert_eq!(hub.ring().changes.len(), 4, "the ring keeps no more for a slow reader");
    }

    #[tokio::test]
    async fn a_position_is_valid_in_this_process_and_in_another_on_the_same_stores() {
        let (one, other) = (hub(8), hub(8));
        let mut reader = one.subscribe(None);
        for hub in [&one, &other] {
            tell(hub, 1..=5);
        }
        let (_, place) = reader.read(3);
        let place: Resume = place.to_string().parse().unwrap();
        for hub in [&one, &other] {
            assert_eq!(wallets(hub.subscribe(Some(&place)).read(9).0), ["W-4", "W-5"]);
        }
        // After a restart the ring may not reach back so far.
        let later = hub(8);
        later.begin(Domain::Wallet, &at(4));
        assert_eq!(wallets(later.subscribe(Some(&place)).read(9).0), ["reread"]);
        tell(&other, 6..=20);
        assert_eq!(wallets(other.subscribe(Some(&place)).read(9).0), ["reread"]);
    }

    #[tokio::test]
    async fn another_process_repeats_the_changes_of_a_position_that_was_read_in_part() {
        let (one, other) = (hub(8), hub(8));
        let mut reader = one.subscribe(None);
        for hub in [&one, &other] {
            hub.publish(Domain::Wallet, changed(Domain::Wallet, &["A", "B", "C"]), Some(&at(1)));
        }
        let (_, place) = reader.read(2);
        assert_eq!(wallets(one.subscribe(Some(&place)).read(9).0), ["C"]);
        assert_eq!(wallets(other.subscribe(Some(&place)).read(9).0), ["A", "B", "C"]);
    }

    #[tokio::test]
    async fn changes_that_a_scan_found_make_another_process_reread() {
        let (one, other) = (hub(8), hub(8));
        let mut reader = one.subscribe(None);
        other.publish(Domain::Order, changed(Domain::Order, &["O"]), None);
        let (_, place) = reader.read(9);
        assert_eq!(wallets(one.subscribe(Some(&place)).read(9).0), [""; 0]);
        assert_eq!(wallets(other.subscribe(Some(&place)).read(9).0), ["reread"]);
    }

    #[tokio::test]
    async fn every_reader_rereads_after_all_changes_were_discarded() {
        let hub = hub(8);
        let mut reader = hub.subscribe(None);
        hub.forget();
        assert!(reader.wait().await);
        assert_eq!(wallets(reader.read(9).0), ["reread"]);
    }

    #[test]
    fn a_position_round_trips_as_text_and_wrong_texts_are_rejected() {
        let hub = hub(8);
        tell(&hub, 1..=2);
        let (_, place) = hub.subscribe(None).read(1);
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "///", "x/1/?/?", "0/1/?/?/?", &"9".repeat(5_000)] {
            assert_eq!(wrong.parse::<Resume>(), Err(ResumeError), "{wrong}");
        }
    }
}
