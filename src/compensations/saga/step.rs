//! One step of a case, and the second step after its stream has moved: the command is decided again on the current
//! state, which includes the event of the first step.

use super::{Compensations, Job, Unknown, Verdict};
use crate::{
    compensations::append::append,
    compensations::append_outcome::AppendOutcome,
    domain::{
        compensation::{
            case::IssuedEvent,
            decide::{Step, decide},
        },
        event::{NewEvent, format_time},
        ids::{Domain, Sequence},
        refund::RefundState,
    },
};

/// How often a step is retried after conflicts.
pub(super) const RETRIES_MAX: usize = 50;

impl Job<'_> {
    /// The id of a step's event, which is the same in every process. Contract §3 allows 64 characters; a case id has
    /// 40.
    pub fn event_id(&self, name: impl std::fmt::Display) -> String {
        format!("{}.{name}", self.case.id)
    }

    pub fn issued_event(&self, number: usize, step: &Step, sequence: Sequence) -> IssuedEvent {
        IssuedEvent {
            domain: step.domain,
            id: step.subject.clone(),
            sequence,
            event: self.event_id(number),
        }
    }
}

impl Compensations {
    pub(super) async fn append_step(&self, job: &Job<'_>, number: usize, step: &Step, at: Sequence) -> AppendOutcome {
        let key = if step.key.is_empty() {
            format!("{}:{number}", job.case.id)
        } else {
            step.key.clone()
        };
        let event = self.event(job, job.event_id(number), key, &step.r#type, &step.data);
        let log = self.stores.of(step.domain);
        append(log, &step.subject, at, event, self.settings.patience).await
    }

    /// A ledger event of a case.
    pub(super) fn event(&self, job: &Job<'_>, id: String, key: String, r#type: &str, data: &str) -> NewEvent {
        NewEvent {
            id,
            r#type: r#type.to_owned(),
            time: format_time(self.now()),
            actor: Some(job.case.state.proposer.clone()),
            idempotencykey: Some(key),
            correlationid: Some(job.case.id.to_string()),
            causationid: job.case.allowed_by.clone(),
            data: data.to_owned(),
            extra: Vec::new(),
        }
    }

    /// Finishes a case whose credit was appended and whose order has moved. Appends the order's event if the refund can
    /// still succeed. Does nothing if it has already succeeded by this credit alone. Otherwise undoes the credit.
    pub(super) async fn finish_later_step(
        &self,
        job: &Job<'_>,
        number: usize,
        step: &Step,
        credit: IssuedEvent,
    ) -> Result<Verdict, Unknown> {
        for _ in 0..RETRIES_MAX {
            match self.decide_later_step(job, number, step, &credit).await? {
                LaterStep::Done => return Ok(Verdict::Issued(vec![credit])),
                LaterStep::Undo(why) => return self.undo(job, credit, &why).await,
                LaterStep::AppendAt(at) => match self.append_step(job, number, step, at).await {
                    AppendOutcome::Appended(sequence) => {
                        let appended = job.issued_event(number, step, sequence);
                        return Ok(Verdict::Issued(vec![credit, appended]));
                    }
                    AppendOutcome::Conflict => {}
                    AppendOutcome::KeyReused => {
                        return self
                            .undo(job, credit, "the order's idempotency key was already used")
                            .await;
                    }
                    AppendOutcome::Invalid(why) => return self.undo(job, credit, &why).await,
                    AppendOutcome::Unavailable(_) | AppendOutcome::Unknown => return Err(Unknown),
                },
            }
        }
        Err(Unknown)
    }

    async fn decide_later_step(
        &self,
        job: &Job<'_>,
        number: usize,
        step: &Step,
        credit: &IssuedEvent,
    ) -> Result<LaterStep, Unknown> {
        let command = &job.proposal.command;
        let undo = job.event_id("undo");
        let sought = Some((credit.event.as_str(), undo.as_str()));
        let loaded = self.load_with(command, sought).await.map_err(|_| Unknown)?;
        if loaded.entry(credit.domain, &undo).is_some() {
            return Ok(LaterStep::Undo("the credit is already being reversed".to_owned()));
        }
        if loaded.entry(step.domain, &job.event_id(number)).is_some() {
            // Another process has appended it. The log recognises the repeat by its idempotency key.
            return Ok(LaterStep::AppendAt(step.at));
        }
        let state = &loaded.state;
        let refund = command.action.refund().unwrap_or_default();
        let order = state
            .order
            .as_ref()
            .and_then(|order| order.fold.state.refunds.get(refund));
        if order.is_some_and(|refund| refund.state == RefundState::Succeeded) {
            let postings = state.wallet.iter().flat_map(|wallet| &wallet.fold.state.postings);
            let mut standing = postings
                .filter(|(_, posting)| posting.refund.as_deref() == Some(refund) && !posting.wholly_reversed())
                .map(|(event, _)| event);
            let only_this = standing.all(|event| *event == credit.event);
            let elsewhere = state.credits.wallets.iter().any(|wallet| *wallet != credit.id);
            return Ok(if only_this && !elsewhere {
                LaterStep::Done
            } else {
                LaterStep::Undo("the refund was settled by another case or program".to_owned())
            });
        }
        Ok(match decide(command, state, &job.case.id, self.now()) {
            // The credit is still valid, and only the order's event is missing.
            Ok(decision) if decision.steps.len() == 1 && decision.steps[0].domain == Domain::Order => {
                LaterStep::AppendAt(decision.steps[0].at)
            }
            Ok(_) => LaterStep::Undo("the credit was reversed meanwhile".to_owned()),
            Err(rejection) => LaterStep::Undo(format!("the order {} has changed meanwhile: {rejection}", step.subject)),
        })
    }
}

/// How to continue with the second step.
enum LaterStep {
    /// Append it at this sequence.
    AppendAt(Sequence),
    Done,
    Undo(String),
}
