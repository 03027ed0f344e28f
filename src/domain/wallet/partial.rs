//! Wallets with a long history, folded in part: which postings and holds an entry needs to be there, and taking out and
//! putting back those that it does not. What is left out is still true; it is only kept elsewhere.

use std::collections::BTreeMap;

use super::{Hold, HoldState, Posting, WalletEvent, WalletState};
use crate::domain::event::Entry;

/// A posting or a hold of a wallet, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// By the id of its event.
    Posting(String),
    Hold(String),
}

impl WalletState {
    /// What folding an entry may look up or change.
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

    /// Takes out every posting, and every hold that is not open, that `stays` does not want to keep.
    pub fn leave_out(&mut self, stays: impl Fn(&Part) -> bool) {
        let keeps_posting = |id: &String| stays(&Part::Posting(id.clone()));
        self.postings.retain(|id, _| keeps_posting(id));
        let keeps_hold = |id: &String, hold: &Hold| hold.state == HoldState::Open || stays(&Part::Hold(id.clone()));
        self.holds.retain(|id, hold| keeps_hold(id, hold));
    }

    /// Whether a part is in it.
    pub fn holds_part(&self, part: &Part) -> bool {
        match part {
            Part::Posting(id) => self.postings.contains_key(id),
            Part::Hold(id) => self.holds.contains_key(id),
        }
    }

    /// Puts a posting back that was left out.
    pub fn put_posting(&mut self, id: String, posting: Posting) {
        self.postings.entry(id).or_insert(posting);
    }

    /// Puts a hold back that was left out.
    pub fn put_hold(&mut self, id: String, hold: Hold) {
        self.holds.entry(id).or_insert(hold);
    }

    /// An opening is among events that a filter leaves out.
    pub const fn pass_over_opening(&mut self) {
        self.unopened_noted = true;
    }

    /// The state without any part that can be left out.
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
