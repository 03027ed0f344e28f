//! Issues a form's command, or proposes it if it needs a second person. All checks of the preview are repeated. The
//! first append creates the case; a form that is sent again finds that case.

use chrono::{DateTime, Utc};

use super::{
    CompensationError, Compensations, Requester, ReserveError,
    audit::About,
    form::{check_allowed, currency, limits_failed, needs_retyping, own_limit, read_case_id},
    hash::command_hash,
    load::LoadedState,
    saga::CaseEnd,
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
        ids::EntityId,
        money::Money,
    },
    views::compensations::Confirmation,
};

const ACT: &str = "compensation.issue";
/// A parsed form, and the state on which it is decided.
struct Asked {
    case: EntityId,
    command: Command,
    seen: Vec<Pin>,
    loaded: LoadedState,
    /// The time of all events of the proposal. It also determines the day of the daily limit.
    now: DateTime<Utc>,
}

impl Compensations {
    /// Issues the form's command, or proposes it. Returns the case. The same form sent again, even concurrently,
    /// returns the same case and repeats nothing.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn issue(&self, who: &Requester, form: &Confirmation) -> Result<EntityId, CompensationError> {
        let case = read_case_id(&form.case);
        let subject = form.draft.subject().ok();
        let about = About {
            subject: form.draft.name().ok().map(CommandName::domain).zip(subject),
            case: case.clone(),
        };
        let answer = match case {
            Some(case) => self.try_issue(who, form, case, &about).await,
            None => Err(CompensationError::Stale),
        };
        self.record_failure(who, ACT, &about, answer).await
    }

    async fn try_issue(
        &self,
        who: &Requester,
        form: &Confirmation,
        case: EntityId,
        about: &About,
    ) -> Result<EntityId, CompensationError> {
        check_allowed(who, Act::Propose)?;
        // The case is looked up first: after a first try the streams have moved, and a repeat must not fail for that.
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
                // A concurrent try of the same form may have moved the streams after the case was looked up.
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
            return Err(CompensationError::ProofNeeded);
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
                if authority == Authority::OwnLimit && !matches!(error, CompensationError::OutcomeUnknown { .. }) {
                    self.release(&who.name, &case, now).await;
                }
                Err(error)
            }
        }
    }

    async fn read_form(&self, form: &Confirmation, case: EntityId) -> Result<Asked, CompensationError> {
        let draft = &form.draft;
        let (name, subject) = (draft.name()?, draft.subject()?);
        let loaded = self.load(name, &subject, Some(&draft.item)).await?;
        let command = draft.command(currency(name, &loaded.state))?;
        Ok(Asked {
            case,
            command,
            seen: parse_pins(&form.seen).ok_or(CompensationError::Stale)?,
            loaded,
            now: self.now(),
        })
    }

    /// Whether it can be issued within the person's own limit. Reserves the amount if so.
    async fn authority(
        &self,
        who: &Requester,
        asked: &Asked,
        decision: &Decision,
    ) -> Result<Authority, CompensationError> {
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

    fn proposal(&self, asked: Asked, decision: Decision, authority: Authority) -> Result<Proposal, CompensationError> {
        let mut pins = asked.loaded.state.pins(&asked.command).into_iter();
        Ok(Proposal {
            command_hash: command_hash(&asked.command, &asked.seen),
            // The subject of a decided command exists, so there is a pin.
            target: pins.next().ok_or(CompensationError::Stale)?,
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

    /// Creates the case. `None` if another request with the same case id was first. Every error except an unknown
    /// outcome means that this request created no case.
    async fn propose(
        &self,
        who: &Requester,
        case: Case,
        proposal: Proposal,
        now: DateTime<Utc>,
        about: &About,
    ) -> Result<Option<Case>, CompensationError> {
        let name = proposal.command.action.name();
        let detail = format!("{name} of {}, {}", proposal.amount, proposal.authority);
        self.record(&who.into(), ACT, AuditOutcome::Asked, about, Some(detail))
            .await?;
        let proposed = CaseEvent::Proposed(Box::new(proposal));
        self.append_by(who, &case, &proposed, now).await
    }

    async fn issue_own(&self, who: &Requester, made: Case) -> Result<EntityId, CompensationError> {
        let case = made.id.clone();
        match self.begin(&who.into(), made).await {
            CaseEnd::Moved => Err(CompensationError::Moved),
            CaseEnd::Over => Ok(case),
            CaseEnd::Unknown => Err(CompensationError::OutcomeUnknown { case }),
        }
    }

    /// Answers a repeated form with its existing case, after a short wait for the end of the case. Fails if the case is
    /// of another person or of another form.
    async fn join(&self, who: &Requester, form: &Confirmation, known: Case) -> Result<EntityId, CompensationError> {
        let proposal = known.state.proposal.as_ref().ok_or(CompensationError::FormReused)?;
        let command = form.draft.command(Some(proposal.amount.currency()));
        let same = known.state.proposer == who.name.as_str()
            && proposal.command_hash == form.command_hash
            && command.is_ok_and(|command| command == proposal.command);
        if !same {
            return Err(CompensationError::FormReused);
        }
        let known = self.wait_for_end(known).await?;
        self.settle_reservation(who, &known).await;
        Ok(known.id)
    }

    /// Releases the amount of a case that was not issued: this request may have reserved it after the first one had
    /// released it.
    async fn settle_reservation(&self, who: &Requester, known: &Case) {
        let Some(proposal) = &known.state.proposal else { return };
        let counts = known.state.is_to_be_issued() || known.state.status == Some(CaseStatus::Issued);
        if proposal.authority == Authority::FourEyes || !counts {
            let reserved = known.state.proposed_at.unwrap_or_else(|| self.now());
            self.release(&who.name, &known.id, reserved).await;
        }
    }
}

/// Decides the command again. Fails if a stream has moved since the preview, or if the form is not the previewed one.
fn decide_again(form: &Confirmation, asked: &Asked) -> Result<Decision, CompensationError> {
    if !asked.loaded.is_at(&asked.command, &asked.seen) {
        return Err(CompensationError::Moved);
    }
    let decision = decide(&asked.command, &asked.loaded.state, &asked.case, asked.now)?;
    if command_hash(&asked.command, &asked.seen) != form.command_hash {
        return Err(CompensationError::Stale);
    }
    Ok(decision)
}

/// Checks that a large amount was typed a second time.
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
