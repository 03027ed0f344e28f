//! Server functions: their answers and their errors.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::test_app::TestApp;

#[tokio::test]
async fn functions_answer_queries() {
    let app = TestApp::new().await;
    let refunds = app.call("refunds", &json!({"query": {}})).await;
    assert_eq!(refunds.status, 200, "{}", refunds.text);
    let page = refunds.json();
    assert_eq!(
        (&page["total"], &page["rows"][0]["refund"]),
        (&json!({"exactly": 1}), &json!("R-1"))
    );
    assert_eq!(page["rows"][0]["overdue"], json!(true));
    assert_eq!(page["sums"][0]["amount"], json!("9.99"));
    let wallet = app.call("wallet", &json!({"id": "W-1", "query": {}})).await.json();
    assert_eq!(wallet["balances"]["available"], json!("12.50"));
    let first = json!({"id": "W-1", "query": {"filter": {"sequence": 1}}});
    let wallet = app.call("wallet", &first).await.json();
    assert_eq!(wallet["balances"]["available"], json!("0.00"));
    let order = app.call("order", &json!({"id": "O-1", "query": {}})).await.json();
    assert_eq!(order["sums"]["refundable"], json!("20.01"));
    let refund = app
        .call("refund", &json!({"refund": "R-1", "order": null}))
        .await
        .json();
    assert_eq!(refund["story"].as_array().map(Vec::len), Some(3));
    let overview = app.call("overview", &json!({})).await.json();
    assert_eq!((&overview["orders"], &overview["wallets"]), (&json!(2), &json!(1)));
    let findings = app.call("findings", &json!({"query": {}})).await.json();
    assert_eq!(findings["rows"][0]["finding"], json!("history_incomplete"));
    let history = app
        .call("wallet-history", &json!({"id": "W-1", "after": null}))
        .await
        .json();
    assert_eq!(history["entries"].as_array().map(Vec::len), Some(2));
    let health = app.call("health", &json!({})).await.json();
    assert_eq!(health[0]["state"], json!("live"));
}

#[tokio::test]
async fn errors_have_a_code() {
    let app = TestApp::new().await;
    for (function, arguments, code) in [
        ("wallet", json!({"id": "W-9", "query": {}}), "not_found"),
        ("order", json!({"id": "O-9", "query": {}}), "not_found"),
        ("refund", json!({"refund": "R-9", "order": null}), "not_found"),
        (
            "event",
            json!({"domain": "wallet", "subject": "W-1", "position": "77-0"}),
            "not_found",
        ),
        ("refunds", json!({"query": {"text": "x".repeat(101)}}), "invalid"),
        ("wallet", json!({"id": "feed", "query": {}}), "invalid"),
        ("wallet", json!({"id": "W/1", "query": {}}), "invalid"),
        (
            "event",
            json!({"domain": "meta", "subject": "W-1", "position": "1-0"}),
            "invalid",
        ),
        ("refunds", json!({"query": {"states": ["lost"]}}), "invalid"),
        ("holds", json!({"query": {"states": ["open", "frozen"]}}), "invalid"),
        ("cases", json!({"query": {"operator": "x".repeat(257)}}), "invalid"),
        ("refunds", json!({"query": {"reasons": vec!["x"; 65]}}), "invalid"),
        ("wallets", json!({"query": {"min": "1,5"}}), "invalid"),
        ("findings", json!({"query": {"at": {"beside": "x"}}}), "invalid"),
        ("refunds", json!([]), "invalid"),
    ] {
        let answer = app.call(function, &arguments).await;
        assert!(!answer.status.is_success(), "{function} {arguments}: {}", answer.text);
        assert_eq!(answer.json()["code"], json!(code), "{function} {arguments}");
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_is_the_first_page_and_says_so() {
    let app = TestApp::new().await;
    for (function, at) in [("refunds", "after"), ("wallets", "before"), ("cases", "after")] {
        let answer = app.call(function, &json!({"query": {"at": {at: "!"}}})).await;
        assert_eq!(answer.status, 200, "{function}: {}", answer.text);
        assert!(answer.json()["note"].is_string(), "{function}: {}", answer.text);
        assert_eq!(answer.json()["previous"], Value::Null, "{function}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let app = TestApp::new().await;
    let long = json!({"query": {"text": "x".repeat(1_000_000)}});
    let answer = app.call("refunds", &long).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn other_sites_and_other_hosts_are_refused() {
    let app = TestApp::new().await;
    let session = app.session("finance").await;
    let ask = |host: &str, site: &str, origin: &str| {
        Request::post("/api/overview")
            .header("cookie", &session.cookie)
            .header("host", host)
            .header("content-type", "application/json")
            .header("sec-fetch-site", site)
            .header("origin", origin)
            .body(Body::from("{}"))
            .unwrap()
    };
    let own = "http://127.0.0.1:3000";
    assert_eq!(app.ask(ask("127.0.0.1:3000", "same-origin", own)).await.status, 200);
    let cross = app
        .ask(ask("127.0.0.1:3000", "cross-site", "http://evil.example"))
        .await;
    assert_eq!(cross.status, 403);
    let rebound = app.ask(ask("evil.example", "same-origin", "http://evil.example")).await;
    assert!(rebound.status.is_client_error(), "{}", rebound.status);
}

#[tokio::test]
async fn a_store_that_is_down_is_named_and_the_rest_goes_on() {
    let app = TestApp::without_wallets().await;
    let answer = app.call("wallet", &json!({"id": "W-1", "query": {}})).await;
    assert_eq!(answer.json(), json!({"code": "store_down", "domain": "wallet"}));
    let orders = app.call("orders", &json!({"query": {}})).await.json();
    assert_eq!(orders["total"], json!({"exactly": 2}));
    let refund = app
        .call("refund", &json!({"refund": "R-1", "order": null}))
        .await
        .json();
    assert_eq!(refund["missing"], json!(["wallet"]));
    let health = app.call("health", &json!({})).await.json();
    assert!(health[0]["state"]["down"].is_object(), "{health}");
    let said = health.to_string();
    assert!(!said.contains("127.0.0.1"), "an address reached the browser: {said}");
    assert_ne!(health[1]["state"], Value::Null);
}
