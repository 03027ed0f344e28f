//! `search` (contract §8), compared with a plain recomputation from the events of a generated ledger. Boundaries of the
//! rules are tested by hand.

use serde_json::{Value, json};

use crate::{
    cases::cases,
    harness::{Cli, Ran, event},
    redis_server::RedisServer,
};

#[path = "search/recomputed.rs"]
mod recomputed;

/// An event of a ledger that this test generates.
struct Event {
    id: String,
    kind: &'static str,
    subject: String,
    /// Hours since the start of January 2026.
    hour: u32,
    correlation: Option<String>,
    data: Value,
}

impl Event {
    fn time(&self) -> String {
        format!("2026-01-{:02}T{:02}:00:00Z", self.hour / 24 + 1, self.hour % 24)
    }

    fn is_of_wallet(&self) -> bool {
        self.kind.starts_with("wallet.")
    }

    fn line(&self) -> String {
        let source = if self.is_of_wallet() { "/wallet" } else { "/order" };
        let mut event = json!({
            "specversion": "1.0", "source": source, "subject": self.subject, "id": self.id, "type": self.kind,
            "time": self.time(), "data": self.data,
        });
        if let Some(correlation) = &self.correlation {
            event["correlationid"] = json!(correlation);
        }
        format!("{event}\n")
    }
}

#[derive(Default)]
struct Ledger(Vec<Event>);

impl Ledger {
    fn add(&mut self, kind: &'static str, subject: &str, hour: u32, data: Value) -> &mut Event {
        let id = format!("e-{:04}", self.0.len());
        self.0.push(Event {
            id,
            kind,
            subject: subject.to_owned(),
            hour,
            correlation: None,
            data,
        });
        self.0.last_mut().unwrap()
    }

    fn lines(&self) -> String {
        self.0.iter().map(Event::line).collect()
    }

    fn cli(&self) -> Cli {
        Cli::with(&self.lines())
    }
}

fn money(amount: &str, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

fn eur(amount: &str) -> Value {
    money(amount, "EUR")
}

fn opened(ledger: &mut Ledger, wallet: &str, owner: &Value, currency: &str) {
    ledger.add(
        "wallet.opened",
        wallet,
        0,
        json!({"owner": owner, "currency": currency}),
    );
}

fn requested(ledger: &mut Ledger, order: &str, refund: &str, hour: u32, amount: &str) {
    let data = json!({"refund": refund, "amount": eur(amount), "reason": "return", "destination": "wallet"});
    ledger.add("order.refund_requested", order, hour, data);
}

fn rejected(ledger: &mut Ledger, order: &str, refund: &str, hour: u32) {
    let data = json!({"refund": refund, "reason": "x"});
    ledger.add("order.refund_rejected", order, hour, data);
}

/// The arguments that search for a text and print JSON.
fn args<'a>(text: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["search", "--json"], more, &["--", text]].concat()
}

#[track_caller]
fn hits(cli: &Cli, text: &str, more: &[&str]) -> Vec<Value> {
    hits_of(&cli.run(&args(text, more)))
}

/// The hits. They are empty only if the command said that nothing was found.
#[track_caller]
fn hits_of(ran: &Ran) -> Vec<Value> {
    if ran.code == Some(1) {
        ran.refused(1, "nothing found for '");
    } else {
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout().is_empty());
    }
    (ran.stdout().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Checks the hits of texts and their order, as kinds and ids.
#[track_caller]
fn expect(cli: &Cli, expected: &[(&str, &[&str], &str)]) {
    for (text, more, found) in expected {
        let names: Vec<_> = (hits(cli, text, more).iter())
            .map(|hit| format!("{}:{}", text_of(&hit["kind"]), text_of(&hit["id"])))
            .collect();
        assert_eq!(names.join(" "), *found, "{text} {more:?}");
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A generator of pseudorandom numbers, with the same sequence for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 40).unwrap() % end
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(u32::try_from(of.len()).unwrap()) as usize]
    }
}

const NAMES: [Option<&str>; 6] = [
    Some("Anna Müller"),
    Some("Łukasz Żółć"),
    Some("Zoë Groß"),
    Some("王伟"),
    Some("Li Wei"),
    None,
];

fn customer(number: u32) -> Value {
    match NAMES[number as usize % NAMES.len()] {
        Some(name) => json!({"id": format!("C-{number}"), "name": name}),
        None => json!({"id": format!("C-{number}")}),
    }
}

fn any_money(chance: &mut Chance, number: u32) -> Value {
    match number % 3 {
        0 => money(chance.one_of(&["12.50", "12.5", "20", "7.25"]), "EUR"),
        1 => money(chance.one_of(&["12", "20", "500"]), "JPY"),
        _ => money(chance.one_of(&["12.500", "20.005", "12.505"]), "KWD"),
    }
}

fn add_wallet(ledger: &mut Ledger, chance: &mut Chance, number: u32) {
    let wallet = format!("W-{number}");
    let currency = ["EUR", "JPY", "KWD"][number as usize % 3];
    let mut hour = chance.below(10) * 10;
    let data = json!({"owner": customer(chance.below(12)), "currency": currency});
    ledger.add("wallet.opened", &wallet, hour, data);
    for step in 0..chance.below(5) {
        hour += chance.below(2) * 10;
        let amount = any_money(chance, number);
        match chance.below(4) {
            0 => {
                let refund = format!("R-{}", chance.below(60));
                let data = json!({"amount": amount, "kind": "refund", "refund": refund, "reference": "ref-0"});
                ledger.add("wallet.credited", &wallet, hour, data).correlation = Some(refund);
            }
            1 => {
                let data = json!({"amount": amount, "kind": "top_up"});
                ledger.add("wallet.credited", &wallet, hour, data);
            }
            2 => {
                let data = json!({"amount": amount, "kind": "fee"});
                ledger.add("wallet.debited", &wallet, hour, data);
            }
            _ => {
                let hold = format!("H-{number}{step}");
                let mut data = json!({"hold": hold, "amount": amount});
                if chance.below(2) == 0 {
                    data["order"] = json!(format!("O-{}", chance.below(40)));
                }
                ledger.add("wallet.held", &wallet, hour, data);
                let (end, data) = match chance.below(4) {
                    0 => ("wallet.hold_captured", json!({"hold": hold, "amount": amount})),
                    1 => ("wallet.hold_released", json!({"hold": hold})),
                    2 => ("wallet.hold_expired", json!({"hold": hold})),
                    _ => continue,
                };
                ledger.add(end, &wallet, hour + 10, data);
            }
        }
    }
}

fn add_order(ledger: &mut Ledger, chance: &mut Chance, number: u32) {
    let order = format!("O-{number}");
    let mut hour = chance.below(10) * 10;
    let mut data = json!({"total": any_money(chance, number)});
    if chance.below(4) > 0 {
        data["wallet"] = json!(format!("W-{}", chance.below(24)));
    }
    if chance.below(4) > 0 {
        data["customer"] = customer(chance.below(12));
    }
    ledger.add("order.placed", &order, hour, data);
    if chance.below(5) > 0 {
        let data = json!({"payment": format!("P-{number}"), "amount": any_money(chance, number), "method": "card"});
        ledger.add("order.paid", &order, hour, data);
    }
    for place in 0..chance.below(3) {
        let refund = format!("R-{}", number + 40 * place);
        hour += chance.below(2) * 10;
        let data = json!({
            "refund": refund, "amount": any_money(chance, number), "reason": "return", "destination": "wallet",
        });
        ledger.add("order.refund_requested", &order, hour, data).correlation = Some(refund.clone());
        let steps: &[&str] = match chance.below(6) {
            0 => &[],
            1 => &["order.refund_approved"],
            2 => &["order.refund_approved", "order.refund_processing"],
            3 => &[
                "order.refund_approved",
                "order.refund_processing",
                "order.refund_succeeded",
            ],
            4 => &["order.refund_approved", "order.refund_failed"],
            _ => &["order.refund_rejected"],
        };
        for step in steps {
            let mut data = json!({"refund": refund, "reason": "x", "failure": "y"});
            if matches!(*step, "order.refund_processing" | "order.refund_succeeded") {
                data["reference"] = json!(format!("ref-{}", chance.below(3)));
            }
            ledger.add(step, &order, hour, data);
        }
    }
}

fn generated(seed: u64) -> Ledger {
    let (mut ledger, mut chance) = (Ledger::default(), Chance(seed));
    for number in 0..24 {
        add_wallet(&mut ledger, &mut chance, number);
    }
    for number in 0..40 {
        add_order(&mut ledger, &mut chance, number);
    }
    ledger
}

const TEXTS: [&str; 44] = [
    "w-1",
    "W-1",
    "W-12",
    "o-3",
    "O-3",
    "r-1",
    "R-7",
    "R-47",
    "h-",
    "H-1",
    "c-1",
    "C-3",
    "-2",
    "1",
    "2",
    "12",
    "20",
    "12.5",
    "12.50",
    "12.500",
    "12.505",
    "12.50 EUR",
    "eur 12.5",
    "kwd 12.5",
    "JPY 12.5",
    "JPY 500.00",
    "USD 12.50",
    "500",
    "muller",
    "MÜLLER anna",
    "anna mu\u{308}ller c-0",
    "łukasz",
    "zolc LUKASZ",
    "gross",
    "groẞ zoe",
    "王伟",
    "伟",
    "li",
    "li wei o-1",
    "we",
    "P-3",
    "p-3",
    "ref-1",
    "e-0100",
];

/// At most `limit` hits of each kind.
fn first_of_each(hits: &[Value], limit: usize) -> Vec<Value> {
    let kinds = hits.chunk_by(|a, b| a["kind"] == b["kind"]);
    kinds.flat_map(|of_kind| of_kind.iter().take(limit)).cloned().collect()
}

#[test]
fn a_text_finds_what_a_recomputation_from_the_events_finds() {
    for seed in [1, 2] {
        let ledger = generated(seed);
        let cli = ledger.cli();
        let mut kinds = std::collections::BTreeSet::new();
        for text in TEXTS {
            let expected = recomputed::hits(&ledger.0, text);
            kinds.extend(expected.iter().map(|hit| text_of(&hit["kind"]).to_owned()));
            let found = hits(&cli, text, &["--limit", "1000"]);
            assert_eq!(found, expected, "{text} {seed}");
            let limited = hits(&cli, text, &["--limit", "3"]);
            assert_eq!(limited, first_of_each(&expected, 3), "{text} {seed}");
        }
        // All kinds but cases, which are in another store.
        assert_eq!(kinds.len(), 9, "{kinds:?}");
    }
}

#[test]
fn the_answer_is_the_same_from_every_store_and_every_read_model() {
    let ledger = generated(3);
    let cli = ledger.cli();
    let (wallets, orders) = (RedisServer::start(), RedisServer::start());
    let (wallets, orders) = (wallets.url(), orders.url());
    let redis = ["--wallet-store", &wallets, "--order-store", &orders];
    let imported = cli.run_on(&[&["import", "-"], &redis[..]].concat(), ledger.lines().as_bytes());
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    for text in ["12.50", "R-7", "li", "ref-1", "e-0100", "zoe o-1", "nobody"] {
        let expected = recomputed::hits(&ledger.0, text);
        let temporary = ["--read-model", "none"];
        for more in [&redis[..], &temporary, &[]] {
            let found = hits(&cli, text, &[more, &["--limit", "1000"]].concat());
            assert_eq!(found, expected, "{text} {more:?}");
        }
    }
    let left = std::fs::read_dir(cli.dir.path().join("read-model")).unwrap();
    assert!(
        left.map(|entry| entry.unwrap().file_name())
            .all(|name| !name.to_string_lossy().starts_with("tmp-"))
    );
}

/// A ledger with one row of every kind that is found.
fn every_kind() -> Ledger {
    let mut ledger = Ledger::default();
    let zoe = json!({"id": "C-1", "name": "Zoë Groß"});
    opened(&mut ledger, "W-1", &zoe, "EUR");
    let held = json!({"hold": "H-1", "amount": eur("2"), "order": "O-1"});
    ledger.add("wallet.held", "W-1", 1, held);
    let placed = json!({"wallet": "W-1", "customer": zoe, "total": eur("20")});
    ledger.add("order.placed", "O-1", 2, placed);
    let paid = json!({"payment": "P-1", "amount": eur("20"), "method": "card"});
    ledger.add("order.paid", "O-1", 2, paid);
    requested(&mut ledger, "O-1", "R-1", 3, "5");
    ledger.add("order.refund_approved", "O-1", 3, json!({"refund": "R-1"}));
    let processing = json!({"refund": "R-1", "reference": "bank/77"});
    ledger.add("order.refund_processing", "O-1", 3, processing).correlation = Some("corr 1".to_owned());
    let credited = json!({"amount": eur("5"), "kind": "refund", "refund": "R-1"});
    ledger.add("wallet.credited", "W-1", 4, credited).correlation = Some("corr 1".to_owned());
    ledger
}

#[test]
fn a_hit_has_the_fields_of_the_contract_in_their_order() {
    let cli = every_kind().cli();
    let hit = |kind: &str, id: &str, wallet: &str, order: &str, matched: &str, exact: bool| {
        format!(
            r#"{{"kind":"{kind}","id":"{id}","wallet":{wallet},"order":{order},"matched":"{matched}","exact":{exact}}}"#
        )
    };
    let (w, o, none) = (r#""W-1""#, r#""O-1""#, "null");
    for (text, expected) in [
        ("W-1", vec![hit("wallet", "W-1", w, none, "id", true)]),
        ("O-1", vec![hit("order", "O-1", w, o, "id", true)]),
        ("R-1", vec![hit("refund", "R-1", w, o, "id", true)]),
        ("H-1", vec![hit("hold", "H-1", w, o, "id", true)]),
        ("C-1", vec![hit("customer", "C-1", none, none, "id", true)]),
        ("P-1", vec![hit("payment", "P-1", w, o, "id", true)]),
        ("bank/77", vec![hit("reference", "bank/77", w, o, "id", true)]),
        ("e-0000", vec![hit("event", "e-0000", w, none, "id", true)]),
        ("e-0002", vec![hit("event", "e-0002", none, o, "id", true)]),
        (
            "zoe",
            vec![
                hit("wallet", "W-1", w, none, "name", false),
                hit("order", "O-1", w, o, "name", false),
                hit("refund", "R-1", w, o, "name", false),
                hit("customer", "C-1", none, none, "name", false),
            ],
        ),
        (
            "5.00",
            vec![
                hit("wallet", "W-1", w, none, "amount", false),
                hit("refund", "R-1", w, o, "amount", false),
            ],
        ),
        (
            "20",
            vec![
                hit("order", "O-1", w, o, "amount", false),
                hit("payment", "P-1", w, o, "amount", false),
            ],
        ),
        ("2 EUR", vec![hit("hold", "H-1", w, o, "amount", false)]),
    ] {
        let ran = cli.run(&args(text, &[]));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{text}");
        assert_eq!(ran.stdout().lines().collect::<Vec<_>>(), expected, "{text}");
    }
    let mut correlations: Vec<_> = (cli.run(&args("corr 1", &[])).stdout().lines())
        .map(str::to_owned)
        .collect();
    correlations.sort_unstable();
    let expected = [
        hit("correlation", "corr 1", w, none, "id", true),
        hit("correlation", "corr 1", none, o, "id", true),
    ];
    assert!(
        correlations.iter().all(|line| expected.contains(line)) && correlations.len() == 2,
        "{correlations:?}"
    );
    let without_wallet = r#"{"total":{"amount":"20","currency":"EUR"}}"#;
    let more = event("more", "order.placed", "O-2", 1, without_wallet);
    assert_eq!(cli.run_on(&["import", "-"], more.as_bytes()).code, Some(0));
    let ran = cli.run(&args("O-2", &[]));
    assert_eq!(
        ran.stdout().trim_end(),
        hit("order", "O-2", none, r#""O-2""#, "id", true)
    );
}

#[test]
fn the_table_has_a_count_and_the_kinds_with_more_hits() {
    let mut ledger = every_kind();
    for number in 2..6 {
        requested(&mut ledger, "O-1", &format!("R-{number}"), 5, "5");
    }
    let cli = ledger.cli();
    let ran = cli.run(&["search", "r-", "--limit", "2"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = ran.stdout().lines().collect();
    assert_eq!(
        lines,
        [
            "kind    id   wallet  order  matched  exact",
            "refund  R-5  W-1     O-1    id",
            "refund  R-4  W-1     O-1    id",
            "",
            "2 hits",
            "refund: 2 of 5; use --limit to show more",
        ]
    );
    let all = cli.run(&["search", "r-", "--limit", "5"]);
    assert_eq!(all.stdout().lines().last(), Some("5 hits"));
    let one = cli.run(&["search", "bank/77"]);
    assert_eq!(one.stdout().lines().last(), Some("1 hit"));
    assert!(
        one.stdout().contains("reference  bank/77  W-1     O-1    id       yes"),
        "{}",
        one.stdout()
    );
    let nothing = cli.run(&["search", "nobody"]);
    nothing.refused(1, "nothing found for 'nobody'");
    // A control character is printed as an escape.
    cli.run(&["search", "a\u{1b}b"])
        .refused(1, r"nothing found for 'a\u{1b}b'");
}

#[test]
fn amounts_are_compared_as_numbers() {
    let mut ledger = Ledger::default();
    let owner = json!({"id": "C-1"});
    opened(&mut ledger, "W-1", &owner, "EUR");
    opened(&mut ledger, "W-2", &owner, "EUR");
    opened(&mut ledger, "W-3", &owner, "JPY");
    opened(&mut ledger, "W-4", &owner, "EUR");
    for (wallet, kind, amount) in [
        ("W-1", "refund", eur("12.50")),
        ("W-2", "goodwill", eur("12.50")),
        ("W-3", "refund", money("1250", "JPY")),
        ("W-4", "refund", eur("12.51")),
    ] {
        ledger.add(
            "wallet.credited",
            wallet,
            1,
            json!({"amount": amount, "kind": kind, "refund": "R-1"}),
        );
    }
    ledger.add(
        "wallet.debited",
        "W-2",
        2,
        json!({"amount": eur("12.50"), "kind": "fee"}),
    );
    for (order, total) in [
        ("O-A", eur("12.5")),
        ("O-B", money("12.500", "KWD")),
        ("O-C", money("1250", "JPY")),
        ("O-12.50", eur("3")),
        ("O-D", eur("99999999999999999.50")),
    ] {
        ledger.add("order.placed", order, 1, json!({"total": total}));
    }
    let cli = ledger.cli();
    let both = "wallet:W-1 order:O-B order:O-A order:O-12.50";
    let (eur, kwd) = ("wallet:W-1 order:O-A", "order:O-B");
    expect(
        &cli,
        &[
            ("12.5", &[], both),
            ("12.50", &[], both),
            (
                "012.500000000000000000000000000000",
                &[],
                "wallet:W-1 order:O-B order:O-A",
            ),
            ("12.50 EUR", &[], eur),
            ("EUR 12.5", &[], eur),
            ("  eur\t12.5 ", &[], eur),
            ("12.5 kwd", &[], kwd),
            ("12.5 JPY", &[], ""),
            ("12.5 XQQ", &[], ""),
            ("1250", &[], "wallet:W-3 order:O-C"),
            ("1250.00 JPY", &[], "wallet:W-3 order:O-C"),
            ("1250.01 JPY", &[], ""),
            ("12.51", &[], "wallet:W-4"),
            ("12.501 EUR", &[], ""),
            ("99999999999999999.5", &[], "order:O-D"),
            ("-12.50", &[], "order:O-12.50"),
            ("+12.50", &[], ""),
            ("1,250", &[], ""),
            ("12.50EUR", &[], ""),
            ("EUR", &[], ""),
        ],
    );
}

#[test]
fn a_comma_in_an_amount_is_explained() {
    let cli = every_kind().cli();
    let write = "write 5.00 to search for an amount";
    let ran = cli.run(&["search", "5,00"]);
    ran.refused(1, "nothing found for '5,00'; ");
    assert!(ran.stderr.contains(write), "{}", ran.stderr);
    cli.run(&["search", "EUR 5,0", "--json"])
        .refused(1, "write EUR 5.0 to search");
    cli.run(&["search", "5,000"]).refused(1, "nothing found for '5,000'\n");
    // Hits of the text itself are still printed.
    let mut ledger = Ledger::default();
    opened(
        &mut ledger,
        "W-1",
        &json!({"id": "C-1", "name": "flat 5,00 a month"}),
        "EUR",
    );
    let ran = ledger.cli().run(&["search", "5,00", "--json"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(0), "ledgerscope: write 5.00 to search for an amount\n")
    );
    assert_eq!(ran.stdout().lines().count(), 2);
}

#[test]
fn exact_hits_come_first_then_pending_then_newest() {
    let mut ledger = Ledger::default();
    ledger.add("order.placed", "O-1", 0, json!({"total": eur("20")}));
    for (number, hour) in [
        ("R-1", 1),
        ("R-10", 5),
        ("R-11", 4),
        ("R-12", 3),
        ("R-13", 3),
        ("R-14", 9),
    ] {
        requested(&mut ledger, "O-1", number, hour, "5");
    }
    for refund in ["R-1", "R-10", "R-14"] {
        rejected(&mut ledger, "O-1", refund, 10);
    }
    opened(&mut ledger, "W-1", &json!({"id": "C-1"}), "EUR");
    for (hold, hour) in [("H-1", 1), ("H-10", 5), ("H-11", 3), ("H-12", 4)] {
        ledger.add("wallet.held", "W-1", hour, json!({"hold": hold, "amount": eur("5")}));
    }
    for hold in ["H-1", "H-10"] {
        ledger.add("wallet.hold_released", "W-1", 10, json!({"hold": hold}));
    }
    let cli = ledger.cli();
    let refunds = "refund:R-1 refund:R-11 refund:R-13 refund:R-12 refund:R-14 refund:R-10";
    let holds = "hold:H-1 hold:H-12 hold:H-11 hold:H-10";
    expect(
        &cli,
        &[
            ("R-1", &[], refunds),
            ("H-1", &[], holds),
            (
                "r-1",
                &[],
                "refund:R-11 refund:R-13 refund:R-12 refund:R-14 refund:R-10 refund:R-1",
            ),
            ("5", &["--kind", "hold"], "hold:H-12 hold:H-11 hold:H-10 hold:H-1"),
            ("R-1", &["--limit", "1"], "refund:R-1"),
            ("R-1", &["--limit", "2"], "refund:R-1 refund:R-11"),
            ("5", &["--limit", "1"], "refund:R-11 hold:H-12"),
            ("5", &["--limit", "1", "--kind", "refund"], "refund:R-11"),
            ("R-1", &["--limit", "99999999999999999999999999"], refunds),
        ],
    );
    let (more, all) = (
        cli.run(&["search", "R-1", "--limit", "5"]),
        cli.run(&["search", "R-1", "--limit", "6"]),
    );
    assert!(
        more.stdout()
            .ends_with("5 hits\nrefund: 5 of 6; use --limit to show more\n"),
        "{}",
        more.stdout()
    );
    assert!(all.stdout().ends_with("6 hits\n"), "{}", all.stdout());
}

#[test]
fn twenty_of_a_kind_are_printed_by_default() {
    let mut ledger = Ledger::default();
    for number in 0..25 {
        let customer = json!({"id": format!("C-{number:02}"), "name": "Ann"});
        ledger.add(
            "order.placed",
            &format!("O-{number:02}"),
            number,
            json!({"customer": customer, "total": eur("5")}),
        );
    }
    let cli = ledger.cli();
    let found = hits(&cli, "ann", &[]);
    let ids: Vec<_> = found.iter().map(|hit| text_of(&hit["id"]).to_owned()).collect();
    let newest = (5..25).rev().map(|number| format!("O-{number:02}"));
    let by_id = (0..20).map(|number| format!("C-{number:02}"));
    assert_eq!(ids, newest.chain(by_id).collect::<Vec<_>>());
    let ran = cli.run(&["search", "ann"]);
    let end = "\n\n40 hits\norder: 20 of 25; use --limit to show more\ncustomer: 20 of 25; use --limit to show more\n";
    assert!(ran.stdout().ends_with(end), "{}", ran.stdout());
}

#[test]
fn only_the_kinds_that_are_asked_for_are_found() {
    let cli = every_kind().cli();
    expect(
        &cli,
        &[
            ("zoe", &["--kind", "customer"], "customer:C-1"),
            ("zoe", &["--kind", "customer,order"], "order:O-1 customer:C-1"),
            (
                "zoe",
                &["--kind", "customer", "--kind", "wallet,order"],
                "wallet:W-1 order:O-1 customer:C-1",
            ),
            ("zoe", &["--kind", "customer", "--kind", "customer"], "customer:C-1"),
            ("zoe", &["--kind", "hold,payment"], ""),
            ("20", &["--kind", "payment"], "payment:P-1"),
            ("e-0000", &["--kind", "event"], "event:e-0000"),
            ("e-0000", &["--kind", "correlation"], ""),
        ],
    );
}

#[test]
fn ids_in_events_are_found_by_their_exact_bytes() {
    let mut ledger = every_kind();
    // Ids are arbitrary strings: they may have accents or look like an amount.
    let paid = json!({"payment": "Päy", "amount": eur("1"), "method": "card"});
    ledger.add("order.paid", "O-1", 5, paid).correlation = Some("7.77".to_owned());
    let cli = ledger.cli();
    expect(
        &cli,
        &[
            ("P-1", &[], "payment:P-1"),
            ("p-1", &[], ""),
            ("P-", &[], ""),
            ("-1", &["--kind", "payment"], ""),
            ("Päy", &[], "payment:Päy"),
            ("Pay", &[], ""),
            ("Pa\u{308}y", &[], ""),
            ("bank/77", &[], "reference:bank/77"),
            (" bank/77\t", &[], "reference:bank/77"),
            ("bank/7", &[], ""),
            ("BANK/77", &[], ""),
            ("e-0001", &[], "event:e-0001"),
            ("e-000", &[], ""),
            ("E-0001", &[], ""),
            ("corr 1", &[], "correlation:corr 1 correlation:corr 1"),
            ("corr  1", &[], ""),
            ("1 corr", &[], ""),
            ("7.77", &[], "correlation:7.77"),
        ],
    );
}

#[test]
fn an_id_of_several_rows_is_an_exact_hit_in_each() {
    let mut ledger = Ledger::default();
    for order in ["O-1", "O-2"] {
        ledger.add("order.placed", order, 0, json!({"wallet": "W-1", "total": eur("20")}));
        let paid = json!({"payment": "P", "amount": eur("20"), "method": "card"});
        ledger.add("order.paid", order, 0, paid).id = "same".to_owned();
        requested(&mut ledger, order, "R-1", 1, "5");
    }
    for wallet in ["W-1", "W-2"] {
        opened(&mut ledger, wallet, &json!({"id": "C-1"}), "EUR");
        ledger.add("wallet.held", wallet, 1, json!({"hold": "R-1", "amount": eur("5")}));
    }
    let cli = ledger.cli();
    let exact = |text: &str, field: &str| -> Vec<String> {
        let found = hits(&cli, text, &[]);
        assert!(
            found.iter().all(|hit| hit["exact"] == true && hit["matched"] == "id"),
            "{found:?}"
        );
        let mut texts: Vec<_> = (found.iter())
            .map(|hit| format!("{}:{}", text_of(&hit["kind"]), text_of(&hit[field])))
            .collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!(
        exact("R-1", "wallet"),
        ["hold:W-1", "hold:W-2", "refund:W-1", "refund:W-1"]
    );
    assert_eq!(exact("P", "order"), ["payment:O-1", "payment:O-2"]);
    assert_eq!(exact("same", "order"), ["event:O-1", "event:O-2"]);
    // The pending refund comes first, although it is older.
    let mut more = String::new();
    for (kind, day, data) in [
        ("order.placed", 1, json!({"total": eur("20")})),
        (
            "order.refund_requested",
            9,
            json!({"refund": "R-1", "amount": eur("5"), "reason": "return", "destination": "wallet"}),
        ),
        ("order.refund_rejected", 9, json!({"refund": "R-1", "reason": "x"})),
    ] {
        more += &event(&format!("more-{kind}"), kind, "O-3", day, &data.to_string());
    }
    assert_eq!(cli.run_on(&["import", "-"], more.as_bytes()).code, Some(0));
    let orders: Vec<_> = (hits(&cli, "R-1", &["--kind", "refund"]).iter())
        .map(|hit| text_of(&hit["order"]).to_owned())
        .collect();
    assert_eq!(orders, ["O-2", "O-1", "O-3"]);
    let cut = cli.run(&["search", "P", "--limit", "1"]);
    assert!(
        cut.stdout()
            .ends_with("1 hit\npayment: 1 of 2; use --limit to show more\n"),
        "{}",
        cut.stdout()
    );
}

#[test]
fn a_payment_that_its_order_did_not_accept_is_found() {
    let mut ledger = Ledger::default();
    ledger.add("order.placed", "O-1", 0, json!({"wallet": "W-1", "total": eur("20")}));
    let paid = json!({"payment": "P-yen", "amount": money("777", "JPY"), "method": "card"});
    ledger.add("order.paid", "O-1", 1, paid);
    let unreadable = json!({"payment": "P-bad", "amount": eur("1.234"), "method": "card"});
    ledger.add("order.paid", "O-1", 2, unreadable);
    let cli = ledger.cli();
    expect(
        &cli,
        &[
            ("P-yen", &[], "payment:P-yen"),
            ("777", &[], "payment:P-yen"),
            ("777 EUR", &[], ""),
            ("P-bad", &[], ""),
        ],
    );
}

#[test]
fn special_characters_are_searched_literally() {
    let mut ledger = every_kind();
    let owner = json!({"id": "C-2", "name": "O'Neil \"50%\" _x_ * NEAR"});
    opened(&mut ledger, "W-2", &owner, "EUR");
    let cli = ledger.cli();
    let two = "wallet:W-2 customer:C-2";
    let long = "x".repeat(100);
    let padded = format!("  {long}\t");
    expect(
        &cli,
        &[
            ("o'neil", &[], two),
            ("\"50%\"", &[], two),
            ("_x_", &[], two),
            ("near", &[], two),
            ("NEAR * \"50", &[], two),
            ("\" _x", &[], two),
            ("\"\"\"", &[], ""),
            ("zoe OR near", &[], ""),
            ("zoe*", &[], ""),
            ("NEAR(zoe gross)", &[], ""),
            ("z_e", &[], ""),
            ("z%e", &[], ""),
            ("ids:zoe", &[], ""),
            ("' OR 1=1 --", &[], ""),
            ("\u{301}", &[], ""),
            ("\u{301} \u{308}", &[], ""),
            ("zoe\u{301} \u{308}", &["--kind", "customer"], "customer:C-1"),
            ("\u{202e}\u{feff}", &[], ""),
            (&long, &[], ""),
            (&padded, &[], ""),
        ],
    );
}

#[test]
fn a_text_may_look_like_a_flag() {
    let mut ledger = Ledger::default();
    let owner = json!({"id": "C-77", "name": "--json -h --kind"});
    opened(&mut ledger, "W-77", &owner, "EUR");
    let cli = ledger.cli();
    let json_found = |args: &[&str]| {
        let ran = cli.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran.stdout().lines().filter(|line| line.starts_with('{')).count()
    };
    for args in [
        &["search", "-77", "--json"][..],
        &["search", "--json", "-77"],
        &["search", "--json", "--", "-77"],
        &["search", "--json", "--", "--json"],
        &["search", "--json", "--", "-h"],
        &["search", "--kind", "wallet,customer", "-77", "--json", "--limit", "1"],
    ] {
        assert_eq!(json_found(args), 2, "{args:?}");
    }
    let people = cli.run(&["search", "--", "--json"]);
    assert_eq!((people.code, people.stdout().lines().last()), (Some(0), Some("2 hits")));
    let nothing = cli.run(&["search", "-77x"]);
    nothing.refused(1, "nothing found for '-77x'");
}

#[test]
fn invalid_arguments_are_wrong_usage_in_one_line() {
    // There is no store: the arguments are checked first.
    let cli = Cli::bare();
    let long = "x".repeat(101);
    let kinds = "use one of wallet, order, refund, hold, case, customer, payment, reference, event, correlation";
    for (args, says) in [
        (&["search", ""][..], "the text is empty; give a text to search for"),
        (&["search", " \t\n"], "the text is empty"),
        (&["search", &long], "the text has 101 characters; use at most 100"),
        (&["search", "x", "--kind", "lost"], "--kind 'lost' is invalid; "),
        (&["search", "x", "--kind", "lost"], kinds),
        (
            &["search", "x", "--kind", "order,wallets"],
            "--kind 'wallets' is invalid",
        ),
        (&["search", "x", "--kind", "Order"], "--kind 'Order' is invalid"),
        (&["search", "x", "--kind", "a\nb"], r"--kind 'a\u{a}b' is invalid"),
        (&["search", "x", "--kind", ""], "--kind has an empty value"),
        (&["search", "x", "--kind", "order,"], "--kind has an empty value"),
        (
            &["search", "x", "--limit", "0"],
            "--limit '0' is invalid; use a whole number from 1 on",
        ),
        (&["search", "x", "--limit", "-1"], "--limit '-1' is invalid"),
        (&["search", "x", "--limit", "1.5"], "--limit '1.5' is invalid"),
        (&["search", "x", "--limit", ""], "--limit '' is invalid"),
        (&["search"], "<TEXT>"),
        (&["search", "x", "y"], "'y'"),
        (&["search", "x", "--at", "2026-01-01T00:00:00Z"], "--at"),
        (&["search", "x", "--limit", "1", "--limit", "2"], "--limit"),
        (&["search", "x", "--nonsense"], "--nonsense"),
    ] {
        cli.run(args).refused(2, says);
    }
    let help = cli.run(&["search", "--help"]);
    for flag in [
        "<TEXT>",
        "--kind <KIND>",
        "--limit <N>",
        "--json",
        "[default: 20]",
        "reference, event, correlation",
    ] {
        assert!(help.stdout().contains(flag), "{flag}: {}", help.stdout());
    }
}

#[test]
fn a_missing_store_is_an_error_only_if_it_is_searched() {
    let nowhere = "redis://127.0.0.1:1";
    let bare = Cli::bare();
    bare.run(&["search", "x"]).refused(3, "the wallet store does not exist");
    bare.run(&["search", "x", "--kind", "case"])
        .refused(3, "the compensation store does not exist");
    assert!(std::fs::read_dir(bare.dir.path()).unwrap().next().is_none());

    let cli = every_kind().cli();
    // A missing compensation store is an error only if cases are asked for.
    assert_eq!(hits(&cli, "W-1", &[]).len(), 1);
    assert_eq!(hits(&cli, "W-1", &["--kind", "wallet,order"]).len(), 1);
    cli.run(&["search", "W-1", "--kind", "wallet,case"])
        .refused(3, "the compensation store does not exist");
    for store in ["wallet", "order"] {
        let flag = format!("--{store}-store");
        for more in [&[][..], &["--kind", "order"], &["--kind", "event"]] {
            let ran = cli.run(&args("W-1", &[&[flag.as_str(), nowhere], more].concat()));
            ran.refused(3, &format!("{store} store"));
        }
    }
    // A store that exists but does not answer is an error.
    let ran = cli.run(&args("W-1", &["--compensation-store", nowhere]));
    ran.refused(3, "compensation store");
    assert!(ran.stderr.contains("--compensation-store"), "{}", ran.stderr);
    assert_eq!(
        hits(&cli, "W-1", &["--compensation-store", nowhere, "--kind", "wallet"]).len(),
        1
    );
}

#[test]
fn cases_are_found_by_their_ids_alone() {
    let cli = cases();
    let all = "case:CMP-4 case:CMP-2 case:CMP-7 case:CMP-6 case:CMP-5 case:CMP-3 case:CMP-1";
    expect(
        &cli,
        &[
            ("cmp", &[], all),
            ("cmp-", &["--limit", "3"], "case:CMP-4 case:CMP-2 case:CMP-7"),
            ("CMP-6", &[], "case:CMP-6"),
            ("-6", &["--kind", "case"], ""),
            ("6", &[], "case:CMP-6"),
            ("ada", &[], ""),
            ("W-1", &[], ""),
            ("12.50", &[], ""),
            ("X-1", &[], ""),
            ("CMP-6", &["--kind", "order,case"], "case:CMP-6"),
            ("CMP-6", &["--kind", "order"], ""),
        ],
    );
    let ran = cli.run(&args("CMP-6", &[]));
    assert_eq!(
        ran.stdout(),
        "{\"kind\":\"case\",\"id\":\"CMP-6\",\"wallet\":null,\"order\":null,\"matched\":\"id\",\"exact\":true}\n"
    );
    // A search for cases alone reads no other store.
    let nowhere = "redis://127.0.0.1:1";
    let elsewhere = ["--kind", "case", "--wallet-store", nowhere, "--order-store", nowhere];
    assert_eq!(hits(&cli, "cmp", &elsewhere).len(), 7);
}

/// A server with the order of [`every_kind`], written by another program without a feed.
fn without_feed(ledger: &Ledger) -> RedisServer {
    let redis = RedisServer::start();
    let orders = ledger.0.iter().filter(|event| !event.is_of_wallet());
    for (place, event) in orders.enumerate() {
        let (key, entry) = (format!("order:{{0}}:{}", event.subject), format!("1-{place}"));
        let (sequence, time, data) = ((place + 1).to_string(), event.time(), event.data.to_string());
        redis.run(&[
            "XADD", &key, &entry, "id", &event.id, "type", event.kind, "sequence", &sequence, "time", &time, "data",
            &data,
        ]);
    }
    redis
}

/// Replaces the order's stream by a string.
fn spoil(redis: &RedisServer) {
    redis.run(&["DEL", "order:{0}:O-1"]);
    redis.run(&["SET", "order:{0}:O-1", "no stream"]);
}

#[test]
fn an_unreadable_stream_is_reported_and_hits_are_printed() {
    let ledger = every_kind();
    let cli = ledger.cli();
    let redis = without_feed(&ledger);
    let url = redis.url();
    let of_redis = ["--order-store", url.as_str()];
    assert_eq!(hits(&cli, "R-1", &of_redis).len(), 1);
    spoil(&redis);
    for text in ["R-1", "e-0003", "W-1"] {
        let ran = cli.run(&args(text, &of_redis));
        assert_eq!(
            (ran.code, ran.stdout().lines().count()),
            (Some(1), 1),
            "{text}: {}",
            ran.stderr
        );
        assert!(ran.stderr.contains("order O-1 can't be read ("), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    let nothing = cli.run(&args("nobody", &of_redis));
    assert_eq!((nothing.code, nothing.stdout()), (Some(1), ""));
    assert!(nothing.stderr.contains("order O-1 can't be read"), "{}", nothing.stderr);
    assert!(
        nothing.stderr.ends_with("nothing found for 'nobody'\n"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn a_stream_that_became_unreadable_is_reported_with_its_hits() {
    let ledger = every_kind();
    let cli = ledger.cli();
    let redis = RedisServer::start();
    let url = redis.url();
    let of_redis = ["--order-store", url.as_str()];
    let imported = cli.run_on(&[&["import", "-"], &of_redis[..]].concat(), ledger.lines().as_bytes());
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    assert_eq!(hits(&cli, "e-0003", &of_redis).len(), 1);
    // The feed has no new entry, so the read model does not know.
    spoil(&redis);
    let ran = cli.run(&args("e-0003", &of_redis));
    let line =
        "{\"kind\":\"event\",\"id\":\"e-0003\",\"wallet\":null,\"order\":\"O-1\",\"matched\":\"id\",\"exact\":true}\n";
    assert_eq!((ran.code, ran.stdout()), (Some(1), line), "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "ledgerscope: order O-1 can't be read; its hit is from an earlier read\n"
    );
}
