//! The access store does not answer: nobody can sign in, and nothing is shown that must be recorded.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::test_app::{PASSWORD, TestApp};

#[tokio::test]
async fn nobody_is_signed_in_while_the_access_store_is_down() {
    let app = TestApp::without_people().await;
    let cookie = format!("ledgerscope={}", "a".repeat(64));
    let with_token = |path: &str, method: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:3000");
        request.header("cookie", &cookie).body(Body::from("{}")).unwrap()
    };
    let page = app.ask(with_token("/wallets/W-1", "GET")).await;
    assert_eq!(page.status, 503);
    assert!(
        !page.text.contains("12.50") && !page.text.contains("127.0.0.1:1"),
        "{}",
        page.text
    );
    let file = app.ask(with_token("/export/refunds.csv", "GET")).await;
    assert_eq!(file.status, 503);
    let answer = app.ask(with_token("/api/overview", "POST")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (503, json!({"code": "unrecorded"}))
    );
    let fields = [("name", "finance"), ("password", PASSWORD)];
    let answer = app.send_as(None, "sign-in", &fields).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (503, json!({"code": "unrecorded"}))
    );
    assert_eq!(answer.header("set-cookie"), "");
    // Pages that need no session still work.
    assert_eq!(app.get_as(None, "/sign-in").await.status, 200);
}
