//! The row `busy`: the latency of pages while many events a second are written and fifty readers are connected,
//! compared with the same without writes. Readers follow the live stream and fetch their page again after a change, as
//! the program's own pages do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rand::RngExt as _;
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use super::{
    Options,
    fill::Wire,
    http::{Client, Samples},
    program::{Home, Server},
    shop::{Ids, Shops},
    table::{Row, ratio, shown},
};

const READERS: usize = 50;
/// The live streams that the server allows per session.
const READERS_OF_SESSION: usize = 8;
/// The shortest time between two fetches of a reader, plus or minus up to a quarter, so that readers are not
/// synchronised.
const PACE: Duration = Duration::from_millis(1_200);
/// The number of wallets that are written to.
const WALLETS: usize = 1_000;
/// The number of orders between an event of an order and its next event.
const BETWEEN: usize = 250;
/// The pause between two measured requests.
const BETWEEN_PAGES: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(10);
/// How long the server may take to read all written events.
const CATCH_UP: Duration = Duration::from_mins(1);

pub async fn rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    let shop = shops.large(options).await;
    let server = shop.serve().await;
    let pages = Arc::new(pages());
    follow(&server, &shop.home, &pages).await;
    let mut client = server.client(&shop.home).await;
    look(&mut client, &pages, options.busy / 4).await;
    let idle = look(&mut client, &pages, options.busy).await;
    let fetched = FETCHED.load(Ordering::Relaxed);
    let before = server.figure("ledgerscope_events").await;
    let stop = Arc::new(AtomicBool::new(false));
    let (ports, rate, stopped) = ([shop.wallet.port(), shop.order.port()], options.rate, Arc::clone(&stop));
    let writer = tokio::task::spawn_blocking(move || write(ports, rate, &stopped));
    look(&mut client, &pages, options.busy / 4).await;
    let busy = look(&mut client, &pages, options.busy).await;
    for (at, page) in pages.iter().enumerate() {
        let [idle, busy] = [&idle, &busy].map(|samples| of_page(samples, at));
        eprintln!(
            "busy: {page}: median {} and while nobody writes {}, p99 {} and {}",
            shown(busy.percentile(50)),
            shown(idle.percentile(50)),
            shown(busy.percentile(99)),
            shown(idle.percentile(99))
        );
    }
    let [idle, busy] = [idle, busy].map(|samples| Samples::new(samples.into_iter().flatten().collect(), 0));
    stop.store(true, Ordering::Relaxed);
    let (written, time) = writer.await.unwrap();
    let begin = Instant::now();
    while server.figure("ledgerscope_events").await < before + written {
        assert!(begin.elapsed() < CATCH_UP, "the server does not follow");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let a_second = f64::from(u32::try_from(written).unwrap()) / time.as_secs_f64();
    eprintln!(
        "busy: {written} events in {}; the server had them all {} later; readers asked for {} pages",
        shown(time),
        shown(begin.elapsed()),
        FETCHED.load(Ordering::Relaxed) - fetched
    );
    let row = |percent: usize, name: &str, aim: f64| {
        let [busy, idle] = [&busy, &idle].map(|samples| samples.percentile(percent));
        let what = format!(
            "pages at {} while {a_second:.0} events a second are written and {READERS} people look, {name} {}",
            shop.sizes,
            shown(busy)
        );
        Row::at_most(
            what,
            ratio(busy, idle),
            format!("while nobody writes, {}", shown(idle)),
            aim,
        )
    };
    vec![row(50, "median", 2.0), row(99, "p99", 3.0)]
}

fn pages() -> Vec<String> {
    let wallet = Ids::Mixed.id('W', 17);
    [
        "/",
        "/wallets",
        "/orders",
        "/refunds",
        "/findings",
        "/refunds?overdue=1&sort=stuck",
        "/orders?q=ada",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([format!("/wallets/{wallet}")])
    .collect()
}

/// The number of pages that readers fetched.
static FETCHED: AtomicU64 = AtomicU64::new(0);

/// Connects the readers.
async fn follow(server: &Server, home: &Home, pages: &Arc<Vec<String>>) {
    let sessions = home.people("live", READERS.div_ceil(READERS_OF_SESSION)).await;
    for reader in 0..READERS {
        let cookie = &sessions[reader / READERS_OF_SESSION].cookie;
        let client = Client::connect(server.port, cookie).await.unwrap();
        let (status, stream) = client.stream("/live").await.unwrap();
        assert_eq!(status, 200, "reader {reader}");
        let client = Client::connect(server.port, cookie).await.unwrap();
        tokio::spawn(read(stream, client, pages[reader % pages.len()].clone()));
    }
}

async fn read(mut stream: TcpStream, mut client: Client, page: String) {
    let mut buffer = vec![0; 1 << 16];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        let begin = tokio::time::Instant::now();
        let Ok(answer) = client.get(&page).await else { return };
        assert_eq!(answer.status, 200, "{page}");
        FETCHED.fetch_add(1, Ordering::Relaxed);
        let pace = PACE.mul_f64(rand::rng().random_range(0.75..1.25));
        tokio::time::sleep_until(begin + pace).await;
    }
}

/// Requests the pages in turn, each at least once. Returns the times of each page.
async fn look(client: &mut Client, pages: &[String], time: Duration) -> Vec<Vec<Duration>> {
    let (begin, mut samples) = (Instant::now(), vec![Vec::new(); pages.len()]);
    while begin.elapsed() < time || samples[0].is_empty() {
        for (page, samples) in pages.iter().zip(&mut samples) {
            let asked = Instant::now();
            let answer = client.get(page).await.unwrap();
            samples.push(asked.elapsed());
            assert_eq!(answer.status, 200, "{page}");
            tokio::time::sleep(BETWEEN_PAGES).await;
        }
    }
    samples
}

fn of_page(samples: &[Vec<Duration>], page: usize) -> Samples {
    Samples::new(samples[page].clone(), 0)
}

/// Writes events at a rate: half of them credit wallets, half are of new orders, of which one in four has a refund
/// request. Returns the number of events and the time.
fn write(ports: [u16; 2], rate: u64, stop: &AtomicBool) -> (u64, Duration) {
    let mut wires = [Wire::open(ports[0], "wallet"), Wire::open(ports[1], "order")];
    let begin = Instant::now();
    let (mut number, mut tick) = (0, 0);
    let wallet = |number: usize| format!("W-BUSY-{}", number % WALLETS);
    while !stop.load(Ordering::Relaxed) {
        tick += 1;
        let due = u64::try_from((TICK * tick).as_millis()).unwrap() * rate / 1_000;
        while wires.iter().map(Wire::written).sum::<u64>() < due {
            match number / WALLETS {
                0 => wires[0].event_now(
                    &wallet(number),
                    1,
                    "wallet.opened",
                    r#"{"owner":{"id":"C-BUSY","name":"Busy Buyer"},"currency":"EUR"}"#,
                ),
                before => wires[0].event_now(
                    &wallet(number),
                    before + 1,
                    "wallet.credited",
                    r#"{"amount":{"amount":"12.50","currency":"EUR"},"kind":"top_up"}"#,
                ),
            }
            order_event(&mut wires[1], number, &wallet(number / 4));
            number += 1;
        }
        wires.iter_mut().for_each(Wire::flush);
        if let Some(rest) = (begin + TICK * tick).checked_duration_since(Instant::now()) {
            std::thread::sleep(rest);
        }
    }
    let time = begin.elapsed();
    let written = wires.iter().map(Wire::written).sum();
    for wire in wires {
        wire.close();
    }
    (written, time)
}

/// Writes the next event of an order. Between two events of an order are those of other orders, as in a shop.
fn order_event(wire: &mut Wire, number: usize, wallet: &str) {
    let step = number % 4;
    let Some(order) = (number / 4).checked_sub(step * BETWEEN) else {
        return;
    };
    let id = format!("O-BUSY-{order:07}");
    let amount = r#""amount":{"amount":"40.00","currency":"EUR"}"#;
    match step {
        0 => {
            let total = r#""total":{"amount":"40.00","currency":"EUR"}"#;
            wire.event_now(&id, 1, "order.placed", &format!(r#"{{"wallet":"{wallet}",{total}}}"#));
        }
        1 => wire.event_now(
            &id,
            2,
            "order.paid",
            &format!(r#"{{{amount},"payment":"P-{order}","method":"card"}}"#),
        ),
        2 => wire.event_now(&id, 3, "order.shipped", "{}"),
        _ if order.is_multiple_of(4) => {
            let asked =
                format!(r#"{{{amount},"refund":"R-BUSY-{order}","reason":"return","destination":"original_method"}}"#);
            wire.event_now(&id, 4, "order.refund_requested", &asked);
        }
        _ => wire.event_now(&id, 4, "order.delivered", "{}"),
    }
}
