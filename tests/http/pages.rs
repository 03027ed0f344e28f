//! Pages as a browser without JavaScript receives them: their status, their content and their headers.

use std::collections::BTreeSet;

use serde_json::json;

use crate::test_app::{TestApp, append};

#[tokio::test]
async fn every_page_reads_without_a_script() {
    let app = TestApp::new().await;
    for (path, texts) in [
        ("/", &["R-1", "9.99", "Overdue"][..]),
        ("/refunds", &["R-1", "9.99", "O-1"]),
        ("/refunds/R-1", &["R-1", "O-1", "9.99", "W-1"]),
        ("/refunds?state=approved", &["No refund matches"]),
        ("/wallets", &["W-1", "Ada &lt;Lovelace&gt;", "12.50"]),
        ("/wallets/W-1", &["W-1", "Ada &lt;Lovelace&gt;", "12.50", "O-1"]),
        ("/wallets/W-1?sequence=1", &["0.00"]),
        ("/orders", &["O-1", "O-2", "30.00"]),
        ("/orders/O-1", &["R-1", "20.01", "30.00"]),
        ("/orders/O-2", &["order.exploded", "ncomplete"]),
        ("/events/wallet/W-1/2-0", &["W-1.2", "top_up", "2026-01-01T00:00:02Z"]),
        ("/findings", &["O-2"]),
        ("/findings?severity=critical", &["No finding matches"]),
        ("/holds", &["No hold is open"]),
        (
            "/holds?wallet=W-1",
            &["No hold matches", "Remove the filter", "Wallet: W-1"],
        ),
        ("/cases", &["There are no cases yet"]),
        (
            "/wallets?currency=EUR&min=12.50&sort=amount_up",
            &["W-1", "Available: at least 12.50 EUR"],
        ),
        (
            "/wallets?min=1",
            &["W-1", "min, which needs exactly one currency", "value=\"1\""],
        ),
        (
            "/orders?from=2026-01-01&to=2026-01-02",
            &["O-1", "Last event: from 2026-01-01"],
        ),
        ("/orders?customer=C-1&wallet=W-1", &["O-1", "Customer: C-1"]),
        (
            "/refunds?overdue=1&age=24&reason=return",
            &["In its state for at least"],
        ),
    ] {
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        for text in texts {
            assert!(page.text.contains(text), "{path} lacks {text}");
        }
        assert!(!page.text.contains("<Lovelace>"), "{path}: a name became markup");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'nonce-"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(
            !page.text.contains("style=\""),
            "{path}: the policy forbids inline styles"
        );
    }
}

#[tokio::test]
async fn not_found_is_a_page_with_a_way_back() {
    let app = TestApp::new().await;
    for (path, status) in [
        ("/wallets/W-9", 404),
        ("/orders/O-9", 404),
        ("/refunds/R-9", 404),
        ("/refunds/R-1?order=O-9", 404),
        ("/events/wallet/W-1/99-0", 404),
        ("/wallets/W-1?at=1999-01-01T00:00:00Z", 404),
        ("/no/such/page", 404),
    ] {
        let page = app.get(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.text.contains("<h1"), "{path}");
        assert!(page.text.contains("href=\"/"), "{path}: no way back");
    }
    // A text that can't be an id leads to the "not found" page, however it is written.
    for path in [
        "/wallets/a%20b",
        "/wallets/feed",
        "/orders/%F0%9F%92%A5",
        "/events/meta/W-1/1-0",
        "/events/wallet/W-1/x",
    ] {
        let status = app.get(path).await.status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
}

#[tokio::test]
async fn an_invalid_query_is_still_answered() {
    let app = TestApp::new().await;
    for path in [
        "/refunds?state=lost&page=x&sort=colour&currency=EURO&older=-1&after=%21",
        "/wallets?page=-1&sort=%00&status=asleep&before=%2F",
        "/findings?kind=none&page=2&after=a%20b&before=%00",
        "/wallets/W-1?at=yesterday&known=&sequence=x&page=99999999999999999999",
        "/orders/O-1?order=sideways",
    ] {
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
    }
    let long = format!("/refunds?q={}", "x".repeat(101));
    let status = app.get(&long).await.status;
    assert!(status == 200 || status == 400, "{status}");
}

/// The address of the link with this relation.
fn link(page: &str, rel: &str) -> Option<String> {
    let anchor = page
        .split("<a ")
        .skip(1)
        .filter_map(|anchor| anchor.split_once('>'))
        .map(|(attributes, _)| attributes)
        .find(|attributes| attributes.contains(&format!("rel=\"{rel}\"")))?;
    let (_, href) = anchor.split_once("href=\"")?;
    Some(href.split('"').next()?.replace("&amp;", "&"))
}

/// The ids of the wallets on a page.
fn wallets(page: &str) -> Vec<String> {
    let rows = page.split("data-key=\"W-").skip(1);
    rows.filter_map(|row| row.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn links_lead_through_a_list_and_back() {
    let app = TestApp::new().await;
    let opened = json!({"owner": {"id": "C-1"}, "currency": "EUR"});
    for n in 0..119 {
        let id = format!("W-{n:03}");
        append(&*app.logs.wallet, &id, &[("wallet.opened", opened.clone())]).await;
    }
    let mut page = String::new();
    for _ in 0..500 {
        page = app.get("/wallets?sort=id").await.text;
        if page.contains("120 wallets") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((link(&page, "first"), link(&page, "prev")), (None, None));
    let mut pages = vec![wallets(&page)];
    let mut last = String::new();
    while let Some(next) = link(&page, "next") {
        assert!(next.starts_with("/wallets?sort=id&after="), "{next}");
        page = app.get(&next).await.text;
        pages.push(wallets(&page));
        last = next;
    }
    let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [50, 50, 20]);
    let all: BTreeSet<_> = pages.iter().flatten().collect();
    assert_eq!(all.len(), 120, "a wallet is on two pages");
    let back = app.get(&link(&page, "prev").unwrap()).await.text;
    assert_eq!(wallets(&back), pages[1]);
    assert_eq!(link(&page, "first").as_deref(), Some("/wallets?sort=id"));
    // The links that sort lead to the first page.
    assert!(!last.is_empty());
    let heads = page.split("<thead>").nth(1).unwrap().split("</thead>").next().unwrap();
    assert!(!heads.contains("after="), "{heads}");
}

#[tokio::test]
async fn a_filter_links_to_its_file_and_to_the_list_without_it() {
    let app = TestApp::new().await;
    let page = app.get("/orders?q=ada&currency=EUR&min=1&sort=amount_up").await.text;
    for href in [
        "/export/orders.csv?q=ada&amp;currency=EUR&amp;min=1&amp;sort=amount_up",
        "/orders?currency=EUR&amp;min=1&amp;sort=amount_up",
        "/orders?q=ada&amp;currency=EUR&amp;sort=amount_up",
        "/orders?q=ada\"",
        "/orders?q=ada&amp;currency=EUR&amp;min=1&amp;sort=amount_down",
    ] {
        assert!(page.contains(&format!("href=\"{href}")), "{href}");
    }
    assert!(
        page.contains("<details open class=\"more-filters\">"),
        "the filters in force are shown"
    );
    let plain = app.get("/orders").await.text;
    assert!(plain.contains("<details class=\"more-filters\">") && !plain.contains("Remove the filter"));
    let support = app.get_as(Some("support"), "/orders").await.text;
    assert!(!support.contains("/export/"), "support takes no files away");
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_leads_to_the_first_page() {
    let app = TestApp::new().await;
    let note = "pages are no longer numbered; the first page is shown";
    for (first, cursor, row) in [
        ("/wallets?sort=id", "after=xyz", "W-1"),
        ("/orders?sort=id", "before=xyz", "O-1"),
        ("/refunds?sort=stuck", "after=xyz", "R-1"),
        ("/findings?kind=history_incomplete", "after=xyz", "O-2"),
        ("/holds?state=all", "before=xyz", "No hold"),
        ("/cases?sort=oldest", "after=xyz", "There are no cases"),
    ] {
        let page = app.get(&format!("{first}&{cursor}")).await;
        assert_eq!(page.status, 200, "{first}");
        assert!(
            page.text.contains("These parts of the address have no effect"),
            "{first}"
        );
        assert!(
            page.text.contains(row) && !page.text.contains("on this page any more"),
            "{first}"
        );
        let numbered = app.get(&format!("{first}&page=2")).await;
        assert_eq!(numbered.status, 200, "{first}");
        assert!(numbered.text.contains(note), "{first}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_named_and_the_rest_stays_usable() {
    let app = TestApp::without_wallets().await;
    let wallet = app.get("/wallets/W-1").await;
    assert_eq!(wallet.status, 503);
    assert!(wallet.text.contains("wallet store"), "{}", wallet.text);
    for path in ["/", "/refunds", "/orders/O-1", "/refunds/R-1", "/wallets"] {
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.text.contains("wallet store"),
            "{path} does not say which store is down"
        );
        assert!(
            !page.text.contains("127.0.0.1:1"),
            "{path}: an address reached the browser"
        );
    }
    // A list that was never read is not shown as empty.
    for (path, texts) in [
        ("/wallets", &["The stores are not read completely yet"][..]),
        ("/search?q=W-1", &["The wallet store is still being read"]),
        (
            "/findings",
            &["The wallet store has not answered since this server started"],
        ),
    ] {
        let page = app.get(path).await.text;
        for text in texts {
            assert!(page.contains(text), "{path} lacks {text}");
        }
        for lie in ["There are no wallets yet", "No wallet matches", "No findings"] {
            assert!(!page.contains(lie), "{path} says {lie}");
        }
    }
}
