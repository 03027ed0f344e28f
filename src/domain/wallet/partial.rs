//! Partial folds of long wallets: finds the postings and holds that an entry needs, removes the others from the state,
//! and restores them. What is removed is stored elsewhere.

use std::collections::BTreeMap;

use super::{Hold, HoldState, Posting, WalletEvent, WalletState};
use crate::domain::event::Entry;

/// A posting or a hold of a wallet, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The id of the posting's event.
    Posting(String),
    Hold(String),
}

impl WalletState {
    /// The parts that folding an entry may read or change.
    pub fn parts_of(entry: &Entry) -> Vec<Part> {
        let Some(kind) = entry.fields.r#type() else {
            return Vec::new();
        };
        let own = || entry.fields.id().map(str::to_owned).map(Part::Posting);
        let payload = || WalletEvent::parse(kind, entry.fields.data());
        match kind {
            "wallet.credited" | "wallet.debited" => own().into_iter().collect(),
            "wallet.held" | "wallet.hold_released" | "wallet.hold_expired" => match payload() {
                Ok(
                    WalletEvent::Held { hold, .. }
                    | WalletEvent::HoldReleased { hold }
                    | WalletEvent::HoldExpired { hold },
                ) => vec![Part::Hold(hold)],
                _ => Vec::new(),
            },
            "wallet.hold_captured" => match payload() {
                Ok(WalletEvent::HoldCaptured { hold, .. }) => own().into_iter().chain([Part::Hold(hold)]).collect(),
                _ => Vec::new(),
            },
            "wallet.entry_reversed" => match payload() {
                Ok(WalletEvent::EntryReversed { reverses, .. }) => vec![Part::Posting(reverses)],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Removes every posting, and every hold that is not open, for which `stays` is false.
    pub fn leave_out(&mut self, stays: impl Fn(&Part) -> bool) {
        let keeps_posting = |id: &String| stays(&Part::Posting(id.clone()));
        self.postings.retain(|id, _| keeps_posting(id));
        let keeps_hold = |id: &String, hold: &Hold| hold.state == HoldState::Open || stays(&Part::Hold(id.clone()));
        self.holds.retain(|id, hold| keeps_hold(id, hold));
    }

    /// Whether the state contains a part.
    pub fn holds_part(&self, part: &Part) -> bool {
        match part {
            Part::Posting(id) => self.postings.contains_key(id),
            Part::Hold(id) => self.holds.contains_key(id),
        }
    }

    /// Restores a posting that was left out.
    pub fn put_posting(&mut self, id: String, posting: Posting) {
        self.postings.entry(id).or_insert(posting);
    }

    /// Restores a hold that was left out.
    pub fn put_hold(&mut self, id: String, hold: Hold) {
        self.holds.entry(id).or_insert(hold);
    }

    /// Notes that a filter leaves out the opening, so that it is not reported as missing.
    pub const fn pass_over_opening(&mut self) {
        self.unopened_noted = true;
    }

    /// The state without the parts that can be left out: all postings, and holds that are not open.
    #[must_use]
    pub fn core(&self) -> Self {
        let open: BTreeMap<_, _> = self
            .holds
            .iter()
            .filter(|(_, hold)| hold.state == HoldState::Open)
            .map(|(id, hold)| (id.clone(), hold.clone()))
            .collect();
        Self {
            status: self.status,
            owner: self.owner.clone(),
            currency: self.currency,
            posted: self.posted,
            held: self.held,
            holds: open,
            postings: BTreeMap::new(),
            negative_since: self.negative_since,
            last_time: self.last_time,
            unopened_noted: self.unopened_noted,
        }
    }
}
