//! Health, metrics and request ids, for those who operate the server.

use axum::{body::Body, http::Request};
use ledgerscope::server::config::ServerConfig;
use serde_json::json;

use crate::test_app::{TestApp, config, from};

#[tokio::test]
async fn probes_need_no_session_and_contain_no_figures() {
    let app = TestApp::new().await;
    let probe = |path: &str| {
        Request::get(path)
            .header("host", "10.1.2.3:3000")
            .body(Body::empty())
            .unwrap()
    };
    let alive = app.ask(probe("/healthz")).await;
    assert_eq!((alive.status.as_u16(), alive.text.as_str()), (200, "ok\n"));
    let ready = app.ask(probe("/readyz")).await;
    assert_eq!(ready.status, 200);
    let stores = json!({"wallet": "live", "order": "live"});
    assert_eq!(ready.json(), json!({"status": "ready", "stores": stores}));
    assert_eq!(ready.header("cache-control"), "no-store");
    // The figures are on another listener.
    assert_eq!(app.get_as(None, "/metrics").await.status, 303);
}

#[tokio::test]
async fn the_server_is_not_ready_until_every_store_is_read() {
    let app = TestApp::without_wallets().await;
    let ready = app.get_as(None, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(
        ready.json(),
        json!({"status": "loading", "stores": {"wallet": "down", "order": "live"}})
    );
    assert_eq!(app.get_as(None, "/healthz").await.status, 200);
    let numbers = app.figures("/readyz").await;
    assert_eq!(numbers.status, 503);
    let order = &numbers.json()["stores"]["order"];
    assert_eq!(order["state"], json!("live"));
    // Filling the read model has compared every stream.
    let checked_at = order["checked_at"]
        .as_str()
        .unwrap()
        .parse::<chrono::DateTime<chrono::Utc>>();
    assert!(checked_at.unwrap() <= chrono::Utc::now());
}

#[tokio::test]
async fn metrics_can_be_parsed_and_contain_no_names() {
    let app = TestApp::new().await;
    app.get("/wallets/W-1").await;
    app.call("wallets", &json!({"query": {}})).await;
    app.get_as(None, "/no/such/page").await;
    let figures = app.figures("/metrics").await;
    assert_eq!(figures.status, 200);
    for line in figures.text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("ledgerscope_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    for expected in [
        "# TYPE ledgerscope_requests counter",
        r#"ledgerscope_requests_total{route="/wallets/{id}",method="GET",status="200"} 1"#,
        r#"ledgerscope_request_duration_seconds_count{route="/api/wallets",method="POST"} 1"#,
        r#"ledgerscope_index_rows{kind="wallets"} 1"#,
        r#"ledgerscope_index_rows{kind="pending_refunds"} 1"#,
        r#"ledgerscope_store_up{store="order"} 1"#,
        r#"ledgerscope_feed_lag_seconds{store="wallet"} 0"#,
        "ledgerscope_events 7",
        "ledgerscope_requests_in_flight 0",
        "ledgerscope_live_readers 0",
        r#"ledgerscope_appends_total{log="wallet",outcome="unknown"} "#,
        "ledgerscope_build_info{",
    ] {
        assert!(figures.text.contains(expected), "{expected}\n{}", figures.text);
    }
    for name in ["W-1", "O-1", "finance", "no/such"] {
        assert!(!figures.text.contains(name), "{name}");
    }
}

#[tokio::test]
async fn every_request_has_an_id_and_only_a_known_proxy_may_give_it() {
    let trusting = ServerConfig {
        trusted_proxy: vec!["10.0.0.7".parse().unwrap()],
        ..config()
    };
    let app = TestApp::with(&trusting).await;
    let ask = |address: &str, id: &str| {
        let request = from(Request::get("/healthz"), address).header("x-request-id", id);
        request.body(Body::empty()).unwrap()
    };
    let given = app.ask(ask("10.0.0.7", "edge-1")).await;
    assert_eq!(given.header("x-request-id"), "edge-1");
    for (address, id) in [("192.0.2.1", "edge-1"), ("10.0.0.7", "a b"), ("10.0.0.7", "")] {
        let answer = app.ask(ask(address, id)).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{address} {id}");
    }
}
