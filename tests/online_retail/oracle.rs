//! Reads the events back line by line and folds them by contract §3 to §5: pennies as integers, refunds as a state
//! machine, and every stream's sequence and time. It shares no code with the example and panics at the first event that
//! the contract does not allow.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io::{self, Write},
};

use serde::{Deserialize, de::IgnoredAny};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    subject: &'a str,
    sequence: &'a str,
    time: &'a str,
    correlationid: Option<&'a str>,
    causationid: Option<&'a str>,
    #[serde(borrow)]
    data: Data<'a>,
}

/// All fields of all payloads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data<'a> {
    owner: Option<Party<'a>>,
    currency: Option<&'a str>,
    #[serde(borrow)]
    amount: Option<Money<'a>>,
    kind: Option<&'a str>,
    order: Option<&'a str>,
    refund: Option<&'a str>,
    reference: Option<&'a str>,
    wallet: Option<&'a str>,
    customer: Option<Party<'a>>,
    total: Option<Money<'a>>,
    #[serde(rename = "country")]
    _country: Option<Cow<'a, str>>,
    lines: Option<Vec<Line<'a>>>,
    #[serde(default)]
    lines_omitted: u64,
    payment: Option<&'a str>,
    method: Option<&'a str>,
    reason: Option<&'a str>,
    destination: Option<&'a str>,
    note: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Party<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
    #[serde(rename = "title")]
    _title: Option<IgnoredAny>,
    quantity: i64,
    unit_price: Money<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Money<'a> {
    amount: &'a str,
    currency: &'a str,
}

impl Money<'_> {
    /// The amount in pennies. Panics if it does not fit the grammar of contract §3.
    fn pennies(&self) -> i128 {
        let (whole, decimals) = self.amount.split_once('.').expect("two decimals");
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        assert!((1..=18).contains(&whole.len()) && digits(whole), "{}", self.amount);
        assert!(decimals.len() == 2 && digits(decimals), "{}", self.amount);
        assert_eq!(self.currency, "GBP");
        let pennies: i128 = format!("{whole}{decimals}").parse().expect("digits");
        assert!(pennies > 0, "{}", self.amount);
        pennies
    }
}

/// The last sequence and time of a stream.
#[derive(Debug, Default)]
struct Stream {
    sequence: u64,
    time: String,
}

#[derive(Debug)]
pub struct Wallet {
    pub opened: String,
    pub posted: i128,
}

#[derive(Debug)]
pub struct Order {
    pub wallet: Option<String>,
    pub placed: String,
    pub total: i128,
    pub paid: i128,
    /// The sum of all its refunds, whatever their state.
    pub refunds: i128,
    pub lines: usize,
    pub lines_omitted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Requested,
    Approved,
    Succeeded,
}

#[derive(Debug)]
pub struct Refund {
    pub order: String,
    pub amount: i128,
    pub state: State,
    pub requested: String,
    pub reason: String,
    pub lines: usize,
    pub lines_omitted: u64,
    credited: bool,
}

/// The state after the events.
#[derive(Debug, Default)]
pub struct Oracle {
    pub wallets: HashMap<String, Wallet>,
    pub orders: HashMap<String, Order>,
    pub refunds: HashMap<String, Refund>,
    pub events: u64,
    ids: HashSet<String>,
    streams: HashMap<String, Stream>,
    last_time: String,
    unread: Vec<u8>,
}

impl Write for Oracle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unread.extend_from_slice(bytes);
        if self.unread.ends_with(b"\n") {
            let lines = std::mem::take(&mut self.unread);
            let text = std::str::from_utf8(&lines).expect("UTF-8");
            text.lines().for_each(|line| self.line(line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Oracle {
    /// The total of all orders less all refunds, in pennies.
    pub fn orders_less_refunds(&self) -> i128 {
        let orders: i128 = self.orders.values().map(|order| order.total).sum();
        let refunds: i128 = self.refunds.values().map(|refund| refund.amount).sum();
        orders - refunds
    }

    /// The number and the sum of refunds in a state, in pennies.
    pub fn refunds_in(&self, state: State) -> (usize, i128) {
        let amounts = self.refunds.values().filter(|refund| refund.state == state);
        amounts.fold((0, 0), |(count, sum), refund| (count + 1, sum + refund.amount))
    }

    /// Checks what can be checked only after all events.
    pub fn finish(&self) {
        assert!(self.unread.is_empty(), "the last line has no end");
        let mut owed: HashMap<&str, i128> = HashMap::new();
        for (id, refund) in &self.refunds {
            let succeeded = refund.state == State::Succeeded;
            assert_eq!(
                refund.credited, succeeded,
                "{id} is credited if and only if it succeeded"
            );
            if succeeded {
                let wallet = self.orders[&refund.order].wallet.as_deref();
                *owed.entry(wallet.expect("a wallet")).or_default() += refund.amount;
            }
        }
        for (id, wallet) in &self.wallets {
            let credits = owed.get(id.as_str()).copied().unwrap_or_default();
            assert_eq!(wallet.posted, credits, "{id} holds what was refunded to it");
        }
        for (id, order) in &self.orders {
            assert_eq!(order.paid, order.total, "{id} is paid");
            assert!(order.refunds <= order.paid, "{id} refunds more than was paid");
        }
    }

    fn line(&mut self, text: &str) {
        assert!(text.len() < 48 * 1024, "an event of {} bytes", text.len());
        let event: Event = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        self.events += 1;
        self.envelope(&event);
        match event.r#type {
            "wallet.opened" => self.opened(&event),
            "wallet.credited" => self.credited(&event),
            "order.placed" => self.placed(&event),
            "order.paid" => self.paid(&event),
            "order.refund_requested" => self.requested(&event),
            "order.refund_approved" => self.step(&event, State::Requested, State::Approved),
            "order.refund_succeeded" => self.step(&event, State::Approved, State::Succeeded),
            other => panic!("an event of type {other}"),
        }
    }

    fn envelope(&mut self, event: &Event<'_>) {
        assert_eq!(event.specversion, "1.0");
        assert_eq!(
            format!("/{}", event.r#type.split('.').next().expect("a domain")),
            event.source
        );
        assert_id(event.subject);
        assert!((1..=64).contains(&event.id.len()) && event.id.bytes().all(|b| b.is_ascii_graphic()));
        if let Some(cause) = event.causationid {
            assert!(self.ids.contains(cause), "{} comes before its cause {cause}", event.id);
        }
        assert!(self.ids.insert(event.id.to_owned()), "{} is used twice", event.id);
        assert!(event.time.len() == 20 && event.time.ends_with('Z'), "{}", event.time);
        assert!(*event.time >= *self.last_time, "{} is out of order", event.id);
        event.time.clone_into(&mut self.last_time);
        let stream = self
            .streams
            .entry(format!("{} {}", event.source, event.subject))
            .or_default();
        stream.sequence += 1;
        assert_eq!(
            event.sequence,
            stream.sequence.to_string(),
            "{} has a gap",
            event.subject
        );
        assert!(*event.time >= *stream.time);
        event.time.clone_into(&mut stream.time);
    }

    fn opened(&mut self, event: &Event<'_>) {
        assert_eq!(event.sequence, "1");
        assert_eq!(event.data.currency, Some("GBP"));
        assert_id(event.data.owner.as_ref().expect("an owner").id);
        let wallet = Wallet {
            opened: event.time.to_owned(),
            posted: 0,
        };
        self.wallets.insert(event.subject.to_owned(), wallet);
    }

    fn credited(&mut self, event: &Event<'_>) {
        let id = event.data.refund.expect("a refund");
        let amount = event.data.amount.as_ref().expect("an amount").pennies();
        let refund = self.refunds.get_mut(id).expect("a refund that was requested");
        assert_eq!(event.data.kind, Some("refund"));
        assert_eq!(event.data.order, Some(refund.order.as_str()));
        assert!(event.data.reference.is_some());
        assert_eq!(event.correlationid, Some(id));
        assert_eq!(self.orders[&refund.order].wallet.as_deref(), Some(event.subject));
        assert_eq!((refund.state, refund.amount), (State::Approved, amount), "{id}");
        assert!(!std::mem::replace(&mut refund.credited, true), "{id} is credited twice");
        self.wallets.get_mut(event.subject).expect("an open wallet").posted += amount;
    }

    fn placed(&mut self, event: &Event<'_>) {
        assert_eq!(event.sequence, "1");
        let total = event.data.total.as_ref().expect("a total").pennies();
        let lines = event.data.lines.as_ref().expect("lines");
        assert_lines(lines, event.data.lines_omitted, total, event.subject);
        assert_eq!(event.data.wallet.is_some(), event.data.customer.is_some());
        if let (Some(wallet), Some(customer)) = (event.data.wallet, &event.data.customer) {
            assert!(self.wallets.contains_key(wallet), "{wallet} is not open");
            assert_id(customer.id);
        }
        let order = Order {
            wallet: event.data.wallet.map(str::to_owned),
            placed: event.time.to_owned(),
            total,
            paid: 0,
            refunds: 0,
            lines: lines.len(),
            lines_omitted: event.data.lines_omitted,
        };
        self.orders.insert(event.subject.to_owned(), order);
    }

    fn paid(&mut self, event: &Event<'_>) {
        assert_eq!(event.data.method, Some("card"));
        assert_id(event.data.payment.expect("a payment"));
        let order = self.orders.get_mut(event.subject).expect("an order that was placed");
        order.paid += event.data.amount.as_ref().expect("an amount").pennies();
    }

    fn requested(&mut self, event: &Event<'_>) {
        let id = event.data.refund.expect("a refund");
        assert_id(id);
        assert_eq!(event.correlationid, Some(id));
        assert_eq!(event.data.destination, Some("wallet"));
        assert!(event.data.note.as_ref().is_some_and(|note| !note.is_empty()));
        let amount = event.data.amount.as_ref().expect("an amount").pennies();
        let lines = event.data.lines.as_ref().expect("lines");
        assert_lines(lines, event.data.lines_omitted, amount, id);
        let order = self.orders.get_mut(event.subject).expect("an order that was placed");
        order.refunds += amount;
        let refund = Refund {
            order: event.subject.to_owned(),
            amount,
            state: State::Requested,
            requested: event.time.to_owned(),
            reason: event.data.reason.expect("a reason").to_owned(),
            lines: lines.len(),
            lines_omitted: event.data.lines_omitted,
            credited: false,
        };
        assert!(
            self.refunds.insert(id.to_owned(), refund).is_none(),
            "{id} is requested twice"
        );
    }

    fn step(&mut self, event: &Event<'_>, from: State, to: State) {
        let id = event.data.refund.expect("a refund");
        assert_eq!(event.correlationid, Some(id));
        let refund = self.refunds.get_mut(id).expect("a refund that was requested");
        assert_eq!((refund.order.as_str(), refund.state), (event.subject, from), "{id}");
        refund.state = to;
    }
}

/// Contract §2: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
fn assert_id(id: &str) {
    let fits = (1..=64).contains(&id.len()) && id.as_bytes()[0].is_ascii_alphanumeric();
    let grammar = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    assert!(fits && id.bytes().all(grammar) && id != "feed", "{id} is no id");
}

/// Checks that complete lines add up to the amount, and that incomplete lines do not exceed it.
fn assert_lines(lines: &[Line<'_>], omitted: u64, amount: i128, of: &str) {
    let mut sum = 0;
    for line in lines {
        assert!(line.quantity > 0 && !line.sku.is_empty(), "{of} has an odd line");
        sum += i128::from(line.quantity) * line.unit_price.pennies();
    }
    assert!(sum <= amount, "the lines of {of} are above its amount");
    assert!(
        omitted > 0 || sum == amount,
        "the lines of {of} do not add up to its amount"
    );
}
