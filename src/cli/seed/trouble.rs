//! The problems that the demo ledger shows: pending refunds in every state and of many ages, findings, and invalid
//! events from other producers. They are added to the streams of the shop, which itself makes no mistakes. Pure, like
//! the shop.

mod dirt;
mod mismatches;

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{
    chance::Chance,
    names,
    shop::Shop,
    story::{Context, PlannedEvent, Streams, event, order_event},
};
use crate::domain::{
    ids::{Domain, EntityId},
    money::{Currency, Money},
    order::{Method, OrderEvent, RefundStep},
    refund::{Destination, RefundState},
    wallet::{CreditKind, WalletEvent},
};

/// Hours since pending refunds entered their state, from recent to very old. The order is mixed, so that a few refunds
/// show both.
const AGES: [i64; 15] = [1, 140, 3, 60, 10, 340, 20, 90, 2, 700, 30, 200, 6, 45, 110];

/// A delivered order without refunds.
struct Quiet {
    id: EntityId,
    wallet: EntityId,
    currency: Currency,
    paid: i128,
    method: Method,
}

struct Trouble<'a> {
    chance: &'a mut Chance,
    streams: &'a mut Streams,
    now: DateTime<Utc>,
    /// Orders without problems so far. [`Trouble::order_before`] takes them from the end.
    orders: Vec<Quiet>,
    /// Wallets with few orders. Each is taken from the end for one problem.
    wallets: Vec<(EntityId, Currency)>,
    refunds: u64,
}

/// Adds problems to a shop's streams: `pending` pending refunds, every finding and every kind of invalid event, as far
/// as there are orders and wallets for them.
pub fn add(shop: &mut Shop, streams: &mut Streams, now: DateTime<Utc>, pending: u64) {
    let quiet = shop
        .orders
        .iter()
        .filter(|order| order.delivered && order.refunds == 0 && order.paid > 1);
    let mut orders: Vec<_> = quiet
        .map(|order| Quiet {
            id: order.id.clone(),
            wallet: shop.wallets[order.wallet].id.clone(),
            currency: shop.wallets[order.wallet].currency,
            paid: order.paid,
            method: order.method.clone(),
        })
        .collect();
    // The newest orders are left out, because deeds for them may still follow.
    orders.truncate(orders.len() - orders.len() / 20);
    let mut wallets: Vec<_> = shop
        .wallets
        .iter()
        .filter(|wallet| wallet.usable && wallet.orders < 4)
        .map(|wallet| (wallet.id.clone(), wallet.currency))
        .collect();
    // The wallets that have been quiet for longest come last. Wallets are taken from the end.
    wallets.sort_by_key(|(id, _)| Reverse(streams.moment(Domain::Wallet, id, DateTime::<Utc>::MIN_UTC)));
    let mut trouble = Trouble {
        chance: &mut shop.chance,
        streams,
        now,
        orders,
        wallets,
        refunds: 0,
    };
    trouble.pending(pending);
    trouble.mismatches();
    trouble.dirt();
}

impl Trouble<'_> {
    /// Takes the last order in the list that has no event after `time`.
    fn order_before(&mut self, time: DateTime<Utc>) -> Option<Quiet> {
        let at = (0..self.orders.len())
            .rev()
            .find(|at| self.streams.moment(Domain::Order, &self.orders[*at].id, time) == time)?;
        Some(self.orders.remove(at))
    }

    fn refund_id(&mut self) -> String {
        self.refunds += 1;
        format!("R-9{:04}", self.refunds)
    }

    fn append_to_order(&mut self, id: &EntityId, context: Context<'_>, payload: &OrderEvent) {
        let time = self.streams.moment(Domain::Order, id, context.time);
        let event = order_event(self.chance, Context { time, ..context }, payload);
        self.streams.add(PlannedEvent {
            domain: Domain::Order,
            id: id.clone(),
            event,
        });
    }

    /// Adds a wallet's event and returns its id.
    fn append_to_wallet(&mut self, id: &EntityId, context: Context<'_>, payload: &WalletEvent) -> String {
        self.raw(Domain::Wallet, id, context, payload.type_name(), &payload.data())
    }

    fn raw(&mut self, domain: Domain, id: &EntityId, context: Context<'_>, kind: &str, data: &Value) -> String {
        let time = self.streams.moment(domain, id, context.time);
        let event = event(self.chance, Context { time, ..context }, kind, data);
        let event_id = event.id.clone();
        self.streams.add(PlannedEvent {
            domain,
            id: id.clone(),
            event,
        });
        event_id
    }

    fn request(&mut self, order: &Quiet, refund: &str, minor: i128, to: Destination, at: DateTime<Utc>) {
        let Ok(amount) = Money::from_minor(minor, order.currency) else {
            return;
        };
        let context = Context {
            correlation: Some(refund),
            ..Context::new(at, names::SUPPORT[0])
        };
        let requested = OrderEvent::RefundRequested {
            refund: refund.to_owned(),
            amount,
            reason: self.chance.pick(&names::REASONS).to_owned().into(),
            destination: to,
            note: None,
            lines: Vec::new(),
        };
        self.append_to_order(&order.id, context, &requested);
    }

    fn step(&mut self, order: &Quiet, refund: &str, enters: RefundState, at: DateTime<Utc>) {
        let mut step = RefundStep::new(refund, enters);
        let actor = match enters {
            RefundState::Approved => self.chance.pick(&names::FINANCE),
            RefundState::Failed => "provider:paygate",
            _ => "system:refunds",
        };
        match enters {
            RefundState::Failed => {
                step.failure = Some(self.chance.pick(&names::FAILURES).to_owned());
                step.message = Some("the provider gave the money back".into());
            }
            RefundState::Processing => step.provider = Some("paygate".into()),
            _ => {}
        }
        let context = Context {
            correlation: Some(refund),
            ..Context::new(at, actor)
        };
        self.append_to_order(&order.id, context, &OrderEvent::Refund(step));
    }

    fn credit(&mut self, wallet: &EntityId, order: Option<&EntityId>, refund: &str, amount: Money, at: DateTime<Utc>) {
        let credited = WalletEvent::Credited {
            amount,
            kind: CreditKind::Refund,
            order: order.map(ToString::to_string),
            refund: Some(refund.to_owned()),
            reference: None,
            note: None,
        };
        let context = Context {
            correlation: Some(refund),
            ..Context::new(at, "system:refunds")
        };
        self.append_to_wallet(wallet, context, &credited);
    }

    /// Adds pending refunds, a quarter in each pending state.
    fn pending(&mut self, count: u64) {
        for number in 0..count {
            let state = RefundState::PENDING[usize::try_from(number % 4).unwrap_or(0)];
            let age = AGES[usize::try_from(number / 4 % 15).unwrap_or(0)];
            let entered = self.now - TimeDelta::hours(age) - self.chance.minutes(0, 50);
            let requested = match state {
                RefundState::Requested => entered,
                _ => entered - TimeDelta::hours(60),
            };
            let Some(order) = self.order_before(requested) else {
                return;
            };
            // Two pending refunds have been credited already: one that was approved, and one that was not.
            let early = matches!(number, 12 | 13);
            let to_wallet = early
                || matches!(state, RefundState::Requested | RefundState::Approved) && order.method == Method::Wallet;
            let to = if to_wallet {
                Destination::Wallet
            } else {
                Destination::OriginalMethod
            };
            let refund = self.refund_id();
            let minor = if self.chance.percent(50) {
                order.paid
            } else {
                order.paid / 2
            };
            self.request(&order, &refund, minor, to, requested);
            let steps: &[RefundState] = match state {
                RefundState::Approved => &[RefundState::Approved],
                RefundState::Processing => &[RefundState::Approved, RefundState::Processing],
                RefundState::Failed => &[RefundState::Approved, RefundState::Processing, RefundState::Failed],
                _ => &[],
            };
            let mut before = TimeDelta::hours(20) * i32::try_from(steps.len()).unwrap_or(0);
            for step in steps {
                before -= TimeDelta::hours(20);
                self.step(&order, &refund, *step, entered - before);
            }
            if early && let Ok(amount) = Money::from_minor(minor, order.currency) {
                self.credit(
                    &order.wallet,
                    Some(&order.id),
                    &refund,
                    amount,
                    entered + TimeDelta::minutes(5),
                );
            }
        }
    }
}
