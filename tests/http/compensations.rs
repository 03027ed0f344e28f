//! Compensations over HTTP: preview, issue or proposal, approval by another person, and a repeated proof if the last
//! one is old. `tests/compensations` tests the decisions; this file tests permissions and answers.

use chrono::TimeDelta;
use ledgerscope::domain::ids::{EntityId, Position};
use serde_json::{Value, json};

use crate::test_app::{Answer, PASSWORD, TestApp};

/// The fields of a form that credits W-1, from its preview.
async fn previewed(app: &TestApp, who: &str, amount: &str) -> (Vec<(&'static str, String)>, Value) {
    let draft = json!({
        "command": "credit_wallet", "subject": "W-1", "item": "", "amount": amount,
        "reason": "goodwill", "note": "sorry",
    });
    let arguments = json!({"draft": draft, "seen": ""});
    let form = app.call_as(Some(who), "compensation-form", &arguments).await.json();
    let preview = form["outcome"]["ready"].clone();
    let pins: Vec<_> = preview["pins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pin| format!("{}:{}:{}", text(&pin["domain"]), text(&pin["id"]), pin["sequence"]))
        .collect();
    let fields = vec![
        ("command", "credit_wallet".to_owned()),
        ("subject", "W-1".to_owned()),
        ("amount", amount.to_owned()),
        ("reason", "goodwill".to_owned()),
        ("note", "sorry".to_owned()),
        ("case", text(&preview["case"])),
        ("command_hash", text(&preview["command_hash"])),
        ("seen", pins.join(",")),
        ("amount_again", amount.to_owned()),
    ];
    (fields, preview)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn send(app: &TestApp, who: &str, function: &str, fields: &[(&'static str, String)]) -> Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.send_as(Some(who), function, &fields).await
}

async fn events_of_the_wallet(app: &TestApp) -> usize {
    let id = EntityId::new("W-1").unwrap();
    app.logs.wallet.read(&id, Position::START, 100).await.unwrap().len()
}

#[tokio::test]
async fn a_repeated_form_within_the_limit_is_issued_once() {
    let app = TestApp::new().await;
    let (fields, preview) = previewed(&app, "finance", "5.00").await;
    assert_eq!(events_of_the_wallet(&app).await, 2, "a preview writes nothing");
    for _ in 0..3 {
        let answer = send(&app, "finance", "compensation-issue", &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json(), preview["case"]);
        assert_eq!(
            answer.header("location"),
            format!("/compensations/{}", text(&preview["case"]))
        );
    }
    assert_eq!(events_of_the_wallet(&app).await, 3);
    let case = app.get(&format!("/compensations/{}", text(&preview["case"]))).await;
    assert_eq!(case.status, 200);
    assert!(case.text.contains("sorry"));
}

#[tokio::test]
async fn finance_approves_a_proposal_of_support() {
    let app = TestApp::new().await;
    let (fields, preview) = previewed(&app, "support", "5.00").await;
    let answer = send(&app, "support", "compensation-issue", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(events_of_the_wallet(&app).await, 2, "a proposal moves nothing");
    let decision = [
        ("case", text(&preview["case"])),
        ("command_hash", text(&preview["command_hash"])),
    ];
    for nobody_who_may in ["support", "viewer", "admin"] {
        let answer = send(&app, nobody_who_may, "compensation-approve", &decision).await;
        assert_eq!(answer.status, 403, "{nobody_who_may}");
    }
    assert_eq!(app.call("approvals-waiting", &json!({})).await.json(), json!(1));
    let answer = send(&app, "finance", "compensation-approve", &decision).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(events_of_the_wallet(&app).await, 3);
    assert_eq!(app.call("approvals-waiting", &json!({})).await.json(), json!(0));
}

#[tokio::test]
async fn a_case_is_listed_by_state_and_operator_and_old_addresses_lead_there() {
    let app = TestApp::new().await;
    let (fields, preview) = previewed(&app, "support", "5.00").await;
    assert_eq!(send(&app, "support", "compensation-issue", &fields).await.status, 200);
    let case = text(&preview["case"]);
    for (path, listed) in [
        ("/cases", true),
        ("/cases?state=proposed", true),
        ("/cases?state=issued", false),
        ("/cases?operator=support", true),
        ("/cases?operator=finance", false),
        ("/cases?currency=EUR&min=5&max=5", true),
        ("/cases?currency=EUR&min=5.01", false),
        ("/cases?q=W-1", true),
        ("/cases?to=2020-01-01", false),
    ] {
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.text.contains(&format!("data-key=\"{case}\"")), listed, "{path}");
    }
    for (old, new) in [
        ("/approvals", "/cases?state=proposed"),
        ("/approvals?list=open", "/cases?state=proposed"),
        ("/approvals?list=mine&page=2", "/cases?operator=finance"),
        ("/approvals?list=all", "/cases"),
        ("/compensations", "/cases"),
        ("/compensations?list=for_me", "/cases?state=proposed"),
    ] {
        let answer = app.get(old).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (307, new), "{old}");
    }
    let home = app.get("/").await;
    assert!(home.text.contains("href=\"/cases?state=proposed\""));
}

#[tokio::test]
async fn a_proposer_cannot_approve_from_any_session() {
    let app = TestApp::new().await;
    let (fields, preview) = previewed(&app, "finance", "60.00").await;
    assert_eq!(send(&app, "finance", "compensation-issue", &fields).await.status, 200);
    let decision = [
        ("case", text(&preview["case"])),
        ("command_hash", text(&preview["command_hash"])),
    ];
    let own = send(&app, "finance", "compensation-approve", &decision).await;
    assert_eq!(
        (own.status.as_u16(), &own.json()["code"]),
        (422, &json!("refused")),
        "{}",
        own.text
    );
    assert_eq!(events_of_the_wallet(&app).await, 2);
    assert_eq!(
        send(&app, "finance2", "compensation-approve", &decision).await.status,
        200
    );
    assert_eq!(events_of_the_wallet(&app).await, 3);
}

#[tokio::test]
async fn an_old_proof_must_be_repeated() {
    let app = TestApp::new().await;
    app.session("finance").await;
    app.pass(TimeDelta::minutes(6));
    let (mut fields, preview) = previewed(&app, "finance", "5.00").await;
    assert_eq!(preview["password_needed"], json!(true));
    let without = send(&app, "finance", "compensation-issue", &fields).await;
    assert_eq!(without.status, 422);
    assert_eq!(without.json()["error"]["field"], json!("password"), "{}", without.text);
    fields.push(("password", "wrong".to_owned()));
    let wrong = send(&app, "finance", "compensation-issue", &fields).await;
    assert_eq!(wrong.json()["error"]["field"], json!("password"), "{}", wrong.text);
    assert_eq!(events_of_the_wallet(&app).await, 2);
    fields.last_mut().unwrap().1 = PASSWORD.to_owned();
    let right = send(&app, "finance", "compensation-issue", &fields).await;
    assert_eq!(right.status, 200, "{}", right.text);
    assert_eq!(
        events_of_the_wallet(&app).await,
        3,
        "a refused try does not use the form up"
    );
}

#[tokio::test]
async fn a_form_with_an_outdated_preview_issues_nothing() {
    let app = TestApp::new().await;
    let (stale, _) = previewed(&app, "finance", "5.00").await;
    let (fresh, _) = previewed(&app, "finance2", "1.00").await;
    assert_eq!(send(&app, "finance2", "compensation-issue", &fresh).await.status, 200);
    let answer = send(&app, "finance", "compensation-issue", &stale).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (409, json!({"code": "moved"})));
    assert_eq!(events_of_the_wallet(&app).await, 3);
}
