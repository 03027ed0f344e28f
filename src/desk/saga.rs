//! Carrying out a case that may be issued: its steps in order, each of them repeatable, and one event that ends it. Whoever
//! does it, once or ten times, in one process or in several, comes to the same: the first step decides, because it
//! can only stand at the position that was looked at; from there on the case is finished, or undone and refused.

mod step;
mod undo;

use chrono::TimeDelta;
use tokio::time::{Duration, Instant};

use super::{
    Desk,
    append::{Fate, case_event},
    trail::{About, By},
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
pub(super) enum End {
    /// It has ended, one way or the other: the case says how.
    Over,
    /// It has ended because the stream had moved before anything was appended.
    Moved,
    /// It goes on by itself.
    Doubt,
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
struct Doubt;

impl Desk {
    /// Carries out what is to be issued and ends the case, for who has just written the event that allows it and so knows
    /// the case: only they, and only at once, may refuse it for a store that does not answer, since nobody else works on
    /// it by then.
    pub(super) async fn begin(&self, by: &By, allowed: Case) -> End {
        let id = allowed.id.clone();
        let end = self.try_drive(by, &id, Some(allowed), Some(Instant::now())).await;
        self.note_end(&id, end)
    }

    /// The same for who finds a case that may be issued.
    pub(super) async fn drive(&self, by: &By, id: &EntityId) -> End {
        let end = self.try_drive(by, id, None, None).await;
        self.note_end(id, end)
    }

    fn note_end(&self, id: &EntityId, end: End) -> End {
        if end == End::Doubt {
            self.leave_in_doubt(id);
        } else {
            self.doubts().remove(id);
        }
        end
    }

    /// `known` is the case as it is now, where that is known; it is read where not, and again after a conflict.
    async fn try_drive(&self, by: &By, id: &EntityId, mut known: Option<Case>, began: Option<Instant>) -> End {
        let mut issued = None;
        for _ in 0..ROUNDS {
            let case = if let Some(case) = known.take() {
                case
            } else {
                let Ok(case) = self.read_case(id).await else {
                    return End::Doubt;
                };
                case
            };
            let Some(proposal) = case.state.proposal.as_deref() else {
                return End::Over;
            };
            let job = Job { case: &case, proposal };
            if !case.state.is_to_be_issued() {
                return self.look_back(&job, issued).await;
            }
            let Ok(verdict) = self.carry_out(&job, began).await else {
                return End::Doubt;
            };
            let Ok(event) = self.ending(by, &job, &verdict).await else {
                return End::Doubt;
            };
            match self.append_to_case(&case, event.clone()).await {
                Fate::Stands(_) => {
                    self.cases.note(&case.id);
                    self.release_if_void(&job, &verdict).await;
                    return if matches!(verdict, Verdict::Moved(_)) {
                        End::Moved
                    } else {
                        End::Over
                    };
                }
                // Somebody else ended it: the case says how.
                Fate::Conflict | Fate::KeyReused => {}
                Fate::Invalid(reason) => {
                    tracing::error!(case = %id, reason, "the end of a case can't be written");
                    return End::Doubt;
                }
                Fate::Unavailable(_) | Fate::Doubt => return End::Doubt,
            }
            if let Verdict::Issued(events) = verdict {
                issued = Some(events);
            }
        }
        End::Doubt
    }

    /// The case has ended. Should it have been refused by somebody who was held up for longer than the grace, while its
    /// steps were done here, they must not stand.
    async fn look_back(&self, job: &Job<'_>, issued: Option<Vec<IssuedEvent>>) -> End {
        let Some(events) = issued.filter(|_| job.case.state.status != Some(CaseStatus::Issued)) else {
            return End::Over;
        };
        tracing::error!(case = %job.case.id, "a case was refused while it was being issued");
        if let Some(first) = events.into_iter().next()
            && self.undo(job, first, "the case had been refused").await.is_err()
        {
            return End::Doubt;
        }
        End::Over
    }

    async fn carry_out(&self, job: &Job<'_>, began: Option<Instant>) -> Result<Verdict, Doubt> {
        let mut done: Vec<IssuedEvent> = Vec::new();
        for (number, step) in (1..).zip(&job.proposal.steps) {
            let fate = self.append_step(job, number, step, step.at).await;
            match (fate, done.pop()) {
                (Fate::Stands(sequence), earlier) => {
                    done.extend(earlier);
                    done.push(job.issued_event(number, step, sequence));
                }
                (fate, None) => return self.not_begun(step, fate, began),
                (Fate::Unavailable(_) | Fate::Doubt, Some(_)) => return Err(Doubt),
                (_, Some(credit)) => return self.after_move(job, number, step, credit).await,
            }
        }
        Ok(Verdict::Issued(done))
    }

    /// The first step does not stand.
    fn not_begun(&self, step: &Step, fate: Fate, began: Option<Instant>) -> Result<Verdict, Doubt> {
        let (domain, subject) = (step.domain, &step.subject);
        match fate {
            Fate::Conflict => Ok(Verdict::Moved(format!(
                "the {domain} {subject} has gone on since it was looked at; nothing was appended"
            ))),
            Fate::KeyReused => Ok(Verdict::Refused(
                "it was credited by another case meanwhile; nothing was appended".to_owned(),
                Vec::new(),
            )),
            Fate::Invalid(reason) => Ok(Verdict::Refused(reason, Vec::new())),
            Fate::Unavailable(reason) if began.is_some_and(|began| began.elapsed() < self.may_refuse_within()) => {
                Ok(Verdict::Refused(reason, Vec::new()))
            }
            Fate::Unavailable(_) | Fate::Doubt | Fate::Stands(_) => Err(Doubt),
        }
    }

    /// Half of the grace is for the write of the refusal itself, and for clocks that differ.
    fn may_refuse_within(&self) -> Duration {
        let grace: TimeDelta = self.settings.grace / 2;
        grace.to_std().unwrap_or_default()
    }

    /// Records how the case ends, and makes the one event that ends it.
    async fn ending(&self, by: &By, job: &Job<'_>, verdict: &Verdict) -> Result<NewEvent, Doubt> {
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
        recorded.map_err(|_| Doubt)?;
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
