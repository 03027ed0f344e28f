//! Orders in the index: their rows, their refunds, and which of those are pending.

use std::collections::HashMap;

use super::{
    Index, Slot, Update, keep, next_generation,
    rows::{ClaimRow, OrderRow},
    totals::Turn,
};
use crate::domain::{ids::EntityId, order::OrderState, refund::Refund};

impl Index {
    pub(super) fn put_order(&mut self, id: &EntityId, update: &Update<OrderState>) {
        let slot = self.order_slot(id.as_str());
        let state = &update.fold.state;
        let wallet = state.wallet.as_deref().map(|wallet| self.wallet_slot(wallet));
        self.chain_to_wallet(slot, wallet);
        let old = &self.orders[slot.index()];
        let row = OrderRow {
            events: update.events,
            sequence: update.fold.sequence,
            last: update.last,
            total: state.total,
            paid: state.paid,
            refunded: state.refunded,
            pending: state.pending,
            placed_at: state.placed_at,
            last_time: state.last_time,
            customer: None,
            customer_name: None,
            wallet,
            next_of_wallet: old.next_of_wallet,
            claims: old.claims,
            currency: None,
            status: state.status,
            complete: update.fold.complete,
        };
        let row = OrderRow {
            customer: state.customer.as_ref().map(|party| self.texts.intern(&party.id)),
            customer_name: state
                .customer
                .as_ref()
                .and_then(|party| party.name.as_deref())
                .map(|name| self.texts.intern(name)),
            currency: state.currency.map(|currency| self.currency_no(currency)),
            ..row
        };
        let old = std::mem::replace(&mut self.orders[slot.index()], row.clone());
        if old.events == 0 {
            self.counts.orders += 1;
        }
        self.count_order(&old, Turn::Out);
        self.count_order(&row, Turn::In);
        self.put_claims(slot, state);
        self.judge_order(slot);
    }

    pub(super) fn count_order(&mut self, row: &OrderRow, turn: Turn) {
        self.counts.events = match turn {
            Turn::In => self.counts.events + row.events,
            Turn::Out => self.counts.events - row.events,
        };
        if let Some(currency) = row.currency.and_then(|number| self.currency(number)) {
            self.totals.order(currency, row, turn);
        }
    }

    fn put_claims(&mut self, order: Slot, state: &OrderState) {
        let mut known: HashMap<Slot, Slot> = self
            .claims_of_order(order)
            .map(|(slot, row)| (row.refund, slot))
            .collect();
        for (id, refund) in &state.refunds {
            let name = self.refund_slot(id);
            match known.remove(&name) {
                Some(claim) => self.update_claim(claim, refund),
                None => self.add_claim(name, order, refund),
            }
            self.judge_refund(name);
        }
        // Left over where the order was folded anew and they are no more.
        for (refund, claim) in known {
            self.remove_claim(claim);
            self.judge_refund(refund);
        }
    }

    fn update_claim(&mut self, slot: Slot, refund: &Refund) {
        let texts = (
            self.texts.intern(refund.reason.as_str()),
            self.texts.intern(refund.destination.as_str()),
        );
        let currency = self.currency_no(refund.amount.currency());
        let Some(claim) = self.claims[slot.index()].as_mut() else {
            return;
        };
        let known = claim.clone();
        let before = claim.currency;
        (claim.reason, claim.destination) = texts;
        claim.currency = currency;
        claim.amount = refund.amount.amount();
        claim.state = refund.state;
        claim.requested_at = refund.requested_at;
        claim.state_since = refund.state_since;
        claim.ever_approved = refund.ever_approved;
        if *claim != known {
            self.claims_generation = next_generation();
        }
        let is_pending = claim.pending_at.is_some();
        if before != currency {
            self.count_claim(before, false);
            self.count_claim(currency, true);
        }
        match (is_pending, refund.state.is_pending()) {
            (false, true) => self.enter_pending(slot),
            (true, false) => self.leave_pending(slot),
            _ => {}
        }
    }

    fn add_claim(&mut self, refund_id: Slot, order: Slot, refund: &Refund) {
        let currency = self.currency_no(refund.amount.currency());
        let row = ClaimRow {
            refund: refund_id,
            order,
            next_of_refund: self.refunds[refund_id.index()].claims,
            next_of_order: self.orders[order.index()].claims,
            pending_at: None,
            amount: refund.amount.amount(),
            requested_at: refund.requested_at,
            state_since: refund.state_since,
            reason: self.texts.intern(refund.reason.as_str()),
            destination: self.texts.intern(refund.destination.as_str()),
            currency,
            state: refund.state,
            ever_approved: refund.ever_approved,
        };
        let slot = keep(&mut self.claims, &mut self.free_claims, row);
        self.refunds[refund_id.index()].claims = Some(slot);
        self.orders[order.index()].claims = Some(slot);
        self.claims_generation = next_generation();
        self.counts.refunds += 1;
        self.count_claim(currency, true);
        if refund.state.is_pending() {
            self.enter_pending(slot);
        }
    }

    fn remove_claim(&mut self, slot: Slot) {
        self.leave_pending(slot);
        let Some(gone) = self.claims[slot.index()].take() else {
            return;
        };
        self.claims_generation = next_generation();
        self.counts.refunds -= 1;
        self.count_claim(gone.currency, false);
        let chains = &mut self.refunds[gone.refund.index()];
        if chains.claims == Some(slot) {
            chains.claims = gone.next_of_refund;
        }
        let of_order = &mut self.orders[gone.order.index()].claims;
        if *of_order == Some(slot) {
            *of_order = gone.next_of_order;
        }
        let before = self
            .claims_of_refund(gone.refund)
            .find(|(_, row)| row.next_of_refund == Some(slot));
        if let Some(row) = before.map(|(at, _)| at).and_then(|at| self.claims[at.index()].as_mut()) {
            row.next_of_refund = gone.next_of_refund;
        }
        let before = self
            .claims_of_order(gone.order)
            .find(|(_, row)| row.next_of_order == Some(slot));
        if let Some(row) = before.map(|(at, _)| at).and_then(|at| self.claims[at.index()].as_mut()) {
            row.next_of_order = gone.next_of_order;
        }
        self.free_claims.push(slot);
    }

    pub(super) fn count_claim(&mut self, currency: super::rows::CurrencyNo, more: bool) {
        let Some(currency) = self.currency(currency) else {
            return;
        };
        let count = self.claimed.entry(currency).or_default();
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            self.claimed.remove(&currency);
        }
    }

    pub(super) fn enter_pending(&mut self, slot: Slot) {
        self.pending.push(slot);
        let place = Slot::at(self.pending.len() - 1);
        if let Some(claim) = self.claims[slot.index()].as_mut() {
            claim.pending_at = Some(place);
        }
    }

    /// The last takes the place of the one that leaves.
    fn leave_pending(&mut self, slot: Slot) {
        let claim = self.claims[slot.index()].as_mut();
        let Some(place) = claim.and_then(|claim| claim.pending_at.take()) else {
            return;
        };
        self.pending.swap_remove(place.index());
        if let Some(moved) = self.pending.get(place.index())
            && let Some(claim) = self.claims[moved.index()].as_mut()
        {
            claim.pending_at = Some(place);
        }
    }

    /// Puts an order into the chain of the wallet that it names, and out of that of another which it named before.
    fn chain_to_wallet(&mut self, order: Slot, wallet: Option<Slot>) {
        let before = self.orders[order.index()].wallet;
        if before == wallet {
            return;
        }
        if let Some(before) = before {
            self.unchain_from_wallet(order, before);
        }
        let row = &mut self.orders[order.index()];
        row.wallet = wallet;
        row.next_of_wallet = None;
        if let Some(wallet) = wallet {
            row.next_of_wallet = self.wallets[wallet.index()].orders;
            self.wallets[wallet.index()].orders = Some(order);
        }
    }

    fn unchain_from_wallet(&mut self, order: Slot, wallet: Slot) {
        let next = self.orders[order.index()].next_of_wallet;
        if self.wallets[wallet.index()].orders == Some(order) {
            self.wallets[wallet.index()].orders = next;
            return;
        }
        let mut at = self.wallets[wallet.index()].orders;
        while let Some(slot) = at {
            let row = &mut self.orders[slot.index()];
            if row.next_of_wallet == Some(order) {
                row.next_of_wallet = next;
                return;
            }
            at = row.next_of_wallet;
        }
    }

    pub(super) fn claims_of_order(&self, order: Slot) -> impl Iterator<Item = (Slot, &ClaimRow)> {
        let first = self.orders.get(order.index()).and_then(|row| row.claims);
        self.claim_chain(first, |row| row.next_of_order)
    }

    pub(super) fn claims_of_refund(&self, refund: Slot) -> impl Iterator<Item = (Slot, &ClaimRow)> {
        let first = self.refunds.get(refund.index()).and_then(|chains| chains.claims);
        self.claim_chain(first, |row| row.next_of_refund)
    }

    fn claim_chain(
        &self,
        first: Option<Slot>,
        next: fn(&ClaimRow) -> Option<Slot>,
    ) -> impl Iterator<Item = (Slot, &ClaimRow)> {
        let row = move |slot: Slot| Some((slot, self.claims.get(slot.index())?.as_ref()?));
        std::iter::successors(first.and_then(row), move |(_, at)| next(at).and_then(row))
    }
}
