//! The credits on which a settlement is decided: what the read model knows, and every reason why that is not certain.

use std::time::Duration;

use serde_json::json;

use super::{LATER, TestLogs, becomes, hour};
use crate::{
    domain::{
        compensation::decide::{KnownCredits, Uncertain},
        ids::{Domain, EntityId},
    },
    ledger::Ledger,
    read_model::{Settings, tests::memory_log::Held},
};

fn credit_for(logs: &TestLogs, wallet: &str, sequence: u32, refund: &str, feed: bool) {
    let money = json!({"amount": "5", "currency": "EUR"});
    let data = json!({"amount": money, "kind": "refund", "order": "O-1", "refund": refund});
    let at = hour(sequence.into());
    logs.wallet
        .write(wallet, &sequence.to_string(), "wallet.credited", at, &data, feed);
}

fn open(logs: &TestLogs, wallet: &str) {
    let data = json!({"owner": {"id": "C-1"}, "currency": "EUR"});
    logs.wallet.write(wallet, "1", "wallet.opened", hour(1), &data, true);
}

async fn known(ledger: &Ledger) -> (Vec<String>, Option<Uncertain>) {
    let KnownCredits { wallets, uncertain } = ledger.known_credits("R-1").await;
    (wallets.into_iter().map(String::from).collect(), uncertain)
}

fn wallets(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn a_decision_waits_for_the_events_that_the_store_has() {
    let logs = TestLogs::new();
    open(&logs, "W-1");
    let ledger = logs.start(LATER).await;
    assert_eq!(known(&ledger).await, (wallets(&[]), None));
    // Asked at once after the append, before the projector has read it.
    for number in 2..50 {
        let wallet = format!("W-{number}");
        open(&logs, &wallet);
        credit_for(&logs, &wallet, 2, "R-1", true);
        let (found, uncertain) = known(&ledger).await;
        assert!(
            found.contains(&wallet) && uncertain.is_none(),
            "{wallet}: {uncertain:?}"
        );
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_uncertain() {
    let logs = TestLogs::new();
    open(&logs, "W-1");
    credit_for(&logs, "W-1", 2, "R-1", true);
    let ledger = logs.start(LATER).await;
    logs.wallet.switch(true);
    // What is known already is still known.
    assert_eq!(known(&ledger).await, (wallets(&["W-1"]), Some(Uncertain::Down)));
    logs.wallet.switch(false);
    becomes(|| ledger.health().iter().all(|store| store.state.as_str() == "live")).await;
    assert_eq!(known(&ledger).await, (wallets(&["W-1"]), None));
}

#[tokio::test]
async fn a_store_that_is_not_read_yet_is_uncertain() {
    let logs = TestLogs::new();
    open(&logs, "W-1");
    credit_for(&logs, "W-1", 2, "R-1", true);
    logs.wallet.hold(Held::Scans);
    let settings = Settings {
        clock: || hour(100),
        ..Settings::default()
    };
    let ledger = Ledger::start(logs.stores(), settings).unwrap();
    assert_eq!(known(&ledger).await, (wallets(&[]), Some(Uncertain::Loading)));
    logs.wallet.release(Held::Scans);
    assert_eq!(known(&ledger).await, (wallets(&["W-1"]), None));
}

#[tokio::test]
async fn a_feed_that_is_not_read_to_its_end_is_uncertain() {
    let logs = TestLogs::new();
    open(&logs, "W-1");
    let ledger = logs.start(LATER).await;
    // The feed has an entry that the projector is not given.
    logs.wallet.hold(Held::Feed);
    credit_for(&logs, "W-1", 2, "R-1", true);
    assert_eq!(known(&ledger).await, (wallets(&[]), Some(Uncertain::Behind)));
    logs.wallet.release(Held::Feed);
    assert_eq!(known(&ledger).await, (wallets(&["W-1"]), None));
}

#[tokio::test]
async fn entries_that_no_feed_entry_names_are_uncertain() {
    let logs = TestLogs::new();
    open(&logs, "W-1");
    open(&logs, "W-2");
    let ledger = logs.start(Duration::from_millis(50)).await;
    assert_eq!(known(&ledger).await, (wallets(&[]), None));
    credit_for(&logs, "W-2", 2, "R-1", false);
    becomes(|| ledger.credited_for("R-1").unwrap() == [EntityId::new("W-2").unwrap()]).await;
    assert_eq!(known(&ledger).await, (wallets(&["W-2"]), Some(Uncertain::Unfed)));
}

#[tokio::test]
async fn a_store_with_another_identity_is_uncertain_until_every_row_was_compared() {
    let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
    open(&logs, "W-1");
    credit_for(&logs, "W-1", 2, "R-1", true);
    let settings = Settings {
        clock: || hour(100),
        dir: Some(dir.path().to_owned()),
        ..Settings::default()
    };
    let start = async || {
        let ledger = Ledger::start(logs.stores(), settings.clone()).unwrap();
        tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
            .await
            .unwrap();
        ledger
    };
    super::durable::close(start().await).await;
    // A start with the same identity is certain.
    let ledger = start().await;
    assert_eq!(known(&ledger).await, (wallets(&["W-1"]), None));
    super::durable::close(ledger).await;
    logs.wallet.rename();
    logs.wallet.hold(Held::ReadMany);
    let ledger = start().await;
    assert_eq!(known(&ledger).await, (wallets(&["W-1"]), Some(Uncertain::Unchecked)));
    logs.wallet.release(Held::ReadMany);
    becomes(|| ledger.checked_at(Domain::Wallet).unwrap().is_some()).await;
    for _ in 0..100 {
        if known(&ledger).await.1.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the pass has ended: {:?}", known(&ledger).await);
}
