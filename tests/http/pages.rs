//! Pages as a browser without JavaScript gets them: their status, what stands in them, and what is around them.

use crate::bench::Bench;

#[tokio::test]
async fn every_page_reads_without_a_script() {
    let bench = Bench::new().await;
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
    ] {
        let page = bench.get(path).await;
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
async fn what_is_not_there_is_a_page_that_says_so() {
    let bench = Bench::new().await;
    for (path, status) in [
        ("/wallets/W-9", 404),
        ("/orders/O-9", 404),
        ("/refunds/R-9", 404),
        ("/refunds/R-1?order=O-9", 404),
        ("/events/wallet/W-1/99-0", 404),
        ("/wallets/W-1?at=1999-01-01T00:00:00Z", 404),
        ("/no/such/page", 404),
    ] {
        let page = bench.get(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.text.contains("<h1"), "{path}");
        assert!(page.text.contains("href=\"/"), "{path}: no way back");
    }
    // What can't be an id is nobody's page, however it is written.
    for path in [
        "/wallets/a%20b",
        "/wallets/feed",
        "/orders/%F0%9F%92%A5",
        "/events/meta/W-1/1-0",
        "/events/wallet/W-1/x",
    ] {
        let status = bench.get(path).await.status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_answered_all_the_same() {
    let bench = Bench::new().await;
    for path in [
        "/refunds?state=lost&page=x&sort=colour&currency=EURO&older=-1",
        "/wallets?page=-1&sort=%00&status=asleep",
        "/wallets/W-1?at=yesterday&known=&sequence=x&page=99999999999999999999",
        "/orders/O-1?order=sideways",
    ] {
        let page = bench.get(path).await;
        assert_eq!(page.status, 200, "{path}");
    }
    let long = format!("/refunds?q={}", "x".repeat(101));
    let status = bench.get(&long).await.status;
    assert!(status == 200 || status == 400, "{status}");
}

#[tokio::test]
async fn a_store_that_is_down_is_named_and_the_rest_stays_usable() {
    let bench = Bench::without_wallets().await;
    let wallet = bench.get("/wallets/W-1").await;
    assert_eq!(wallet.status, 503);
    assert!(wallet.text.contains("wallet store"), "{}", wallet.text);
    for path in ["/", "/refunds", "/orders/O-1", "/refunds/R-1", "/wallets"] {
        let page = bench.get(path).await;
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
}
