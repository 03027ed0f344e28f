//! Random input for every server function, without a session and with every role. No answer is a server error, none
//! takes long, and nothing is written to the ledger. The input has a seed. `LEDGERSCOPE_FUZZ_SECONDS` makes it run
//! longer, `LEDGERSCOPE_FUZZ_SEED` sets another seed.

use std::{
    env,
    time::{Duration, Instant},
};

use axum::{body::Body, http::Request};
use futures::TryStreamExt;
use ledgerscope::{
    compensations::CompensationStores,
    domain::ids::{EntityId, Position},
    server::permissions::FUNCTIONS,
};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::{
    permissions::{FORMS, arguments},
    test_app::{PASSWORD, TestApp, encoded},
};

/// Seconds that the test runs in `make test`.
const SECONDS: u64 = 8;
/// The longest time for an answer. Most of it is hashing a password in a build without optimisation.
const PATIENCE: Duration = Duration::from_secs(5);
const WHO: [Option<&str>; 6] = [
    None,
    Some("viewer"),
    Some("support"),
    Some("finance"),
    Some("finance2"),
    Some("admin"),
];

/// Texts that often break programs.
const NASTY: [&str; 24] = [
    "",
    " ",
    "\0",
    "\r\n",
    "null",
    "true",
    "-1",
    "1e400",
    "99999999999999999999999999999",
    "0.001",
    "NaN",
    "W-1",
    "W-9",
    "feed",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "%00%0d%0a",
    "\u{202e}txt",
    "=1+1",
    "é\u{301}\u{1f4a5}",
    "wallet:W-1:2",
    "2026-01-01T00:00:00Z",
    "CMP-018f0000-0000-7000-8000-000000000000",
];
/// Names of fields that some functions have.
const FIELDS: [&str; 24] = [
    "query",
    "id",
    "after",
    "before",
    "at",
    "draft",
    "seen",
    "form",
    "kind",
    "page",
    "refund",
    "order",
    "domain",
    "subject",
    "position",
    "text",
    "sort",
    "states",
    "filter",
    "case",
    "command_hash",
    "form_token",
    "name",
    "password",
];

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

fn text(chance: &mut ChaCha8Rng) -> String {
    match chance.random_range(0..10) {
        0 => "x".repeat(chance.random_range(0..5_000)),
        1 => (0..chance.random_range(0..40))
            .map(|_| chance.random::<char>())
            .collect(),
        _ => (*NASTY.choose(chance).unwrap()).to_owned(),
    }
}

fn value(chance: &mut ChaCha8Rng, depth: u32) -> Value {
    match chance.random_range(0..if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => json!(chance.random::<bool>()),
        2 => json!(chance.random::<i64>()),
        3 => json!(f64::from_bits(chance.random())),
        4 => json!(text(chance)),
        5 => (0..chance.random_range(0..5))
            .map(|_| value(chance, depth - 1))
            .collect(),
        _ => {
            let fields = (0..chance.random_range(0..6)).map(|_| {
                let name = (*FIELDS.choose(chance).unwrap()).to_owned();
                (name, value(chance, depth - 1))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// Changes a valid argument at a random point.
fn mutate(chance: &mut ChaCha8Rng, valid: &mut Value) {
    match valid {
        Value::Object(fields) if !fields.is_empty() && chance.random_ratio(4, 5) => {
            let name = fields.keys().nth(chance.random_range(0..fields.len())).unwrap().clone();
            match chance.random_range(0..6) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(text(chance), value(chance, 2))),
                _ => mutate(chance, fields.get_mut(&name).unwrap()),
            }
        }
        other => *other = value(chance, 3),
    }
}

/// Fields of all forms together, some of them valid.
fn fields(chance: &mut ChaCha8Rng, form_token: &str) -> Vec<(String, String)> {
    let sensible = [
        ("command", "credit_wallet"),
        ("subject", "W-1"),
        ("amount", "1.00"),
        ("currency", "EUR"),
        ("day", "2026-01-01"),
        ("reason", "goodwill"),
        ("note", "n"),
        ("case", "CMP-018f0000-0000-7000-8000-000000000000"),
        ("command_hash", "00"),
        ("seen", "wallet:W-1:2"),
        ("amount_again", "1.00"),
        ("password", PASSWORD),
        ("act", "limits"),
        ("name", "viewer"),
        ("role", "viewer"),
        ("form_token", form_token),
    ];
    let mut fields: Vec<_> = sensible
        .map(|(name, value)| (format!("form[{name}]"), value.to_owned()))
        .to_vec();
    for _ in 0..chance.random_range(1..5) {
        let at = chance.random_range(0..fields.len());
        match chance.random_range(0..5) {
            0 => drop(fields.remove(at)),
            1 => fields.push((format!("form[{}][{}]", text(chance), text(chance)), text(chance))),
            2 => fields[at].0 = text(chance),
            _ => fields[at].1 = text(chance),
        }
        if fields.is_empty() {
            break;
        }
    }
    if chance.random_ratio(1, 3) {
        fields.push(("form_token".to_owned(), form_token.to_owned()));
    }
    fields
}

fn body(chance: &mut ChaCha8Rng, function: &str, form_token: &str) -> Vec<u8> {
    match chance.random_range(0..8) {
        0 => (0..chance.random_range(0..300))
            .map(|_| chance.random::<u8>())
            .collect(),
        1 => value(chance, 4).to_string().into_bytes(),
        2 => {
            let depth = chance.random_range(1..20_000);
            format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes()
        }
        _ if FORMS.contains(&function) => encoded(&fields(chance, form_token)).into_bytes(),
        _ => {
            let mut valid = arguments(function);
            mutate(chance, &mut valid);
            valid.to_string().into_bytes()
        }
    }
}

/// The number of events in the ledger's stores.
async fn written(logs: &CompensationStores) -> usize {
    let mut events = 0;
    for log in [&logs.wallet, &logs.order] {
        let ids: Vec<Vec<EntityId>> = log.streams().try_collect().await.unwrap();
        for id in ids.into_iter().flatten() {
            events += log.read(&id, Position::START, 1_000).await.unwrap().len();
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_input_is_refused_and_writes_nothing() {
    let seconds = setting("LEDGERSCOPE_FUZZ_SECONDS").unwrap_or(SECONDS);
    let seed = setting("LEDGERSCOPE_FUZZ_SEED").unwrap_or(0x1ed6_e500);
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let app = TestApp::new().await;
    let before = written(&app.logs).await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut asked = 0;
    // Every function is called by everybody at least once, however slow the machine is.
    while asked < FUNCTIONS.len() * WHO.len() || Instant::now() < end {
        let function = FUNCTIONS[asked % FUNCTIONS.len()].name;
        let who = WHO[(asked / FUNCTIONS.len()) % WHO.len()];
        asked += 1;
        let session = match who {
            // Signing out ends the session, so it gets one of its own.
            Some(who) if function == "sign-out" || function == "sign-in" => Some(app.fresh_session(who).await),
            Some(who) => Some(app.session(who).await),
            None => None,
        };
        let token = session.as_ref().map_or("", |session| session.form_token.as_str());
        let body = body(&mut chance, function, token);
        let kinds = [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/html",
            "multipart/form-data",
        ];
        let accepts = ["application/json", "text/html", "*/*", ""];
        let mut request = Request::post(format!("/api/{function}"))
            .header("host", "127.0.0.1:3000")
            .header("content-type", *kinds.choose(&mut chance).unwrap())
            .header("accept", *accepts.choose(&mut chance).unwrap());
        if let Some(session) = &session {
            request = request.header("cookie", &session.cookie);
        }
        let body_text = String::from_utf8_lossy(&body).chars().take(2_000).collect::<String>();
        let start = Instant::now();
        let answer = app.ask(request.body(Body::from(body)).unwrap()).await;
        let what = format!(
            "{function} as {who:?} (seed {seed}, question {asked}): {} {}\n{body_text}",
            answer.status, answer.text
        );
        assert!(answer.status.as_u16() < 500, "{what}");
        assert!(start.elapsed() < PATIENCE, "{:?} for {what}", start.elapsed());
        if who.is_none() && answer.status.is_success() {
            assert_eq!(function, "sign-in", "{what}");
        }
    }
    assert_eq!(written(&app.logs).await, before, "garbage was appended to the ledger");
    assert!(asked >= FUNCTIONS.len() * WHO.len());
    println!("{asked} questions");
}
