//! A simulation of a small shop. An agenda holds future deeds. Each deed records its events and puts the deeds that
//! follow on the agenda. Balances are tracked, so wallets never spend more than they have. The simulation is pure: time
//! comes from the agenda, and random values from the seed.

mod refunds;

use std::{cmp::Reverse, collections::BinaryHeap};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    chance::Chance,
    names,
    story::{Context, PlannedEvent, order_event, wallet_event},
};
use crate::domain::{
    event::NewEvent,
    ids::{Domain, EntityId},
    money::{Currency, Money},
    order::{Line, Method, OrderEvent},
    wallet::{CreditKind, DebitKind, Party, WalletEvent},
};

pub const CHECKOUT: &str = "system:checkout";
const TIMER: &str = "system:timer";
/// Days until a hold expires.
const HOLD_DAYS: i64 = 7;
/// How many times faster deeds follow each other in a shop that is in a hurry.
const HASTE: i32 = 720;

/// A deed on the agenda. The number is the index of a wallet, an order or a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Open(usize),
    /// A small purchase at a vending machine, always with the first wallet.
    Snack(usize),
    Order,
    Pay(usize),
    Ship(usize),
    Deliver(usize),
    CancelUnpaid(usize),
    CancelHeld(usize),
    ExpireHold(usize),
    Withdraw(usize),
    Goodwill(usize),
    Correct(usize),
    Freeze(usize),
    Unfreeze(usize),
    Close(usize),
    Request(usize),
    Refund(usize, refunds::Step),
}

pub struct Wallet {
    pub id: EntityId,
    pub owner: Party,
    pub currency: Currency,
    /// Minor units of a small price.
    price: i128,
    /// Minor units that can be spent.
    pub available: i128,
    pub orders: u64,
    pub usable: bool,
}

pub struct Order {
    pub id: EntityId,
    pub wallet: usize,
    /// Minor units.
    pub total: i128,
    pub paid: i128,
    pub method: Method,
    hold: Option<String>,
    pub delivered: bool,
    pub refunds: u64,
}

/// The size of the shop.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub wallets: u64,
    pub orders: u64,
    pub snacks: u64,
}

pub struct Shop {
    pub chance: Chance,
    /// Prefix of every id's number, so that two shops can share a ledger.
    prefix: String,
    agenda: BinaryHeap<Reverse<(DateTime<Utc>, u64, Deed)>>,
    planned: u64,
    pub wallets: Vec<Wallet>,
    pub orders: Vec<Order>,
    refunds: Vec<refunds::Case>,
    /// If set, no refund begins that might not end by then. If `None`, some refunds never end.
    pub closing: Option<DateTime<Utc>>,
    /// Divisor of the delays between deeds.
    haste: i32,
    events: Vec<PlannedEvent>,
}

impl Shop {
    pub fn new(seed: u64, prefix: &str) -> Self {
        Self {
            chance: Chance::new(seed),
            prefix: prefix.to_owned(),
            agenda: BinaryHeap::new(),
            planned: 0,
            wallets: Vec::new(),
            orders: Vec::new(),
            refunds: Vec::new(),
            closing: None,
            haste: 1,
            events: Vec::new(),
        }
    }

    /// An id of this shop. `None` if the parts do not fit the grammar of ids.
    pub fn id(&self, kind: &str, number: usize) -> Option<EntityId> {
        EntityId::new(format!("{kind}-{}{number:05}", self.prefix)).ok()
    }

    /// Creates a wallet that opens at this time.
    pub fn add_wallet(&mut self, at: DateTime<Utc>) {
        let number = self.wallets.len();
        let Some(id) = self.id("W", number + 1) else { return };
        let mut share = self.chance.below(100);
        let mut chosen = names::CURRENCIES[0];
        for candidate in names::CURRENCIES {
            chosen = candidate;
            if share < candidate.1 {
                break;
            }
            share -= candidate.1;
        }
        let (code, _, price) = chosen;
        let Ok(currency) = code.parse() else { return };
        let name = if self.chance.percent(6) {
            self.chance.pick(&names::UNUSUAL).to_owned()
        } else {
            format!("{} {}", self.chance.pick(&names::FIRST), self.chance.pick(&names::LAST))
        };
        self.wallets.push(Wallet {
            id,
            owner: Party {
                id: format!("C-{}{:05}", self.prefix, number + 1),
                name: self.chance.percent(95).then_some(name),
            },
            currency,
            price,
            available: 0,
            orders: 0,
            usable: false,
        });
        self.plan(at, Deed::Open(number));
    }

    pub fn add_order(&mut self, at: DateTime<Utc>) {
        self.plan(at, Deed::Order);
    }

    /// Fills the agenda with deeds between `start` and `end`.
    pub fn live_through(&mut self, size: Size, start: DateTime<Utc>, end: DateTime<Utc>) {
        self.closing = Some(end);
        let days = u64::try_from((end - start).num_days()).unwrap_or(1);
        self.add_wallet(start);
        for _ in 1..size.wallets {
            let at = self.someday(start, days, false);
            self.add_wallet(at.min(end - TimeDelta::hours(1)));
        }
        for _ in 0..size.orders {
            let at = self.someday(start + TimeDelta::days(2), days.saturating_sub(2), true);
            self.add_order(if at > end { at - TimeDelta::days(1) } else { at });
        }
        let step = (end - start - TimeDelta::days(2)).num_seconds() / i64::try_from(size.snacks.max(1)).unwrap_or(1);
        let mut at = start + TimeDelta::days(1);
        for _ in 0..size.snacks {
            self.plan(at, Deed::Snack(0));
            at += TimeDelta::seconds(step);
        }
        for number in 1..self.wallets.len() {
            let at = self.someday(start + TimeDelta::days(20), days.saturating_sub(20), true);
            match self.chance.below(40) {
                0..=7 => self.plan(at, Deed::Withdraw(number)),
                8..=11 => self.plan(at, Deed::Goodwill(number)),
                12..=13 => self.plan(at, Deed::Correct(number)),
                14..=16 => self.plan(at, Deed::Freeze(number)),
                17..=19 => self.plan(at, Deed::Close(number)),
                _ => {}
            }
        }
    }

    /// A random moment within `days` days after `start`. If the shop `grows`, later days are more likely.
    fn someday(&mut self, start: DateTime<Utc>, days: u64, grows: bool) -> DateTime<Utc> {
        let mut day = self.chance.below(days);
        if grows {
            day = day.max(self.chance.below(days));
        }
        let midnight = start.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let day = midnight + TimeDelta::days(i64::try_from(day).unwrap_or(0));
        self.chance.moment(day).max(start + TimeDelta::seconds(1))
    }

    /// Runs all deeds up to `now` and returns their events in order.
    pub fn run_until(&mut self, now: DateTime<Utc>) -> Vec<PlannedEvent> {
        while let Some(Reverse((at, _, _))) = self.agenda.peek()
            && *at <= now
            && let Some(Reverse((at, _, deed))) = self.agenda.pop()
        {
            self.happen(at, deed);
        }
        std::mem::take(&mut self.events)
    }

    /// Makes hours pass in seconds, for people who watch the live shop.
    pub fn hurry(&mut self) {
        self.haste = HASTE;
    }

    /// Puts a deed on the agenda, `delay` after `at`, shortened by the haste.
    fn plan_after(&mut self, at: DateTime<Utc>, delay: TimeDelta, deed: Deed) {
        self.plan(at + delay / self.haste, deed);
    }

    fn plan(&mut self, at: DateTime<Utc>, deed: Deed) {
        self.planned += 1;
        self.agenda.push(Reverse((at, self.planned, deed)));
    }

    fn happen(&mut self, at: DateTime<Utc>, deed: Deed) {
        match deed {
            Deed::Open(wallet) => self.open(at, wallet),
            Deed::Snack(wallet) => self.snack(at, wallet),
            Deed::Order => self.order(at),
            Deed::Pay(order) => self.pay(at, order),
            Deed::Ship(order) => self.ship(at, order),
            Deed::Deliver(order) => self.deliver(at, order),
            Deed::CancelUnpaid(order) => self.cancel(at, order, "not paid in time"),
            Deed::CancelHeld(order) => self.end_hold(at, order, true),
            Deed::ExpireHold(order) => self.end_hold(at, order, false),
            Deed::Withdraw(wallet) => self.withdraw(at, wallet),
            Deed::Goodwill(wallet) => self.goodwill(at, wallet),
            Deed::Correct(wallet) => self.correct(at, wallet),
            Deed::Freeze(wallet) => self.freeze(at, wallet),
            Deed::Unfreeze(wallet) => self.unfreeze(at, wallet),
            Deed::Close(wallet) => self.close(at, wallet),
            Deed::Request(order) => self.request(at, order),
            Deed::Refund(index, step) => self.refund(at, index, step),
        }
    }

    /// Records a wallet's event. Returns the event's id, as the cause of later events.
    fn append_to_wallet(&mut self, wallet: usize, context: Context<'_>, payload: &WalletEvent) -> String {
        let event = wallet_event(&mut self.chance, context, payload);
        self.record(Domain::Wallet, self.wallets[wallet].id.clone(), event)
    }

    fn append_to_order(&mut self, order: usize, context: Context<'_>, payload: &OrderEvent) -> String {
        let event = order_event(&mut self.chance, context, payload);
        self.record(Domain::Order, self.orders[order].id.clone(), event)
    }

    fn record(&mut self, domain: Domain, id: EntityId, event: NewEvent) -> String {
        let event_id = event.id.clone();
        self.events.push(PlannedEvent { domain, id, event });
        event_id
    }

    fn open(&mut self, at: DateTime<Utc>, number: usize) {
        let wallet = &mut self.wallets[number];
        wallet.usable = true;
        let opened = WalletEvent::Opened {
            owner: wallet.owner.clone(),
            currency: wallet.currency,
        };
        self.append_to_wallet(number, Context::new(at, "system:signup"), &opened);
    }

    fn credit(&mut self, context: Context<'_>, number: usize, minor: i128, kind: CreditKind) -> Option<String> {
        let amount = Money::from_minor(minor, self.wallets[number].currency).ok()?;
        self.wallets[number].available += minor;
        let credited = WalletEvent::Credited {
            amount,
            kind,
            order: None,
            refund: None,
            reference: None,
            note: None,
        };
        Some(self.append_to_wallet(number, context, &credited))
    }

    fn debit(
        &mut self,
        context: Context<'_>,
        number: usize,
        minor: i128,
        kind: DebitKind,
        order: Option<String>,
    ) -> Option<String> {
        let wallet = &mut self.wallets[number];
        if minor > wallet.available {
            return None;
        }
        let amount = Money::from_minor(minor, wallet.currency).ok()?;
        wallet.available -= minor;
        let debited = WalletEvent::Debited {
            amount,
            kind,
            order,
            reference: None,
            note: None,
        };
        Some(self.append_to_wallet(number, context, &debited))
    }

    /// Tops the wallet up until `minor` is available, rounded up to a multiple of twenty small prices.
    fn top_up(&mut self, at: DateTime<Utc>, number: usize, minor: i128) {
        let wallet = &self.wallets[number];
        let missing = minor - wallet.available;
        if missing <= 0 {
            return;
        }
        let step = wallet.price * 20;
        let rounded = (missing + step - 1) / step * step;
        let actor = format!("customer:{}", wallet.owner.id);
        self.credit(Context::new(at, &actor), number, rounded, CreditKind::TopUp);
    }

    fn snack(&mut self, at: DateTime<Utc>, number: usize) {
        let price = self.wallets[number].price;
        let minor = price * i128::from(self.chance.between(1, 3));
        if self.wallets[number].available < minor {
            self.top_up(at, number, price * 60);
        } else {
            self.debit(
                Context::new(at, "system:vending"),
                number,
                minor,
                DebitKind::Purchase,
                None,
            );
        }
    }

    fn order(&mut self, at: DateTime<Utc>) {
        // The first wallets order most often. Wallets that are not open yet, or no longer, are skipped.
        let count = self.wallets.len();
        let wished = self.chance.index(count).min(self.chance.index(count));
        let Some(number) = (wished..count).chain(0..wished).find(|n| self.wallets[*n].usable) else {
            return;
        };
        let wallet = &mut self.wallets[number];
        wallet.orders += 1;
        let (currency, price) = (wallet.currency, wallet.price);
        let (owner, wallet_id) = (wallet.owner.clone(), wallet.id.to_string());
        let mut total = 0;
        let mut lines = Vec::new();
        for _ in 0..self.chance.between(1, 4) {
            let (sku, title, factor) = self.chance.pick(&names::ARTICLES);
            let quantity = self.chance.pick(&[1, 1, 1, 2, 3]);
            let Ok(unit_price) = Money::from_minor(price * factor, currency) else {
                continue;
            };
            total += price * factor * i128::from(quantity);
            lines.push(Line {
                sku: sku.to_owned(),
                title: Some(title.to_owned()),
                quantity,
                unit_price,
            });
        }
        let (Some(id), Ok(amount)) = (self.id("O", self.orders.len() + 1), Money::from_minor(total, currency)) else {
            return;
        };
        let actor = format!("customer:{}", owner.id);
        let method = self
            .chance
            .pick(
                &[
                    Method::Wallet,
                    Method::Wallet,
                    Method::Wallet,
                    Method::Card,
                    Method::Card,
                    Method::BankTransfer,
                ]
                .each_ref(),
            )
            .clone();
        let order = self.orders.len();
        self.orders.push(Order {
            id,
            wallet: number,
            total,
            paid: 0,
            method,
            hold: None,
            delivered: false,
            refunds: 0,
        });
        let placed = OrderEvent::Placed {
            wallet: Some(wallet_id),
            customer: Some(owner),
            total: amount,
            lines,
        };
        self.append_to_order(order, Context::new(at, &actor), &placed);
        if self.chance.percent(4) {
            let later = self.chance.hours(24, 72);
            self.plan_after(at, later, Deed::CancelUnpaid(order));
        } else {
            let later = self.chance.minutes(0, 3);
            self.plan_after(at, later, Deed::Pay(order));
        }
    }

    fn pay(&mut self, at: DateTime<Utc>, number: usize) {
        let order = &self.orders[number];
        let (wallet, total, id) = (order.wallet, order.total, order.id.to_string());
        if order.method == Method::Wallet {
            self.top_up(at, wallet, total);
            if self.chance.percent(35) {
                self.hold(at, number);
                return;
            }
            let context = Context::new(at, CHECKOUT);
            if let Some(cause) = self.debit(context, wallet, total, DebitKind::Purchase, Some(id)) {
                self.paid(at, number, total, Some(&cause));
            }
        } else {
            self.paid(at, number, total, None);
        }
        let later = self.chance.hours(6, 60);
        self.plan_after(at, later, Deed::Ship(number));
    }

    fn paid(&mut self, at: DateTime<Utc>, number: usize, minor: i128, cause: Option<&str>) {
        let order = &mut self.orders[number];
        let Ok(amount) = Money::from_minor(minor, self.wallets[order.wallet].currency) else {
            return;
        };
        order.paid += minor;
        let paid = OrderEvent::Paid {
            payment: format!("P-{}{:05}", self.prefix, number + 1),
            amount,
            method: order.method.clone(),
        };
        let context = Context {
            cause,
            ..Context::new(at, CHECKOUT)
        };
        self.append_to_order(number, context, &paid);
    }

    fn hold(&mut self, at: DateTime<Utc>, number: usize) {
        let order = &mut self.orders[number];
        let wallet = order.wallet;
        let Ok(amount) = Money::from_minor(order.total, self.wallets[wallet].currency) else {
            return;
        };
        let hold = format!("H-{}{:05}", self.prefix, number + 1);
        order.hold = Some(hold.clone());
        self.wallets[wallet].available -= order.total;
        let expires_at = at + TimeDelta::days(HOLD_DAYS) / self.haste;
        let set_aside = WalletEvent::Held {
            hold,
            amount,
            order: Some(order.id.to_string()),
            expires_at: Some(expires_at),
        };
        self.append_to_wallet(wallet, Context::new(at, CHECKOUT), &set_aside);
        match self.chance.below(100) {
            0..=5 => self.plan(expires_at, Deed::ExpireHold(number)),
            6..=11 => {
                let later = self.chance.hours(2, 48);
                self.plan_after(at, later, Deed::CancelHeld(number));
            }
            _ => {
                let later = self.chance.hours(6, 90);
                self.plan_after(at, later, Deed::Ship(number));
            }
        }
    }

    /// Captures a hold: all of it, or three quarters of it in 15 % of the cases.
    fn capture(&mut self, at: DateTime<Utc>, number: usize, hold: String) {
        let order = &self.orders[number];
        let (wallet, total) = (order.wallet, order.total);
        let minor = if self.chance.percent(15) {
            total - total / 4
        } else {
            total
        };
        let Ok(amount) = Money::from_minor(minor, self.wallets[wallet].currency) else {
            return;
        };
        self.wallets[wallet].available += total - minor;
        let captured = WalletEvent::HoldCaptured { hold, amount };
        let cause = self.append_to_wallet(wallet, Context::new(at, "system:warehouse"), &captured);
        self.paid(at, number, minor, Some(&cause));
    }

    fn end_hold(&mut self, at: DateTime<Utc>, number: usize, released: bool) {
        let Some(hold) = self.orders[number].hold.take() else {
            return;
        };
        let wallet = self.orders[number].wallet;
        self.wallets[wallet].available += self.orders[number].total;
        let (ended, actor, why) = if released {
            (
                WalletEvent::HoldReleased { hold },
                names::SUPPORT[0],
                "the customer changed their mind",
            )
        } else {
            (WalletEvent::HoldExpired { hold }, TIMER, "the hold expired")
        };
        self.append_to_wallet(wallet, Context::new(at, actor), &ended);
        self.cancel(at, number, why);
    }

    fn cancel(&mut self, at: DateTime<Utc>, number: usize, why: &str) {
        let cancelled = OrderEvent::Cancelled {
            reason: Some(why.to_owned()),
        };
        self.append_to_order(number, Context::new(at, TIMER), &cancelled);
    }

    fn ship(&mut self, at: DateTime<Utc>, number: usize) {
        if let Some(hold) = self.orders[number].hold.take() {
            self.capture(at, number, hold);
        }
        let reference = Some(format!("PKG-{}", self.chance.between(10_000_000, 99_999_999)));
        self.append_to_order(
            number,
            Context::new(at, "system:warehouse"),
            &OrderEvent::Shipped { reference },
        );
        let later = self.chance.hours(20, 120);
        self.plan_after(at, later, Deed::Deliver(number));
    }

    fn deliver(&mut self, at: DateTime<Utc>, number: usize) {
        self.orders[number].delivered = true;
        self.append_to_order(
            number,
            Context::new(at, "system:carrier"),
            &OrderEvent::Delivered { reference: None },
        );
        if self.chance.percent(12) {
            let later = self.chance.hours(3, 200);
            self.plan_after(at, later, Deed::Request(number));
        }
    }

    fn withdraw(&mut self, at: DateTime<Utc>, number: usize) {
        if self.wallets[number].usable {
            self.top_up(at, number, self.wallets[number].price * 30);
            let minor = self.wallets[number].available / 2;
            let actor = format!("customer:{}", self.wallets[number].owner.id);
            self.debit(Context::new(at, &actor), number, minor, DebitKind::Withdrawal, None);
        }
    }

    fn goodwill(&mut self, at: DateTime<Utc>, number: usize) {
        if self.wallets[number].usable {
            let minor = self.wallets[number].price * 5;
            self.credit(Context::new(at, names::SUPPORT[1]), number, minor, CreditKind::Goodwill);
        }
    }

    /// Takes a fee by mistake and reverses it in two halves.
    fn correct(&mut self, at: DateTime<Utc>, number: usize) {
        if !self.wallets[number].usable {
            return;
        }
        let (minor, currency) = (self.wallets[number].price * 2, self.wallets[number].currency);
        self.top_up(at, number, minor);
        let fee = self.debit(Context::new(at, "system:billing"), number, minor, DebitKind::Fee, None);
        let half = minor / 2;
        for (minor, note) in [(half, "half of it at once"), (minor - half, "and the rest")] {
            if let (Some(fee), Ok(amount)) = (&fee, Money::from_minor(minor, currency)) {
                let context = Context {
                    cause: Some(fee),
                    ..Context::new(at, names::FINANCE[1])
                };
                let reversed = WalletEvent::EntryReversed {
                    reverses: fee.clone(),
                    amount,
                    reason: "billing_error".into(),
                    note: Some(note.into()),
                };
                self.wallets[number].available += minor;
                self.append_to_wallet(number, context, &reversed);
            }
        }
    }

    fn freeze(&mut self, at: DateTime<Utc>, number: usize) {
        if self.wallets[number].usable {
            self.wallets[number].usable = false;
            let reason = "unusual sign-ins".to_owned();
            self.append_to_wallet(
                number,
                Context::new(at, "risk:k.novak"),
                &WalletEvent::Frozen { reason },
            );
            if self.chance.percent(50) {
                let later = self.chance.hours(20, 140);
                self.plan_after(at, later, Deed::Unfreeze(number));
            }
        }
    }

    fn unfreeze(&mut self, at: DateTime<Utc>, number: usize) {
        self.wallets[number].usable = true;
        self.append_to_wallet(number, Context::new(at, "risk:k.novak"), &WalletEvent::Unfrozen);
    }

    /// Closes a wallet that has never ordered, so that a closed wallet has no claims.
    fn close(&mut self, at: DateTime<Utc>, number: usize) {
        let wallet = &self.wallets[number];
        if !wallet.usable || wallet.orders > 0 {
            return;
        }
        let actor = format!("customer:{}", wallet.owner.id);
        let (context, rest) = (Context::new(at, &actor), wallet.available);
        self.wallets[number].usable = false;
        self.debit(context, number, rest, DebitKind::Withdrawal, None);
        self.append_to_wallet(number, context, &WalletEvent::Closed);
    }
}
