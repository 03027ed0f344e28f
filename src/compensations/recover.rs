//! Recovery: finishes open cases after a crash or an outage of a store, and lapses expired proposals. Any number of
//! processes may run it concurrently.

use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    CompensationError, Compensations,
    audit::{About, Actor},
    saga::CaseEnd,
};
use crate::domain::{
    audit::AuditOutcome,
    compensation::case::{Case, CaseStatus},
    ids::{EntityId, LogName, Position},
};
use crate::event_log::ReadError;

const ACT: &str = "compensation.recover";
const LAPSE: &str = "compensation.lapse";
/// The pause after an unknown outcome, and while the compensation store does not answer.
const RETRY: Duration = Duration::from_secs(2);
/// A scan of all cases takes at most one part in this many of the time.
const SCAN_SHARE: u32 = 20;

/// The result of a recovery round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Cases that were ended: issued, or refused and undone.
    pub ended: usize,
    /// Expired proposals that were lapsed.
    pub lapsed: usize,
    /// Cases that are still to be issued: a store does not answer, or another process may be working on them.
    pub open: usize,
}

impl Compensations {
    /// Finishes open cases and lapses expired proposals, until the future is dropped.
    pub async fn run(&self) {
        let pause = |recovered: Recovered| if recovered.open > 0 { RETRY } else { self.settings.round };
        let mut next = loop {
            match self.recover().await {
                Ok(recovered) => break Instant::now() + pause(recovered),
                Err(error) => tracing::warn!(%error, "the cases can't be read"),
            }
            sleep(RETRY).await;
        };
        let mut feed = self.open_cases.follow();
        let mut next_scan = Instant::now() + self.settings.round;
        loop {
            tokio::select! {
                noted = feed.next() => match noted {
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        tracing::warn!(%error, "the compensation store does not answer");
                        self.open_cases.forget_ends();
                    }
                    None => return,
                },
                () = self.unknown_noted.notified() => next = next.min(Instant::now() + RETRY),
                () = sleep_until(next) => {
                    if next_scan <= Instant::now() && !self.open_cases.feed_is_complete() {
                        next_scan = self.scan().await;
                    }
                    next = Instant::now() + self.recover().await.map_or(RETRY, pause);
                }
            }
        }
    }

    /// Scans for cases that are not in the feed. Returns the time of the next scan.
    async fn scan(&self) -> Instant {
        let begun = Instant::now();
        if let Err(error) = self.open_cases.scan().await {
            tracing::warn!(%error, "the cases can't be listed");
        }
        Instant::now() + self.settings.round.max(begun.elapsed() * SCAN_SHARE)
    }

    /// Runs one recovery round over the open cases.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn recover(&self) -> Result<Recovered, CompensationError> {
        let ready = self.open_cases.ready().await;
        ready.map_err(CompensationError::read(LogName::Compensation))?;
        let mut found = Recovered::default();
        let mut ids = self.open_cases.all();
        // Also cases whose outcome became unknown before they were listed.
        ids.extend(self.unknown_cases().iter().cloned());
        for id in ids {
            let case = match self.stores.compensation.read_all(&id, Position::START).await {
                Ok(entries) => Case::fold(&id, entries),
                Err(ReadError::Damaged { reason, .. }) => {
                    tracing::warn!(case = %id, reason, "a case can't be read");
                    continue;
                }
                Err(error) => return Err(CompensationError::read(LogName::Compensation)(error)),
            };
            if case.state.is_to_be_issued() {
                if self.is_due(&case) && self.finish(&id).await {
                    found.ended += 1;
                } else {
                    found.open += 1;
                }
                continue;
            }
            self.unknown_cases().remove(&id);
            if case.state.is_expired(self.now()) {
                self.lapse_expired(&case).await?;
                found.lapsed += 1;
            } else if !case.state.awaits_approval() {
                let ended = case.state.status.is_some_and(CaseStatus::is_final);
                self.open_cases.remove(&id, ended);
            }
        }
        Ok(found)
    }

    /// Whether recovery may work on a case: the grace time is over, or this process began the case and could not end
    /// it.
    fn is_due(&self, case: &Case) -> bool {
        let since = case.state.status_since;
        let age = since.map_or(TimeDelta::MAX, |since| self.now() - since);
        age >= self.settings.grace || self.unknown_cases().contains(&case.id)
    }

    /// Ends a case that another process left open, and records that. Returns whether it has ended.
    pub(super) async fn finish(&self, id: &EntityId) -> bool {
        let by = Actor::recovery();
        let about = About {
            subject: None,
            case: Some(id.clone()),
        };
        if self.record(&by, ACT, AuditOutcome::Asked, &about, None).await.is_err() {
            return false;
        }
        let end = self.finish_case(&by, id).await;
        tracing::info!(case = %id, ?end, "an open case was taken over");
        end != CaseEnd::Unknown
    }

    async fn lapse_expired(&self, case: &Case) -> Result<(), CompensationError> {
        let why = "it was not approved in time".to_owned();
        let about = About {
            subject: None,
            case: Some(case.id.clone()),
        };
        self.record(&Actor::recovery(), LAPSE, AuditOutcome::Done, &about, Some(why.clone()))
            .await?;
        self.lapse(case, why).await
    }
}
