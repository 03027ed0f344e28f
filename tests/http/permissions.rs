//! The permission matrix: every server function, page and file, requested without a session and by each role. The
//! addresses are enumerated from the program, so an address that is not in the table fails here.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use ledgerscope::{
    domain::access::{Act, Role},
    server::{
        page_paths,
        permissions::{FUNCTIONS, Function, Gate, PAGES},
    },
    views::href,
};
use leptos::server_fn::axum::server_fn_paths;
use serde_json::{Value, json};

use crate::test_app::{Answer, TestApp};

/// Pages that only redirect.
const OLD: [&str; 2] = ["/approvals", "/compensations"];
const ROLES: [(&str, Role); 4] = [
    ("viewer", Role::Viewer),
    ("support", Role::Support),
    ("finance", Role::Finance),
    ("admin", Role::Admin),
];

/// Valid arguments for each query that takes some.
pub fn arguments(name: &str) -> Value {
    match name {
        "wallet" => json!({"id": "W-1", "query": {}}),
        "wallet-history" => json!({"id": "W-1", "after": null}),
        "order" => json!({"id": "O-1", "query": {}}),
        "refund" => json!({"refund": "R-1", "order": null}),
        "event" => json!({"domain": "wallet", "subject": "W-1", "position": "1-0"}),
        "wallets" | "orders" | "refunds" | "findings" | "holds" | "cases" | "customers" | "audit" => {
            json!({"query": {}})
        }
        "customer" => json!({"id": "C-1"}),
        "compensation" => json!({"id": "CMP-1"}),
        "search" => json!({"text": "W-1", "kind": null}),
        "compensation-form" => json!({
            "draft": {"command": "credit_wallet", "subject": "W-1", "amount": "1", "reason": "goodwill", "note": "n"},
            "seen": "",
        }),
        _ => json!({}),
    }
}

/// The functions that take a form instead of JSON.
pub const FORMS: [&str; 8] = [
    "sign-in",
    "sign-out",
    "customer-look-up",
    "compensation-issue",
    "compensation-withdraw",
    "compensation-approve",
    "compensation-decline",
    "operator-change",
];

async fn ask(app: &TestApp, function: &Function, who: Option<&str>) -> Answer {
    if FORMS.contains(&function.name) {
        app.send_as(
            who,
            function.name,
            &[("case", "CMP-1"), ("act", "none"), ("name", "nobody")],
        )
        .await
    } else {
        app.call_as(who, function.name, &arguments(function.name)).await
    }
}

#[test]
fn the_table_knows_every_function_and_no_other() {
    let there: BTreeSet<_> = server_fn_paths().map(|(path, _)| path).collect();
    let known: BTreeSet<_> = FUNCTIONS
        .iter()
        .map(|function| format!("/api/{}", function.name))
        .collect();
    let there: BTreeSet<String> = there.into_iter().map(str::to_owned).collect();
    assert_eq!(there, known);
    let written: BTreeSet<_> = FUNCTIONS.iter().filter(|f| f.writes).map(|f| f.name).collect();
    assert_eq!(written, FORMS.into_iter().collect());
}

#[tokio::test]
async fn the_table_knows_every_page_and_no_other() {
    let there: BTreeSet<String> = page_paths().iter().cloned().collect();
    let pages = PAGES.iter().filter(|(path, _)| !path.starts_with("/export/"));
    let known: BTreeSet<String> = pages.map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(there, known);
}

#[tokio::test]
async fn a_function_that_is_not_public_needs_a_session() {
    let app = TestApp::new().await;
    for function in FUNCTIONS {
        let answer = ask(&app, function, None).await;
        if function.gate == Gate::Public {
            assert_ne!(answer.status, 401, "{}: {}", function.name, answer.text);
            assert_ne!(answer.status, 403, "{}: {}", function.name, answer.text);
        } else {
            assert_eq!(answer.status, 401, "{}: {}", function.name, answer.text);
            assert_eq!(answer.json(), json!({"code": "signed_out"}), "{}", function.name);
        }
    }
}

#[tokio::test]
async fn each_role_gets_what_the_matrix_says_from_every_function() {
    let app = TestApp::new().await;
    for function in FUNCTIONS {
        for (who, role) in ROLES {
            // Tested last, because they end the sessions of the other tests.
            if function.name == "sign-out" || function.name == "sign-in" {
                continue;
            }
            let answer = ask(&app, function, Some(who)).await;
            let what = format!("{} as {who}: {} {}", function.name, answer.status, answer.text);
            if function.gate.lets(role) {
                assert!(answer.status != 401 && answer.status != 403, "{what}");
                assert!(answer.status.as_u16() < 500, "{what}");
            } else {
                assert_eq!(answer.status, 403, "{what}");
                assert_eq!(answer.json(), json!({"code": "forbidden"}), "{what}");
            }
        }
    }
    for (who, _) in ROLES {
        assert_eq!(app.send_as(Some(who), "sign-out", &[]).await.status, 200, "{who}");
        assert_eq!(app.call_as(Some(who), "health", &json!({})).await.status, 401, "{who}");
    }
}

/// An address of the route.
fn address(route: &str) -> String {
    if route == "/compensate" {
        return "/compensate?command=credit_wallet&subject=W-1".to_owned();
    }
    [
        ("{refund}", "R-1"),
        ("{domain}", "wallet"),
        ("{subject}", "W-1"),
        ("{position}", "1-0"),
        ("{case}", "CMP-1"),
        (
            "{id}",
            match route.split('/').nth(1) {
                Some("orders") => "O-1",
                Some("customers") => "C-1",
                _ => "W-1",
            },
        ),
    ]
    .iter()
    .fold(route.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[tokio::test]
async fn each_role_gets_what_the_matrix_says_from_every_page_and_file() {
    let app = TestApp::new().await;
    for (route, gate) in PAGES {
        let path = address(route);
        let nobody = app.get_as(None, &path).await;
        if *gate == Gate::Public {
            assert_eq!(nobody.status, 200, "{path}");
        } else {
            assert_eq!(nobody.status, 303, "{path}");
            let way = format!("/sign-in?next={}", href::encode(&path));
            assert_eq!(nobody.header("location"), way);
            assert_eq!(nobody.text, "", "{path}");
        }
        for (who, role) in ROLES {
            let status = app.get_as(Some(who), &path).await.status;
            if gate.lets(role) {
                assert!(
                    status == 200
                        || (status == 404 && path.ends_with("CMP-1"))
                        || (status == 307 && OLD.contains(route)),
                    "{path} as {who}: {status}"
                );
            } else {
                assert_eq!(status, 403, "{path} as {who}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_a_role_may_not_see_says_so_and_shows_nothing_of_it() {
    let app = TestApp::new().await;
    let page = app.get_as(Some("admin"), "/wallets/W-1").await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("<h1") && !page.text.contains("12.50") && !page.text.contains("Lovelace"));
    let unknown = app.get_as(None, "/no/such/page?x=1").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.header("location")),
        (303, "/sign-in?next=%2Fno%2Fsuch%2Fpage%3Fx%3D1")
    );
}

#[tokio::test]
async fn files_for_the_sign_in_page_need_no_session() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("pkg")).unwrap();
    for file in ["favicon.svg", "manifest.webmanifest", "pkg/ledgerscope.css"] {
        std::fs::write(site.path().join(file), "x").unwrap();
    }
    let app = TestApp::with_site(site.path()).await;
    for path in ["/favicon.svg", "/manifest.webmanifest", "/pkg/ledgerscope.css"] {
        assert_eq!(app.get_as(None, path).await.status, 200, "{path}");
    }
    assert_eq!(app.get_as(None, "/assets.json").await.status, 303);
    assert_eq!(app.get_as(None, "/pkg/../assets.json").await.status, 404);
}

#[tokio::test]
async fn a_refusal_is_in_the_trail() {
    let app = TestApp::new().await;
    app.call_as(Some("viewer"), "audit", &json!({"query": {}})).await;
    app.get_as(Some("support"), "/export/refunds.csv").await;
    app.call_as(None, "wallets", &json!({"query": {}})).await;
    let trail = app
        .call_as(Some("admin"), "audit", &json!({"query": {"outcome": "refused"}}))
        .await
        .json();
    let recorded: Vec<_> = trail["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["actor"].clone(), row["act"].clone()))
        .collect();
    assert_eq!(
        recorded,
        [
            (json!("support"), json!("page")),
            (json!("viewer"), json!(Act::Audit.as_str()))
        ]
    );
}

#[tokio::test]
async fn an_unsupported_method_does_nothing() {
    let app = TestApp::new().await;
    for (method, path, status) in [
        ("GET", "/api/sign-out", 405),
        ("PUT", "/api/wallets", 405),
        ("DELETE", "/wallets/W-1", 405),
        ("POST", "/export/refunds.csv", 405),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = app.signed(request, Some("finance")).await;
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
}
