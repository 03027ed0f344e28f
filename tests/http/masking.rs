//! Names are masked for roles that may not read them: support sees figures, ids and reasons, and can't search by name.
//! Reading names is recorded in the audit trail.

use chrono::TimeDelta;
use ledgerscope::{
    domain::access::Role,
    server::permissions::{FUNCTIONS, PAGES},
};
use serde_json::json;

use crate::{
    permissions::{FORMS, arguments},
    test_app::TestApp,
};

/// Texts that must not be in an answer to support, in lower case.
const PERSONAL: [&str; 2] = ["lovelace", "ada <"];

fn check(what: &str, text: &str) {
    let text = text.to_lowercase();
    for personal in PERSONAL {
        assert!(!text.contains(personal), "{what} shows {personal}: {text}");
    }
}

#[tokio::test]
async fn no_answer_to_support_holds_a_name() {
    let app = TestApp::new().await;
    for function in FUNCTIONS.iter().filter(|function| !FORMS.contains(&function.name)) {
        let answer = app
            .call_as(Some("support"), function.name, &arguments(function.name))
            .await;
        check(function.name, &answer.text);
    }
    for (subject, position) in [("W-1", "1-0"), ("O-1", "1-0")] {
        let domain = if subject == "W-1" { "wallet" } else { "order" };
        let event = json!({"domain": domain, "subject": subject, "position": position});
        let answer = app.call_as(Some("support"), "event", &event).await;
        assert!(answer.text.contains("(masked)"), "{}", answer.text);
        check(subject, &answer.text);
        let page = app
            .get_as(Some("support"), &format!("/events/{domain}/{subject}/{position}"))
            .await;
        assert_eq!(page.status, 200);
        check(subject, &page.text);
    }
    for (route, gate) in PAGES.iter().filter(|(_, gate)| gate.lets(Role::Support)) {
        let id = if route.starts_with("/orders") { "O-1" } else { "W-1" };
        let path = route.replace("{id}", id).replace("{refund}", "R-1");
        check(route, &app.get_as(Some("support"), &path).await.text);
        let _ = gate;
    }
}

#[tokio::test]
async fn masked_events_replay_to_the_same_figures() {
    let app = TestApp::new().await;
    for (function, figures) in [("wallet", "balances"), ("order", "sums")] {
        let masked = app
            .call_as(Some("support"), function, &arguments(function))
            .await
            .json();
        let plain = app
            .call_as(Some("finance"), function, &arguments(function))
            .await
            .json();
        assert_eq!(masked[figures], plain[figures]);
        assert_eq!(
            masked["timeline"]["rows"].as_array().map(Vec::len),
            plain["timeline"]["rows"].as_array().map(Vec::len)
        );
        assert_ne!(masked, plain);
    }
    let order = app.call_as(Some("support"), "order", &arguments("order")).await;
    assert_eq!(order.json()["lines"]["rows"][0]["title"], json!("Mug"));
    assert_eq!(order.json()["customer"], json!({"id": "C-1", "name": "(masked)"}));
}

#[tokio::test]
async fn support_finds_nothing_by_a_name() {
    let app = TestApp::new().await;
    for (function, by_id) in [("wallets", "C-1"), ("orders", "C-1"), ("refunds", "C-1")] {
        let found = |who: &'static str, text: &str| {
            let query = json!({"query": {"text": text}});
            let app = &app;
            async move { app.call_as(Some(who), function, &query).await.json()["total"]["exactly"].clone() }
        };
        assert_eq!(found("finance", "lovelace").await, json!(1), "{function}");
        assert_eq!(found("support", "lovelace").await, json!(0), "{function}");
        assert_eq!(found("support", by_id).await, json!(1), "{function}");
    }
    let page = app.get_as(Some("support"), "/search?q=ada").await;
    assert!(!page.text.contains("W-1"), "the search page is an oracle");
}

#[tokio::test]
async fn reading_names_is_recorded_once_a_minute() {
    let app = TestApp::new().await;
    let views = || async {
        let query = json!({"query": {"text": "view"}});
        let trail = app.call_as(Some("admin"), "audit", &query).await.json();
        let rows = trail["rows"].as_array().unwrap().clone();
        let texts = rows.iter().map(|row| {
            format!(
                "{} {}",
                row["actor"].as_str().unwrap(),
                row["subject"].as_str().unwrap()
            )
        });
        texts.collect::<Vec<_>>()
    };
    for _ in 0..3 {
        app.call_as(Some("finance"), "wallet", &arguments("wallet")).await;
        app.call_as(Some("finance"), "wallet-history", &arguments("wallet-history"))
            .await;
    }
    app.call_as(Some("support"), "wallet", &arguments("wallet")).await;
    assert_eq!(views().await, ["finance wallet W-1"]);
    app.call_as(Some("viewer"), "order", &arguments("order")).await;
    app.pass(TimeDelta::seconds(61));
    app.call_as(Some("finance"), "wallet", &arguments("wallet")).await;
    assert_eq!(
        views().await,
        ["finance wallet W-1", "viewer order O-1", "finance wallet W-1"]
    );
}
