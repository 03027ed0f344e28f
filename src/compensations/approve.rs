//! Decisions on a case: a second person approves it, which issues it at once, or declines it; the proposer withdraws
//! it. Of concurrent decisions only one succeeds, because each is appended at the sequence at which the case was read.

use super::{
    CompensationError, Compensations, Requester, append::case_event, audit::About, form::check_allowed, saga::CaseEnd,
};
use crate::{
    domain::{
        access::Act,
        audit::AuditOutcome,
        compensation::{
            case::{ApprovalDecision, Case, CaseEvent, CaseRefusal, CaseStatus, Ending},
            decide::{Uncertain, Warning, decide},
            draft::checked_note,
        },
        ids::EntityId,
    },
    views::compensations::ApprovalForm,
};

const APPROVE: &str = "compensation.approve";
const DECLINE: &str = "compensation.decline";
const WITHDRAW: &str = "compensation.withdraw";
const LAPSE: &str = "compensation.lapse";

impl Compensations {
    /// Approves the proposal of another person, and issues it.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn approve(&self, who: &Requester, form: &ApprovalForm) -> Result<(), CompensationError> {
        let about = about(&form.case);
        let answer = match &about.case {
            Some(case) => self.try_approve(who, form, case, &about).await,
            None => Err(CaseRefusal::Unknown.into()),
        };
        self.record_failure(who, APPROVE, &about, answer).await
    }

    async fn try_approve(
        &self,
        who: &Requester,
        form: &ApprovalForm,
        id: &EntityId,
        about: &About,
    ) -> Result<(), CompensationError> {
        check_allowed(who, Act::Approve)?;
        let note = checked_note(&form.note)?;
        let case = self.read_case(id).await?;
        if is_approved_by(who, form, &case) {
            return self.wait_for_end(case).await.map(drop);
        }
        case.state
            .check_can_decide(who.name.as_str(), &form.command_hash, self.now())?;
        if !who.proved {
            return Err(CompensationError::ProofNeeded);
        }
        if !self.still_holds(&case).await? {
            return self.lapse_moved(who, form, &case, about).await;
        }
        let decision = CaseEvent::Approved(ApprovalDecision {
            command_hash: form.command_hash.clone(),
            note,
        });
        self.record(&who.into(), APPROVE, AuditOutcome::Asked, about, None)
            .await?;
        let Some(approved) = self.append_by(who, &case, &decision, self.now()).await? else {
            return self.overtaken(who, form, id).await;
        };
        match self.begin(&who.into(), approved).await {
            CaseEnd::Over => Ok(()),
            CaseEnd::Moved => Err(CompensationError::Moved),
            CaseEnd::Unknown => Err(CompensationError::OutcomeUnknown { case: id.clone() }),
        }
    }

    /// Answers an approval that lost to another event of the case. If the same person approved it, for instance in
    /// another tab, the approval has succeeded.
    async fn overtaken(&self, who: &Requester, form: &ApprovalForm, id: &EntityId) -> Result<(), CompensationError> {
        let case = self.read_case(id).await?;
        if is_approved_by(who, form, &case) {
            return self.wait_for_end(case).await.map(drop);
        }
        case.state
            .check_can_decide(who.name.as_str(), &form.command_hash, self.now())?;
        Err(CompensationError::Moved)
    }

    /// Whether the streams are at the proposal's positions. Fails if the rules refuse the command now.
    async fn still_holds(&self, case: &Case) -> Result<bool, CompensationError> {
        let proposal = case.state.proposal.as_deref().ok_or(CaseRefusal::Unknown)?;
        let loaded = self.load_for(&proposal.command).await?;
        let pins: Vec<_> = proposal.pins().cloned().collect();
        if !loaded.is_at(&proposal.command, &pins) {
            return Ok(false);
        }
        let decision = decide(&proposal.command, &loaded.state, &case.id, self.now())?;
        match credits_uncertain(&decision.warnings) {
            // The approver has to see this before they decide.
            Some(why) if credits_uncertain(&proposal.warnings).is_none() => {
                Err(CompensationError::CreditsUncertain(why))
            }
            _ => Ok(true),
        }
    }

    /// Lapses a proposal whose streams have moved, because an approval applies to the positions only. If the case
    /// itself has changed, a concurrent decision may have moved the streams, and is checked instead.
    async fn lapse_moved(
        &self,
        who: &Requester,
        form: &ApprovalForm,
        case: &Case,
        about: &About,
    ) -> Result<(), CompensationError> {
        let now = self.read_case(&case.id).await?;
        if now.sequence != case.sequence {
            return self.overtaken(who, form, &case.id).await;
        }
        let why = "a stream has changed since the proposal".to_owned();
        self.record(&who.into(), LAPSE, AuditOutcome::Done, about, Some(why.clone()))
            .await?;
        self.lapse(case, why).await?;
        Err(CompensationError::Moved)
    }

    /// Lapses a waiting case. Does nothing if the case has ended already.
    pub(super) async fn lapse(&self, case: &Case, why: String) -> Result<(), CompensationError> {
        let event = case_event(
            format!("{}.end", case.id),
            &case.state.proposer,
            case,
            self.now(),
            &CaseEvent::Lapsed(Ending { why }),
        );
        let outcome = self.append_to_case(case, event).await;
        self.cases.note(&case.id);
        outcome.in_case(&case.id).map(drop)
    }

    /// Declines the proposal of another person.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn decline(&self, who: &Requester, form: &ApprovalForm) -> Result<(), CompensationError> {
        let about = about(&form.case);
        let answer = match &about.case {
            Some(case) => self.try_decline(who, form, case, &about).await,
            None => Err(CaseRefusal::Unknown.into()),
        };
        self.record_failure(who, DECLINE, &about, answer).await
    }

    async fn try_decline(
        &self,
        who: &Requester,
        form: &ApprovalForm,
        id: &EntityId,
        about: &About,
    ) -> Result<(), CompensationError> {
        check_allowed(who, Act::Approve)?;
        let note = checked_note(&form.note)?;
        let case = self.read_case(id).await?;
        case.state
            .check_can_decide(who.name.as_str(), &form.command_hash, self.now())?;
        let decision = CaseEvent::Declined(ApprovalDecision {
            command_hash: form.command_hash.clone(),
            note,
        });
        self.record(&who.into(), DECLINE, AuditOutcome::Asked, about, None)
            .await?;
        if self.append_by(who, &case, &decision, self.now()).await?.is_some() {
            return Ok(());
        }
        let now = self.read_case(id).await?;
        let declined = now.state.status == Some(CaseStatus::Declined);
        if declined && now.state.decided_by.as_deref() == Some(who.name.as_str()) {
            return Ok(());
        }
        now.state
            .check_can_decide(who.name.as_str(), &form.command_hash, self.now())?;
        Err(CompensationError::Moved)
    }

    /// Withdraws the person's own proposal.
    #[tracing::instrument(level = "debug", skip_all, fields(case = %id))]
    pub async fn withdraw(&self, who: &Requester, id: &EntityId, why: &str) -> Result<(), CompensationError> {
        let about = About {
            case: Some(id.clone()),
            ..About::default()
        };
        let answer = self.try_withdraw(who, id, why, &about).await;
        self.record_failure(who, WITHDRAW, &about, answer).await
    }

    async fn try_withdraw(
        &self,
        who: &Requester,
        id: &EntityId,
        why: &str,
        about: &About,
    ) -> Result<(), CompensationError> {
        check_allowed(who, Act::Propose)?;
        let why = checked_note(why)?.unwrap_or_else(|| "no reason given".to_owned());
        let case = self.read_case(id).await?;
        case.state.check_can_withdraw(who.name.as_str())?;
        self.record(&who.into(), WITHDRAW, AuditOutcome::Asked, about, Some(why.clone()))
            .await?;
        let withdrawn = CaseEvent::Withdrawn(Ending { why });
        if self.append_by(who, &case, &withdrawn, self.now()).await?.is_some() {
            return Ok(());
        }
        let now = self.read_case(id).await?;
        if now.state.status == Some(CaseStatus::Withdrawn) {
            return Ok(());
        }
        now.state.check_can_withdraw(who.name.as_str())?;
        Err(CompensationError::Moved)
    }
}

/// Why it is not certain which wallets were credited, if a warning says so.
fn credits_uncertain(warnings: &[Warning]) -> Option<Uncertain> {
    warnings.iter().find_map(|warning| match warning {
        Warning::CreditsUncertain { why } => Some(*why),
        _ => None,
    })
}

/// Whether the same person has already approved the same proposal, for instance by a double click or in a second tab.
fn is_approved_by(who: &Requester, form: &ApprovalForm, case: &Case) -> bool {
    let approved = matches!(
        case.state.status,
        Some(CaseStatus::Approved | CaseStatus::Issued | CaseStatus::Refused)
    );
    let same = case
        .state
        .proposal
        .as_ref()
        .is_some_and(|proposal| proposal.command_hash == form.command_hash);
    approved && same && case.state.decided_by.as_deref() == Some(who.name.as_str())
}

fn about(case: &str) -> About {
    About {
        subject: None,
        case: EntityId::new(case).ok(),
    }
}
