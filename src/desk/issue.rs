//! Issuing what a form says, or proposing it where it needs a second person. Everything that the preview found is found
//! again; the form's case is made by the append that comes first, and every other try of the same form joins it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};

use super::{
    Desk, DeskError, ReserveError, Who,
    append::{Fate, case_event, fresh_id},
    books::Reading,
    form::{currency, limits_failed, may, needs_retyping, own_limit, read_case_id},
    hash::command_hash,
    saga::End,
    trail::About,
};
use crate::{
    domain::{
        access::Act,
        audit::AuditOutcome,
        compensation::{
            case::{Authority, Case, CaseEvent, CaseStatus, Proposal},
            command::{Command, CommandName, Pin, parse_pins},
            decide::{Decision, decide},
        },
        form::{Field, FieldError},
        ids::{EntityId, LogName},
        money::Money,
    },
    views::compensations::Confirmation,
};

const ACT: &str = "compensation.issue";
/// How long a second try of a form waits for the end that the first one brings about.
pub(super) const JOIN_MAX: Duration = Duration::from_secs(10);
pub(super) const JOIN_PAUSE: Duration = Duration::from_millis(50);

/// A form that has been read, and what it is to be decided on.
struct Asked {
    case: EntityId,
    command: Command,
    seen: Vec<Pin>,
    reading: Reading,
    /// One moment for everything that is written: the day that an amount counts for is that of the proposal.
    now: DateTime<Utc>,
}

impl Desk {
    /// Issues what the form says, or proposes it; gives the case. The same form sent again, at once or later, leads to the
    /// same case and does nothing twice.
    pub async fn issue(&self, who: &Who, form: &Confirmation) -> Result<EntityId, DeskError> {
        let case = read_case_id(&form.case);
        let subject = form.draft().subject().ok();
        let about = About {
            subject: form.draft().name().ok().map(CommandName::domain).zip(subject),
            case: case.clone(),
        };
        let answer = match case {
            Some(case) => self.try_issue(who, form, case, &about).await,
            None => Err(DeskError::Stale),
        };
        self.account(who, ACT, &about, answer).await
    }

    async fn try_issue(
        &self,
        who: &Who,
        form: &Confirmation,
        case: EntityId,
        about: &About,
    ) -> Result<EntityId, DeskError> {
        may(who, Act::Propose)?;
        // First of all: after a first try the streams have moved, and a second must not be told so.
        let known = self.read_case(&case).await?;
        if known.exists() {
            return self.join(who, form, known).await;
        }
        let decided = match self.read_form(form, case.clone()).await {
            Ok(asked) => decide_again(form, &asked).map(|decision| (asked, decision)),
            Err(error) => Err(error),
        };
        let (asked, decision) = match decided {
            Ok(decided) => decided,
            Err(error) => {
                // What has moved may have been moved by another try of this form, since the case was looked for.
                let known = self.read_case(&case).await?;
                return if known.exists() {
                    self.join(who, form, known).await
                } else {
                    Err(error)
                };
            }
        };
        check_retyped(form, decision.amount)?;
        if !who.proved {
            return Err(DeskError::ProofNeeded);
        }
        let authority = self.authority(who, &asked, &decision).await?;
        let now = asked.now;
        let proposed = match self.proposal(asked, decision, authority) {
            Ok(proposal) => self.propose(who, known, proposal, now, about).await,
            Err(error) => Err(error),
        };
        match proposed {
            Ok(Some(made)) if authority == Authority::OwnLimit => self.issue_own(who, made).await,
            Ok(Some(_)) => Ok(case),
            Ok(None) => {
                let known = self.read_case(&case).await?;
                self.join(who, form, known).await
            }
            Err(error) => {
                if authority == Authority::OwnLimit && !matches!(error, DeskError::InDoubt { .. }) {
                    self.release(&who.name, &case, now).await;
                }
                Err(error)
            }
        }
    }

    async fn read_form(&self, form: &Confirmation, case: EntityId) -> Result<Asked, DeskError> {
        let draft = form.draft();
        let (name, subject) = (draft.name()?, draft.subject()?);
        let reading = self.read_books(name, &subject, Some(&draft.item)).await?;
        let command = draft.command(currency(name, &reading.books))?;
        Ok(Asked {
            case,
            command,
            seen: parse_pins(&form.seen).ok_or(DeskError::Stale)?,
            reading,
            now: self.now(),
        })
    }

    /// What lets it be issued. Within the own limit the amount is set aside here.
    async fn authority(&self, who: &Who, asked: &Asked, decision: &Decision) -> Result<Authority, DeskError> {
        let Ok(limit) = own_limit(who, decision) else {
            return Ok(Authority::FourEyes);
        };
        let reserved = self
            .limits
            .reserve(&who.name, &asked.case, decision.amount, limit.daily, asked.now)
            .await;
        match reserved {
            Ok(()) => Ok(Authority::OwnLimit),
            Err(ReserveError::Exceeded) => Ok(Authority::FourEyes),
            Err(error) => Err(limits_failed(&error)),
        }
    }

    fn proposal(&self, asked: Asked, decision: Decision, authority: Authority) -> Result<Proposal, DeskError> {
        let mut pins = asked.reading.books.pins(&asked.command).into_iter();
        Ok(Proposal {
            command_hash: command_hash(&asked.command, &asked.seen),
            // A command that was decided has a subject that exists.
            target: pins.next().ok_or(DeskError::Stale)?,
            also: pins.collect(),
            before: decision.before,
            after: decision.after,
            reason: asked.command.reason.clone(),
            note: asked.command.note.clone(),
            command: asked.command,
            expires_at: asked.now + self.settings.approval_time,
            steps: decision.steps,
            amount: decision.amount,
            authority,
            warnings: decision.warnings,
        })
    }

    /// Makes the case, of which nothing is there yet; `None` where another try of the same form, or of another with the same
    /// case, was first. Except for a doubt, an error is certain: there is no case of this try.
    async fn propose(
        &self,
        who: &Who,
        case: Case,
        proposal: Proposal,
        now: DateTime<Utc>,
        about: &About,
    ) -> Result<Option<Case>, DeskError> {
        let name = proposal.command.action.name();
        let detail = format!("{name} of {}, {}", proposal.amount, proposal.authority);
        self.record(&who.into(), ACT, AuditOutcome::Asked, about, Some(detail))
            .await?;
        let proposed = CaseEvent::Proposed(Box::new(proposal));
        let event = case_event(fresh_id(), who.name.as_str(), &case, now, &proposed);
        match self.append_to_case(&case, event.clone()).await {
            Fate::Stands(_) => {
                self.cases.note(&case.id);
                Ok(Some(case.with(event, now)))
            }
            Fate::Conflict | Fate::KeyReused => Ok(None),
            Fate::Invalid(reason) | Fate::Unavailable(reason) => Err(DeskError::store(LogName::Compensation, reason)),
            Fate::Doubt => {
                self.leave_in_doubt(&case.id);
                Err(DeskError::InDoubt { case: case.id })
            }
        }
    }

    async fn issue_own(&self, who: &Who, made: Case) -> Result<EntityId, DeskError> {
        let case = made.id.clone();
        match self.begin(&who.into(), made).await {
            End::Moved => Err(DeskError::Moved),
            End::Over => Ok(case),
            End::Doubt => Err(DeskError::InDoubt { case }),
        }
    }

    /// The case of this form exists. If it is this form's and this person's, that is the answer, after a short wait for
    /// its end; nothing is done again.
    async fn join(&self, who: &Who, form: &Confirmation, mut known: Case) -> Result<EntityId, DeskError> {
        let proposal = known.state.proposal.as_ref().ok_or(DeskError::FormReused)?;
        let command = form.draft().command(Some(proposal.amount.currency()));
        let same = known.state.proposer == who.name.as_str()
            && proposal.command_hash == form.command_hash
            && command.is_ok_and(|command| command == proposal.command);
        if !same {
            return Err(DeskError::FormReused);
        }
        let deadline = Instant::now() + JOIN_MAX;
        while known.state.is_to_be_issued() && Instant::now() < deadline {
            sleep(JOIN_PAUSE).await;
            known = self.read_case(&known.id).await?;
        }
        self.settle_reservation(who, &known).await;
        Ok(known.id)
    }

    /// This try may have set something aside after the one that it joins gave it back.
    async fn settle_reservation(&self, who: &Who, known: &Case) {
        let Some(proposal) = &known.state.proposal else { return };
        let counts = known.state.is_to_be_issued() || known.state.status == Some(CaseStatus::Issued);
        if proposal.authority == Authority::FourEyes || !counts {
            let reserved = known.state.proposed_at.unwrap_or_else(|| self.now());
            self.release(&who.name, &known.id, reserved).await;
        }
    }
}

/// By the same rules as the preview, on the same positions, with the same result.
fn decide_again(form: &Confirmation, asked: &Asked) -> Result<Decision, DeskError> {
    if !asked.reading.is_at(&asked.command, &asked.seen) {
        return Err(DeskError::Moved);
    }
    let decision = decide(&asked.command, &asked.reading.books, &asked.case, asked.now)?;
    if command_hash(&asked.command, &asked.seen) != form.command_hash {
        return Err(DeskError::Stale);
    }
    Ok(decision)
}

/// A large amount is typed a second time.
fn check_retyped(form: &Confirmation, amount: Money) -> Result<(), FieldError> {
    if !needs_retyping(amount) {
        return Ok(());
    }
    let again = Money::parse(form.amount_again.trim(), amount.currency());
    if again == Ok(amount) {
        return Ok(());
    }
    let message = format!("type the amount again, as digits: {}", amount.amount());
    Err(FieldError::new(Field::AmountAgain, message))
}
