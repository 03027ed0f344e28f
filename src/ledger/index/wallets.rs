//! Wallets in the index: their rows, and the credits for refunds and the holds that can expire which stand beside them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use super::{Index, Slot, Update, rows::HeldRow, rows::WalletRow, totals::Turn};
use crate::domain::{
    event::Entry,
    ids::EntityId,
    wallet::{Posting, WalletEvent, WalletState},
};

/// The credits of kind `refund` that a stretch of a wallet's events made or reversed, by event.
#[derive(Debug, Default)]
pub struct Credits(HashMap<u64, Credit>);

/// One of them, as it stands after the stretch.
#[derive(Debug)]
pub(super) struct Credit {
    pub refund: String,
    pub order: Option<String>,
    pub amount: Decimal,
    pub time: DateTime<Utc>,
    pub reversed: bool,
}

impl Credits {
    /// `state` holds every posting that the entries mention.
    pub(super) fn gather(&mut self, state: &WalletState, entries: &[Entry]) {
        for entry in entries {
            match entry.fields.r#type() {
                Some("wallet.credited") => {
                    if let Some(id) = entry.fields.id() {
                        self.take(state, id);
                    }
                }
                Some(reversed @ "wallet.entry_reversed") => {
                    let payload = WalletEvent::parse(reversed, entry.fields.data());
                    if let Ok(WalletEvent::EntryReversed { reverses, .. }) = payload {
                        self.take(state, &reverses);
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&mut self, state: &WalletState, id: &str) {
        let Some((refund, posting)) = state.postings.get(id).and_then(of_refund) else {
            return;
        };
        let credit = Credit {
            refund: refund.to_owned(),
            order: posting.order.clone(),
            amount: posting.amount,
            time: posting.time,
            reversed: posting.wholly_reversed(),
        };
        self.0.insert(event_key(id), credit);
    }
}

fn of_refund(posting: &Posting) -> Option<(&str, &Posting)> {
    Some((posting.refund.as_deref()?, posting))
}

/// Tells the events of one wallet's refund apart; nobody can choose ids that collide.
fn event_key(id: &str) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(key)
}

impl Index {
    pub(super) fn put_wallet(&mut self, id: &EntityId, update: &Update<WalletState>) {
        let slot = self.wallet_slot(id.as_str());
        let state = &update.fold.state;
        if update.anew {
            self.forget_credits(slot);
        }
        let before = self.wallets[slot.index()].currency;
        let currency = state.currency.map(|currency| self.currency_no(currency));
        let row = WalletRow {
            events: update.events,
            sequence: update.fold.sequence,
            last: update.last,
            posted: state.posted,
            held: state.held,
            last_time: state.last_time,
            negative_since: state.negative_since,
            owner: state.owner.as_ref().map(|owner| self.texts.intern(&owner.id)),
            owner_name: state
                .owner
                .as_ref()
                .and_then(|owner| owner.name.as_deref())
                .map(|name| self.texts.intern(name)),
            currency,
            status: state.status,
            complete: update.fold.complete,
            credits: self.wallets[slot.index()].credits,
            orders: self.wallets[slot.index()].orders,
        };
        self.replace_wallet(slot, row);
        for (event, credit) in &update.gathered.0 {
            self.put_credit(slot, *event, credit);
        }
        self.put_holds(slot, state);
        self.judge_wallet(slot);
        if currency != before {
            // A wallet that was never opened takes the currency of its first money event; its credits are in it.
            let refunds: Vec<_> = self.credits_of_wallet(slot).map(|(_, credit)| credit.refund).collect();
            for refund in refunds {
                self.judge_refund(refund);
            }
        }
        for credit in update.gathered.0.values() {
            if let Some(refund) = self.refund_ids.find(&credit.refund) {
                self.judge_refund(refund);
            }
        }
    }

    fn replace_wallet(&mut self, slot: Slot, row: WalletRow) {
        let old = std::mem::replace(&mut self.wallets[slot.index()], row);
        if old.events == 0 {
            self.counts.wallets += 1;
        }
        self.count_wallet(&old, Turn::Out);
        let row = self.wallets[slot.index()].clone();
        self.count_wallet(&row, Turn::In);
    }

    pub(super) fn count_wallet(&mut self, row: &WalletRow, turn: Turn) {
        self.counts.events = match turn {
            Turn::In => self.counts.events + row.events,
            Turn::Out => self.counts.events - row.events,
        };
        if let Some(currency) = row.currency.and_then(|number| self.currency(number)) {
            self.totals.wallet(currency, row, turn);
        }
    }

    fn put_holds(&mut self, wallet: Slot, state: &WalletState) {
        if let Some(old) = self.holds.remove(&wallet) {
            self.odd_generation += 1;
            for held in old {
                self.expiries.remove(&(held.expires_at, wallet));
            }
        }
        let mut held = Vec::new();
        for (id, hold) in state.open_holds() {
            if let Some(expires_at) = hold.expires_at {
                held.push(HeldRow {
                    expires_at,
                    hold: self.texts.intern(id),
                    order: hold.order.as_deref().map(|order| self.texts.intern(order)),
                    amount: hold.amount,
                });
            }
        }
        if held.is_empty() {
            return;
        }
        self.odd_generation += 1;
        for held in &held {
            self.expiries.insert((held.expires_at, wallet));
        }
        self.holds.insert(wallet, held);
    }
}
