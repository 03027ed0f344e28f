//! A case: the stream that records one compensation from its proposal to its end (contract §6). Approvers read it,
//! auditors search it, and recovery completes from it what a crash interrupted. An approval is bound to the hash of the
//! command and its positions, and does not come from the proposer. The fold checks both.

mod event;
mod stream;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    event::{ApprovalDecision, Authority, CaseEvent, Ending, Issued, IssuedEvent, Proposal, Refused},
    stream::{CASE_PREFIX, Case, is_case_id},
};
use crate::domain::{
    event::Envelope,
    fold::{AnomalyKind, Evolved, Refusal, State},
    payload::states,
};

states! {
    /// The status of a case.
    CaseStatus {
        /// Waits for an approval, or, within the proposer's own limit, is being issued.
        Proposed = "proposed",
        /// A second person approved it; it is being issued.
        Approved = "approved",
        Declined = "declined",
        Withdrawn = "withdrawn",
        /// The time for an approval ran out, or a stream that the case is bound to changed.
        Lapsed = "lapsed",
        Issued = "issued",
        /// It could not be issued.
        Refused = "refused",
    }
}

impl CaseStatus {
    /// Whether no event can follow.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Proposed | Self::Approved)
    }
}

/// The state of a case after its events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseState {
    pub proposal: Option<Box<Proposal>>,
    /// The actor of the proposal.
    pub proposer: String,
    pub proposed_at: Option<DateTime<Utc>>,
    pub status: Option<CaseStatus>,
    pub status_since: Option<DateTime<Utc>>,
    /// Who approved or declined.
    pub decided_by: Option<String>,
    pub decision_note: Option<String>,
    /// The appended events, also those that were undone.
    pub events: Vec<IssuedEvent>,
    /// Why the case was refused, withdrawn or lapsed.
    pub why: Option<String>,
}

/// Why an operator can't decide or withdraw a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum CaseRefusal {
    #[error("there is no such case")]
    Unknown,
    #[error("the case is already {status}")]
    NotOpen { status: CaseStatus },
    #[error("it needs no approval: it is within the proposer's own limit")]
    NoApprovalNeeded,
    #[error("you can't approve or decline your own proposal")]
    OwnProposal,
    #[error("only the proposer can withdraw a case")]
    NotOwnProposal,
    #[error("the case has another command than the one that you reviewed; load the page again")]
    OtherCommand,
    #[error("the time for an approval is over")]
    Expired,
}

impl CaseState {
    /// Whether the case waits for a second person.
    pub fn awaits_approval(&self) -> bool {
        self.status == Some(CaseStatus::Proposed)
            && self
                .proposal
                .as_ref()
                .is_some_and(|p| p.authority == Authority::FourEyes)
    }

    /// Whether the case is to be issued and no event records yet how that ended.
    pub fn is_to_be_issued(&self) -> bool {
        match self.status {
            Some(CaseStatus::Approved) => true,
            Some(CaseStatus::Proposed) => !self.awaits_approval(),
            _ => false,
        }
    }

    /// Checks whether `by` can approve or decline the command with this hash at `now`.
    pub fn check_can_decide(&self, by: &str, command_hash: &str, now: DateTime<Utc>) -> Result<(), CaseRefusal> {
        let proposal = self.waiting()?;
        if by == self.proposer {
            return Err(CaseRefusal::OwnProposal);
        }
        if proposal.command_hash != command_hash {
            return Err(CaseRefusal::OtherCommand);
        }
        if now > proposal.expires_at {
            return Err(CaseRefusal::Expired);
        }
        Ok(())
    }

    /// Checks whether `by` can withdraw the case.
    pub fn check_can_withdraw(&self, by: &str) -> Result<(), CaseRefusal> {
        self.waiting()?;
        if by == self.proposer {
            Ok(())
        } else {
            Err(CaseRefusal::NotOwnProposal)
        }
    }

    /// Whether the time for an approval is over.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.awaits_approval() && self.proposal.as_ref().is_some_and(|p| now > p.expires_at)
    }

    fn waiting(&self) -> Result<&Proposal, CaseRefusal> {
        let (Some(status), Some(proposal)) = (self.status, self.proposal.as_deref()) else {
            return Err(CaseRefusal::Unknown);
        };
        if status != CaseStatus::Proposed {
            return Err(CaseRefusal::NotOpen { status });
        }
        if proposal.authority != Authority::FourEyes {
            return Err(CaseRefusal::NoApprovalNeeded);
        }
        Ok(proposal)
    }

    fn can_follow(&self, event: &CaseEvent) -> bool {
        match event {
            CaseEvent::Proposed(_) => self.status.is_none(),
            CaseEvent::Approved(_) | CaseEvent::Declined(_) | CaseEvent::Withdrawn(_) => self.awaits_approval(),
            CaseEvent::Lapsed(_) => self.status.is_some_and(|status| !status.is_final()),
            CaseEvent::Issued(_) | CaseEvent::Refused(_) => self.is_to_be_issued(),
        }
    }

    /// Checks the actor of an event. What people do needs an actor, and the right one: events that another program
    /// appends without it do not count.
    fn check_origin(&self, event: &Envelope<'_>, parsed: &CaseEvent) -> Result<(), &'static str> {
        let by_a_person = !matches!(
            parsed,
            CaseEvent::Lapsed(_) | CaseEvent::Issued(_) | CaseEvent::Refused(_)
        );
        let actor = event.actor.unwrap_or_default();
        if by_a_person && actor.is_empty() {
            return Err("the event has no actor");
        }
        let hash = self.proposal.as_ref().map(|proposal| proposal.command_hash.as_str());
        match parsed {
            CaseEvent::Approved(_) if actor == self.proposer => Err("an approval by the proposer does not count"),
            CaseEvent::Approved(decision) if Some(decision.command_hash.as_str()) != hash => {
                Err("an approval of another command does not count")
            }
            CaseEvent::Approved(_) if self.is_expired(event.time) => Err("an approval after its time does not count"),
            CaseEvent::Withdrawn(_) if actor != self.proposer => Err("only the proposer can withdraw a case"),
            _ => Ok(()),
        }
    }

    fn apply(&mut self, actor: Option<&str>, at: DateTime<Utc>, event: CaseEvent) {
        let status = match event {
            CaseEvent::Proposed(proposal) => {
                self.proposal = Some(proposal);
                actor.unwrap_or_default().clone_into(&mut self.proposer);
                self.proposed_at = Some(at);
                CaseStatus::Proposed
            }
            CaseEvent::Approved(decision) => self.decided(actor, decision, CaseStatus::Approved),
            CaseEvent::Declined(decision) => self.decided(actor, decision, CaseStatus::Declined),
            CaseEvent::Withdrawn(ending) => self.ended(ending.why, CaseStatus::Withdrawn),
            CaseEvent::Lapsed(ending) => self.ended(ending.why, CaseStatus::Lapsed),
            CaseEvent::Issued(issued) => {
                self.events = issued.events;
                CaseStatus::Issued
            }
            CaseEvent::Refused(refused) => {
                self.events = refused.events;
                self.ended(refused.rejection, CaseStatus::Refused)
            }
        };
        self.status = Some(status);
        self.status_since = Some(at);
    }

    fn decided(&mut self, actor: Option<&str>, decision: ApprovalDecision, status: CaseStatus) -> CaseStatus {
        self.decided_by = actor.map(str::to_owned);
        self.decision_note = decision.note;
        status
    }

    fn ended(&mut self, why: String, status: CaseStatus) -> CaseStatus {
        self.why = Some(why);
        status
    }
}

impl State for CaseState {
    fn evolve(&mut self, event: &Envelope<'_>) -> Evolved {
        let parsed = match CaseEvent::parse(event.r#type, event.data) {
            Ok(parsed) => parsed,
            Err(refusal) => return Evolved::Refused(refusal),
        };
        if !self.can_follow(&parsed) {
            return Evolved::Refused(Refusal::new(
                AnomalyKind::TransitionNotAllowed,
                format!(
                    "a case that is {} can't have the event {}",
                    self.status.map_or("not proposed", CaseStatus::as_str),
                    parsed.type_name()
                ),
            ));
        }
        if let Err(why) = self.check_origin(event, &parsed) {
            return Evolved::Refused(Refusal::new(AnomalyKind::TransitionNotAllowed, why));
        }
        self.apply(event.actor, event.time, parsed);
        Evolved::Applied(Vec::new())
    }
}
