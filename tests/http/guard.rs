//! Rules for all pages and server functions: the security policy, limits, and refusals.

use axum::{body::Body, http::Request};

use crate::test_app::TestApp;

#[tokio::test]
async fn a_page_names_the_nonce_of_its_own_scripts() {
    let app = TestApp::new().await;
    let page = app.get("/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let policy = page.header("content-security-policy");
    let nonce = policy
        .split_once("script-src 'nonce-")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(nonce, _)| nonce)
        .unwrap();
    let scripts = page.text.matches("<script").count();
    assert!(scripts > 0, "leptos hands resources over in scripts");
    assert_eq!(page.text.matches(&format!("nonce=\"{nonce}\"")).count(), scripts);
    let again = app.get("/").await;
    assert_ne!(again.header("content-security-policy"), policy);
}

#[tokio::test]
async fn an_unknown_address_is_a_page() {
    let answer = TestApp::new().await.get("/no/such/page").await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-security-policy").contains("script-src 'nonce-"));
    assert!(answer.text.contains("<h1"));
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let answer = TestApp::new()
        .await
        .call("no-such-function", &serde_json::json!({}))
        .await;
    assert_eq!(answer.status, 404);
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn another_host_name_is_refused() {
    let app = TestApp::new().await;
    for host in ["evil.example", "127.0.0.1.evil.example:3000"] {
        let request = Request::get("/").header("host", host).body(Body::empty());
        assert_eq!(app.ask(request.unwrap()).await.status, 421, "{host}");
    }
    let nameless = Request::get("/").body(Body::empty());
    assert_eq!(app.ask(nameless.unwrap()).await.status, 421);
}

#[tokio::test]
async fn a_form_on_another_site_is_refused() {
    let app = TestApp::new().await;
    let session = app.session("viewer").await;
    let from = |header: &str, value: &str| {
        Request::post("/api/health")
            .header("cookie", &session.cookie)
            .header("host", "127.0.0.1:3000")
            .header("content-type", "application/json")
            .header(header, value)
            .body(Body::from("{}"))
            .unwrap()
    };
    let other_site = from("sec-fetch-site", "cross-site");
    assert_eq!(app.ask(other_site).await.status, 403);
    let old_browser = from("origin", "https://evil.example");
    assert_eq!(app.ask(old_browser).await.status, 403);
    let own_page = from("sec-fetch-site", "same-origin");
    assert_eq!(app.ask(own_page).await.status, 200);
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let app = TestApp::new().await;
    let long = serde_json::json!({"id": "W-1", "query": {}, "padding": "x".repeat(300_000)});
    assert_eq!(app.call("wallet", &long).await.status, 413);
}

#[tokio::test]
async fn a_page_is_compressed_if_the_client_accepts_it() {
    let app = TestApp::new().await;
    let router = app.router();
    let session = app.session("viewer").await;
    for encoding in ["br", "gzip"] {
        let request = Request::get("/")
            .header("host", "localhost")
            .header("cookie", &session.cookie)
            .header("accept-encoding", encoding)
            .body(Body::empty());
        let response = tower::ServiceExt::oneshot(router.clone(), request.unwrap())
            .await
            .unwrap();
        assert_eq!(response.headers()["content-encoding"], encoding);
    }
}
