//! Tests of a store that loses or changes entries: the read model drops what it read before and keeps the rows of lost
//! streams.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::json;

use super::{LATER, TestLogs, becomes, durable::close, hour, posted};
use crate::{
    domain::{
        findings::FindingKind,
        ids::{Domain, EntityId},
        wallet::WalletStatus,
    },
    ledger::Ledger,
    read_model::{Settings, lists::Search},
    views::{lists::ListQuery, timelines::TimelineQuery, wallets::WalletRow},
};

async fn start(logs: &TestLogs, dir: Option<&Path>, rescan: Duration) -> Arc<Ledger> {
    let settings = Settings {
        rescan,
        clock: || hour(100),
        dir: dir.map(Path::to_owned),
        ..Settings::default()
    };
    let ledger = Ledger::start(logs.stores(), settings).unwrap();
    tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
        .await
        .unwrap();
    ledger
}

fn wallet(ledger: &Ledger) -> WalletRow {
    let page = ledger.wallets(&ListQuery::default(), Search::Names).unwrap();
    page.rows.into_iter().next().unwrap()
}

fn credited(logs: &TestLogs) {
    logs.open_wallet();
    logs.credit(2, "5", true);
    logs.credit(3, "2.50", true);
}

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn lost_newest_entries_are_dropped_within_a_rescan() {
    let logs = TestLogs::new();
    credited(&logs);
    let ledger = start(&logs, None, SOON).await;
    assert_eq!(posted(&ledger), "7.50");
    logs.wallet.lose("W-1", 1);
    becomes(|| posted(&ledger) == "5.00").await;
    assert_eq!(ledger.losses().unwrap(), 1);
    // The stream is followed from there, and the loss is counted once.
    logs.credit(3, "1", true);
    becomes(|| posted(&ledger) == "6.00").await;
    tokio::time::sleep(3 * SOON).await;
    assert_eq!(ledger.losses().unwrap(), 1);
}

#[tokio::test]
async fn entries_lost_between_runs_are_found_at_the_start() {
    let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
    credited(&logs);
    close(start(&logs, Some(dir.path()), LATER).await).await;
    logs.wallet.lose("W-1", 1);
    // The feed is as long as before again, so its length does not show the loss.
    logs.order_with_refund("O-1", "R-1", "9", 50);
    let ledger = start(&logs, Some(dir.path()), LATER).await;
    assert_eq!(posted(&ledger), "5.00");
    assert_eq!(ledger.losses().unwrap(), 1);
}

#[tokio::test]
async fn a_stream_that_is_gone_keeps_its_row_without_figures() {
    let logs = TestLogs::new();
    credited(&logs);
    let ledger = start(&logs, None, SOON).await;
    logs.wallet.remove("W-1");
    becomes(|| wallet(&ledger).status == WalletStatus::Unopened).await;
    let row = wallet(&ledger);
    assert_eq!(
        (row.sequence, row.complete, row.balances.posted.to_string()),
        (0, false, "0".to_owned())
    );
    let kinds = ledger.overview().unwrap().findings;
    assert_eq!(kinds, [(FindingKind::HistoryIncomplete, 1)]);
    assert_eq!(ledger.losses().unwrap(), 1);
}

#[tokio::test]
async fn reading_a_wallets_page_compares_its_row() {
    let logs = TestLogs::new();
    credited(&logs);
    logs.order_with_refund("O-1", "R-1", "9", 50);
    let ledger = start(&logs, None, LATER).await;
    // Another program writes to the stream without a feed entry.
    logs.credit(4, "1", false);
    assert_eq!(posted(&ledger), "7.50");
    let id = EntityId::new("W-1").unwrap();
    ledger.wallet(&id, &TimelineQuery::default()).await.unwrap();
    becomes(|| posted(&ledger) == "8.50").await;
    assert_eq!(ledger.losses().unwrap(), 0);
}

/// A wallet with an entry older than those that are compared at every start.
async fn with_an_old_entry() -> (TestLogs, tempfile::TempDir) {
    let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
    credited(&logs);
    for n in 0..30 {
        logs.order_with_refund(&format!("O-{n}"), &format!("R-{n}"), "1", 200);
    }
    for n in 4..40 {
        logs.wallet_event(n, "wallet.frozen", &json!({"reason": "test"}), true);
    }
    close(start(&logs, Some(dir.path()), LATER).await).await;
    let changed = json!({"amount": {"amount": "50", "currency": "EUR"}, "kind": "top_up"});
    logs.wallet.rewrite("W-1", 1, &changed);
    (logs, dir)
}

#[tokio::test]
async fn a_changed_entry_is_found_by_a_pass() {
    let (logs, dir) = with_an_old_entry().await;
    let ledger = start(&logs, Some(dir.path()), LATER).await;
    assert_eq!(posted(&ledger), "7.50", "the change is not detected yet");
    // Two passes in a row count the change once.
    ledger.request_pass(Domain::Wallet);
    ledger.request_pass(Domain::Wallet);
    becomes(|| ledger.losses().unwrap() == 1).await;
    becomes(|| posted(&ledger) == "52.50").await;
    becomes(|| ledger.checked_at(Domain::Wallet).unwrap() == Some(hour(100))).await;
    ledger.request_pass(Domain::Wallet);
    tokio::time::sleep(3 * SOON).await;
    assert_eq!(ledger.losses().unwrap(), 1);
}

#[tokio::test]
async fn a_store_with_another_id_is_compared() {
    let (logs, dir) = with_an_old_entry().await;
    logs.wallet.rename();
    let ledger = start(&logs, Some(dir.path()), LATER).await;
    becomes(|| posted(&ledger) == "52.50").await;
    assert_eq!(ledger.losses().unwrap(), 1);
    drop(logs);
}
