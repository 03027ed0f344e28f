//! The rows `lists`, `search` and `overview`: the latency of lists, of the search and of the overview at the full size
//! of a shop, compared with a thousandth of it. Requests alternate between the two servers, with one kept connection
//! each. Answers are measured as pages and as JSON. JSON leaves out rendering, which costs the same at any size and
//! would hide a difference.

use std::time::{Duration, Instant};

use ledgerscope::views::{
    lists::ListName,
    query::{list_query, search_query},
};
use serde_json::{Value, json};

use super::{
    Options,
    http::{Client, Samples},
    shop::{Ids, Shop, Shops},
    table::{Row, ratio, shown},
};

/// The highest allowed median of a list.
const SLOWEST: Duration = Duration::from_millis(50);
/// The number of rows of a full page.
const FULL: usize = 50;

/// A query of a list or of the search.
struct Query {
    name: &'static str,
    address: String,
    /// The number of links to next pages that are followed first.
    page: usize,
}

/// The number of links to next pages for a deep page.
const DEEP: usize = 100;

/// The queries of lists. Search texts are those of entities that ledgers of both sizes have.
#[rustfmt::skip]
fn queries() -> [Query; 64] {
    let uuid = |letter| (40..400).find(|number| Ids::Mixed.is_uuid(letter, *number)).unwrap();
    let short = |letter| (40..400).find(|number| !Ids::Mixed.is_uuid(letter, *number)).unwrap();
    let of = |letter, number| Ids::Mixed.id(letter, number);
    let [wallet, order, refund] = ['W', 'O', 'R'].map(|letter| of(letter, uuid(letter)));
    let first = |name, address: &str| Query { name, address: address.to_owned(), page: 0 };
    let text = |name, list: &str, text: &str| Query { name, address: format!("/{list}?q={text}"), page: 0 };
    let page = |name, address: &str, page| Query { name, address: address.to_owned(), page };
    [
        first("wallets", "/wallets"),
        first("wallets by id", "/wallets?sort=id"),
        first("wallets, highest", "/wallets?currency=EUR&sort=amount_down"),
        first("wallets, lowest", "/wallets?currency=EUR&sort=amount_up"),
        first("wallets, open", "/wallets?status=open"),
        first("wallets, frozen, by id", "/wallets?status=frozen&sort=id"),
        text("wallets, one letter", "wallets", "e"),
        text("wallets, two rare letters", "wallets", "zq"),
        text("wallets, a last name", "wallets", "vermeulen"),
        text("wallets, a short id", "wallets", &of('W', short('W'))),
        text("wallets, the first part of a UUID", "wallets", &wallet[..8]),
        text("wallets, three signs of a UUID", "wallets", &wallet[9..12]),
        page("wallets, second page", "/wallets", 1),
        page("wallets, deep page by amount", "/wallets?currency=EUR&sort=amount_down", DEEP),
        first("wallets of a currency", "/wallets?currency=USD"),
        first("wallets with a balance, newest", "/wallets?currency=EUR&min=10"),
        first("wallets between two balances", "/wallets?currency=EUR&min=10&max=12&sort=amount_up"),
        first("wallets below zero", "/wallets?currency=EUR&max=-0.01&sort=amount_up"),
        first("wallets until a time, by id", "/wallets?to=2026-01-01&sort=id"),
        first("wallets, oldest", "/wallets?sort=oldest"),
        first("orders", "/orders"),
        first("orders of two currencies", "/orders?currency=USD&currency=EUR"),
        first("orders of one total, newest", "/orders?currency=EUR&min=25&max=25"),
        first("orders of a total or more, oldest", "/orders?currency=EUR&min=200&sort=oldest"),
        first("orders of two states from a time", "/orders?status=paid&status=shipped&from=2026-01-01"),
        text("orders, a first name and a last name", "orders", "ada+vermeulen"),
        text("orders, a first name, highest", "orders", "ada&currency=EUR&sort=amount_down"),
        first("orders by id", "/orders?sort=id"),
        first("orders, highest", "/orders?currency=EUR&sort=amount_down"),
        first("orders, delivered, by id", "/orders?status=delivered&sort=id"),
        first("orders, cancelled, lowest", "/orders?status=cancelled&currency=EUR&sort=amount_up"),
        text("orders, one letter", "orders", "k"),
        text("orders, a first name", "orders", "ada"),
        text("orders, a whole UUID", "orders", &order),
        text("orders, a wallet's UUID by id", "orders", &format!("{wallet}&sort=id")),
        page("orders, second page by id", "/orders?sort=id", 1),
        page("orders, deep page", "/orders", DEEP),
        first("refunds", "/refunds"),
        first("refunds, newest", "/refunds?sort=newest"),
        first("refunds, longest in their state", "/refunds?sort=stuck"),
        first("refunds, all, highest", "/refunds?state=all&currency=EUR&sort=amount_down"),
        first("refunds by state", "/refunds?sort=state"),
        first("refunds by order", "/refunds?sort=order"),
        first("refunds, overdue", "/refunds?overdue=1"),
        first("refunds, overdue, US dollars, highest", "/refunds?overdue=1&currency=USD&sort=amount_down"),
        first("refunds, in their state for a day, by id", "/refunds?age=24&sort=refund"),
        text("refunds, one letter, all", "refunds", "e&state=all"),
        text("refunds, a reason", "refunds", "not_received"),
        text("refunds, the middle of a UUID", "refunds", &refund[9..23]),
        page("refunds, deep page of all", "/refunds?state=all", DEEP),
        first("refunds, a destination and a reason", "/refunds?state=all&destination=wallet&reason=return"),
        first("refunds of an amount, newest", "/refunds?state=all&currency=EUR&min=10&max=20&sort=newest"),
        first("refunds from a time by order", "/refunds?state=all&from=2026-01-01&sort=order"),
        text("refunds, a first name", "refunds", "ada&state=all"),
        first("findings", "/findings"),
        first("findings, newest", "/findings?sort=newest"),
        first("findings at risk", "/findings?currency=EUR&sort=risk"),
        first("findings of a severity, highest", "/findings?severity=high&currency=EUR&sort=amount_down"),
        first("holds", "/holds?state=all"),
        first("holds, highest", "/holds?state=all&currency=EUR&sort=amount_down"),
        first("customers", "/customers"),
        text("customers, a first name", "customers", "ada"),
        text("customers, a last name", "customers", "vermeulen"),
        page("findings of one kind, second page", "/findings?kind=negative_balance", 1),
    ]
}

/// Searches with hits of each kind. An exact id without a kind redirects to its page, so those queries have a kind.
#[rustfmt::skip]
fn searches() -> Vec<Query> {
    let uuid = |letter| (40..400).find(|number| Ids::Mixed.is_uuid(letter, *number)).unwrap();
    let of = |letter| Ids::Mixed.id(letter, uuid(letter));
    let [wallet, order, refund] = ['W', 'O', 'R'].map(of);
    let search = |name, text: &str| Query { name, address: format!("/search?q={text}"), page: 0 };
    let of_kind = |name, kind: &str, text: &str| Query { name, address: format!("/search?q={text}&kind={kind}"), page: 0 };
    vec![
        search("a first name", "ada"),
        search("a first name and a last name", "ada+vermeulen"),
        search("a rare last name", "zq"),
        search("one letter", "k"),
        search("the first part of a UUID", &order[..8]),
        search("the middle of a UUID", &refund[9..23]),
        search("a prefix of every wallet", "W-0"),
        search("nothing", "xyzzyxyzzy"),
        search("an amount", "12.50"),
        search("an amount of a currency", "25+EUR"),
        of_kind("a wallet's whole id", "wallet", &wallet),
        of_kind("an order's whole id", "order", &order),
        of_kind("a refund's whole id", "refund", &refund),
        of_kind("holds, a part of an id", "hold", "H-1"),
        of_kind("a customer's whole id", "customer", "C-0000040"),
        of_kind("cases, a part of an id", "case", "CMP-"),
        of_kind("a payment's whole id", "payment", "P-40"),
        of_kind("an event's whole id", "event", &format!("0190a1b2-7ccc-8ddd-{order}-0000001")),
        of_kind("payments of an amount", "payment", "25+EUR"),
        of_kind("orders, a first name", "order", "ada"),
    ]
}

/// A query as requests to a server: the address of its page, and the body of its server function.
struct Asked {
    address: String,
    function: &'static str,
    body: String,
    rows: usize,
    pages: usize,
}

impl Asked {
    async fn new(query: &Query, client: &mut Client) -> Self {
        let (path, search) = query.address.split_once('?').unwrap_or((&query.address, ""));
        if path == "/search" {
            return Self::search(query, search, client).await;
        }
        let list = ListName::ALL
            .into_iter()
            .find(|list| path[1..] == *list.as_str())
            .unwrap();
        let parsed = list_query(list, search);
        assert!(parsed.ignored.is_empty(), "{}: {:?}", query.address, parsed.ignored);
        let parsed = serde_json::to_value(parsed.query).unwrap();
        let function = match list {
            ListName::Wallets => "/api/wallets",
            ListName::Orders => "/api/orders",
            ListName::Refunds => "/api/refunds",
            ListName::Findings => "/api/findings",
            ListName::Holds => "/api/holds",
            ListName::Cases => "/api/cases",
            ListName::Customers => "/api/customers",
        };
        let mut asked = Self {
            address: query.address.clone(),
            function,
            body: json!({"query": parsed}).to_string(),
            rows: 0,
            pages: 0,
        };
        let mut page = asked.rows(client).await;
        // A small ledger has fewer pages. The last full one is used.
        while asked.pages < query.page {
            let Some(next) = page["next"].as_str() else { break };
            let mut parsed = parsed.clone();
            parsed["at"] = json!({"after": next});
            let sign = if search.is_empty() { '?' } else { '&' };
            let further = Self {
                address: format!("{}{sign}after={next}", query.address),
                function,
                body: json!({"query": parsed}).to_string(),
                rows: 0,
                pages: asked.pages + 1,
            };
            page = further.rows(client).await;
            if page["rows"].as_array().unwrap().len() < FULL {
                break;
            }
            asked = further;
        }
        let page = asked.rows(client).await;
        asked.rows = page["rows"].as_array().unwrap().len();
        if page["stopped"] == true {
            eprintln!("lists: {}: ended before the page was full", query.name);
        }
        asked
    }

    /// A search. Its rows are the hits of all kinds.
    async fn search(query: &Query, search: &str, client: &mut Client) -> Self {
        let parsed = search_query(search);
        assert!(parsed.ignored.is_empty(), "{}: {:?}", query.address, parsed.ignored);
        let mut asked = Self {
            address: query.address.clone(),
            function: "/api/search",
            body: json!({"text": parsed.query.text, "kind": parsed.query.kind}).to_string(),
            rows: 0,
            pages: 0,
        };
        let found = asked.rows(client).await;
        let kinds = found.as_object().unwrap().values();
        asked.rows = kinds.filter_map(|kind| Some(kind["hits"].as_array()?.len())).sum();
        if found["unsearched"].as_array().is_some_and(|all| !all.is_empty()) {
            eprintln!("search: {}: {}", query.name, found["unsearched"]);
        }
        asked
    }

    async fn rows(&self, client: &mut Client) -> Value {
        let answer = client
            .post(self.function, "application/json", &self.body)
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}: {}", self.body, answer.text());
        answer.json()
    }

    async fn time(&self, client: &mut Client, form: Form) -> Duration {
        let begin = Instant::now();
        let answer = match form {
            Form::Page => client.get(&self.address).await,
            Form::Json => client.post(self.function, "application/json", &self.body).await,
        };
        let time = begin.elapsed();
        assert_eq!(answer.unwrap().status, 200, "{}", self.address);
        time
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Page,
    Json,
}

/// The times of one query, at the full size and at the small one.
struct Measured {
    name: &'static str,
    address: String,
    times: [Samples; 2],
    /// Whether both answers have the same number of rows. Only such queries are compared.
    alike: bool,
}

pub async fn rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    measure("lists", queries().into(), options, shops).await
}

pub async fn search_rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    measure("search", searches(), options, shops).await
}

async fn measure(what: &'static str, queries: Vec<Query>, options: &Options, shops: &mut Shops) -> Vec<Row> {
    let (large, small) = shops.both(options).await;
    let servers = [large.serve().await, small.serve().await];
    let mut clients = [
        servers[0].client(&large.home).await,
        servers[1].client(&small.home).await,
    ];
    let mut asked = Vec::new();
    for query in queries {
        let both = [
            Asked::new(&query, &mut clients[0]).await,
            Asked::new(&query, &mut clients[1]).await,
        ];
        asked.push((query, both));
    }
    let mut rows = Vec::new();
    for form in [Form::Page, Form::Json] {
        let mut measured = Vec::new();
        for (query, both) in &asked {
            let times = in_turns(both, &mut clients, form, options).await;
            let [of_large, of_small] = &times;
            eprintln!(
                "{what}: {form:?}: {:42} {:>9} and {:>9}, p99 {:>9} and {:>9}; {:5.2} and {:5.2} times; {} and {} rows, {} and {} pages on: {}",
                query.name,
                shown(of_large.percentile(50)),
                shown(of_small.percentile(50)),
                shown(of_large.percentile(99)),
                shown(of_small.percentile(99)),
                ratio(of_large.percentile(50), of_small.percentile(50)),
                ratio(of_large.percentile(99), of_small.percentile(99)),
                both[0].rows,
                both[1].rows,
                both[0].pages,
                both[1].pages,
                query.address,
            );
            measured.push(Measured {
                name: query.name,
                address: query.address.clone(),
                times,
                alike: both[0].rows == both[1].rows,
            });
        }
        rows.extend(compared(what, &measured, form, large, small));
        if form == Form::Page {
            rows.push(slowest(what, &measured));
        }
    }
    rows
}

/// The times of a query on both servers, which alternate. The first answer of each server is not counted.
async fn in_turns(asked: &[Asked; 2], clients: &mut [Client; 2], form: Form, options: &Options) -> [Samples; 2] {
    let mut times = [Vec::new(), Vec::new()];
    let begin = Instant::now();
    for turn in 0..=options.samples {
        for ((asked, client), times) in asked.iter().zip(&mut *clients).zip(&mut times) {
            let time = asked.time(client, form).await;
            if turn > 0 {
                times.push(time);
            }
        }
        if turn > 0 && begin.elapsed() > options.patience {
            break;
        }
    }
    times.map(|times| Samples::new(times, 0))
}

fn compared(what: &str, measured: &[Measured], form: Form, large: &Shop, small: &Shop) -> Vec<Row> {
    let alike: Vec<_> = measured.iter().filter(|measured| measured.alike).collect();
    let all = |at: usize| Samples::new(alike.iter().flat_map(|one| one.times[at].0.clone()).collect(), 0);
    let (of_large, of_small) = (all(0), all(1));
    let form = match form {
        Form::Page => "as pages",
        Form::Json => "as JSON, without rendering",
    };
    let row = |percent: usize, name: &str, aim: f64| {
        let of = |one: &Measured| ratio(one.times[0].percentile(percent), one.times[1].percentile(percent));
        let worst = alike.iter().max_by(|a, b| of(a).total_cmp(&of(b))).unwrap();
        let times = [of_large.percentile(percent), of_small.percentile(percent)];
        let what = format!("{what} {form} at {}, {name} {}", large.sizes, shown(times[0]));
        let against = format!(
            "at {}, {}, of {} queries with as many rows at both sizes; the worst is \"{}\", {:.2} × ({} to {})",
            small.sizes,
            shown(times[1]),
            alike.len(),
            worst.name,
            of(worst),
            shown(worst.times[0].percentile(percent)),
            shown(worst.times[1].percentile(percent)),
        );
        Row::at_most(what, ratio(times[0], times[1]), against, aim)
    };
    vec![row(50, "median", 1.3), row(99, "p99", 2.0)]
}

fn slowest(what: &str, measured: &[Measured]) -> Row {
    let median = |one: &Measured| one.times[0].percentile(50);
    let slowest = measured.iter().max_by_key(|one| median(one)).unwrap();
    let figure = median(slowest);
    Row {
        what: format!("{what}: the slowest of all {}, median", measured.len()),
        figure: shown(figure),
        against: format!(
            "\"{}\", `{}`, p99 {}",
            slowest.name,
            slowest.address,
            shown(slowest.times[0].percentile(99))
        ),
        aim: format!("≤ {} ms", SLOWEST.as_millis()),
        met: Some(figure <= SLOWEST),
    }
}

pub async fn overview_rows(options: &Options, shops: &mut Shops) -> Vec<Row> {
    let (large, small) = shops.both(options).await;
    let servers = [large.serve().await, small.serve().await];
    let mut clients = [
        servers[0].client(&large.home).await,
        servers[1].client(&small.home).await,
    ];
    let asked = || Asked {
        address: "/".to_owned(),
        function: "/api/overview",
        body: "{}".to_owned(),
        rows: 0,
        pages: 0,
    };
    let mut rows = Vec::new();
    for (form, name) in [
        (Form::Page, "first page"),
        (Form::Json, "first page as JSON, without rendering"),
    ] {
        let options = Options {
            samples: options.samples * 5,
            ..options.clone()
        };
        let [of_large, of_small] = in_turns(&[asked(), asked()], &mut clients, form, &options).await;
        let what = format!(
            "{name} at {} orders, median {} of {}",
            large.sizes.orders,
            shown(of_large.percentile(50)),
            of_large.len()
        );
        let against = format!(
            "at {} orders, median {}",
            small.sizes.orders,
            shown(of_small.percentile(50))
        );
        let figure = ratio(of_large.percentile(50), of_small.percentile(50));
        rows.push(Row::at_most(what, figure, against, 1.3));
    }
    rows
}
