//! The ledger of a shop, of any size: wallets and orders in two Redis servers, with names, currencies, statuses, ages,
//! refunds in every state, and findings. Half of the ids are UUIDs, because an index of short ids alone is smaller than
//! a realistic one. Everything except the times is computed from the numbers of the entities, so a ledger of a
//! thousandth of the size has the same distribution.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{
    Options,
    fill::Wire,
    program::{Home, Server, settle},
    redis_server::RedisServer,
};

const FIRST: [&str; 16] = [
    "Ada", "Bram", "Chiara", "Dmitri", "Elif", "Femke", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Milan",
    "Noor", "Oscar", "Petra",
];
const LAST: [&str; 16] = [
    "Vermeulen",
    "Rossi",
    "Novak",
    "Yilmaz",
    "Schmidt",
    "Kowalska",
    "Mensah",
    "Tanaka",
    "Janssen",
    "Moreau",
    "Silva",
    "Horvat",
    "Bakker",
    "Petrov",
    "Lindqvist",
    "Okafor",
];
const REASONS: [&str; 5] = ["return", "customer_request", "not_received", "duplicate", "goodwill"];
/// The smallest sizes with which all lists have full pages.
const LEAST: Sizes = Sizes {
    wallets: 1_000,
    orders: 2_000,
    pending: 400,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub wallets: usize,
    pub orders: usize,
    /// The number of pending refunds. The ledger has as many settled ones.
    pub pending: usize,
}

impl Sizes {
    /// A thousandth of the sizes, but at least [`LEAST`].
    pub fn thousandth(self) -> Self {
        Self {
            wallets: (self.wallets / 1_000).max(LEAST.wallets).min(self.wallets),
            orders: (self.orders / 1_000).max(LEAST.orders).min(self.orders),
            pending: (self.pending / 1_000).max(LEAST.pending).min(self.pending),
        }
    }

    pub fn refunds(self) -> usize {
        self.pending * 2
    }

    /// Wallets, orders and refunds.
    pub fn entities(self) -> usize {
        self.wallets + self.orders + self.refunds()
    }
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            wallets,
            orders,
            pending,
        } = self;
        write!(f, "{wallets} wallets, {orders} orders, {pending} pending refunds")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Half of them are UUIDs.
    Mixed,
    /// A letter and seven digits.
    Short,
}

impl Ids {
    pub fn is_uuid(self, letter: char, number: usize) -> bool {
        self == Self::Mixed && mix(letter, number, 1).is_multiple_of(2)
    }

    pub fn id(self, letter: char, number: usize) -> String {
        if !self.is_uuid(letter, number) {
            return format!("{letter}-{number:07}");
        }
        let (high, low) = (mix(letter, number, 2), mix(letter, number, 3));
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}

/// A deterministic pseudo-random number.
fn mix(letter: char, number: usize, salt: u64) -> u64 {
    let mut z = (number as u64) << 16 ^ u64::from(u32::from(letter)) << 8 ^ salt;
    for _ in 0..2 {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
    }
    z
}

/// A deterministic pseudo-random number below `of`.
fn pick(letter: char, number: usize, salt: u64, of: u64) -> usize {
    usize::try_from(mix(letter, number, salt) % of).unwrap()
}

fn currency(wallet: usize) -> &'static str {
    match pick('W', wallet, 4, 20) {
        0 => "JPY",
        1 | 2 => "GBP",
        3..=5 => "USD",
        _ => "EUR",
    }
}

/// `"amount":{…}` of a number of the currency's smallest units.
fn amount(units: usize, currency: &str) -> String {
    let digits = match currency {
        "JPY" => units.to_string(),
        _ => format!("{}.{:02}", units / 100, units % 100),
    };
    format!(r#""amount":{{"amount":"{digits}","currency":"{currency}"}}"#)
}

fn person(wallet: usize) -> String {
    let name = (FIRST[pick('W', wallet, 5, 16)], LAST[pick('W', wallet, 6, 16)]);
    format!(r#"{{"id":"C-{wallet:07}","name":"{} {}"}}"#, name.0, name.1)
}

/// A refund, and the steps after its request.
struct Refund {
    id: String,
    steps: &'static [&'static str],
    to_wallet: bool,
    units: usize,
}

/// Writes the events of a shop.
pub struct Story {
    ids: Ids,
    sizes: Sizes,
    now: DateTime<Utc>,
}

impl Story {
    fn refund(&self, order: usize) -> Option<Refund> {
        let stride = (self.sizes.orders / self.sizes.refunds().max(1)).max(1);
        let number = order / stride;
        if !order.is_multiple_of(stride) || number >= self.sizes.refunds() {
            return None;
        }
        let chance = pick('R', number, 4, 8);
        let steps: &'static [&'static str] = if number.is_multiple_of(2) {
            match chance {
                0..=2 => &[],
                3 | 4 => &["approved"],
                5 | 6 => &["approved", "processing"],
                _ => &["approved", "processing", "failed"],
            }
        } else {
            match chance {
                0 => &["rejected"],
                1 => &["canceled"],
                _ => &["approved", "succeeded"],
            }
        };
        Some(Refund {
            id: self.ids.id('R', number),
            steps,
            to_wallet: pick('R', number, 5, 3) == 0,
            units: 500 + pick('R', number, 6, 3_000),
        })
    }

    /// Writes two to six events per wallet, and the credits of refunds, of which one in three is missing.
    fn wallets(&self, wire: &mut Wire) {
        for number in 0..self.sizes.wallets {
            let (wallet, currency) = (self.ids.id('W', number), currency(number));
            let mut time =
                self.now - TimeDelta::minutes(100 * 1_440 - i64::try_from(pick('W', number, 7, 40_000)).unwrap());
            let mut sequence = 0;
            let mut event = |kind: &str, data: &str| {
                sequence += 1;
                time += TimeDelta::minutes(37);
                wire.event_at(&wallet, sequence, kind, data, &text(time));
            };
            let owner = person(number);
            event(
                "wallet.opened",
                &format!(r#"{{"owner":{owner},"currency":"{currency}"}}"#),
            );
            let units = 2_000 + pick('W', number, 8, 90_000);
            event(
                "wallet.credited",
                &format!(r#"{{{},"kind":"top_up"}}"#, amount(units, currency)),
            );
            match pick('W', number, 9, 16) {
                0 => event(
                    "wallet.debited",
                    &format!(r#"{{{},"kind":"fee"}}"#, amount(units + 399, currency)),
                ),
                1 => {
                    let hold = format!(
                        r#""hold":"H-{number}","expires_at":"{}""#,
                        text(self.now - TimeDelta::days(20))
                    );
                    event("wallet.held", &format!("{{{},{hold}}}", amount(900, currency)));
                }
                2..=8 => event(
                    "wallet.debited",
                    &format!(r#"{{{},"kind":"purchase"}}"#, amount(units / 3, currency)),
                ),
                _ => {}
            }
            for order in (number..self.sizes.orders).step_by(self.sizes.wallets) {
                let refund = self
                    .refund(order)
                    .filter(|refund| refund.to_wallet && refund.steps.ends_with(&["succeeded"]));
                if let Some(refund) = refund.filter(|_| pick('O', order, 4, 3) > 0) {
                    let (order, id) = (self.ids.id('O', order), &refund.id);
                    let of = format!(r#""kind":"refund","order":"{order}","refund":"{id}""#);
                    event(
                        "wallet.credited",
                        &format!("{{{},{of}}}", amount(refund.units, currency)),
                    );
                }
            }
            match pick('W', number, 10, 80) {
                0 => event("wallet.closed", "{}"),
                1..=5 => event("wallet.frozen", r#"{"reason":"chargeback"}"#),
                _ => {}
            }
        }
    }

    /// Writes two to six events per order.
    fn orders(&self, wire: &mut Wire) {
        for number in 0..self.sizes.orders {
            let wallet = number % self.sizes.wallets;
            let (order, currency) = (self.ids.id('O', number), currency(wallet));
            let refund = self.refund(number);
            // Half of the refunds are up to two days old, the others up to forty days.
            let minutes = match (&refund, pick('O', number, 5, 2)) {
                (Some(_), 0) => pick('O', number, 6, 2_880),
                (Some(_), _) => pick('O', number, 6, 57_600),
                _ => pick('O', number, 6, 86_400),
            };
            let mut time = self.now - TimeDelta::minutes(i64::try_from(minutes).unwrap() + 24 * 60);
            let mut sequence = 0;
            let mut event = |kind: &str, data: &str, time: DateTime<Utc>| {
                sequence += 1;
                wire.event_at(&order, sequence, kind, data, &text(time));
            };
            let total = amount(5_000 + pick('O', number, 7, 60_000), currency);
            let placed = total.replace("\"amount\":{", "\"total\":{");
            let by = format!(
                r#""wallet":"{}","customer":{}"#,
                self.ids.id('W', wallet),
                person(wallet)
            );
            event("order.placed", &format!("{{{by},{placed}}}"), time);
            time += TimeDelta::minutes(4);
            event(
                "order.paid",
                &format!(r#"{{{total},"payment":"P-{number}","method":"card"}}"#),
                time,
            );
            let Some(refund) = refund else {
                let steps: &[&str] = match pick('O', number, 8, 8) {
                    0 => &[],
                    1 => &["order.cancelled"],
                    2..=4 => &["order.shipped"],
                    _ => &["order.shipped", "order.delivered"],
                };
                for kind in steps {
                    time += TimeDelta::hours(7);
                    event(kind, "{}", time);
                }
                continue;
            };
            // The last step has the chosen age.
            let steps = i64::try_from(refund.steps.len()).unwrap();
            time += TimeDelta::hours(23 - steps);
            let destination = if refund.to_wallet { "wallet" } else { "original_method" };
            let asked = format!(
                r#"{{{},"refund":"{}","reason":"{}","destination":"{destination}"}}"#,
                amount(refund.units, currency),
                refund.id,
                REASONS[pick('O', number, 9, 5)]
            );
            event("order.refund_requested", &asked, time);
            for step in refund.steps {
                time += TimeDelta::hours(1);
                let why = match *step {
                    "rejected" => r#","reason":"too late""#,
                    "failed" => r#","failure":"provider_unavailable""#,
                    _ => "",
                };
                let data = format!(r#"{{"refund":"{}"{why}}}"#, refund.id);
                event(&format!("order.refund_{step}"), &data, time);
            }
        }
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The results of filling the read model.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// The time until the server was ready.
    pub ready: Duration,
    /// The time until the search indexes were built.
    pub searchable: Duration,
    /// The resident bytes afterwards.
    pub resident: u64,
}

/// The ledger of a shop, and a home of the program with it.
pub struct Shop {
    pub wallet: RedisServer,
    pub order: RedisServer,
    pub home: Home,
    pub sizes: Sizes,
    pub events: u64,
    filled: Option<Filled>,
}

impl Shop {
    pub async fn new(sizes: Sizes, ids: Ids) -> Self {
        let [wallet, order] = [(); 2].map(|()| RedisServer::start_with(&["--appendonly", "no"]));
        let now = Utc::now();
        let story = Story { ids, sizes, now };
        let mut events = 0;
        if sizes.wallets > 0 {
            let mut wire = Wire::open(wallet.port(), "wallet");
            story.wallets(&mut wire);
            events += wire.written();
            wire.finish();
            let mut wire = Wire::open(order.port(), "order");
            story.orders(&mut wire);
            events += wire.written();
            wire.finish();
            eprintln!("{sizes}: {events} events written");
        }
        Self {
            home: Home::with(Some(wallet.url()), Some(order.url()), None, None).await,
            wallet,
            order,
            sizes,
            events,
            filled: None,
        }
    }

    /// A shop with two empty Redis servers.
    pub async fn empty() -> Self {
        let none = Sizes {
            wallets: 0,
            orders: 0,
            pending: 0,
        };
        Self::new(none, Ids::Short).await
    }

    /// Fills the read model, unless it is filled already.
    pub async fn filled(&mut self) -> Filled {
        if let Some(filled) = self.filled {
            return filled;
        }
        self.home.forget();
        let begin = std::time::Instant::now();
        let server = self.home.serve().await;
        self.check(&server).await;
        self.home.searchable().await;
        let searchable = begin.elapsed();
        settle().await;
        let filled = Filled {
            ready: server.ready_after,
            searchable,
            resident: server.resident(),
        };
        server.stop();
        *self.filled.insert(filled)
    }

    /// Checks that a ready server has all events and rows.
    async fn check(&self, server: &Server) {
        let events = server.figure("ledgerscope_events").await;
        assert_eq!(events, self.events, "events of a server that is ready");
        let rows = server.figure("ledgerscope_index_rows").await;
        let entities = u64::try_from(self.sizes.entities() + self.sizes.pending).unwrap();
        // `rows` includes findings and other rows, so it can be higher.
        assert!(rows >= entities, "{rows} rows of {entities} when the server is ready");
    }

    /// Starts a server from the filled read model, and waits for its search indexes.
    pub async fn serve(&mut self) -> Server {
        self.filled().await;
        let server = self.home.serve().await;
        self.home.searchable().await;
        server
    }
}

/// The ledgers that rows share.
#[derive(Default)]
pub struct Shops {
    large: Option<Shop>,
    small: Option<Shop>,
    empty: Option<Shop>,
}

impl Shops {
    pub async fn large(&mut self, options: &Options) -> &mut Shop {
        if self.large.is_none() {
            self.large = Some(Shop::new(options.sizes(), Ids::Mixed).await);
        }
        self.large.as_mut().unwrap()
    }

    /// The large and the small ledger.
    pub async fn both(&mut self, options: &Options) -> (&mut Shop, &mut Shop) {
        self.large(options).await;
        if self.small.is_none() {
            self.small = Some(Shop::new(options.sizes().thousandth(), Ids::Mixed).await);
        }
        (self.large.as_mut().unwrap(), self.small.as_mut().unwrap())
    }

    /// The large ledger and an empty one.
    pub async fn large_and_empty(&mut self, options: &Options) -> (&mut Shop, &mut Shop) {
        self.large(options).await;
        if self.empty.is_none() {
            self.empty = Some(Shop::empty().await);
        }
        (self.large.as_mut().unwrap(), self.empty.as_mut().unwrap())
    }
}
