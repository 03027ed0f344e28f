//! The refunds of the shop: each from its request to its end, along the transitions of contract §5.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Deed, Shop};
use crate::cli::seed::{names, story::Context};
use crate::domain::{
    money::Money,
    order::{Method, OrderEvent, RefundStep},
    refund::{Destination, RefundState},
    wallet::{CreditKind, WalletEvent},
};

/// Longer than any refund takes from its request to its end.
const LONGEST: TimeDelta = TimeDelta::days(14);

/// One step of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Approve,
    Reject,
    Cancel,
    Process,
    Fail,
    Succeed,
    Reverse,
}

pub struct Case {
    refund: String,
    order: usize,
    minor: i128,
    to_wallet: bool,
    failed: bool,
    /// The id of the event of its last step, or of its credit.
    cause: String,
    credit: Option<String>,
}

impl Shop {
    pub(super) fn request(&mut self, at: DateTime<Utc>, number: usize) {
        if self.closing.is_some_and(|closing| at + LONGEST > closing) {
            return;
        }
        let order = &self.orders[number];
        let (wallet, paid, method) = (order.wallet, order.paid, order.method.clone());
        let minor = if self.chance.percent(55) { paid } else { paid / 2 };
        let Ok(amount) = Money::from_minor(minor, self.wallets[wallet].currency) else {
            return;
        };
        let to_wallet = method == Method::Wallet || self.chance.percent(40);
        let refund = format!("R-{}{:05}", self.prefix, self.refunds.len() + 1);
        let requested = OrderEvent::RefundRequested {
            refund: refund.clone(),
            amount,
            reason: self.chance.pick(&names::REASONS).to_owned().into(),
            destination: if to_wallet {
                Destination::Wallet
            } else {
                Destination::OriginalMethod
            },
            note: None,
            lines: Vec::new(),
        };
        let actor = format!("customer:{}", self.wallets[wallet].owner.id);
        let context = Context {
            correlation: Some(&refund),
            ..Context::new(at, &actor)
        };
        let cause = self.append_to_order(number, context, &requested);
        self.orders[number].refunds += 1;
        let index = self.refunds.len();
        self.refunds.push(Case {
            refund,
            order: number,
            minor,
            to_wallet,
            failed: false,
            cause,
            credit: None,
        });
        let (step, later) = match self.chance.below(100) {
            0..=7 => (Step::Reject, self.chance.hours(2, 44)),
            8..=11 => (Step::Cancel, self.chance.hours(1, 20)),
            _ => (Step::Approve, self.chance.hours(1, 40)),
        };
        self.go_on(at, later, index, step);
    }

    /// Plans a step. In a live shop, 6 % of the steps are left out, so that some refunds get stuck.
    fn go_on(&mut self, at: DateTime<Utc>, delay: TimeDelta, index: usize, step: Step) {
        if self.closing.is_some() || !self.chance.percent(6) {
            self.plan_after(at, delay, Deed::Refund(index, step));
        }
    }

    pub(super) fn refund(&mut self, at: DateTime<Utc>, index: usize, step: Step) {
        let finance = self.chance.pick(&names::FINANCE);
        match step {
            Step::Approve => {
                self.step(at, index, finance, RefundState::Approved);
                let (next, later) = if self.refunds[index].to_wallet {
                    (Step::Succeed, self.chance.minutes(1, 100))
                } else {
                    (Step::Process, self.chance.minutes(2, 60))
                };
                self.go_on(at, later, index, next);
            }
            Step::Reject => self.step(at, index, finance, RefundState::Rejected),
            Step::Cancel => self.step(at, index, names::SUPPORT[0], RefundState::Canceled),
            Step::Process => {
                self.step(at, index, "system:refunds", RefundState::Processing);
                let fails = !self.refunds[index].failed && self.chance.percent(12);
                let later = self.chance.hours(10, 70);
                self.go_on(at, later, index, if fails { Step::Fail } else { Step::Succeed });
            }
            Step::Fail => {
                self.refunds[index].failed = true;
                self.step(at, index, "provider:paygate", RefundState::Failed);
                let later = self.chance.hours(2, 20);
                self.go_on(at, later, index, Step::Process);
            }
            Step::Succeed => self.succeed(at, index),
            Step::Reverse => self.reverse(at, index),
        }
    }

    fn step(&mut self, at: DateTime<Utc>, index: usize, actor: &str, enters: RefundState) {
        let failure = self.chance.pick(&names::FAILURES);
        let Case {
            refund, order, cause, ..
        } = &self.refunds[index];
        let (refund, order, cause) = (refund.clone(), *order, cause.clone());
        let mut step = RefundStep::new(refund.clone(), enters);
        match enters {
            RefundState::Rejected => step.reason = Some("return_window_over".into()),
            RefundState::Reversed => step.reason = Some("sent_in_error".into()),
            RefundState::Failed => step.failure = Some(failure.to_owned()),
            RefundState::Processing => step.provider = Some("paygate".into()),
            _ => {}
        }
        let context = Context {
            time: at,
            actor,
            correlation: Some(&refund),
            cause: Some(&cause),
        };
        self.refunds[index].cause = self.append_to_order(order, context, &OrderEvent::Refund(step));
    }

    /// Credits the wallet first, then records that the refund succeeded.
    fn succeed(&mut self, at: DateTime<Utc>, index: usize) {
        if self.refunds[index].to_wallet {
            let Case {
                refund,
                order,
                minor,
                cause,
                ..
            } = &self.refunds[index];
            let (refund, order, minor, cause) = (refund.clone(), *order, *minor, cause.clone());
            let wallet = self.orders[order].wallet;
            let Ok(amount) = Money::from_minor(minor, self.wallets[wallet].currency) else {
                return;
            };
            let credited = WalletEvent::Credited {
                amount,
                kind: CreditKind::Refund,
                order: Some(self.orders[order].id.to_string()),
                refund: Some(refund.clone()),
                reference: None,
                note: None,
            };
            let context = Context {
                time: at,
                actor: "system:refunds",
                correlation: Some(&refund),
                cause: Some(&cause),
            };
            self.wallets[wallet].available += minor;
            let credit = self.append_to_wallet(wallet, context, &credited);
            self.refunds[index].cause.clone_from(&credit);
            self.refunds[index].credit = Some(credit);
        }
        let actor = if self.refunds[index].to_wallet {
            "system:refunds"
        } else {
            "provider:paygate"
        };
        self.step(at, index, actor, RefundState::Succeeded);
        if self.chance.percent(3) {
            let later = self.chance.hours(4, 50);
            self.plan_after(at, later, Deed::Refund(index, Step::Reverse));
        }
    }

    /// Reverses a refund, if the wallet still has the money.
    fn reverse(&mut self, at: DateTime<Utc>, index: usize) {
        let Case {
            refund,
            order,
            minor,
            cause,
            credit,
            ..
        } = &self.refunds[index];
        let (refund, order, minor) = (refund.clone(), *order, *minor);
        let (cause, credit) = (cause.clone(), credit.clone());
        let wallet = self.orders[order].wallet;
        if let Some(credit) = credit {
            let Ok(amount) = Money::from_minor(minor, self.wallets[wallet].currency) else {
                return;
            };
            if self.wallets[wallet].available < minor {
                return;
            }
            self.wallets[wallet].available -= minor;
            let reversed = WalletEvent::EntryReversed {
                reverses: credit,
                amount,
                reason: "system_correction".into(),
                note: Some("the refund was sent in error".into()),
            };
            let context = Context {
                time: at,
                actor: names::FINANCE[0],
                correlation: Some(&refund),
                cause: Some(&cause),
            };
            self.append_to_wallet(wallet, context, &reversed);
        }
        self.step(at, index, names::FINANCE[0], RefundState::Reversed);
    }
}
