//! The stream of changes: who may read it, what it contains, and what happens after a disconnection, with many changes
//! and with a slow reader.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use futures::StreamExt as _;
use ledgerscope::{domain::access::Role, server::permissions::LIVE};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    redis_server::RedisServer,
    test_app::{OPERATORS, TestApp, append, append_after},
};

/// A message as a browser receives it.
#[derive(Debug)]
struct Message {
    name: String,
    id: String,
    data: Value,
}

/// A browser that is connected to the stream.
struct Listener {
    body: BodyDataStream,
    text: String,
}

impl Listener {
    async fn to(app: &TestApp, who: &str, query: &str, last: Option<&str>) -> Self {
        let response = ask(app, Some(who), query, last).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(!response.headers().contains_key("content-encoding"));
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next message; `None` at the end of the response.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = message.lines();
                    let value = lines.find_map(|line| line.strip_prefix(name));
                    value.unwrap_or_default().trim_start_matches([':', ' ']).to_owned()
                };
                let changed = Message {
                    name: field("event"),
                    id: field("id"),
                    data: serde_json::from_str(&field("data")).unwrap(),
                };
                let rest = rest.to_owned();
                self.text = rest;
                return Some(changed);
            }
            let wait = tokio::time::timeout(Duration::from_secs(20), self.body.next());
            let chunk = wait.await.unwrap()?;
            self.text += std::str::from_utf8(&chunk.unwrap()).unwrap();
        }
    }

    async fn named(&mut self, name: &str) -> Message {
        let message = self.next().await.unwrap();
        assert_eq!(message.name, name, "{message:?}");
        message
    }
}

async fn ask(app: &TestApp, who: Option<&str>, query: &str, last: Option<&str>) -> axum::response::Response {
    let mut request = Request::get(format!("/live?{query}")).header("accept-encoding", "br, gzip");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = app.signed(request, who).await;
    app.router()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn credit(app: &TestApp, wallet: &str) {
    let amount = json!({"amount": {"amount": "1", "currency": "EUR"}, "kind": "top_up"});
    append_after(&*app.logs.wallet, wallet, 2, &[("wallet.credited", amount)]).await;
}

async fn open(app: &TestApp, wallet: &str) {
    let data = json!({"owner": {"id": "C-9", "name": "Grace"}, "currency": "EUR"});
    append(&*app.logs.wallet, wallet, &[("wallet.opened", data)]).await;
}

#[tokio::test]
async fn only_roles_that_may_read_get_the_stream() {
    let app = TestApp::new().await;
    assert_eq!(ask(&app, None, "topic=all", None).await.status(), 401);
    for (who, role) in OPERATORS {
        let status = ask(&app, Some(who), "topic=all", None).await.status();
        let expected = if LIVE.lets(role) { 200 } else { 403 };
        assert_eq!(status, expected, "{who}");
        assert_eq!(expected == 403, role == Role::Admin);
    }
    assert_eq!(ask(&app, Some("viewer"), "topic=nonsense", None).await.status(), 400);
    let request = Request::get("/live?topic=all").header("sec-fetch-site", "cross-site");
    let request = app.signed(request, Some("viewer")).await;
    assert_eq!(app.ask(request.body(Body::empty()).unwrap()).await.status, 403);
}

#[tokio::test]
async fn the_stream_names_changed_ids_and_contains_no_details() {
    let app = TestApp::new().await;
    let mut all = Listener::to(&app, "viewer", "topic=all", None).await;
    let mut order = Listener::to(&app, "viewer", "topic=order:O-2", None).await;
    let mut named = Listener::to(&app, "viewer", "topic=order:O-1", None).await;
    let hello = all.named("hello").await;
    assert_eq!(hello.data["stores"], json!({"wallet": "live", "order": "live"}));
    order.named("hello").await;
    named.named("hello").await;
    credit(&app, "W-1").await;
    let changed = all.named("changed").await;
    assert_eq!(
        (&changed.data["wallets"], &changed.data["orders"]),
        (&json!(["W-1"]), &json!([]))
    );
    assert!(!changed.data.to_string().contains("Ada") && !changed.data.to_string().contains("12.5"));
    assert_eq!(
        named.named("changed").await.data["wallets"],
        json!(["W-1"]),
        "O-1 refers to W-1"
    );
    append_after(&*app.logs.order, "O-2", 2, &[("order.cancelled", json!({}))]).await;
    let changed = order.named("changed").await;
    assert_eq!(
        (&changed.data["orders"], &changed.data["events"]),
        (&json!(["O-2"]), &json!(3))
    );
}

#[tokio::test]
async fn a_reconnection_continues_from_its_position() {
    let app = TestApp::new().await;
    let mut first = Listener::to(&app, "viewer", "topic=all", None).await;
    let place = first.named("hello").await.id;
    drop(first);
    credit(&app, "W-1").await;
    let mut second = Listener::to(&app, "viewer", "topic=all", Some(&place)).await;
    second.named("hello").await;
    assert_eq!(second.named("changed").await.data["wallets"], json!(["W-1"]));
    // `from` is the feed position of the page. For an unknown position the stream sends `reread`.
    let mut third = Listener::to(&app, "viewer", &format!("topic=all&from={place}"), None).await;
    third.named("hello").await;
    assert_eq!(third.named("changed").await.data["wallets"], json!(["W-1"]));
    Listener::to(&app, "viewer", "topic=all", Some("nonsense"))
        .await
        .named("reread")
        .await;
}

#[tokio::test]
async fn many_changes_are_few_messages() {
    let app = TestApp::new().await;
    let mut all = Listener::to(&app, "viewer", "topic=all", None).await;
    all.named("hello").await;
    for number in 0..300 {
        open(&app, &format!("W-S-{number}")).await;
    }
    let begun = std::time::Instant::now();
    let (mut counted, mut messages) = (0, 0_u32);
    while counted < 300 {
        let message = all.named("changed").await;
        counted += message.data["count"].as_u64().unwrap();
        messages += 1;
        assert!(message.data["wallets"].as_array().unwrap().len() <= 50);
    }
    assert_eq!(counted, 300);
    // Nobody read while they were written. They arrive in one message, or in one each 80 ms.
    let most = 2 + begun.elapsed().as_millis() / 80;
    assert!(u128::from(messages) <= most.max(3), "{messages} messages");
}

#[tokio::test]
async fn an_outage_of_a_store_is_reported_and_later_changes_follow() {
    let mut redis = RedisServer::start();
    let app = TestApp::with_wallets_at(&redis.url()).await;
    let mut reader = Listener::to(&app, "viewer", "topic=all", None).await;
    let stores = |wallet: &str| json!({"wallet": wallet, "order": "live"});
    assert_eq!(reader.named("hello").await.data["stores"], stores("live"));
    redis.kill();
    assert_eq!(reader.named("stores").await.data["stores"], stores("down"));
    redis.resume();
    loop {
        let message = reader.named("stores").await;
        if message.data["stores"] == stores("live") {
            break;
        }
    }
    open(&app, "W-2").await;
    assert_eq!(reader.named("changed").await.data["wallets"], json!(["W-2"]));
}

#[tokio::test]
async fn streams_per_session_are_limited_and_freed_when_closed() {
    let app = TestApp::new().await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(Listener::to(&app, "viewer", "topic=all", None).await);
    }
    let refused = ask(&app, Some("viewer"), "topic=all", None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "30");
    Listener::to(&app, "finance", "topic=all", None)
        .await
        .named("hello")
        .await;
    readers.pop();
    Listener::to(&app, "viewer", "topic=all", None)
        .await
        .named("hello")
        .await;
}

#[tokio::test]
async fn a_reader_is_closed_when_the_session_ends_and_does_not_keep_it_alive() {
    let app = TestApp::new().await;
    let mut signed_out = Listener::to(&app, "viewer", "topic=all", None).await;
    signed_out.named("hello").await;
    assert_eq!(app.send_as(Some("viewer"), "sign-out", &[]).await.status, 200);
    signed_out.named("end").await;
    assert!(signed_out.next().await.is_none());
    let mut idle = Listener::to(&app, "finance", "topic=all", None).await;
    idle.named("hello").await;
    app.pass(TimeDelta::minutes(16));
    idle.named("end").await;
    assert!(idle.next().await.is_none());
}

#[tokio::test]
async fn open_streams_end_with_a_message_when_the_server_stops() {
    let app = TestApp::new().await;
    let mut reader = Listener::to(&app, "viewer", "topic=all", None).await;
    reader.named("hello").await;
    app.operations.stop();
    reader.named("bye").await;
    assert!(reader.next().await.is_none());
    let ready = app.get_as(None, "/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (503, &json!("stopping"))
    );
}

/// Reads messages until `count` different wallets that begin with `W-T` are known.
async fn hear_of(listener: &mut Listener, mut known: BTreeSet<String>, count: usize) -> (BTreeSet<String>, String) {
    loop {
        let message = listener.next().await.unwrap();
        let wallets = message.data["wallets"].as_array().into_iter().flatten();
        let wallets = wallets.filter_map(Value::as_str).filter(|id| id.starts_with("W-T"));
        known.extend(wallets.map(str::to_owned));
        if known.len() >= count {
            return (known, message.id);
        }
    }
}

#[tokio::test]
async fn two_servers_on_the_same_stores_converge_and_a_reader_can_switch() {
    let one = TestApp::new().await;
    let other = one.twin().await;
    let mut reader = Listener::to(&one, "viewer", "topic=all", None).await;
    reader.named("hello").await;
    let writers = (0..4).map(|writer| {
        let log = one.logs.wallet.clone();
        async move {
            for number in 0..25 {
                let data = json!({"owner": {"id": "C-T", "name": "T"}, "currency": "EUR"});
                append(&*log, &format!("W-T-{writer}-{number}"), &[("wallet.opened", data)]).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let read = async {
        let (known, place) = hear_of(&mut reader, BTreeSet::new(), 20).await;
        // The first server is gone. The browser connects to the other one.
        drop(reader);
        let mut moved = Listener::to(&other, "viewer", "topic=all", Some(&place)).await;
        moved.named("hello").await;
        hear_of(&mut moved, known, 100).await
    };
    let ((known, _), _) = tokio::join!(read, futures::future::join_all(writers));
    assert_eq!(known.len(), 100, "none was missed on the way");
    let query = json!({"query": {"text": "W-T"}});
    for ask in ["overview", "wallets"] {
        let newest = |mut answer: Value| {
            // Each server read the stores at a different time.
            answer["now"] = Value::Null;
            answer["checked"] = Value::Null;
            answer
        };
        let newest_of = async |app: &TestApp| newest(app.call(ask, &query).await.json());
        let mut tries = 0;
        while newest_of(&one).await != newest_of(&other).await {
            tries += 1;
            assert!(tries < 100, "{ask} differs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(one.call("overview", &json!({})).await.json()["wallets"], json!(101));
}
