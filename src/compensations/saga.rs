//! Issues a case: appends its steps in order, then one event that ends the case. Any process can repeat any step. The
//! first step is appended at the sequence to which the case is pinned, or not at all. After it, the case is either
//! issued, or undone and refused.
//!
//! | state of the case | first step | later steps | the case ends as |
//! |---|---|---|---|
//! | to be issued | the refund can't be reserved: a stream has moved, or another wallet was credited | – | refused; lapsed if a second person approved it |
//! | to be issued | it is not certain that no other wallet was credited, and the proposal does not say so | – | refused |
//! | to be issued | appended | appended | issued |
//! | to be issued | appended | a stream has moved | decided again: issued, or undone and refused |
//! | to be issued | appended | outcome unknown | open; recovery repeats the steps |
//! | to be issued | conflict: the stream has moved | – | refused; lapsed if a second person approved it |
//! | to be issued | key reused, or invalid | – | refused |
//! | to be issued | store does not answer, and no other process works on the case yet | – | refused |
//! | to be issued | store does not answer, or outcome unknown | – | open; recovery repeats the steps |
//! | refused by another process in the meantime | appended here | – | refused; the step is undone |

mod reservation;
mod step;
mod undo;

use chrono::TimeDelta;
use tokio::time::{Duration, Instant};

use self::reservation::Reserved;
use super::{
    Compensations,
    append::case_event,
    append_outcome::AppendOutcome,
    audit::{About, Actor},
};
use crate::domain::{
    access::OperatorName,
    audit::AuditOutcome,
    compensation::{
        case::{Authority, Case, CaseEvent, CaseStatus, Ending, Issued, IssuedEvent, Proposal, Refused},
        decide::Step,
    },
    event::NewEvent,
    ids::EntityId,
};

/// The act in the audit trail for the end of a case.
const ACT: &str = "compensation.issue";
/// How often ending a case is retried after conflicts. The number of events of a case is bounded, and so are conflicts.
const ROUNDS: usize = 8;

/// The result of issuing a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaseEnd {
    /// The case has ended; its status says how.
    Over,
    /// The case has ended because a stream had moved. Nothing was appended to the ledger.
    Moved,
    /// The outcome is unknown. Recovery will end the case.
    Unknown,
}

/// A case that is being issued.
pub(super) struct Job<'a> {
    pub case: &'a Case,
    pub proposal: &'a Proposal,
}

/// The result of the steps, which determines how the case ends.
#[derive(Debug)]
pub(super) enum Verdict {
    Issued(Vec<IssuedEvent>),
    /// Nothing was appended, because a stream had moved.
    Moved(String),
    /// Nothing was appended, or it was undone. The events are the appended ones and their reversals.
    Refused(String, Vec<IssuedEvent>),
}

/// The case can't be continued now, because an outcome is unknown or a store does not answer.
#[derive(Debug)]
pub(super) struct Unknown;

impl Compensations {
    /// Issues and ends a case. The caller has just appended the event that allows this, and passes the case. Only this
    /// caller, within half of the grace time, may refuse the case because a store does not answer: no other process
    /// works on it yet.
    pub(super) async fn begin(&self, by: &Actor, allowed: Case) -> CaseEnd {
        let id = allowed.id.clone();
        let end = self.try_carry_out(by, &id, Some(allowed), Some(Instant::now())).await;
        self.note_end(&id, end)
    }

    /// Issues and ends a case that was found open.
    pub(super) async fn finish_case(&self, by: &Actor, id: &EntityId) -> CaseEnd {
        let end = self.try_carry_out(by, id, None, None).await;
        self.note_end(id, end)
    }

    fn note_end(&self, id: &EntityId, end: CaseEnd) -> CaseEnd {
        if end == CaseEnd::Unknown {
            self.leave_unknown(id);
        } else {
            self.unknown_cases().remove(id);
        }
        end
    }

    /// `known` is the current case if the caller has it. Otherwise, and after a conflict, the case is read.
    async fn try_carry_out(
        &self,
        by: &Actor,
        id: &EntityId,
        mut known: Option<Case>,
        began: Option<Instant>,
    ) -> CaseEnd {
        let mut issued = None;
        for _ in 0..ROUNDS {
            let case = if let Some(case) = known.take() {
                case
            } else {
                let Ok(case) = self.read_case(id).await else {
                    return CaseEnd::Unknown;
                };
                case
            };
            let Some(proposal) = case.state.proposal.as_deref() else {
                return CaseEnd::Over;
            };
            let job = Job { case: &case, proposal };
            if !case.state.is_to_be_issued() {
                return self.check_ended_case(&job, issued).await;
            }
            let verdict = match self.carry_out(&job, began).await {
                Ok(Some(verdict)) => verdict,
                // Another process has ended the case. The next round reads it.
                Ok(None) => continue,
                Err(Unknown) => return CaseEnd::Unknown,
            };
            let Ok(event) = self.ending(by, &job, &verdict).await else {
                return CaseEnd::Unknown;
            };
            match self.append_to_case(&case, event.clone()).await {
                AppendOutcome::Appended(_) => {
                    self.cases.note(&case.id);
                    self.release_if_void(&job, &verdict).await;
                    self.release_refund(&job).await;
                    return if matches!(verdict, Verdict::Moved(_)) {
                        CaseEnd::Moved
                    } else {
                        CaseEnd::Over
                    };
                }
                // Another process has ended the case. The next round reads it.
                AppendOutcome::Conflict | AppendOutcome::KeyReused => {}
                AppendOutcome::Invalid(reason) => {
                    tracing::error!(case = %id, reason, "the end of a case can't be written");
                    return CaseEnd::Unknown;
                }
                AppendOutcome::Unavailable(_) | AppendOutcome::Unknown => return CaseEnd::Unknown,
            }
            if let Verdict::Issued(events) = verdict {
                issued = Some(events);
            }
        }
        CaseEnd::Unknown
    }

    /// Checks a case that another process has ended. If it was not issued although its steps were appended here, they
    /// are undone. This happens if the process that began the case was suspended for longer than the grace time, and
    /// then refused it.
    async fn check_ended_case(&self, job: &Job<'_>, issued: Option<Vec<IssuedEvent>>) -> CaseEnd {
        let Some(events) = issued.filter(|_| job.case.state.status != Some(CaseStatus::Issued)) else {
            return CaseEnd::Over;
        };
        tracing::error!(case = %job.case.id, events = events.len(), "a case was refused while it was being issued");
        if events.len() > 1 {
            // All steps are appended, so both domains agree. A reversal of one of them would set them at odds.
            return CaseEnd::Over;
        }
        if let Some(first) = events.into_iter().next()
            && self
                .undo(job, first, "another process had refused the case")
                .await
                .is_err()
        {
            return CaseEnd::Unknown;
        }
        CaseEnd::Over
    }

    /// Appends the steps. `None` if another process has ended the case before the first step.
    async fn carry_out(&self, job: &Job<'_>, began: Option<Instant>) -> Result<Option<Verdict>, Unknown> {
        match self.reserve(job, began).await? {
            Reserved::Yes => self.append_steps(job, began).await.map(Some),
            Reserved::No(verdict) => Ok(Some(verdict)),
            Reserved::CaseEnded => Ok(None),
        }
    }

    async fn append_steps(&self, job: &Job<'_>, began: Option<Instant>) -> Result<Verdict, Unknown> {
        let mut done: Vec<IssuedEvent> = Vec::new();
        for (number, step) in (1..).zip(&job.proposal.steps) {
            let outcome = self.append_step(job, number, step, step.at).await;
            match (outcome, done.pop()) {
                (AppendOutcome::Appended(sequence), earlier) => {
                    done.extend(earlier);
                    done.push(job.issued_event(number, step, sequence));
                    // Another process may have refused the case in the meantime. Then no further step follows.
                    let is_last = number == job.proposal.steps.len();
                    if !is_last && !self.is_still_open(job).await? {
                        return Ok(Verdict::Issued(done));
                    }
                }
                (outcome, None) => return self.first_step_failed(step, outcome, began),
                (AppendOutcome::Unavailable(_) | AppendOutcome::Unknown, Some(_)) => return Err(Unknown),
                (_, Some(credit)) => return self.finish_later_step(job, number, step, credit).await,
            }
        }
        Ok(Verdict::Issued(done))
    }

    async fn is_still_open(&self, job: &Job<'_>) -> Result<bool, Unknown> {
        let case = self.read_case(&job.case.id).await.map_err(|_| Unknown)?;
        Ok(case.state.is_to_be_issued() || case.state.status == Some(CaseStatus::Issued))
    }

    /// The verdict after a first step that was not appended.
    fn first_step_failed(
        &self,
        step: &Step,
        outcome: AppendOutcome,
        began: Option<Instant>,
    ) -> Result<Verdict, Unknown> {
        let (domain, subject) = (step.domain, &step.subject);
        match outcome {
            AppendOutcome::Conflict => Ok(Verdict::Moved(format!(
                "the {domain} {subject} has changed since the preview; nothing was appended"
            ))),
            AppendOutcome::KeyReused => Ok(Verdict::Refused(
                "another case has credited this refund; nothing was appended".to_owned(),
                Vec::new(),
            )),
            AppendOutcome::Invalid(reason) => Ok(Verdict::Refused(reason, Vec::new())),
            AppendOutcome::Unavailable(reason) => self.refuse_early(reason, began),
            AppendOutcome::Unknown | AppendOutcome::Appended(_) => Err(Unknown),
        }
    }

    /// Refuses a case because a store does not answer, if no other process works on the case yet.
    pub(super) fn refuse_early(&self, reason: String, began: Option<Instant>) -> Result<Verdict, Unknown> {
        if began.is_some_and(|began| began.elapsed() < self.refusal_time()) {
            Ok(Verdict::Refused(reason, Vec::new()))
        } else {
            Err(Unknown)
        }
    }

    /// How long after its start a case may be refused because a store does not answer. It is half of the grace time;
    /// the rest is for appending the refusal and for differences of clocks.
    fn refusal_time(&self) -> Duration {
        let grace: TimeDelta = self.settings.grace / 2;
        grace.to_std().unwrap_or_default()
    }

    /// Records the end of the case in the audit trail, and returns the event that ends it.
    async fn ending(&self, by: &Actor, job: &Job<'_>, verdict: &Verdict) -> Result<NewEvent, Unknown> {
        let event = match verdict {
            Verdict::Issued(events) => CaseEvent::Issued(Issued { events: events.clone() }),
            Verdict::Moved(why) if job.proposal.authority == Authority::FourEyes => {
                CaseEvent::Lapsed(Ending { why: why.clone() })
            }
            Verdict::Moved(why) => refused(why, &[]),
            Verdict::Refused(why, events) => refused(why, events),
        };
        let (outcome, detail) = match verdict {
            Verdict::Issued(events) => (AuditOutcome::Done, format!("{} appended", events.len())),
            Verdict::Moved(why) | Verdict::Refused(why, _) => (AuditOutcome::Refused, why.clone()),
        };
        let about = job.about();
        let recorded = self.record(by, ACT, outcome, &about, Some(detail)).await;
        recorded.map_err(|_| Unknown)?;
        let case = job.case;
        let id = format!("{}.end", case.id);
        Ok(case_event(id, &case.state.proposer, case, self.now(), &event))
    }

    async fn release_if_void(&self, job: &Job<'_>, verdict: &Verdict) {
        let counts = matches!(verdict, Verdict::Issued(_));
        if counts || job.proposal.authority == Authority::FourEyes {
            return;
        }
        if let (Ok(proposer), Some(reserved)) = (
            OperatorName::new(job.case.state.proposer.as_str()),
            job.case.state.proposed_at,
        ) {
            self.release(&proposer, &job.case.id, reserved).await;
        }
    }

    /// Releases a reserved amount. If this fails, the amount counts for the rest of the day, which is the safe side.
    pub(super) async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: chrono::DateTime<chrono::Utc>,
    ) {
        if let Err(error) = self.limits.release(operator, case, reserved).await {
            tracing::warn!(%operator, %case, %error, "the reserved amount of a case could not be released");
        }
    }
}

impl Job<'_> {
    fn about(&self) -> About {
        let (domain, subject) = self.proposal.command.action.subject();
        About {
            subject: Some((domain, subject.clone())),
            case: Some(self.case.id.clone()),
        }
    }
}

fn refused(why: &str, events: &[IssuedEvent]) -> CaseEvent {
    CaseEvent::Refused(Refused {
        rejection: why.to_owned(),
        events: events.to_vec(),
    })
}
