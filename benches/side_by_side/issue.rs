//! The row `issue`: the rate of compensations that fifty people issue concurrently over HTTP, compared with the append
//! function alone in redis-benchmark at the same concurrency. Every log has its own Redis, with an append-only file
//! that is synced every second. Previews are made before; only issuing is measured.

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use ledgerscope::views::href::encode;
use serde_json::json;

use super::{
    Options,
    fill::Wire,
    http::Client,
    program::{Home, Session},
    redis_server::RedisServer,
    table::Row,
};

const AT_ONCE: usize = 50;

pub async fn rows(options: &Options) -> Vec<Row> {
    let [wallets, orders, cases, people] = [(); 4].map(|()| RedisServer::start_with(&["--appendfsync", "everysec"]));
    let mut wire = Wire::open(wallets.port(), "wallet");
    (0..AT_ONCE * options.issues).for_each(|number| wire.open_wallet(&format!("W-{number}")));
    wire.finish();
    let home = Home::with(
        Some(wallets.url()),
        Some(orders.url()),
        Some(cases.url()),
        Some(people.url()),
    )
    .await;
    let server = home.serve().await;
    let sessions = home.people("finance", AT_ONCE).await;
    let mut prepared = Vec::new();
    for (number, session) in sessions.iter().enumerate() {
        let mut client = Client::connect(server.port, &session.cookie).await.unwrap();
        let mut forms = Vec::new();
        for issue in 0..options.issues {
            forms.push(form(&mut client, session, &format!("W-{}", number * options.issues + issue)).await);
        }
        prepared.push((client, forms));
    }
    let servers = [&wallets, &orders, &cases, &people];
    let before = servers.map(commands);
    let begin = Instant::now();
    let workers: Vec<_> = prepared
        .into_iter()
        .map(|(client, forms)| tokio::spawn(issue(client, forms)))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let issues = AT_ONCE * options.issues;
    let issued = a_second(issues, begin.elapsed());
    let mut appended = 0.0;
    for ((name, server), before) in ["wallets", "orders", "cases", "people"]
        .into_iter()
        .zip(servers)
        .zip(before)
    {
        for (command, calls) in commands(server) {
            let each = a_second(calls - before.get(&command).unwrap_or(&0), Duration::from_secs(1))
                / a_second(issues, Duration::from_secs(1));
            if command == "fcall" {
                appended += each;
            }
            if each > 0.005 {
                eprintln!("issue: {name}: {each:.2} {command} an issue");
            }
        }
    }
    drop(server);
    let bare = bare(wallets.port(), options.issues * AT_ONCE * 10);
    let what =
        format!("a guarded issue through HTTP, {AT_ONCE} at once, {issued:.0} a second, of {appended:.1} appends each");
    let against = format!("the bare append function by redis-benchmark, {AT_ONCE} at once, {bare:.0} a second");
    vec![Row::at_least(what, issued / bare, against, 0.3)]
}

/// The number of calls of each command of a Redis server.
fn commands(redis: &RedisServer) -> BTreeMap<String, usize> {
    let mut connection = redis.connection();
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut connection).unwrap();
    let calls = stats.lines().filter_map(|line| {
        let (command, calls) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((command.to_owned(), calls.split(',').next()?.parse().ok()?))
    });
    calls.collect()
}

fn a_second(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / time.as_secs_f64()
}

async fn issue(mut client: Client, forms: Vec<String>) {
    for form in forms {
        let answer = client
            .post("/api/compensation-issue", "application/x-www-form-urlencoded", &form)
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// The filled-in form after a preview, as a browser sends it.
async fn form(client: &mut Client, session: &Session, wallet: &str) -> String {
    let draft = json!({
        "command": "credit_wallet", "subject": wallet, "item": "", "amount": "1.00", "reason": "goodwill", "note": "sorry",
    });
    let arguments = json!({"draft": draft, "seen": ""}).to_string();
    let answer = client
        .post("/api/compensation-form", "application/json", &arguments)
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let preview = answer.json()["outcome"]["ready"].clone();
    let pins: Vec<_> = preview["pins"]
        .as_array()
        .expect("a preview")
        .iter()
        .map(|pin| format!("{}:{}:{}", text(&pin["domain"]), text(&pin["id"]), pin["sequence"]))
        .collect();
    let fields = [
        ("form_token", session.form_token.clone()),
        ("command", "credit_wallet".to_owned()),
        ("subject", wallet.to_owned()),
        ("amount", "1.00".to_owned()),
        ("reason", "goodwill".to_owned()),
        ("note", "sorry".to_owned()),
        ("case", text(&preview["case"])),
        ("command_hash", text(&preview["command_hash"])),
        ("seen", pins.join(",")),
        ("amount_again", "1.00".to_owned()),
    ];
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(&format!("form[{name}]")), encode(value)))
        .collect();
    pairs.join("&")
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The rate of the append function alone, in appends a second, with one event per append.
fn bare(port: u16, appends: usize) -> f64 {
    let data = r#"{"amount":{"amount":"1.00","currency":"EUR"},"kind":"goodwill"}"#;
    let output = Command::new("redis-benchmark")
        .args([
            "-p",
            &port.to_string(),
            "-c",
            &AT_ONCE.to_string(),
            "-n",
            &appends.to_string(),
            "--csv",
        ])
        .args(["FCALL", "ledgerscope_append", "3"])
        .args([
            "wallet:{0}:BARE",
            "wallet:{0}:feed",
            "wallet:{0}:BARE:keys",
            "any",
            "1",
            "5",
        ])
        .args([
            "id",
            "e-1",
            "type",
            "wallet.credited",
            "time",
            "2026-01-01T00:00:00Z",
            "actor",
            "finance0",
        ])
        .args(["data", data])
        .output()
        .expect("redis-benchmark");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = printed.lines().next_back().unwrap_or_default();
    // The columns are "name","rps","avg",…, eight in total. The name contains commas, so columns are counted from the
    // end.
    let columns: Vec<_> = last.trim_matches('"').rsplit("\",\"").collect();
    columns
        .get(6)
        .and_then(|rate| rate.parse().ok())
        .unwrap_or_else(|| panic!("{printed}"))
}
