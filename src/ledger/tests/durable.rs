//! Tests of a read model on disk. Resuming from it gives the same rows as filling it anew, whatever the streams hold. A
//! file that is damaged, of another version or of other stores is not used. Its findings equal those of the domain's
//! rules.

use std::{path::Path, sync::Arc, time::Duration};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{LATER, TestLogs, hour};
use crate::{
    domain::{
        findings::{OrderFacts, WalletFacts, findings},
        fold::Fold,
        ids::EntityId,
        order::OrderState,
        replay::{Replayable, in_sequence_order},
        wallet::WalletState,
    },
    ledger::Ledger,
    read_model::Settings,
};

fn settings(dir: Option<&Path>) -> Settings {
    Settings {
        rescan: LATER,
        clock: || hour(100),
        dir: dir.map(Path::to_owned),
        ..Settings::default()
    }
}

async fn start(logs: &TestLogs, dir: Option<&Path>) -> Arc<Ledger> {
    let ledger = Ledger::start(logs.stores(), settings(dir)).unwrap();
    tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
        .await
        .unwrap();
    ledger
}

/// Writes random events to a few wallets and orders. Some are out of sequence, some are missing in the feed, some are
/// invalid.
fn write_some(logs: &TestLogs, random: &mut ChaCha8Rng, count: usize, sequences: &mut [u32; 6]) {
    for _ in 0..count {
        let at = random.random_range(0..6_usize);
        let (log, id) = if at < 3 {
            (&logs.wallet, format!("W-{at}"))
        } else {
            (&logs.order, format!("O-{at}"))
        };
        let (kind, data) = if at < 3 {
            wallet_event(random)
        } else {
            order_event(random)
        };
        sequences[at] += 1;
        let sequence = match random.random_range(0..40) {
            0 => "nonsense".to_owned(),
            1 => random.random_range(1..=sequences[at]).to_string(),
            2 => {
                sequences[at] += 2;
                sequences[at].to_string()
            }
            _ => sequences[at].to_string(),
        };
        let time = hour(random.random_range(0..90));
        log.write(&id, &sequence, kind, time, &data, random.random_range(0..10) > 0);
    }
}

fn money(random: &mut ChaCha8Rng) -> Value {
    let currency = if random.random_range(0..20) == 0 { "USD" } else { "EUR" };
    json!({"amount": format!("{}.50", random.random_range(1..4)), "currency": currency})
}

fn wallet_event(random: &mut ChaCha8Rng) -> (&'static str, Value) {
    let refund = format!("R-{}", random.random_range(0..6));
    let hold = format!("h{}", random.random_range(0..4));
    let reverses = format!("W-{}.{}", random.random_range(0..3), random.random_range(1..60));
    match random.random_range(0..9) {
        0 => (
            "wallet.opened",
            json!({"owner": {"id": "C-1", "name": "Ada"}, "currency": "EUR"}),
        ),
        1 | 2 => {
            let order = format!("O-{}", random.random_range(3..6));
            (
                "wallet.credited",
                json!({"amount": money(random), "kind": "refund", "refund": refund, "order": order}),
            )
        }
        3 => ("wallet.credited", json!({"amount": money(random), "kind": "top_up"})),
        4 => ("wallet.debited", json!({"amount": money(random), "kind": "purchase"})),
        5 => (
            "wallet.held",
            json!({"hold": hold, "amount": money(random), "expires_at": "2026-01-02T00:00:00Z"}),
        ),
        6 => ("wallet.hold_released", json!({"hold": hold})),
        7 => (
            "wallet.entry_reversed",
            json!({"reverses": reverses, "amount": money(random), "reason": "error"}),
        ),
        _ => ("wallet.mystery", json!({})),
    }
}

fn order_event(random: &mut ChaCha8Rng) -> (&'static str, Value) {
    let refund = format!("R-{}", random.random_range(0..6));
    match random.random_range(0..8) {
        0 => {
            let wallet = format!("W-{}", random.random_range(0..4));
            (
                "order.placed",
                json!({"total": money(random), "wallet": wallet, "customer": {"id": "C-1"}}),
            )
        }
        1 => (
            "order.paid",
            json!({"payment": "p", "amount": money(random), "method": "card"}),
        ),
        2 | 3 => {
            let data = json!({"refund": refund, "amount": money(random), "reason": "return", "destination": "wallet"});
            ("order.refund_requested", data)
        }
        4 => ("order.refund_approved", json!({"refund": refund})),
        5 => ("order.refund_succeeded", json!({"refund": refund})),
        6 => ("order.refund_failed", json!({"refund": refund, "failure": "declined"})),
        _ => ("order.shipped", json!({})),
    }
}

/// The findings that the domain's rules give for the streams, without a read model.
fn evaluated(logs: &TestLogs) -> Vec<String> {
    let wallets = folds::<WalletState>(logs.wallet.all());
    let orders = folds::<OrderState>(logs.order.all());
    let wallets: Vec<_> = wallets
        .iter()
        .map(|(id, fold)| WalletFacts {
            id,
            state: &fold.state,
            complete: fold.complete,
        })
        .collect();
    let orders: Vec<_> = orders
        .iter()
        .map(|(id, fold)| OrderFacts {
            id,
            state: &fold.state,
            complete: fold.complete,
        })
        .collect();
    let found = findings(&wallets, &orders, hour(100));
    found
        .iter()
        .map(|finding| serde_json::to_string(finding).unwrap())
        .collect()
}

fn folds<S: Replayable>(streams: Vec<(EntityId, Vec<crate::domain::event::Entry>)>) -> Vec<(EntityId, Fold<S>)> {
    let fold = |entries| {
        let mut fold = Fold::<S>::new();
        for (_, entry) in in_sequence_order(entries) {
            fold.push(&entry, |_| {});
        }
        fold
    };
    streams.into_iter().map(|(id, entries)| (id, fold(entries))).collect()
}

#[tokio::test]
async fn a_resumed_read_model_equals_one_that_is_filled_anew() {
    for seed in 0..40 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
        let mut sequences = [0; 6];
        write_some(&logs, &mut random, 60, &mut sequences);
        let first = start(&logs, Some(dir.path())).await;
        write_some(&logs, &mut random, 20, &mut sequences);
        close(first).await;
        write_some(&logs, &mut random, 40, &mut sequences);
        let resumed = start(&logs, Some(dir.path())).await;
        assert!(resumed.resumed_from().is_some(), "{seed}");
        let replayed = start(&logs, None).await;
        assert!(replayed.rows().unwrap().0.len() > 6, "{seed}");
        same_rows(&resumed, &replayed).await;
        let found = |ledger: &Ledger| -> Vec<String> {
            let findings = super::paging::all_findings(ledger);
            findings
                .iter()
                .map(|row| serde_json::to_string(&row.finding).unwrap())
                .collect()
        };
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        assert_eq!(sorted(found(&replayed)), sorted(evaluated(&logs)), "{seed}");
        assert_eq!(sorted(found(&resumed)), sorted(evaluated(&logs)), "{seed}");
        assert_eq!(
            resumed.overview().unwrap().totals,
            replayed.overview().unwrap().totals,
            "{seed}"
        );
        let counts = |ledger: &Ledger| {
            let of = ledger.overview().unwrap();
            (of.wallets, of.orders, of.refunds, of.events)
        };
        assert_eq!(counts(&resumed), counts(&replayed), "{seed}");
        // The resumed ledger follows the stores: later events, in any order, give the same rows.
        write_some(&logs, &mut random, 30, &mut sequences);
        let after = start(&logs, None).await;
        // Entries that are missing in the feed are found by the next scan, which is an hour away here.
        logs.announce_all();
        same_rows(&resumed, &after).await;
    }
}

/// Stops a ledger and waits until it has released its directory.
pub async fn close(ledger: Arc<Ledger>) {
    ledger.stop();
    let dir = ledger.model.settings().dir.clone();
    let mut ledger = Some(ledger);
    for _ in 0..500 {
        match Arc::try_unwrap(ledger.take().unwrap()) {
            Ok(_) => break,
            Err(shared) => ledger = Some(shared),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(ledger.is_none(), "the ledger is still in use");
    // Its tasks release the database when they notice that they were aborted.
    let Some(dir) = dir else { return };
    for _ in 0..500 {
        let lock = std::fs::File::open(dir.join("lock")).unwrap();
        if lock.try_lock().is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the directory was not released");
}

/// Waits until two ledgers hold the same rows.
pub async fn same_rows(a: &Ledger, b: &Ledger) {
    for _ in 0..500 {
        if a.rows().unwrap() == b.rows().unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (a, b) = (a.rows().unwrap().0, b.rows().unwrap().0);
    let different = a.keys().chain(b.keys()).filter(|key| a.get(*key) != b.get(*key));
    let different: Vec<_> = different.map(|key| (key, a.get(key), b.get(key))).collect();
    assert!(different.is_empty(), "{different:#?}");
}

/// A ledger whose read model was written to a directory.
async fn kept() -> (TestLogs, tempfile::TempDir) {
    let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
    logs.open_wallet();
    logs.credit(2, "5", true);
    logs.order_with_refund("O-1", "R-1", "2.00", 3);
    close(start(&logs, Some(dir.path())).await).await;
    let again = start(&logs, Some(dir.path())).await;
    assert!(again.resumed_from().is_some());
    close(again).await;
    (logs, dir)
}

fn file(dir: &Path) -> std::path::PathBuf {
    let number = std::fs::read_to_string(dir.join("current")).unwrap();
    dir.join(format!("read_model.{}.sqlite3", number.trim()))
}

#[tokio::test]
async fn a_file_of_another_version_or_program_is_replaced() {
    for statement in [
        "UPDATE meta SET value = '0 0.0.1' WHERE name = 'format'",
        "PRAGMA application_id = 7",
        "DROP TABLE meta",
    ] {
        let (logs, dir) = kept().await;
        let before = file(dir.path());
        Connection::open(&before).unwrap().execute_batch(statement).unwrap();
        let ledger = start(&logs, Some(dir.path())).await;
        assert_eq!(ledger.resumed_from(), None, "{statement}");
        assert_eq!(
            ledger.rows().unwrap(),
            start(&logs, None).await.rows().unwrap(),
            "{statement}"
        );
        assert_ne!(file(dir.path()), before, "{statement}");
        assert!(!before.exists(), "{statement}");
        close(ledger).await;
        assert!(
            start(&logs, Some(dir.path())).await.resumed_from().is_some(),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_replaced() {
    let (logs, dir) = kept().await;
    let text = "this is no database, and long enough to be read as one".repeat(100);
    std::fs::write(file(dir.path()), text).unwrap();
    let ledger = start(&logs, Some(dir.path())).await;
    assert_eq!(ledger.resumed_from(), None);
    close(ledger).await;
    assert!(start(&logs, Some(dir.path())).await.resumed_from().is_some());
}

#[tokio::test]
async fn a_read_model_of_other_stores_is_not_used() {
    let (_, dir) = kept().await;
    let other = TestLogs::new();
    other.open_wallet();
    other.credit(2, "7", true);
    other.order_with_refund("O-1", "R-1", "2.00", 3);
    let ledger = start(&other, Some(dir.path())).await;
    assert_eq!(super::posted(&ledger), "7.00");
    assert_eq!(ledger.rows().unwrap(), start(&other, None).await.rows().unwrap());
    assert_ne!(ledger.losses().unwrap(), 0);
}

#[tokio::test]
async fn a_huge_event_is_stored_truncated_and_still_identifies_the_store() {
    let (logs, dir) = (TestLogs::new(), tempfile::tempdir().unwrap());
    logs.open_wallet();
    let amount = json!({"amount": "5", "currency": "EUR"});
    let data = json!({"amount": amount, "kind": "top_up", "note": "x".repeat(1_000_000)});
    logs.wallet_event(2, "wallet.credited", &data, true);
    close(start(&logs, Some(dir.path())).await).await;
    let database = Connection::open(file(dir.path())).unwrap();
    let longest = "SELECT max(length(entry)) FROM recent";
    let longest: u32 = database.query_row(longest, [], |row| row.get(0)).unwrap();
    assert!(longest < 2_000, "{longest}");
    drop(database);
    let again = start(&logs, Some(dir.path())).await;
    assert!(again.resumed_from().is_some());
}

#[tokio::test]
async fn a_directory_is_used_by_one_process_only() {
    let (logs, dir) = kept().await;
    let ledger = start(&logs, Some(dir.path())).await;
    let refused = Ledger::start(logs.stores(), settings(Some(dir.path()))).err().unwrap();
    assert!(refused.to_string().contains("--read-model"), "{refused}");
    assert_eq!(super::posted(&ledger), "5.00");
}
