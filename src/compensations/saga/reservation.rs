//! Reserves a refund for one case before its money moves, in a stream of the compensation store that all dashboards share.
//! Two cases of one refund, also on two dashboards, are thereby issued one after the other. The later one is decided with
//! the credit of the earlier one.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{Job, Unknown, Verdict};
use crate::compensations::{CompensationError, Compensations, append::append, append_outcome::AppendOutcome};
use crate::domain::{
    compensation::{
        case::Authority,
        command::Action,
        decide::Warning,
        reservation::{RELEASED, RESERVATION_PREFIX, RESERVED, Refusal, Reservation, ReservationData, Standing},
    },
    event::{NewEvent, format_time},
    ids::{Domain, EntityId, IdError, LogName, Position},
};

/// How often a reservation is tried again after a conflict with another case.
const ROUNDS: usize = 50;
/// How long a release is tried. Nothing depends on it.
const RELEASE_PATIENCE: Duration = Duration::from_secs(1);

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

/// The result of reserving a refund.
pub(super) enum Reserved {
    /// The case may append its steps.
    Yes,
    /// The case can't be issued, and has appended nothing.
    No(Verdict),
    /// Another process has ended the case.
    CaseEnded,
}

/// The result of the last check before a reservation.
enum Checked {
    Fine,
    PositionsMoved,
    /// The credits of other wallets forbid it, or are not certain. Another process may know something else.
    Refused(Refusal),
}

impl Compensations {
    /// Reserves the refund that a case settles, after a last check of the credits of all wallets. The reservation is appended at
    /// the sequence at which its stream was read, so no other case has moved money since. Several processes may work on one
    /// case: the first event of the case in that stream decides for all of them. Does nothing for other commands.
    pub(super) async fn reserve(&self, job: &Job<'_>, began: Option<Instant>) -> Result<Reserved, Unknown> {
        let Some(stream) = stream_of_action(&job.proposal.command.action) else {
            return Ok(Reserved::Yes);
        };
        for _ in 0..ROUNDS {
            let reservation = match self.read_reservation(&stream).await {
                Ok(reservation) => reservation,
                Err(error) => return self.refuse_early(error.to_string(), began).map(Reserved::No),
            };
            let is_held = reservation.holder.as_ref() == Some(&job.case.id);
            match reservation.standing(&job.case.id) {
                Standing::Nothing => {}
                Standing::Reserved if is_held => return Ok(Reserved::Yes),
                Standing::Reserved | Standing::Ended => return Ok(Reserved::CaseEnded),
                Standing::Refused(refusal) => return Ok(Reserved::No(verdict_of(refusal))),
            }
            if let Some(holder) = &reservation.holder {
                self.finish_holder(holder).await?;
            }
            let refusal = match self.check(job).await? {
                Checked::Fine => None,
                // The streams never come back to the positions, so every process finds this. It needs no event.
                Checked::PositionsMoved => {
                    let why = "a stream has changed since the preview; nothing was appended";
                    return Ok(Reserved::No(Verdict::Moved(why.to_owned())));
                }
                Checked::Refused(refusal) => Some(refusal),
            };
            let event = self.reservation_event(job, refusal.as_ref());
            let log = &*self.stores.compensation;
            match append(log, &stream, reservation.sequence, event, self.settings.patience).await {
                // A repeat of an earlier event of this case has another sequence. The next round reads what it was.
                AppendOutcome::Appended(sequence) if sequence == reservation.sequence + 1 => {
                    return Ok(refusal.map_or(Reserved::Yes, |refusal| Reserved::No(verdict_of(refusal))));
                }
                AppendOutcome::Appended(_) | AppendOutcome::Conflict | AppendOutcome::KeyReused => {}
                AppendOutcome::Invalid(reason) => return Ok(Reserved::No(Verdict::Refused(reason, Vec::new()))),
                AppendOutcome::Unavailable(reason) => return self.refuse_early(reason, began).map(Reserved::No),
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
        if reservation.holder.as_ref() == Some(&job.case.id) {
            let log = &*self.stores.compensation;
            let event = self.release_event(job, None);
            append(log, &stream, reservation.sequence, event, RELEASE_PATIENCE).await;
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
        if !case.state.is_to_be_issued() || Box::pin(self.finish(holder)).await {
            Ok(())
        } else {
            Err(Unknown)
        }
    }

    /// Why the case can't be issued: a stream has moved, another wallet was credited, or that is not certain. A case that has no
    /// reservation has appended nothing, unless an earlier version of the program began it: then it goes on.
    async fn check(&self, job: &Job<'_>) -> Result<Checked, Unknown> {
        let command = &job.proposal.command;
        let Some(first) = job.proposal.steps.first() else {
            return Ok(Checked::Fine);
        };
        let own = job.event_id(1);
        let loaded = self
            .load_with(command, Some((own.as_str(), own.as_str())))
            .await
            .map_err(|_| Unknown)?;
        let postings = loaded
            .state
            .wallet
            .iter()
            .flat_map(|wallet| &wallet.fold.state.postings);
        if loaded.entry(first.domain, &own).is_some() || postings.into_iter().any(|(event, _)| *event == own) {
            return Ok(Checked::Fine);
        }
        let refusal = |why: String, moved| Checked::Refused(Refusal { why, moved });
        let pins: Vec<_> = job.proposal.pins().cloned().collect();
        if !loaded.is_at(command, &pins) {
            return Ok(Checked::PositionsMoved);
        }
        if first.domain != Domain::Wallet {
            return Ok(Checked::Fine);
        }
        let credits = &loaded.state.credits;
        if let Some(other) = credits.wallets.iter().find(|wallet| **wallet != first.subject) {
            let why = format!("the wallet {other} was credited for this refund; nothing was appended");
            return Ok(refusal(why, true));
        }
        let mut shown = job.proposal.warnings.iter();
        let was_shown = job.proposal.authority == Authority::FourEyes
            && shown.any(|warning| matches!(warning, Warning::CreditsUncertain { .. }));
        Ok(match credits.uncertain.filter(|_| !was_shown) {
            Some(why) => {
                let warning = Warning::CreditsUncertain { why };
                refusal(format!("{warning}; nothing was appended"), false)
            }
            None => Checked::Fine,
        })
    }

    /// The event that reserves the refund, or refuses the case.
    fn reservation_event(&self, job: &Job<'_>, refusal: Option<&Refusal>) -> NewEvent {
        if refusal.is_some() {
            return self.release_event(job, refusal);
        }
        let data = ReservationData {
            case: job.case.id.clone(),
            why: None,
            moved: false,
        };
        self.event_of_stream(job, "reserved", RESERVED, &data)
    }

    fn release_event(&self, job: &Job<'_>, refusal: Option<&Refusal>) -> NewEvent {
        let data = ReservationData {
            case: job.case.id.clone(),
            why: refusal.map(|refusal| refusal.why.clone()),
            moved: refusal.is_some_and(|refusal| refusal.moved),
        };
        self.event_of_stream(job, "released", RELEASED, &data)
    }

    fn event_of_stream(&self, job: &Job<'_>, name: &str, r#type: &str, data: &ReservationData) -> NewEvent {
        let id = job.event_id(name);
        NewEvent {
            idempotencykey: Some(id.clone()),
            id,
            r#type: r#type.to_owned(),
            time: format_time(self.now()),
            actor: Some(job.case.state.proposer.clone()),
            correlationid: Some(job.case.id.to_string()),
            causationid: job.case.allowed_by.clone(),
            data: json!(data).to_string(),
            extra: Vec::new(),
        }
    }
}

fn verdict_of(refusal: Refusal) -> Verdict {
    if refusal.moved {
        Verdict::Moved(refusal.why)
    } else {
        Verdict::Refused(refusal.why, Vec::new())
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
