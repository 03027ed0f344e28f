//! Rate limits: by operator, by address, and for everybody together.

use std::num::NonZeroU32;

use axum::{body::Body, http::Request};
use ledgerscope::server::config::{Rates, ServerConfig};
use serde_json::json;

use crate::test_app::{TestApp, config, encoded, form, from};

fn few() -> ServerConfig {
    let rate = |n| NonZeroU32::new(n).unwrap();
    ServerConfig {
        rates: Rates {
            reads_a_minute: rate(5),
            writes_a_minute: rate(2),
            strangers_a_minute: rate(3),
        },
        ..config()
    }
}

#[tokio::test]
async fn each_operator_has_a_limit() {
    let app = TestApp::with(&few()).await;
    for _ in 0..5 {
        assert_eq!(app.call_as(Some("viewer"), "health", &json!({})).await.status, 200);
    }
    let answer = app.call_as(Some("viewer"), "health", &json!({})).await;
    assert_eq!(answer.status, 429);
    let seconds = answer.json()["seconds"].as_u64().unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    let page = app.get_as(Some("viewer"), "/wallets").await;
    assert_eq!(page.status, 429);
    assert!(!page.header("retry-after").is_empty() && page.text.contains("too many requests"));
    let query = json!({"query": {"text": "rate_limit"}});
    let trail = app.call_as(Some("admin"), "audit", &query).await.json();
    assert_eq!(
        (&trail["total"], &trail["rows"][0]["actor"]),
        (&json!(1), &json!("viewer"))
    );
    // Another session of the same operator has the same limit. Other operators are not affected.
    let other = app.fresh_session("viewer").await;
    let request = Request::get("/wallets")
        .header("host", "localhost")
        .header("cookie", other.cookie);
    assert_eq!(app.ask(request.body(Body::empty()).unwrap()).await.status, 429);
    assert_eq!(app.get_as(Some("finance"), "/wallets").await.status, 200);
}

#[tokio::test]
async fn forms_have_a_limit_of_their_own() {
    let app = TestApp::with(&few()).await;
    for _ in 0..2 {
        let answer = app
            .send_as(Some("finance"), "compensation-decline", &[("case", "CMP-1")])
            .await;
        assert_eq!(answer.status, 404, "{}", answer.text);
    }
    let answer = app
        .send_as(Some("finance"), "compensation-decline", &[("case", "CMP-1")])
        .await;
    assert_eq!(answer.status, 429);
    assert_eq!(
        app.get_as(Some("finance"), "/wallets").await.status,
        200,
        "reading goes on"
    );
}

#[tokio::test]
async fn without_javascript_a_refused_form_leads_back_to_its_page() {
    let app = TestApp::with(&few()).await;
    let session = app.session("finance").await;
    let fields = [
        ("form[case]".to_owned(), "CMP-1".to_owned()),
        ("form[form_token]".to_owned(), session.form_token),
    ];
    let mut last = None;
    for _ in 0..3 {
        let request = form("/api/compensation-decline", &fields)
            .header("accept", "text/html")
            .header("referer", "http://127.0.0.1:3000/compensations/CMP-1");
        let request = app.signed(request, Some("finance")).await;
        last = Some(app.ask(request.body(Body::from(encoded(&fields))).unwrap()).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status, 302);
    assert!(
        last.header("location")
            .starts_with("http://127.0.0.1:3000/compensations/CMP-1?__path=")
    );
}

#[tokio::test]
async fn strangers_are_counted_by_address() {
    let app = TestApp::with(&few()).await;
    let ask = |address: &str| {
        let request = from(Request::get("/sign-in"), address).header("host", "localhost");
        request.body(Body::empty()).unwrap()
    };
    for _ in 0..3 {
        assert_eq!(app.ask(ask("192.0.2.1")).await.status, 200);
    }
    assert_eq!(app.ask(ask("192.0.2.1")).await.status, 429);
    assert_eq!(app.ask(ask("192.0.2.2")).await.status, 200);
    // Without a trusted proxy, the client's own headers do not count.
    let request = from(Request::get("/sign-in"), "192.0.2.1")
        .header("host", "localhost")
        .header("x-forwarded-for", "192.0.2.9");
    assert_eq!(app.ask(request.body(Body::empty()).unwrap()).await.status, 429);
}
