//! Credits for refunds: each stands in two chains, that of its refund and that of its wallet, so that either finds it.

use super::{Index, Slot, keep, rows::CreditRow, wallets::Credit};

impl Index {
    /// Puts a credit in, or what became of one that is there.
    pub(super) fn put_credit(&mut self, wallet: Slot, event: u64, credit: &Credit) {
        let refund = self.refund_slot(&credit.refund);
        let known = self
            .credits_of_refund(refund)
            .find(|(_, known)| known.wallet == wallet && known.event == event)
            .map(|(slot, _)| slot);
        if let Some(known) = known {
            if let Some(row) = &mut self.credits[known.index()] {
                row.reversed = credit.reversed;
            }
            return;
        }
        let row = CreditRow {
            event,
            refund,
            wallet,
            order: credit.order.as_deref().map(|order| self.order_slot(order)),
            next_of_refund: self.refunds[refund.index()].credits,
            next_of_wallet: self.wallets[wallet.index()].credits,
            amount: credit.amount,
            time: credit.time,
            reversed: credit.reversed,
        };
        let slot = keep(&mut self.credits, &mut self.free_credits, row);
        self.refunds[refund.index()].credits = Some(slot);
        self.wallets[wallet.index()].credits = Some(slot);
    }

    /// Takes all credits of a wallet away.
    pub(super) fn forget_credits(&mut self, wallet: Slot) {
        let slots: Vec<_> = self.credits_of_wallet(wallet).map(|(slot, _)| slot).collect();
        self.wallets[wallet.index()].credits = None;
        for slot in slots {
            if let Some(row) = self.credits[slot.index()].take() {
                self.unchain_credit(row.refund, slot, row.next_of_refund);
                self.free_credits.push(slot);
                self.judge_refund(row.refund);
            }
        }
    }

    fn unchain_credit(&mut self, refund: Slot, gone: Slot, next: Option<Slot>) {
        let chains = &mut self.refunds[refund.index()];
        if chains.credits == Some(gone) {
            chains.credits = next;
            return;
        }
        let before = self
            .credits_of_refund(refund)
            .find(|(_, row)| row.next_of_refund == Some(gone))
            .map(|(slot, _)| slot);
        if let Some(row) = before.and_then(|slot| self.credits[slot.index()].as_mut()) {
            row.next_of_refund = next;
        }
    }

    pub(super) fn credits_of_refund(&self, refund: Slot) -> impl Iterator<Item = (Slot, &CreditRow)> {
        let first = self.refunds.get(refund.index()).and_then(|chains| chains.credits);
        self.credit_chain(first, |row| row.next_of_refund)
    }

    pub(super) fn credits_of_wallet(&self, wallet: Slot) -> impl Iterator<Item = (Slot, &CreditRow)> {
        let first = self.wallets.get(wallet.index()).and_then(|row| row.credits);
        self.credit_chain(first, |row| row.next_of_wallet)
    }

    fn credit_chain(
        &self,
        first: Option<Slot>,
        next: fn(&CreditRow) -> Option<Slot>,
    ) -> impl Iterator<Item = (Slot, &CreditRow)> {
        let row = move |slot: Slot| Some((slot, self.credits.get(slot.index())?.as_ref()?));
        std::iter::successors(first.and_then(row), move |(_, at)| next(at).and_then(row))
    }
}
