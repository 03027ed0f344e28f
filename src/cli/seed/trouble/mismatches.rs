//! Findings of contract §8, at least one of each kind. Every event alone is valid; only together do they not fit.

use chrono::TimeDelta;

use super::{Quiet, Trouble};
use crate::cli::seed::{names, story::Context};
use crate::domain::{
    ids::EntityId,
    money::Money,
    refund::{Destination, RefundState},
    wallet::{DebitKind, WalletEvent},
};

impl Trouble<'_> {
    pub(super) fn mismatches(&mut self) {
        // Age in days, number of credits of the refund, and the part of it that each credit has in percent.
        for (days, credits, percent) in [
            (4, 0, 100),
            (9, 0, 100),
            (31, 0, 100),
            (6, 2, 100),
            (22, 2, 100),
            (12, 1, 50),
            (45, 1, 150),
        ] {
            self.settled(days, credits, percent, 1);
        }
        self.settled(15, 1, 100, 2);
        self.settled(70, 1, 100, 2);
        self.unknown_refund();
        self.forgotten_holds();
        self.negative_balance();
    }

    /// Refunds an order's whole payment `refunds` times. Each refund has `credits` credits of `percent` percent of it.
    fn settled(&mut self, days: i64, credits: usize, percent: i128, refunds: usize) {
        let at = self.now - TimeDelta::days(days);
        let Some(order) = self.order_before(at) else {
            return;
        };
        for round in 0..refunds {
            let refund = self.refund_id();
            let at = at + TimeDelta::hours(3) * i32::try_from(round).unwrap_or(0);
            self.request(&order, &refund, order.paid, Destination::Wallet, at);
            self.step(&order, &refund, RefundState::Approved, at + TimeDelta::minutes(50));
            let minor = order.paid * percent / 100;
            for _ in 0..credits {
                self.pay_back(&order, &refund, minor);
            }
            self.step(&order, &refund, RefundState::Succeeded, at + TimeDelta::minutes(55));
        }
    }

    fn pay_back(&mut self, order: &Quiet, refund: &str, minor: i128) {
        if let Ok(amount) = Money::from_minor(minor, order.currency) {
            let at = self.now - TimeDelta::days(60);
            self.credit(&order.wallet, Some(&order.id), refund, amount, at);
        }
    }

    fn unknown_refund(&mut self) {
        if let Some((wallet, currency)) = self.wallets.pop()
            && let Ok(amount) = Money::from_minor(4_200, currency)
        {
            let at = self.now - TimeDelta::days(17);
            self.credit(&wallet, None, "R-77777", amount, at);
        }
    }

    /// Holds that expired days ago and were never ended.
    fn forgotten_holds(&mut self) {
        for days in [3, 40] {
            let Some((wallet, currency)) = self.wallets.pop() else {
                return;
            };
            let Ok(amount) = Money::from_minor(2_500, currency) else {
                return;
            };
            let at = self.now - TimeDelta::days(days + 7);
            self.top_up(&wallet, amount);
            let held = WalletEvent::Held {
                hold: format!("H-LOST-{days}"),
                amount,
                order: None,
                expires_at: Some(self.now - TimeDelta::days(days)),
            };
            self.append_to_wallet(&wallet, Context::new(at, "system:checkout"), &held);
        }
    }

    pub(super) fn top_up(&mut self, wallet: &EntityId, amount: Money) -> String {
        let credited = WalletEvent::Credited {
            amount,
            kind: crate::domain::wallet::CreditKind::TopUp,
            order: None,
            refund: None,
            reference: None,
            note: None,
        };
        let at = self.now - TimeDelta::days(80);
        self.append_to_wallet(wallet, Context::new(at, "system:checkout"), &credited)
    }

    /// Debits a fee that is larger than the balance.
    fn negative_balance(&mut self) {
        if let Some((wallet, currency)) = self.wallets.pop()
            && let Ok(amount) = Money::from_minor(9_000_000, currency)
        {
            let fee = WalletEvent::Debited {
                amount,
                kind: DebitKind::Fee,
                order: None,
                reference: Some("CB-20881".into()),
                note: Some("chargeback after the money was spent".into()),
            };
            let at = self.now - TimeDelta::days(5);
            self.append_to_wallet(&wallet, Context::new(at, names::FINANCE[2]), &fee);
        }
    }
}
