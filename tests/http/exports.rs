//! Lists as files: their content, their cells in spreadsheets, who may download them, and their entries in the audit
//! trail.

use axum::{body::Body, http::Request};
use ledgerscope::{
    domain::{event::NewEvent, ids::EntityId},
    event_log::Expected,
};
use serde_json::json;

use crate::test_app::{TestApp, append};

#[tokio::test]
async fn refunds_are_filtered_as_on_their_page() {
    let app = TestApp::new().await;
    let file = app.get("/export/refunds.csv").await;
    assert_eq!(file.status, 200, "{}", file.text);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"refunds.csv\""
    );
    assert_eq!(file.header("cache-control"), "no-store");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    let lines: Vec<_> = file.text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("\"refund\",\"order\",\"wallet\",\"state\""),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with("\"R-1\",\"O-1\",\"W-1\",\"requested\",\"finance\",\"9.99\",\"EUR\""),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with(",\"C-1\""), "{}", lines[1]);
    let none = app.get("/export/refunds.csv?state=approved").await;
    assert_eq!(none.text.lines().count(), 1);
    let too_long = app.get(&format!("/export/refunds.csv?q={}", "x".repeat(101))).await;
    assert!(too_long.status == 200 || too_long.status == 400, "{}", too_long.status);
    let findings = app.get("/export/findings.csv").await;
    assert!(
        findings.text.contains("\"history_incomplete\",\"medium\""),
        "{}",
        findings.text
    );
    assert_eq!(
        app.get("/export/findings.csv?kind=credited_twice")
            .await
            .text
            .lines()
            .count(),
        1
    );
}

#[tokio::test]
async fn every_list_is_a_file_of_the_same_rows() {
    let app = TestApp::new().await;
    for (query, start, rows) in [
        (
            "wallets.csv",
            "\"wallet\",\"status\",\"currency\",\"owner\",\"owner_name\"",
            1,
        ),
        (
            "wallets.csv?q=lovelace&currency=EUR&min=12.50&max=12.50",
            "\"wallet\"",
            1,
        ),
        ("wallets.csv?currency=EUR&min=12.51", "\"wallet\"", 0),
        ("wallets.csv?limit=1&after=x&sort=id", "\"wallet\"", 1),
        (
            "orders.csv",
            "\"order\",\"wallet\",\"customer\",\"customer_name\",\"status\"",
            2,
        ),
        ("orders.csv?status=paid", "\"order\"", 1),
        ("orders.csv?wallet=W-9", "\"order\"", 0),
        ("refunds.csv?customer=C-1", "\"refund\"", 1),
        ("findings.csv?severity=medium", "\"finding\"", 1),
        ("findings.csv?severity=critical", "\"finding\"", 0),
        ("holds.csv?state=all", "\"hold\",\"wallet\",\"order\",\"state\"", 0),
        ("cases.csv", "\"case\",\"command\",\"state\"", 0),
    ] {
        let file = app.get_as(Some("viewer"), &format!("/export/{query}")).await;
        assert_eq!(file.status, 200, "{query}: {}", file.text);
        let mut lines = file.text.lines();
        assert!(lines.next().unwrap().starts_with(start), "{query}: {}", file.text);
        assert_eq!(lines.count(), rows, "{query}: {}", file.text);
    }
    let wallets = app.get("/export/wallets.csv").await.text;
    assert!(
        wallets.contains("\"W-1\",\"open\",\"EUR\",\"C-1\",\"Ada <Lovelace>\",\"12.50\",\"0.00\",\"12.50\",\"2\""),
        "{wallets}"
    );
}

#[tokio::test]
async fn a_file_has_all_rows() {
    let app = TestApp::new().await;
    let opened = json!({"owner": {"id": "C-9"}, "currency": "EUR"});
    for n in 0..1_200 {
        let id = format!("W-{n:04}");
        append(&*app.logs.wallet, &id, &[("wallet.opened", opened.clone())]).await;
    }
    let mut text = String::new();
    for _ in 0..500 {
        text = app.get("/export/wallets.csv?sort=id&customer=C-9").await.text;
        if text.lines().count() == 1_201 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let ids: Vec<_> = text.lines().skip(1).filter_map(|line| line.get(1..7)).collect();
    assert_eq!(ids.len(), 1_200);
    assert!(ids.is_sorted() && ids.first() == Some(&"W-0000") && ids.last() == Some(&"W-1199"));
}

#[tokio::test]
async fn no_cell_is_a_formula() {
    let app = TestApp::new().await;
    let data = json!({
        "refund": "=HYPERLINK(\"http://evil.example\")",
        "amount": {"amount": "1", "currency": "EUR"},
        "reason": "@SUM(A1)",
        "destination": "wallet",
    });
    let event = NewEvent {
        id: "formula".to_owned(),
        r#type: "order.refund_requested".to_owned(),
        time: "2026-01-02T00:00:00Z".to_owned(),
        actor: None,
        idempotencykey: None,
        correlationid: None,
        causationid: None,
        data: data.to_string(),
        extra: Vec::new(),
    };
    let order = EntityId::new("O-1").unwrap();
    app.logs.order.append(&order, Expected::Any, &[event]).await.unwrap();
    let mut text = String::new();
    for _ in 0..200 {
        text = app.get("/export/refunds.csv").await.text;
        if text.lines().count() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(text.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""), "{text}");
    assert!(text.contains("\"'@SUM(A1)\""), "{text}");
}

#[tokio::test]
async fn exports_are_recorded_and_the_audit_trail_can_be_exported() {
    let app = TestApp::new().await;
    app.get("/export/refunds.csv").await;
    let file = app.get_as(Some("admin"), "/export/audit.csv").await;
    assert_eq!(file.status, 200, "{}", file.text);
    let of_export: Vec<_> = file
        .text
        .lines()
        .filter(|line| line.contains("\"export.refunds\""))
        .collect();
    assert_eq!(of_export.len(), 2, "{of_export:?}");
    assert!(
        of_export.iter().all(|line| line.contains("\"finance\"")),
        "{of_export:?}"
    );
    assert!(of_export[0].contains("\"asked\""), "{of_export:?}");
    assert!(
        of_export[1].contains("\"done\"") && of_export[1].contains("\"1 rows\""),
        "{of_export:?}"
    );
    let again = app.get_as(Some("admin"), "/export/audit.csv?q=export.audit").await;
    assert_eq!(again.text.lines().count(), 2, "{}", again.text);
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_download_a_file() {
    let app = TestApp::new().await;
    for (site, status) in [
        ("cross-site", 403),
        ("same-site", 403),
        ("same-origin", 200),
        ("none", 200),
    ] {
        let request = app.signed(Request::get("/export/refunds.csv"), Some("finance")).await;
        let request = request.header("sec-fetch-site", site).body(Body::empty());
        assert_eq!(app.ask(request.unwrap()).await.status, status, "{site}");
    }
}
