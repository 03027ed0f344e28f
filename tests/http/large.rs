//! Very large texts and long lists: pages stay small, show how much there is, and link to all of it.

use std::time::Duration;

use ledgerscope::{
    domain::{
        event::NewEvent,
        ids::EntityId,
        replay::{Filter, replay},
        wallet::WalletState,
    },
    event_log::{EventLog, Expected},
    views::timelines::{HISTORY_IN_BROWSER_MAX, History},
};
use serde_json::{Value, json};

use crate::{
    redis_server::RedisServer,
    test_app::{Answer, TestApp},
};

const NOTE: usize = 1_000_000;

fn eur(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Adds W-big by plain XADD: opened, then 59 credits with a huge note each.
fn add_big_wallet(redis: &RedisServer) {
    let mut connection = redis.connection();
    let owner = json!({"id": "C-big", "name": "n".repeat(NOTE)});
    let opened = json!({"owner": owner, "currency": "EUR"});
    let credited = json!({"amount": eur("1.00"), "kind": "top_up", "note": "x".repeat(NOTE)});
    let credits = (2..=60).map(|n| (n, "wallet.credited", &credited));
    for (n, kind, data) in std::iter::once((1, "wallet.opened", &opened)).chain(credits) {
        let mut command = redis::cmd("XADD");
        command
            .arg("wallet:{0}:W-big")
            .arg(format!("{}-0", 1_767_225_600_000_u64 + n));
        let (id, sequence) = (format!("big.{n}"), n.to_string());
        let time = format!("2026-01-01T00:00:{:02}Z", n % 60);
        for (name, value) in [
            ("id", id),
            ("type", kind.to_owned()),
            ("sequence", sequence),
            ("time", time),
        ] {
            command.arg(name).arg(value);
        }
        command.arg("data").arg(data.to_string());
        command.exec(&mut connection).unwrap();
    }
}

async fn append(log: &dyn EventLog, id: &str, events: Vec<(&str, Value)>) {
    let events: Vec<_> = events
        .into_iter()
        .enumerate()
        .map(|(n, (kind, data))| NewEvent {
            id: format!("{id}.{n}"),
            r#type: kind.to_owned(),
            time: "2026-01-01T00:00:00Z".to_owned(),
            actor: None,
            idempotencykey: None,
            correlationid: None,
            causationid: None,
            data: data.to_string(),
            extra: Vec::new(),
        })
        .collect();
    let id = EntityId::new(id).unwrap();
    for part in events.chunks(1_000) {
        log.append(&id, Expected::Any, part).await.unwrap();
    }
}

/// The page, as soon as it contains this text.
async fn page_with(app: &TestApp, path: &str, text: &str) -> Answer {
    for _ in 0..60 {
        let page = app.get(path).await;
        if page.text.contains(text) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{path} never said {text}");
}

fn assert_small(what: &str, page: &Answer, bytes: usize) {
    assert_eq!(page.status, 200, "{what}");
    assert!(page.text.len() < bytes, "{what}: {} bytes", page.text.len());
}

#[tokio::test]
async fn huge_notes_do_not_make_huge_pages() {
    let redis = RedisServer::start();
    add_big_wallet(&redis);
    let app = TestApp::with_wallets_at(&redis.url()).await;
    let size = "(1,000,000 characters)";
    let overview = app.get("/").await;
    assert_small("the overview", &overview, 300_000);
    assert!(overview.text.contains("W-big") && overview.text.contains(size));
    let wallet = app.get("/wallets/W-big").await;
    assert_small("the wallet", &wallet, 1_000_000);
    assert!(wallet.text.contains("59.00") && wallet.text.contains(size));
    for path in ["/wallets", "/search?q=big", "/orders", "/refunds", "/findings"] {
        assert_small(path, &app.get(path).await, 300_000);
    }

    // The whole note is one click away from the timeline, and two from the event's page.
    let event = "/events/wallet/W-big/1767225600060-0";
    assert!(wallet.text.contains(event));
    let page = app.get(event).await;
    assert_small("the event", &page, 300_000);
    assert!(
        page.text.contains("The event has 1,000,1") && page.text.matches(size).count() == 2,
        "its size"
    );
    let whole = format!("/export{event}");
    assert!(page.text.contains(&whole));
    let file = app.get(&whole).await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").starts_with("attachment"));
    let data: Value = serde_json::from_str(file.json()["fields"]["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["note"].as_str().unwrap().len(), NOTE);

    // Names stay masked, and only roles that read the ledger get the file.
    let opened = "/export/events/wallet/W-big/1767225600001-0";
    let masked = app.get_as(Some("support"), opened).await;
    assert!(masked.text.contains("(masked)") && masked.text.len() < 1_000);
    let page = app.get_as(Some("support"), "/wallets/W-big").await;
    assert!(!page.text.contains("nnnn"));
    assert_ne!(app.get_as(None, opened).await.status, 200);
    assert_eq!(app.get_as(Some("admin"), opened).await.status, 403);
    assert_eq!(app.get("/export/events/wallet/W-big/9-0").await.status, 404);
}

#[tokio::test]
async fn a_history_of_huge_notes_replays_exactly_from_small_answers() {
    let redis = RedisServer::start();
    add_big_wallet(&redis);
    let app = TestApp::with_wallets_at(&redis.url()).await;
    let mut entries = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = app
            .call("wallet-history", &json!({"id": "W-big", "after": after}))
            .await;
        // The opening names its owner, which a replay needs.
        assert!(answer.text.len() < 1_200_000, "{} bytes", answer.text.len());
        let part: History = serde_json::from_str(&answer.text).unwrap();
        entries.extend(part.entries);
        assert!(entries.len() as u64 <= HISTORY_IN_BROWSER_MAX);
        let Some(next) = part.next else { break };
        after = json!(next);
    }
    let replayed = replay::<WalletState>(entries, &Filter::default()).unwrap();
    assert_eq!(replayed.fold.state.posted.to_string(), "59.00");
    assert!(replayed.fold.complete);
}

#[tokio::test]
async fn thousands_of_refunds_and_lines_of_an_order_are_paged() {
    let app = TestApp::new().await;
    let line = |n: u32| json!({"sku": format!("SKU-{n}"), "title": "t", "quantity": 1, "unit_price": eur("1")});
    let lines: Vec<_> = (1..=700).map(line).collect();
    let refund = |n: u32| {
        let data = json!({
            "refund": format!("RF-{n:04}"), "amount": eur("0.01"), "reason": "return", "destination": "wallet",
        });
        ("order.refund_requested", data)
    };
    let mut events = vec![
        (
            "order.placed",
            json!({"wallet": "W-1", "total": eur("700"), "lines": lines}),
        ),
        (
            "order.paid",
            json!({"payment": "P", "amount": eur("700"), "method": "card"}),
        ),
    ];
    events.extend((1..=5_000).map(refund));
    append(&*app.logs.order, "O-big", events).await;

    let page = page_with(&app, "/orders/O-big", "1–50 of 5,000").await;
    assert_small("the order", &page, 500_000);
    assert!(page.text.contains("1–50 of 700") && page.text.contains("SKU-50<") && !page.text.contains("SKU-51<"));
    assert!(page.text.contains("href=\"/orders/O-big?refunds=2#refunds\""));
    let last = app.get("/orders/O-big?refunds=100&lines=14").await;
    assert!(last.text.contains("4,951–5,000 of 5,000") && last.text.contains("651–700 of 700"));
    assert!(last.text.contains("refunds/RF-5000?") && last.text.contains("SKU-700<"));
    assert!(
        last.text
            .contains("href=\"/orders/O-big?refunds=99&amp;lines=14#refunds\"")
    );

    // The first refund is far from the end of the order's events, and its page still shows its own events.
    let story = page_with(&app, "/refunds/RF-0001", "older events. The pages of").await;
    assert_small("the refund", &story, 500_000);
    assert!(
        story
            .text
            .contains("1 event of the refund, 199 events of its order and wallet")
    );
}

#[tokio::test]
async fn thousands_of_open_holds_are_paged() {
    let app = TestApp::new().await;
    let hold = |n: u32| {
        (
            "wallet.held",
            json!({"hold": format!("H-{n:05}"), "amount": eur("0.01")}),
        )
    };
    let owner = json!({"owner": {"id": "C-2"}, "currency": "EUR"});
    let credit = json!({"amount": eur("1000"), "kind": "top_up"});
    let mut events = vec![("wallet.opened", owner), ("wallet.credited", credit)];
    events.extend((1..=20_000).map(hold));
    append(&*app.logs.wallet, "W-holds", events).await;

    let page = page_with(&app, "/wallets/W-holds", "1–50 of 20,000").await;
    assert_small("the wallet", &page, 500_000);
    assert!(page.text.contains("20,000 open holds"));
    assert!(page.text.contains("href=\"/wallets/W-holds?holds=2#holds\""));
    let last = app.get("/wallets/W-holds?holds=400").await;
    assert!(last.text.contains("19,951–20,000 of 20,000") && last.text.contains("H-20000"));
}
