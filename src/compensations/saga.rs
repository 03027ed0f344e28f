//! Carries out a case that may be issued: appends its steps in order, then one event that ends the case. Every step can be repeated,
//! by any process. The first step decides: it is appended at the position that the case is pinned to, or not at all. After it the case
//! is either issued, or undone and refused.
//!
//! | state of the case | first step | later steps | the case ends as |
//! |---|---|---|---|
//! | to be issued | appended | appended | issued |
//! | to be issued | appended | a stream has moved | decided again: issued, or undone and refused |
//! | to be issued | appended | outcome unknown | open; recovery repeats the steps |
//! | to be issued | conflict: the stream has moved | – | refused; lapsed if a second person approved it |
//! | to be issued | key reused, or invalid | – | refused |
//! | to be issued | store does not answer, and nobody else can be at it yet | – | refused |
//! | to be issued | store does not answer, or outcome unknown | – | open; recovery repeats the steps |
//! | refused by another process meanwhile | appended here | – | refused; the step is undone |

mod step;
mod undo;

use chrono::TimeDelta;
use tokio::time::{Duration, Instant};

use super::{
    Compensations,
    append::{AppendOutcome, case_event},
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

/// What the trail calls the end of a case.
const ACT: &str = "compensation.issue";
/// Times that the end of a case is tried where others write to it meanwhile; there are only so many events in a case.
const ROUNDS: usize = 8;

/// How carrying out a case went, for whoever did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaseEnd {
    /// It has ended, one way or the other: the case says how.
    Over,
    /// It has ended because the stream had moved before anything was appended.
    Moved,
    /// It goes on by itself.
    Unknown,
}

/// A case on its way.
struct Job<'a> {
    case: &'a Case,
    proposal: &'a Proposal,
}

/// What the steps came to, and so what ends the case.
#[derive(Debug)]
enum Verdict {
    Issued(Vec<IssuedEvent>),
    /// Nothing stands: the stream had moved.
    Moved(String),
    /// Nothing stands, or what was appended was undone.
    Refused(String, Vec<IssuedEvent>),
}

/// It can't be gone on with now.
#[derive(Debug)]
struct Unknown;

impl Compensations {
    /// Carries out what is to be issued and ends the case, for who has just written the event that allows it and so knows
    /// the case: only they, and only at once, may refuse it for a store that does not answer, since nobody else works on
    /// it by then.
    pub(super) async fn begin(&self, by: &Actor, allowed: Case) -> CaseEnd {
        let id = allowed.id.clone();
        let end = self.try_carry_out(by, &id, Some(allowed), Some(Instant::now())).await;
        self.note_end(&id, end)
    }

    /// The same for who finds a case that may be issued.
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

    /// `known` is the case as it is now, where that is known; it is read where not, and again after a conflict.
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
            let Ok(verdict) = self.carry_out(&job, began).await else {
                return CaseEnd::Unknown;
            };
            let Ok(event) = self.ending(by, &job, &verdict).await else {
                return CaseEnd::Unknown;
            };
            match self.append_to_case(&case, event.clone()).await {
                AppendOutcome::Appended(_) => {
                    self.cases.note(&case.id);
                    self.release_if_void(&job, &verdict).await;
                    return if matches!(verdict, Verdict::Moved(_)) {
                        CaseEnd::Moved
                    } else {
                        CaseEnd::Over
                    };
                }
                // Somebody else ended it: the case says how.
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

    /// The case has ended. Should it have been refused by somebody who was held up for longer than the grace, while its
    /// steps were done here, they must not stand.
    async fn check_ended_case(&self, job: &Job<'_>, issued: Option<Vec<IssuedEvent>>) -> CaseEnd {
        let Some(events) = issued.filter(|_| job.case.state.status != Some(CaseStatus::Issued)) else {
            return CaseEnd::Over;
        };
        tracing::error!(case = %job.case.id, "a case was refused while it was being issued");
        if let Some(first) = events.into_iter().next()
            && self.undo(job, first, "the case had been refused").await.is_err()
        {
            return CaseEnd::Unknown;
        }
        CaseEnd::Over
    }

    async fn carry_out(&self, job: &Job<'_>, began: Option<Instant>) -> Result<Verdict, Unknown> {
        let mut done: Vec<IssuedEvent> = Vec::new();
        for (number, step) in (1..).zip(&job.proposal.steps) {
            let outcome = self.append_step(job, number, step, step.at).await;
            match (outcome, done.pop()) {
                (AppendOutcome::Appended(sequence), earlier) => {
                    done.extend(earlier);
                    done.push(job.issued_event(number, step, sequence));
                }
                (outcome, None) => return self.first_step_failed(step, outcome, began),
                (AppendOutcome::Unavailable(_) | AppendOutcome::Unknown, Some(_)) => return Err(Unknown),
                (_, Some(credit)) => return self.finish_later_step(job, number, step, credit).await,
            }
        }
        Ok(Verdict::Issued(done))
    }

    /// The first step does not stand.
    fn first_step_failed(
        &self,
        step: &Step,
        outcome: AppendOutcome,
        began: Option<Instant>,
    ) -> Result<Verdict, Unknown> {
        let (domain, subject) = (step.domain, &step.subject);
        match outcome {
            AppendOutcome::Conflict => Ok(Verdict::Moved(format!(
                "the {domain} {subject} has gone on since it was looked at; nothing was appended"
            ))),
            AppendOutcome::KeyReused => Ok(Verdict::Refused(
                "it was credited by another case meanwhile; nothing was appended".to_owned(),
                Vec::new(),
            )),
            AppendOutcome::Invalid(reason) => Ok(Verdict::Refused(reason, Vec::new())),
            AppendOutcome::Unavailable(reason) if began.is_some_and(|began| began.elapsed() < self.refusal_time()) => {
                Ok(Verdict::Refused(reason, Vec::new()))
            }
            AppendOutcome::Unavailable(_) | AppendOutcome::Unknown | AppendOutcome::Appended(_) => Err(Unknown),
        }
    }

    /// Half of the grace is for the write of the refusal itself, and for clocks that differ.
    fn refusal_time(&self) -> Duration {
        let grace: TimeDelta = self.settings.grace / 2;
        grace.to_std().unwrap_or_default()
    }

    /// Records how the case ends, and makes the one event that ends it.
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

    /// Gives back what was set aside. Where that fails, it counts for the rest of the day: rather too much than too little.
    pub(super) async fn release(
        &self,
        operator: &OperatorName,
        case: &EntityId,
        reserved: chrono::DateTime<chrono::Utc>,
    ) {
        if let Err(error) = self.limits.release(operator, case, reserved).await {
            tracing::warn!(%operator, %case, %error, "what a case set aside could not be given back");
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
