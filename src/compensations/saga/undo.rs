//! Undoes the credit of a case whose other step can't be appended: by one reversal, which is appended at most once over
//! all processes.

use rust_decimal::Decimal;

use super::{Compensations, Job, Unknown, Verdict, step::RETRIES_MAX};
use crate::{
    compensations::append_outcome::AppendOutcome,
    compensations::{append::append, load::LoadedState},
    domain::{compensation::case::IssuedEvent, ids::Sequence, money::Money, refund::Reason, wallet::WalletEvent},
};

/// What is left of a credit to reverse.
enum Left {
    /// The case has already reversed it, at this sequence.
    Undone(Sequence),
    Nothing,
    /// This amount, with the wallet at this sequence.
    Amount(Money, Sequence),
}

impl Compensations {
    /// Reverses the rest of `credit`, and returns the verdict that refuses the case for `why`.
    pub(super) async fn undo(&self, job: &Job<'_>, credit: IssuedEvent, why: &str) -> Result<Verdict, Unknown> {
        let id = job.event_id("undo");
        for _ in 0..RETRIES_MAX {
            let sought = Some((credit.event.as_str(), id.as_str()));
            let loaded = self
                .load_with(&job.proposal.command, sought)
                .await
                .map_err(|_| Unknown)?;
            let undone = |sequence| IssuedEvent {
                sequence,
                event: id.clone(),
                ..credit.clone()
            };
            let (amount, at) = match left(&loaded, &credit, &id) {
                Left::Undone(sequence) => {
                    let events = vec![credit.clone(), undone(sequence)];
                    return Ok(Verdict::Refused(format!("{why}; the credit was reversed"), events));
                }
                Left::Nothing => return Ok(Verdict::Refused(why.to_owned(), vec![credit])),
                Left::Amount(amount, at) => (amount, at),
            };
            let reversal = WalletEvent::EntryReversed {
                reverses: credit.event.clone(),
                amount,
                reason: Reason::SystemCorrection.as_str().to_owned(),
                note: Some(why.to_owned()),
            };
            let key = format!("{}:undo", job.case.id);
            let event = self.event(job, id.clone(), key, reversal.type_name(), &reversal.data().to_string());
            let log = self.stores.of(credit.domain);
            match append(log, &credit.id, at, event, self.settings.patience).await {
                AppendOutcome::Appended(_) | AppendOutcome::Conflict | AppendOutcome::KeyReused => {}
                AppendOutcome::Invalid(reason) => {
                    tracing::error!(case = %job.case.id, reason, "a credit can't be reversed");
                    return Err(Unknown);
                }
                AppendOutcome::Unavailable(_) | AppendOutcome::Unknown => return Err(Unknown),
            }
        }
        Err(Unknown)
    }
}

fn left(loaded: &LoadedState, credit: &IssuedEvent, undo: &str) -> Left {
    if let Some(entry) = loaded.entry(credit.domain, undo) {
        return Left::Undone(entry.sequence().unwrap_or(0));
    }
    let Some(wallet) = &loaded.state.wallet else {
        return Left::Nothing;
    };
    let state = &wallet.fold.state;
    let (Some(posting), Some(currency)) = (state.postings.get(&credit.event), state.currency) else {
        return Left::Nothing;
    };
    let left = posting.amount.abs() - posting.reversed;
    if left <= Decimal::ZERO {
        return Left::Nothing;
    }
    match Money::parse(&left.to_string(), currency) {
        Ok(amount) => Left::Amount(amount, wallet.fold.sequence),
        // Does not happen: a posting is an amount in the wallet's currency, so the rest of it is valid.
        Err(_) => Left::Nothing,
    }
}
