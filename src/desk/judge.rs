//! A second person's word: approving, which issues in the same call, and declining; and the proposer's taking it back.
//! Which of two that come at once counts is decided by the case's log, because each expects it where it was read.

use tokio::time::{Instant, sleep};

use super::{
    Desk, DeskError, Who,
    append::{Fate, case_event, fresh_id},
    form::may,
    saga::End,
    trail::About,
};
use crate::{
    domain::{
        access::Act,
        audit::AuditOutcome,
        compensation::{
            case::{Case, CaseEvent, CaseRefusal, CaseStatus, Ending, Judgement},
            decide::decide,
            draft::checked_note,
        },
        ids::{EntityId, LogName},
    },
    views::compensations::JudgementForm,
};

use super::issue::{JOIN_MAX, JOIN_PAUSE};

const APPROVE: &str = "compensation.approve";
const DECLINE: &str = "compensation.decline";
const WITHDRAW: &str = "compensation.withdraw";
const LAPSE: &str = "compensation.lapse";

impl Desk {
    /// Approves what somebody else proposed, and issues it.
    pub async fn approve(&self, who: &Who, form: &JudgementForm) -> Result<(), DeskError> {
        let about = about(&form.case);
        let answer = match &about.case {
            Some(case) => self.try_approve(who, form, case, &about).await,
            None => Err(CaseRefusal::Unknown.into()),
        };
        self.account(who, APPROVE, &about, answer).await
    }

    async fn try_approve(
        &self,
        who: &Who,
        form: &JudgementForm,
        id: &EntityId,
        about: &About,
    ) -> Result<(), DeskError> {
        may(who, Act::Approve)?;
        let note = checked_note(&form.note)?;
        let case = self.read_case(id).await?;
        if is_approved_by(who, form, &case) {
            return self.wait_for_end(case).await;
        }
        case.state
            .may_judge(who.name.as_str(), &form.command_hash, self.now())?;
        if !who.proved {
            return Err(DeskError::ProofNeeded);
        }
        if !self.still_holds(&case).await? {
            return self.lapse_moved(who, form, &case, about).await;
        }
        let judgement = CaseEvent::Approved(Judgement {
            command_hash: form.command_hash.clone(),
            note,
        });
        self.record(&who.into(), APPROVE, AuditOutcome::Asked, about, None)
            .await?;
        let Some(approved) = self.append_judgement(who, &case, &judgement).await? else {
            return self.overtaken(who, form, id).await;
        };
        match self.begin(&who.into(), approved).await {
            End::Over => Ok(()),
            End::Moved => Err(DeskError::Moved),
            End::Doubt => Err(DeskError::InDoubt { case: id.clone() }),
        }
    }

    /// Somebody was quicker. Where it was the same person, in another tab, it is their approval all the same.
    async fn overtaken(&self, who: &Who, form: &JudgementForm, id: &EntityId) -> Result<(), DeskError> {
        let case = self.read_case(id).await?;
        if is_approved_by(who, form, &case) {
            return self.wait_for_end(case).await;
        }
        case.state
            .may_judge(who.name.as_str(), &form.command_hash, self.now())?;
        Err(DeskError::Moved)
    }

    /// Whether the streams are where the proposal is bound to, and nothing else speaks against it by now.
    async fn still_holds(&self, case: &Case) -> Result<bool, DeskError> {
        let proposal = case.state.proposal.as_deref().ok_or(CaseRefusal::Unknown)?;
        let reading = self.read_books_of(&proposal.command).await?;
        let pins: Vec<_> = proposal.pins().cloned().collect();
        if !reading.is_at(&proposal.command, &pins) {
            return Ok(false);
        }
        decide(&proposal.command, &reading.books, &case.id, self.now())?;
        Ok(true)
    }

    /// An approval binds to the positions: where one has moved, the proposal lapses. Unless it moved because the case was
    /// approved and issued since it was read.
    async fn lapse_moved(&self, who: &Who, form: &JudgementForm, case: &Case, about: &About) -> Result<(), DeskError> {
        let now = self.read_case(&case.id).await?;
        if now.sequence != case.sequence {
            return self.overtaken(who, form, &case.id).await;
        }
        let why = "what it is about has gone on since it was proposed".to_owned();
        self.record(&who.into(), LAPSE, AuditOutcome::Done, about, Some(why.clone()))
            .await?;
        self.lapse(case, why).await?;
        Err(DeskError::Moved)
    }

    /// Ends a case that waits. Where somebody else ended it first, that is how it ended.
    pub(super) async fn lapse(&self, case: &Case, why: String) -> Result<(), DeskError> {
        let event = case_event(
            format!("{}.end", case.id),
            &case.state.proposer,
            case,
            self.now(),
            &CaseEvent::Lapsed(Ending { why }),
        );
        let fate = self.append_to_case(case, event).await;
        self.cases.note(&case.id);
        match fate {
            Fate::Stands(_) | Fate::Conflict | Fate::KeyReused => Ok(()),
            Fate::Invalid(reason) | Fate::Unavailable(reason) => Err(DeskError::store(LogName::Compensation, reason)),
            Fate::Doubt => Err(DeskError::InDoubt { case: case.id.clone() }),
        }
    }

    /// Declines what somebody else proposed.
    pub async fn decline(&self, who: &Who, form: &JudgementForm) -> Result<(), DeskError> {
        let about = about(&form.case);
        let answer = match &about.case {
            Some(case) => self.try_decline(who, form, case, &about).await,
            None => Err(CaseRefusal::Unknown.into()),
        };
        self.account(who, DECLINE, &about, answer).await
    }

    async fn try_decline(
        &self,
        who: &Who,
        form: &JudgementForm,
        id: &EntityId,
        about: &About,
    ) -> Result<(), DeskError> {
        may(who, Act::Approve)?;
        let note = checked_note(&form.note)?;
        let case = self.read_case(id).await?;
        case.state
            .may_judge(who.name.as_str(), &form.command_hash, self.now())?;
        let judgement = CaseEvent::Declined(Judgement {
            command_hash: form.command_hash.clone(),
            note,
        });
        self.record(&who.into(), DECLINE, AuditOutcome::Asked, about, None)
            .await?;
        if self.append_judgement(who, &case, &judgement).await?.is_some() {
            return Ok(());
        }
        let now = self.read_case(id).await?;
        let declined = now.state.status == Some(CaseStatus::Declined);
        if declined && now.state.judge.as_deref() == Some(who.name.as_str()) {
            return Ok(());
        }
        now.state.may_judge(who.name.as_str(), &form.command_hash, self.now())?;
        Err(DeskError::Moved)
    }

    /// Takes one's own proposal back.
    pub async fn withdraw(&self, who: &Who, id: &EntityId, why: &str) -> Result<(), DeskError> {
        let about = About {
            case: Some(id.clone()),
            ..About::default()
        };
        let answer = self.try_withdraw(who, id, why, &about).await;
        self.account(who, WITHDRAW, &about, answer).await
    }

    async fn try_withdraw(&self, who: &Who, id: &EntityId, why: &str, about: &About) -> Result<(), DeskError> {
        may(who, Act::Propose)?;
        let why = checked_note(why)?.unwrap_or_else(|| "no reason was given".to_owned());
        let case = self.read_case(id).await?;
        case.state.may_withdraw(who.name.as_str())?;
        self.record(&who.into(), WITHDRAW, AuditOutcome::Asked, about, Some(why.clone()))
            .await?;
        let withdrawn = CaseEvent::Withdrawn(Ending { why });
        if self.append_judgement(who, &case, &withdrawn).await?.is_some() {
            return Ok(());
        }
        let now = self.read_case(id).await?;
        if now.state.status == Some(CaseStatus::Withdrawn) {
            return Ok(());
        }
        now.state.may_withdraw(who.name.as_str())?;
        Err(DeskError::Moved)
    }

    /// Appends what a person says of a case, and gives the case with it; `None` where the case had gone on.
    async fn append_judgement(&self, who: &Who, case: &Case, event: &CaseEvent) -> Result<Option<Case>, DeskError> {
        let event = case_event(fresh_id(), who.name.as_str(), case, self.now(), event);
        match self.append_to_case(case, event.clone()).await {
            Fate::Stands(_) => {
                self.cases.note(&case.id);
                Ok(Some(case.with(event, self.now())))
            }
            Fate::Conflict | Fate::KeyReused => {
                self.cases.note(&case.id);
                Ok(None)
            }
            Fate::Invalid(reason) | Fate::Unavailable(reason) => Err(DeskError::store(LogName::Compensation, reason)),
            Fate::Doubt => {
                self.leave_in_doubt(&case.id);
                Err(DeskError::InDoubt { case: case.id.clone() })
            }
        }
    }

    /// Somebody else is issuing it; how it ends is in the case.
    pub(super) async fn wait_for_end(&self, mut case: Case) -> Result<(), DeskError> {
        let deadline = Instant::now() + JOIN_MAX;
        while case.state.is_to_be_issued() && Instant::now() < deadline {
            sleep(JOIN_PAUSE).await;
            case = self.read_case(&case.id).await?;
        }
        Ok(())
    }
}

/// The same approval again: a double click, or a second tab.
fn is_approved_by(who: &Who, form: &JudgementForm, case: &Case) -> bool {
    let approved = matches!(
        case.state.status,
        Some(CaseStatus::Approved | CaseStatus::Issued | CaseStatus::Refused)
    );
    let same = case
        .state
        .proposal
        .as_ref()
        .is_some_and(|proposal| proposal.command_hash == form.command_hash);
    approved && same && case.state.judge.as_deref() == Some(who.name.as_str())
}

fn about(case: &str) -> About {
    About {
        subject: None,
        case: EntityId::new(case).ok(),
    }
}
