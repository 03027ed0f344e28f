//! Signing in and out over HTTP, and how sessions end: by their cookie, their age, their operator and their form token.

use axum::{
    body::Body,
    http::{Request, request},
};
use chrono::TimeDelta;
use ledgerscope::domain::access::Secret;
use serde_json::json;

use crate::test_app::{Answer, PASSWORD, TestApp, config, encoded, form};

/// Sends the form to sign in, with or without an existing session.
async fn sign_in(app: &TestApp, who: Option<&str>, name: &str, password: &str, next: &str) -> Answer {
    let fields = [("name", name), ("password", password), ("next", next)];
    app.send_as(who, "sign-in", &fields).await
}

/// Requests a page with this cookie.
async fn page(app: &TestApp, cookie: &str) -> Answer {
    app.ask(page_request(cookie).body(Body::empty()).unwrap()).await
}

/// Requests a page in the background, without an action of the reader.
async fn unasked(app: &TestApp, cookie: &str) -> Answer {
    let request = page_request(cookie).header("x-unasked", "1");
    app.ask(request.body(Body::empty()).unwrap()).await
}

fn page_request(cookie: &str) -> request::Builder {
    Request::get("/wallets")
        .header("host", "127.0.0.1:3000")
        .header("cookie", cookie)
}

/// The name and value of the cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn signing_in_gives_a_strict_cookie_and_leads_on() {
    let app = TestApp::new().await;
    let answer = sign_in(&app, None, "finance", PASSWORD, "/wallets/W-1?page=2").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (200, "/wallets/W-1?page=2")
    );
    let (name_and_token, attributes) = answer.header("set-cookie").split_once("; ").unwrap();
    let token = name_and_token.strip_prefix("ledgerscope=").unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(page(&app, name_and_token).await.status, 200);
    assert!(!answer.text.contains(token), "the token stands in the body");
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_the_host() {
    let mut config = config();
    config.public_url = Some("https://ledger.example.org".parse().unwrap());
    let app = TestApp::with(&config).await;
    let answer = sign_in(&app, None, "viewer", PASSWORD, "").await;
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-ledgerscope="), "{set}");
    assert!(set.ends_with("; Secure; HttpOnly; SameSite=Strict; Path=/"), "{set}");
    assert_eq!(page(&app, &cookie(&answer)).await.status, 200);
    let plain = cookie(&answer).replace("__Host-", "");
    assert_eq!(page(&app, &plain).await.status, 303, "another name is another cookie");
}

#[tokio::test]
async fn each_sign_in_starts_a_new_session_and_ends_the_previous_one() {
    let app = TestApp::new().await;
    let before = app.session("viewer").await;
    let answer = sign_in(&app, Some("viewer"), "viewer", PASSWORD, "").await;
    assert_ne!(cookie(&answer), before.cookie);
    assert_eq!(page(&app, &before.cookie).await.status, 303);
    assert_eq!(page(&app, &cookie(&answer)).await.status, 200);
    // A token that an attacker set beforehand is not used.
    let planted = format!("ledgerscope={}", "0".repeat(64));
    let request = form("/api/sign-in", &[])
        .header("host", "127.0.0.1:3000")
        .header("cookie", &planted);
    let body = encoded(&[
        ("form[name]".to_owned(), "viewer".to_owned()),
        ("form[password]".to_owned(), PASSWORD.to_owned()),
    ]);
    let request = request
        .header("content-length", body.len())
        .body(Body::from(body))
        .unwrap();
    let mut request = request;
    let length = request
        .headers()
        .get_all("content-length")
        .iter()
        .next_back()
        .cloned()
        .unwrap();
    request.headers_mut().insert("content-length", length);
    let answer = app.ask(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(cookie(&answer), planted);
    assert_eq!(page(&app, &planted).await.status, 303);
}

#[tokio::test]
async fn a_failed_sign_in_does_not_give_the_reason() {
    let app = TestApp::new().await;
    let wrong = sign_in(&app, None, "finance", "wrong", "").await;
    let nobody = sign_in(&app, None, "no-such-operator", "wrong", "").await;
    for answer in [&wrong, &nobody] {
        assert_eq!(answer.status, 422);
        assert_eq!(answer.header("set-cookie"), "");
        assert_eq!(answer.json()["error"]["field"], json!("password"));
    }
    assert_eq!(wrong.text, nobody.text);
    let trail = app
        .call_as(Some("admin"), "audit", &json!({"query": {"text": "sign_in"}}))
        .await
        .json();
    let actors: Vec<_> = trail["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["actor"].clone())
        .collect();
    assert_eq!(actors, [json!("(unknown)"), json!("finance")]);
    assert!(
        !trail.to_string().contains("no-such-operator"),
        "what was typed may have been a password"
    );
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let app = TestApp::new().await;
    for _ in 0..5 {
        assert_eq!(sign_in(&app, None, "finance", "wrong", "").await.status, 422);
    }
    let answer = sign_in(&app, None, "finance", PASSWORD, "").await;
    assert_eq!(answer.status, 429);
    let seconds = answer.json()["seconds"].as_u64().unwrap();
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    app.pass(TimeDelta::minutes(16));
    assert_eq!(sign_in(&app, None, "finance", PASSWORD, "").await.status, 200);
}

#[tokio::test]
async fn signing_in_leads_to_no_other_site() {
    let app = TestApp::new().await;
    for foreign in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/\t/evil.example",
        "javascript:x",
        "/api/sign-out",
    ] {
        let answer = sign_in(&app, None, "viewer", PASSWORD, foreign).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (200, "/"),
            "{foreign}"
        );
    }
    let admin = sign_in(&app, None, "admin", PASSWORD, "/").await;
    assert_eq!(
        admin.header("location"),
        "/operators",
        "administrators have no overview"
    );
}

#[tokio::test]
async fn without_javascript_a_form_leads_to_a_page() {
    let app = TestApp::new().await;
    let send = |password: &'static str| {
        let fields = [
            ("form[name]", "viewer"),
            ("form[password]", password),
            ("form[next]", "/orders"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = form("/api/sign-in", &fields)
            .header("host", "127.0.0.1:3000")
            .header("accept", "text/html,*/*")
            .header("referer", "http://127.0.0.1:3000/sign-in?next=%2Forders")
            .body(Body::from(encoded(&fields)));
        app.ask(request.unwrap())
    };
    let right = send(PASSWORD).await;
    assert_eq!((right.status.as_u16(), right.header("location")), (302, "/orders"));
    assert!(!cookie(&right).is_empty());
    let wrong = send("wrong").await;
    assert_eq!(wrong.status, 302);
    let back = wrong.header("location");
    assert!(
        back.starts_with("http://127.0.0.1:3000/sign-in?next=%2Forders&__path=") && back.contains("__err="),
        "{back}"
    );
    assert!(!back.contains("wrong") && !back.contains(PASSWORD), "{back}");
}

#[tokio::test]
async fn signing_out_needs_the_form_token_and_ends_the_session() {
    let app = TestApp::new().await;
    let session = app.session("viewer").await;
    let forged = app
        .ask(
            app.signed(form("/api/sign-out", &[]), Some("viewer"))
                .await
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(forged.status, 400, "{}", forged.text);
    assert_eq!(page(&app, &session.cookie).await.status, 200);
    let answer = app.send_as(Some("viewer"), "sign-out", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, "/sign-in"));
    assert_eq!(
        answer.header("set-cookie"),
        "ledgerscope=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"
    );
    assert_eq!(page(&app, &session.cookie).await.status, 303);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_after_half_a_day() {
    let app = TestApp::new().await;
    let idle = app.fresh_session("viewer").await;
    let used = app.fresh_session("viewer").await;
    app.pass(TimeDelta::minutes(14));
    assert_eq!(page(&app, &used.cookie).await.status, 200);
    assert_eq!(unasked(&app, &idle.cookie).await.status, 200);
    app.pass(TimeDelta::minutes(2));
    let ended = page(&app, &idle.cookie).await;
    assert_eq!(ended.status, 303);
    assert!(
        ended.header("set-cookie").contains("Max-Age=0"),
        "the cookie is not removed"
    );
    // A session that is used all day ends, too.
    for _ in 0..58 {
        assert_eq!(page(&app, &used.cookie).await.status, 200);
        app.pass(TimeDelta::minutes(12));
    }
    assert_eq!(page(&app, &used.cookie).await.status, 200);
    app.pass(TimeDelta::minutes(12));
    assert_eq!(page(&app, &used.cookie).await.status, 303);
}

#[tokio::test]
async fn sessions_end_when_their_operator_changes() {
    let app = TestApp::new().await;
    let operators = app.access.auth.operators();
    let name = "viewer".parse().unwrap();
    let session = app.fresh_session("viewer").await;
    operators.disable(&name, "test").await.unwrap();
    assert_eq!(page(&app, &session.cookie).await.status, 303);
    assert_eq!(sign_in(&app, None, "viewer", PASSWORD, "").await.status, 422);
    operators.enable(&name, "test").await.unwrap();
    assert_eq!(
        page(&app, &session.cookie).await.status,
        303,
        "an ended session must not be valid again"
    );
    let session = app.fresh_session("viewer").await;
    operators
        .reset(&name, Some(Secret("another long password".to_owned())), "test")
        .await
        .unwrap();
    assert_eq!(page(&app, &session.cookie).await.status, 303);
}

#[tokio::test]
async fn demo_operators_cannot_sign_in_on_a_public_server() {
    let app = TestApp::new().await;
    app.add_demo("demo").await;
    assert_eq!(sign_in(&app, None, "demo", PASSWORD, "").await.status, 200);
    let mut config = config();
    config.public_url = Some("http://ledger.example.org".parse().unwrap());
    let app = TestApp::with(&config).await;
    app.add_demo("demo").await;
    assert_eq!(sign_in(&app, None, "demo", PASSWORD, "").await.status, 422);
    let session = app.fresh_session("demo").await;
    assert_eq!(page(&app, &session.cookie).await.status, 303);
}

#[tokio::test]
async fn a_form_of_another_session_is_refused() {
    let app = TestApp::new().await;
    let other = app.fresh_session("finance").await;
    app.session("finance").await;
    for token in ["", "0", &other.form_token] {
        for function in [
            "compensation-issue",
            "compensation-approve",
            "compensation-decline",
            "compensation-withdraw",
        ] {
            let fields = [("form[form_token]", token), ("form[case]", "CMP-1")];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let request = app
                .signed(form(&format!("/api/{function}"), &fields), Some("finance"))
                .await;
            let answer = app.ask(request.body(Body::from(encoded(&fields))).unwrap()).await;
            assert_eq!(answer.status, 403, "{function}: {}", answer.text);
            assert_eq!(answer.json(), json!({"code": "form_expired"}), "{function}");
        }
    }
}

#[tokio::test]
async fn the_list_of_operators_has_no_secrets() {
    let app = TestApp::new().await;
    let rows = app.call_as(Some("admin"), "operators", &json!({})).await;
    assert_eq!(rows.json().as_array().unwrap().len(), 5);
    assert!(!rows.text.contains("argon2"), "a hash reached the browser");
}
