//! Which refunds, orders and wallets something does not fit about: judged by the domain's rules whenever one of them
//! changes, so that findings cost as much as there are of them and not as much as there is in the ledger.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Index, Slot, rows::ClaimRow};
use crate::domain::{
    findings::{
        Claim, Credit, ExpiringHold, Finding, OrderSums, WalletBalance, of_claims, of_credits, of_hold, of_order,
        of_wallet,
    },
    refund::{Destination, RefundState},
};

impl Index {
    /// Everything that does not fit, by refund, then by order, then by wallet.
    pub fn findings(&self, now: DateTime<Utc>) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut refunds: Vec<_> = self.odd_refunds.iter().copied().collect();
        refunds.sort_unstable_by(|a, b| self.refund_ids.text(*a).cmp(self.refund_ids.text(*b)));
        for refund in &refunds {
            let (claims, credits) = self.facts_of_refund(*refund);
            of_claims(self.refund_ids.text(*refund), &claims, &credits, &mut found);
        }
        for refund in &refunds {
            let (claims, credits) = self.facts_of_refund(*refund);
            of_credits(self.refund_ids.text(*refund), &credits, &claims, &mut found);
        }
        let mut orders: Vec<_> = self.odd_orders.iter().copied().collect();
        orders.sort_unstable_by(|a, b| self.order_ids.text(*a).cmp(self.order_ids.text(*b)));
        for order in orders {
            of_order(&self.facts_of_order(order), &mut found);
        }
        let expired = self.expiries.iter().take_while(|(at, _)| *at < now);
        let mut wallets: Vec<_> = expired
            .map(|(_, wallet)| *wallet)
            .chain(self.odd_wallets.iter().copied())
            .collect();
        wallets.sort_unstable_by(|a, b| self.wallet_ids.text(*a).cmp(self.wallet_ids.text(*b)));
        wallets.dedup();
        for wallet in wallets {
            for hold in self.facts_of_holds(wallet) {
                of_hold(&hold, now, &mut found);
            }
            of_wallet(&self.facts_of_wallet(wallet), &mut found);
        }
        found
    }

    pub(super) fn judge_refund(&mut self, refund: Slot) {
        let odd = self.is_odd_refund(refund);
        let was = if odd {
            !self.odd_refunds.insert(refund)
        } else {
            self.odd_refunds.remove(&refund)
        };
        if odd || was {
            self.odd_generation += 1;
        }
    }

    fn is_odd_refund(&self, refund: Slot) -> bool {
        if self.credits_of_refund(refund).next().is_none() {
            // Nearly always so, and then only one thing can be wrong.
            let uncredited = |row: &ClaimRow| row.state == RefundState::Succeeded && self.is_to_wallet(row);
            return self.claims_of_refund(refund).any(|(_, row)| uncredited(row));
        }
        let (claims, credits) = self.facts_of_refund(refund);
        let mut found = Vec::new();
        of_claims("", &claims, &credits, &mut found);
        of_credits("", &credits, &claims, &mut found);
        !found.is_empty()
    }

    pub(super) fn judge_order(&mut self, slot: Slot) {
        let row = &self.orders[slot.index()];
        let odd = row.refunded > row.paid || !row.complete;
        let was = if odd {
            !self.odd_orders.insert(slot)
        } else {
            self.odd_orders.remove(&slot)
        };
        if odd || was {
            self.odd_generation += 1;
        }
    }

    pub(super) fn judge_wallet(&mut self, slot: Slot) {
        let row = &self.wallets[slot.index()];
        let odd = row.available() < Decimal::ZERO || !row.complete;
        let was = if odd {
            !self.odd_wallets.insert(slot)
        } else {
            self.odd_wallets.remove(&slot)
        };
        if odd || was {
            self.odd_generation += 1;
        }
    }

    fn is_to_wallet(&self, row: &ClaimRow) -> bool {
        self.texts.text(row.destination) == Destination::Wallet.as_str()
    }

    /// Claims by order, credits by wallet.
    fn facts_of_refund(&self, refund: Slot) -> (Vec<Claim<'_>>, Vec<Credit<'_>>) {
        let mut claims: Vec<_> = self
            .claims_of_refund(refund)
            .filter_map(|(_, row)| {
                let wallet = self.orders[row.order.index()].wallet;
                Some(Claim {
                    order: self.order_ids.text(row.order),
                    wallet: wallet.map(|wallet| self.wallet_ids.text(wallet)),
                    amount: row.amount,
                    currency: self.currency(row.currency)?,
                    state: row.state,
                    to_wallet: self.is_to_wallet(row),
                    ever_approved: row.ever_approved,
                    state_since: row.state_since,
                })
            })
            .collect();
        claims.sort_unstable_by_key(|claim| claim.order);
        let standing = self.credits_of_refund(refund).filter(|(_, row)| !row.reversed);
        let mut credits: Vec<_> = standing
            .map(|(_, row)| Credit {
                wallet: self.wallet_ids.text(row.wallet),
                currency: self.wallets[row.wallet.index()]
                    .currency
                    .and_then(|number| self.currency(number)),
                amount: row.amount,
                time: row.time,
                order: row.order.map(|order| self.order_ids.text(order)),
            })
            .collect();
        credits.sort_unstable_by_key(|credit| (credit.wallet, credit.time, credit.amount, credit.order));
        (claims, credits)
    }

    fn facts_of_order(&self, slot: Slot) -> OrderSums<'_> {
        let row = &self.orders[slot.index()];
        let succeeded = self
            .claims_of_order(slot)
            .filter(|(_, claim)| claim.state == RefundState::Succeeded);
        OrderSums {
            id: self.order_ids.text(slot),
            wallet: row.wallet.map(|wallet| self.wallet_ids.text(wallet)),
            currency: row.currency.and_then(|number| self.currency(number)),
            paid: row.paid,
            refunded: row.refunded,
            last_succeeded: succeeded.map(|(_, claim)| claim.state_since).max(),
            complete: row.complete,
        }
    }

    fn facts_of_wallet(&self, slot: Slot) -> WalletBalance<'_> {
        let row = &self.wallets[slot.index()];
        WalletBalance {
            id: self.wallet_ids.text(slot),
            currency: row.currency.and_then(|number| self.currency(number)),
            available: row.available(),
            negative_since: row.negative_since,
            complete: row.complete,
        }
    }

    fn facts_of_holds(&self, wallet: Slot) -> impl Iterator<Item = ExpiringHold<'_>> {
        let held = self.holds.get(&wallet).into_iter().flatten();
        held.map(move |held| ExpiringHold {
            wallet: self.wallet_ids.text(wallet),
            currency: self.wallets[wallet.index()]
                .currency
                .and_then(|number| self.currency(number)),
            hold: self.texts.text(held.hold),
            order: held.order.map(|order| self.texts.text(order)),
            amount: held.amount,
            expires_at: held.expires_at,
        })
    }
}
