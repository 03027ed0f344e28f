//! Reserves a refund for one case before its money moves, in a stream of the compensation store that all dashboards share.
//! Two cases of one refund, also on two dashboards, are thereby issued one after the other. The later one is decided with
//! the credit of the earlier one.

use data_encoding::BASE32_NOPAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    CompensationError, Compensations,
    append::append,
    append_outcome::AppendOutcome,
    audit::Actor,
    saga::{CaseEnd, Job, Unknown, Verdict},
};
use crate::domain::{
    compensation::{
        case::Authority,
        command::Action,
        decide::Warning,
        reservation::{RELEASED, RESERVATION_PREFIX, RESERVED, Reservation},
    },
    event::{NewEvent, format_time},
    ids::{Domain, EntityId, IdError, LogName, Position},
};

/// How often a reservation is tried again after a conflict with another case.
const ROUNDS: usize = 50;

/// The stream of a refund's reservations: `PAY-` and the base32 of the SHA-256 of `["ORDER","REFUND"]` (contract §6).
fn stream_of(order: &EntityId, refund: &str) -> Result<EntityId, IdError> {
    let name = json!([order, refund]).to_string();
    let digest = Sha256::digest(name.as_bytes());
    EntityId::new(format!("{RESERVATION_PREFIX}{}", BASE32_NOPAD.encode(&digest)))
}

/// The stream that a command has to reserve. Only settling a refund needs one.
fn stream_of_action(action: &Action) -> Option<EntityId> {
    match action {
        Action::SettleRefund { order, refund } => stream_of(order, refund).ok(),
        _ => None,
    }
}

impl Compensations {
    /// Reserves the refund that a case settles, and checks again that no other wallet was credited for it. Returns the
    /// verdict if the case can't be issued. Does nothing for other commands.
    pub(super) async fn reserve(&self, job: &Job<'_>, began: Option<Instant>) -> Result<Option<Verdict>, Unknown> {
        let Some(stream) = stream_of_action(&job.proposal.command.action) else {
            return Ok(None);
        };
        for _ in 0..ROUNDS {
            let reservation = match self.read_reservation(&stream).await {
                Ok(reservation) => reservation,
                Err(error) => return self.refuse_early(error.to_string(), began).map(Some),
            };
            match &reservation.case {
                Some(holder) if *holder == job.case.id => return self.check_credits(job).await,
                Some(holder) => {
                    self.finish_holder(holder).await?;
                    if let Some(moved) = self.check_positions(job).await? {
                        return Ok(Some(moved));
                    }
                }
                None => {}
            }
            let log = &*self.stores.compensation;
            let event = self.reservation_event(job, RESERVED);
            match append(log, &stream, reservation.sequence, event, self.settings.patience).await {
                AppendOutcome::Appended(_) => return self.check_credits(job).await,
                // Another case was first, or another process works on the same case.
                AppendOutcome::Conflict | AppendOutcome::KeyReused => {}
                AppendOutcome::Invalid(reason) => return Ok(Some(Verdict::Refused(reason, Vec::new()))),
                AppendOutcome::Unavailable(reason) => return self.refuse_early(reason, began).map(Some),
                AppendOutcome::Unknown => return Err(Unknown),
            }
        }
        Err(Unknown)
    }

    /// Releases the reservation of a case that has ended. A failure does no harm: the reservation of an ended case is void.
    pub(super) async fn release_refund(&self, job: &Job<'_>) {
        let Some(stream) = stream_of_action(&job.proposal.command.action) else {
            return;
        };
        let Ok(reservation) = self.read_reservation(&stream).await else {
            return;
        };
        if reservation.case.as_ref() == Some(&job.case.id) {
            let log = &*self.stores.compensation;
            let event = self.reservation_event(job, RELEASED);
            append(log, &stream, reservation.sequence, event, self.settings.patience).await;
        }
    }

    async fn read_reservation(&self, stream: &EntityId) -> Result<Reservation, CompensationError> {
        let entries = self.stores.compensation.read_all(stream, Position::START).await;
        let entries = entries.map_err(CompensationError::read(LogName::Compensation))?;
        Ok(Reservation::fold(entries))
    }

    /// Ends the case that holds the reservation, so that a crash blocks no refund. Waits first, because the process that began
    /// that case may be at work.
    async fn finish_holder(&self, holder: &EntityId) -> Result<(), Unknown> {
        let case = self.read_case(holder).await.map_err(|_| Unknown)?;
        let case = self.wait_for_end(case).await.map_err(|_| Unknown)?;
        if !case.state.is_to_be_issued() {
            return Ok(());
        }
        match Box::pin(self.finish_case(&Actor::recovery(), holder)).await {
            CaseEnd::Over | CaseEnd::Moved => Ok(()),
            CaseEnd::Unknown => Err(Unknown),
        }
    }

    /// The verdict if a stream has moved from the positions of a case that has appended nothing yet.
    async fn check_positions(&self, job: &Job<'_>) -> Result<Option<Verdict>, Unknown> {
        let command = &job.proposal.command;
        let loaded = self.load_for(command).await.map_err(|_| Unknown)?;
        let pins: Vec<_> = job.proposal.pins().cloned().collect();
        let moved = !loaded.is_at(command, &pins);
        Ok(moved.then(|| Verdict::Moved("another case settled the refund; nothing was appended".to_owned())))
    }

    /// Decides again whether another wallet was credited, now that no other case can credit one.
    async fn check_credits(&self, job: &Job<'_>) -> Result<Option<Verdict>, Unknown> {
        let Some(first) = job.proposal.steps.first().filter(|step| step.domain == Domain::Wallet) else {
            return Ok(None);
        };
        let (own, undo) = (job.event_id(1), job.event_id("undo"));
        let sought = Some((own.as_str(), undo.as_str()));
        let loaded = self
            .load_with(&job.proposal.command, sought)
            .await
            .map_err(|_| Unknown)?;
        if loaded.entry(first.domain, &own).is_some() {
            // An earlier try has credited the wallet. It had made this check.
            return Ok(None);
        }
        let credits = &loaded.state.credits;
        if let Some(other) = credits.wallets.iter().find(|wallet| **wallet != first.subject) {
            return Ok(Some(Verdict::Moved(format!(
                "the wallet {other} was credited for this refund in the meantime; nothing was appended"
            ))));
        }
        let was_shown = job.proposal.authority == Authority::FourEyes
            && job
                .proposal
                .warnings
                .iter()
                .any(|warning| matches!(warning, Warning::CreditsUncertain { .. }));
        Ok(credits.uncertain.filter(|_| !was_shown).map(|why| {
            let warning = Warning::CreditsUncertain { why };
            Verdict::Refused(format!("{warning}; nothing was appended"), Vec::new())
        }))
    }

    fn reservation_event(&self, job: &Job<'_>, r#type: &str) -> NewEvent {
        let id = job.event_id(if r#type == RESERVED { "reserved" } else { "released" });
        NewEvent {
            idempotencykey: Some(id.clone()),
            id,
            r#type: r#type.to_owned(),
            time: format_time(self.now()),
            actor: Some(job.case.state.proposer.clone()),
            correlationid: Some(job.case.id.to_string()),
            causationid: job.case.allowed_by.clone(),
            data: json!({"case": job.case.id}).to_string(),
            extra: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_the_digest_of_order_and_refund() {
        let order = EntityId::new("O-1").unwrap();
        // SHA-256 of the text ["O-1","R-1"], in base32 without padding.
        let expected = "PAY-G5VRMDI55XFPCWZILE3GSGQVK66QGXVCUQABF62GEVAYMU3NFQDA";
        assert_eq!(stream_of(&order, "R-1").unwrap().as_str(), expected);
        assert_ne!(stream_of(&order, "R-2").unwrap().as_str(), expected);
    }
}
