//! The look-up of a customer over HTTP: who may use it, how often, and what of it is in the audit trail.

use axum::body::Body;
use chrono::TimeDelta;
use futures::future::join_all;
use ledgerscope::api::ApiError;
use leptos::server_fn::error::ServerFnUrlError;
use serde_json::{Value, json};

use crate::test_app::{Answer, TestApp, encoded, form};

const NAME: &str = "Ada <Lovelace>";

async fn look_up(app: &TestApp, who: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    app.send_as(who, "customer-look-up", fields).await
}

/// The look-ups in the audit trail, newest first: outcome, subject, detail.
async fn recorded(app: &TestApp) -> Vec<(String, Value, Value)> {
    let query = json!({"query": {"text": "look_up"}});
    let trail = app.call_as(Some("admin"), "audit", &query).await;
    let text = trail.text.to_lowercase();
    assert!(!text.contains("lovelace") && !text.contains("nobody"), "{text}");
    let rows = trail.json()["rows"].as_array().unwrap().clone();
    rows.into_iter()
        .map(|row| {
            let outcome = row["outcome"].as_str().unwrap().to_owned();
            (outcome, row["subject"].clone(), row["detail"].clone())
        })
        .collect()
}

#[tokio::test]
async fn the_whole_name_and_a_fact_find_the_customer() {
    let app = TestApp::new().await;
    let by_order = [("name", " ada  <LOVELACE>"), ("order", "O-1")];
    let by_total = [
        ("name", NAME),
        ("amount", "30"),
        ("currency", "eur"),
        ("day", "2026-01-01"),
    ];
    let by_refund = [
        ("name", NAME),
        ("amount", "9.99"),
        ("currency", "EUR"),
        ("day", "2026-01-01"),
    ];
    for fields in [&by_order[..], &by_total[..], &by_refund[..]] {
        let answer = look_up(&app, Some("support"), fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            (answer.json(), answer.header("location")),
            (json!("C-1"), "/customers/C-1")
        );
    }
    let page = app.get_as(Some("support"), "/customers/C-1").await;
    assert!(page.status == 200 && !page.text.contains("Lovelace"));
    let done = |detail: &str| ("done".to_owned(), json!("customer C-1"), json!(detail));
    assert_eq!(
        recorded(&app).await,
        [
            done("by 9.99 EUR on 2026-01-01: match"),
            done("by 30.00 EUR on 2026-01-01: match"),
            done("by the order O-1: match"),
        ]
    );
}

#[tokio::test]
async fn a_miss_is_recorded_without_what_was_typed() {
    let app = TestApp::new().await;
    let asked = |order: &str| json!({"order": order, "amount": "", "currency": "", "day": ""});
    let miss = look_up(&app, Some("support"), &[("name", "Lovelace"), ("order", "O-1")]).await;
    assert_eq!(miss.status, 404, "{}", miss.text);
    assert_eq!(miss.json(), json!({"code": "no_match", "asked": asked("O-1")}));
    // A name in the wrong field is neither recorded nor sent back.
    let wrong_field = [("name", NAME), ("order", "Lovelace")];
    let miss = look_up(&app, Some("support"), &wrong_field).await;
    assert_eq!(miss.json(), json!({"code": "no_match", "asked": asked("")}));
    let amount = [
        ("name", "Nobody"),
        ("amount", "30"),
        ("currency", "EUR"),
        ("day", "2026-01-02"),
    ];
    let miss = look_up(&app, Some("support"), &amount).await;
    let asked = json!({"order": "", "amount": "30.00", "currency": "EUR", "day": "2026-01-02"});
    assert_eq!(miss.json(), json!({"code": "no_match", "asked": asked}));
    let done = |detail: &str| ("done".to_owned(), Value::Null, json!(detail));
    assert_eq!(
        recorded(&app).await,
        [
            done("by 30.00 EUR on 2026-01-02: no match"),
            done("by an order that does not exist: no match"),
            done("by the order O-1: no match"),
        ]
    );
}

#[tokio::test]
async fn an_operator_has_twenty_tries_an_hour_on_all_servers() {
    let app = TestApp::new().await;
    let twin = app.twin().await;
    let (hit, miss) = (
        [("name", NAME), ("order", "O-1")],
        [("name", "Nobody"), ("order", "O-1")],
    );
    // Each server has its own form tokens, so each needs its own session.
    app.session("support").await;
    twin.session("support").await;
    let tries = (0..30).map(|n| {
        let server = if n % 3 == 0 { &twin } else { &app };
        look_up(server, Some("support"), if n % 2 == 0 { &hit } else { &miss })
    });
    let statuses: Vec<u16> = join_all(tries)
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(refused, 10, "{statuses:?}");
    let answer = look_up(&app, Some("support"), &hit).await;
    assert_eq!(answer.status, 429);
    let seconds = answer.json()["seconds"].as_u64().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    let trail = recorded(&app).await;
    let used_up = (
        "refused".to_owned(),
        Value::Null,
        json!("by an order: the tries of an hour are used up"),
    );
    assert_eq!(trail.iter().filter(|entry| **entry == used_up).count(), 11, "{trail:?}");
    assert_eq!(trail.iter().filter(|(outcome, ..)| outcome == "done").count(), 20);
    app.pass(TimeDelta::minutes(59));
    let fresh = app.fresh_session("support").await;
    assert_eq!(send_raw(&app, &fresh.cookie, &fresh.form_token, &hit).await.status, 429);
    app.pass(TimeDelta::minutes(2));
    assert_eq!(send_raw(&app, &fresh.cookie, &fresh.form_token, &hit).await.status, 200);
}

/// Sends the form with a given cookie and form token.
async fn send_raw(app: &TestApp, cookie: &str, token: &str, fields: &[(&str, &str)]) -> Answer {
    let request = request(token, fields, "application/json").header("cookie", cookie);
    app.ask(request.body(Body::from(body(token, fields))).unwrap()).await
}

fn all(token: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let token = [("form_token", token)];
    let pairs = token.iter().chain(fields);
    pairs
        .map(|(name, value)| (format!("form[{name}]"), (*value).to_owned()))
        .collect()
}

fn body(token: &str, fields: &[(&str, &str)]) -> String {
    encoded(&all(token, fields))
}

fn request(token: &str, fields: &[(&str, &str)], accept: &str) -> axum::http::request::Builder {
    form("/api/customer-look-up", &all(token, fields))
        .header("host", "127.0.0.1:3000")
        .header("accept", accept)
}

#[tokio::test]
async fn the_look_up_needs_a_role_without_names_and_a_form_token() {
    let app = TestApp::new().await;
    let fields = [("name", NAME), ("order", "O-1")];
    assert_eq!(look_up(&app, None, &fields).await.status, 401);
    for who in ["viewer", "finance", "admin"] {
        let answer = look_up(&app, Some(who), &fields).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (403, json!({"code": "forbidden"})),
            "{who}"
        );
        assert_eq!(app.get_as(Some(who), "/look-up").await.status, 403, "{who}");
    }
    let session = app.session("support").await;
    for token in ["", "0", &app.fresh_session("support").await.form_token] {
        let answer = send_raw(&app, &session.cookie, token, &fields).await;
        assert_eq!(answer.json(), json!({"code": "form_expired"}), "{token}");
    }
    let trail = recorded(&app).await;
    assert!(trail.iter().all(|(outcome, ..)| outcome == "refused"), "{trail:?}");
    assert_eq!(trail.len(), 3);
}

#[tokio::test]
async fn an_invalid_form_is_an_error_and_does_not_count_as_a_try() {
    let app = TestApp::new().await;
    let long = "é".repeat(5_000);
    let order = ("order", "O-1");
    let amount = |amount: &'static str, currency: &'static str, day: &'static str| {
        [("name", NAME), ("amount", amount), ("currency", currency), ("day", day)].to_vec()
    };
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![("name", ""), order], "name"),
        (vec![("name", " \u{a0}"), order], "name"),
        (vec![("name", &long), order], "name"),
        (vec![("name", "Ada\0Lovelace"), order], "name"),
        (vec![("name", "\u{301}\u{308}"), order], "name"),
        (vec![("name", NAME)], "order"),
        (vec![("name", NAME), ("order", "Ada Lovelace")], "order"),
        (vec![("name", NAME), ("order", &long)], "order"),
        (vec![("name", NAME), order, ("amount", "30")], "order"),
        (amount("30", "", "2026-01-01"), "currency"),
        (amount("30", "Lovelace", "2026-01-01"), "currency"),
        (amount("", "EUR", "2026-01-01"), "amount"),
        (amount("12,50", "EUR", "2026-01-01"), "amount"),
        (amount("Lovelace", "EUR", "2026-01-01"), "amount"),
        (amount("-1", "EUR", "2026-01-01"), "amount"),
        (amount("0", "EUR", "2026-01-01"), "amount"),
        (amount("1.234", "EUR", "2026-01-01"), "amount"),
        (amount("1.5", "JPY", "2026-01-01"), "amount"),
        (amount("1234567890123456789", "EUR", "2026-01-01"), "amount"),
        (amount("30", "EUR", ""), "day"),
        (amount("30", "EUR", "2026-02-30"), "day"),
        (amount("30", "EUR", "+12026-1-1"), "day"),
        (amount("30", "EUR", "Lovelace"), "day"),
    ];
    for (fields, field) in &cases {
        let answer = look_up(&app, Some("support"), fields).await;
        assert_eq!(answer.status, 422, "{fields:?}: {}", answer.text);
        assert_eq!(answer.json()["error"]["field"], json!(field), "{fields:?}");
        assert!(!answer.text.contains("Lovelace"), "{}", answer.text);
    }
    assert!(cases.len() > 20, "more than the tries of an hour");
    assert_eq!(recorded(&app).await, []);
    let right = look_up(&app, Some("support"), &[("name", NAME), order]).await;
    assert_eq!(right.status, 200);
}

#[tokio::test]
async fn without_javascript_no_name_is_in_an_address() {
    let app = TestApp::new().await;
    let session = app.session("support").await;
    let send = |fields: Vec<(&'static str, &'static str)>| {
        let (app, session) = (&app, &session);
        async move {
            let request = request(&session.form_token, &fields, "text/html,*/*")
                .header("cookie", &session.cookie)
                .header("referer", "http://127.0.0.1:3000/look-up");
            let body = body(&session.form_token, &fields);
            app.ask(request.body(Body::from(body)).unwrap()).await
        }
    };
    let hit = send(vec![("name", NAME), ("order", "O-1")]).await;
    assert_eq!((hit.status.as_u16(), hit.header("location")), (302, "/customers/C-1"));
    let fact = vec![
        ("name", NAME),
        ("amount", "31"),
        ("currency", "EUR"),
        ("day", "2026-01-01"),
    ];
    let miss = send(fact).await;
    let back = miss.header("location").to_owned();
    assert_eq!(miss.status, 302);
    assert!(back.starts_with("http://127.0.0.1:3000/look-up?__path="), "{back}");
    let page = app
        .get_as(Some("support"), back.strip_prefix("http://127.0.0.1:3000").unwrap())
        .await;
    assert_eq!(page.status, 200);
    for kept in ["No match", "value=\"31.00\"", "value=\"EUR\"", "value=\"2026-01-01\""] {
        assert!(page.text.contains(kept), "{kept}: {}", page.text);
    }
    let typed = send(vec![("name", NAME), ("order", "Ada Lovelace")]).await;
    for (answer, code) in [(&miss, "no_match"), (&typed, "field")] {
        let error = decoded(answer.header("location"));
        assert!(error.contains(code), "{error}");
        assert!(!error.contains("Lovelace") && !error.contains("Ada"), "{error}");
    }
}

/// The error in an address, as JSON.
fn decoded(address: &str) -> String {
    let error = address.split("__err=").nth(1).unwrap().replace("%3D", "=");
    let error: ApiError = ServerFnUrlError::decode_err(&error);
    serde_json::to_string(&error).unwrap()
}

#[tokio::test]
async fn a_look_up_that_cannot_be_recorded_is_refused() {
    let app = TestApp::new().await;
    app.session("support").await;
    // Another process locks the access log for longer than the timeout.
    let writer = rusqlite::Connection::open(app.access_log()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = look_up(&app, Some("support"), &[("name", NAME), ("order", "O-1")]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (503, json!({"code": "unrecorded"}))
    );
    assert_eq!(answer.header("location"), "");
}

#[tokio::test]
async fn the_form_is_offered_where_names_are_hidden() {
    let app = TestApp::new().await;
    let page = app.get_as(Some("support"), "/look-up").await;
    assert!(
        page.status == 200 && page.text.contains("id=\"look-up-name\""),
        "{}",
        page.text
    );
    let named = app.get_as(Some("support"), "/look-up?name=Lovelace").await;
    assert!(!named.text.contains("value=\"Lovelace\""));
    for (who, is_offered) in [("support", true), ("finance", false), ("viewer", false)] {
        for path in ["/customers", "/wallets?q=ada"] {
            let list = app.get_as(Some(who), path).await.text;
            assert_eq!(list.contains("href=\"/look-up\""), is_offered, "{path} as {who}");
            assert_eq!(
                list.contains("Names are hidden from your role; search an id or an amount."),
                is_offered
            );
        }
    }
}
