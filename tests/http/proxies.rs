//! The server behind a company's proxy: only a trusted proxy may name the user. Also what a public address changes.

use axum::{
    body::Body,
    http::{HeaderName, Request, request::Builder},
};
use ledgerscope::server::config::ServerConfig;
use serde_json::json;

use crate::test_app::{Answer, PASSWORD, TestApp, config, encoded, form, from};

const PROXY: &str = "10.0.0.7";

fn trusting() -> ServerConfig {
    ServerConfig {
        trusted_proxy: vec![PROXY.parse().unwrap()],
        trusted_header: Some(HeaderName::from_static("x-remote-user")),
        public_url: Some("https://ledger.example.org".parse().unwrap()),
        ..config()
    }
}

fn get(path: &str, cookie: &str) -> Builder {
    Request::get(path)
        .header("host", "ledger.example.org")
        .header("cookie", cookie)
}

/// Requests a page through the proxy, which names a user or none.
async fn through_proxy(app: &TestApp, name: Option<&str>, cookie: &str) -> Answer {
    let request = from(get("/wallets", cookie), PROXY);
    let request = match name {
        Some(name) => request.header("x-remote-user", name),
        None => request,
    };
    app.ask(request.body(Body::empty()).unwrap()).await
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_named_by_the_proxy_is_signed_in() {
    let app = TestApp::with(&trusting()).await;
    let first = through_proxy(&app, Some("finance"), "").await;
    assert_eq!(first.status, 200);
    let session = cookie(&first);
    assert!(session.starts_with("__Host-ledgerscope="), "{session}");
    let second = through_proxy(&app, Some("finance"), &session).await;
    assert_eq!(
        (second.status.as_u16(), second.header("set-cookie")),
        (200, ""),
        "one session is enough"
    );
    let trail = app.access.audit;
    let page = trail
        .search(&serde_json::from_value(json!({"text": "sign_in"})).unwrap())
        .await
        .unwrap();
    assert_eq!(page.rows.iter().filter(|row| row.actor == "finance").count(), 1);
}

#[tokio::test]
async fn a_proxy_session_ends_when_the_proxy_names_another_or_nobody() {
    let app = TestApp::with(&trusting()).await;
    for change in [None, Some("viewer"), Some("nobody-here"), Some("")] {
        let session = cookie(&through_proxy(&app, Some("finance"), "").await);
        let answer = through_proxy(&app, change, &session).await;
        if change == Some("viewer") {
            assert_eq!(answer.status, 200);
            assert_ne!(cookie(&answer), session, "somebody else has a session of their own");
        } else {
            assert_eq!(answer.status, 303, "{change:?}");
        }
        let back = through_proxy(&app, Some("finance"), &session).await;
        assert_ne!(cookie(&back), "", "{change:?}: the former session came back");
    }
    // The session is not accepted from another address than the proxy's either.
    let session = cookie(&through_proxy(&app, Some("finance"), "").await);
    let past = from(get("/wallets", &session), "10.0.0.8");
    assert_eq!(app.ask(past.body(Body::empty()).unwrap()).await.status, 303);
}

#[tokio::test]
async fn the_header_is_ignored_from_any_other_address() {
    let app = TestApp::with(&trusting()).await;
    for peer in ["10.0.0.8", "127.0.0.1"] {
        let request = from(get("/wallets", ""), peer)
            .header("x-remote-user", "finance")
            .header("x-forwarded-for", PROXY);
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("set-cookie")),
            (303, ""),
            "{peer}"
        );
    }
    let app = TestApp::new().await;
    let request = from(Request::get("/wallets"), PROXY)
        .header("host", "127.0.0.1:3000")
        .header("x-remote-user", "finance");
    assert_eq!(
        app.ask(request.body(Body::empty()).unwrap()).await.status,
        303,
        "it is off by default"
    );
}

#[tokio::test]
async fn a_proxy_session_is_no_proof_of_a_password() {
    let app = TestApp::with(&trusting()).await;
    let session = cookie(&through_proxy(&app, Some("admin"), "").await);
    let me = from(get("/", &session), PROXY).header("x-remote-user", "admin");
    app.ask(me.body(Body::empty()).unwrap()).await;
    let call = |path: &str, body: &str, kind: &str| {
        from(Request::post(path), PROXY)
            .header("host", "ledger.example.org")
            .header("cookie", &session)
            .header("x-remote-user", "admin")
            .header("content-type", kind.to_owned())
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let page = from(get("/operators", &session), PROXY).header("x-remote-user", "admin");
    let page = app.ask(page.body(Body::empty()).unwrap()).await.text;
    let (_, token) = page.split_once("name=\"form_token\" value=\"").unwrap();
    let token = token.split('"').next().unwrap().to_owned();
    let change = |password: &str| {
        let fields = [
            ("act", "disable"),
            ("name", "viewer"),
            ("password", password),
            ("form_token", token.as_str()),
        ];
        let fields = fields.map(|(name, value)| (format!("form[{name}]"), value.to_owned()));
        call(
            "/api/operator-change",
            &encoded(&fields),
            "application/x-www-form-urlencoded",
        )
    };
    let without = app.ask(change("")).await;
    assert_eq!(without.json()["error"]["field"], json!("password"), "{}", without.text);
    assert_eq!(app.ask(change(PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn the_trail_has_the_address_that_the_proxy_saw() {
    let app = TestApp::with(&trusting()).await;
    let fields = [("form[name]", "finance"), ("form[password]", "wrong")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (peer, expected) in [(PROXY, "192.0.2.7"), ("10.0.0.8", "10.0.0.8")] {
        let request = from(form("/api/sign-in", &fields), peer)
            .header("host", "ledger.example.org")
            .header("x-forwarded-for", "6.6.6.6, 192.0.2.7");
        app.ask(request.body(Body::from(encoded(&fields))).unwrap()).await;
        let query = serde_json::from_value(json!({"text": "sign_in"})).unwrap();
        let newest = app.access.audit.search(&query).await.unwrap().rows.remove(0);
        assert_eq!(newest.from.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn the_public_address_is_an_accepted_host_and_sets_hsts() {
    let app = TestApp::with(&trusting()).await;
    for (host, status) in [
        ("ledger.example.org", 200),
        ("LEDGER.example.org:443", 200),
        ("127.0.0.1:3000", 200),
        ("evil.example", 421),
        ("ledger.example.org.evil.example", 421),
    ] {
        let request = Request::get("/sign-in").header("host", host).body(Body::empty());
        let answer = app.ask(request.unwrap()).await;
        assert_eq!(answer.status, status, "{host}");
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000; includeSubDomains",
            "{host}"
        );
    }
    let plain = TestApp::new().await.get("/").await;
    assert_eq!(plain.header("strict-transport-security"), "");
}

#[tokio::test]
async fn a_form_from_the_public_address_is_accepted_for_any_host() {
    let app = TestApp::with(&trusting()).await;
    let send = |origin: &str| {
        Request::post("/api/health")
            .header("host", "127.0.0.1:3000")
            .header("content-type", "application/json")
            .header("origin", origin)
            .body(Body::from("{}"))
            .unwrap()
    };
    assert_eq!(
        app.ask(send("https://ledger.example.org")).await.status,
        401,
        "only a session is missing"
    );
    assert_eq!(app.ask(send("http://ledger.example.org")).await.status, 403);
    assert_eq!(app.ask(send("https://evil.example")).await.status, 403);
}
