//! Tests of checkpoints: going on from one is the same as replaying everything, whatever the streams hold; what is damaged,
//! of another version or of other stores is never believed; and the index says what the domain's rules say.

use std::{path::Path, sync::Arc, time::Duration};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Bench, LATER, becomes, hour};
use crate::{
    domain::{
        findings::{OrderFacts, WalletFacts, findings},
        fold::Fold,
        ids::EntityId,
        order::OrderState,
        replay::{Replayable, in_sequence_order},
        wallet::WalletState,
    },
    ledger::{Ledger, Settings, Store, Stores},
};

fn settings(dir: Option<&Path>) -> Settings {
    Settings {
        rescan: LATER,
        clock: || hour(100),
        checkpoints: dir.map(Path::to_owned),
        // Only when it stops.
        checkpoint_every: Some(LATER),
        ..Settings::default()
    }
}

async fn start(bench: &Bench, dir: Option<&Path>) -> Arc<Ledger> {
    let store = |log| Store { log, adapter: "memory" };
    let stores = Stores {
        wallet: store(bench.wallet.clone()),
        order: store(bench.order.clone()),
    };
    let ledger = Ledger::start(stores, settings(dir));
    tokio::time::timeout(Duration::from_secs(10), ledger.loaded())
        .await
        .unwrap();
    ledger
}

/// Writes events of any kind to a few wallets and orders; some out of sequence, some untold, some nonsense.
fn write_some(bench: &Bench, random: &mut ChaCha8Rng, count: usize, sequences: &mut [u32; 6]) {
    for _ in 0..count {
        let at = random.random_range(0..6_usize);
        let (log, id) = if at < 3 {
            (&bench.wallet, format!("W-{at}"))
        } else {
            (&bench.order, format!("O-{at}"))
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

/// What the domain's rules find in the streams, without any index.
fn judged(bench: &Bench) -> Vec<String> {
    let wallets = folds::<WalletState>(bench.wallet.all());
    let orders = folds::<OrderState>(bench.order.all());
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
async fn going_on_from_a_checkpoint_is_a_replay_of_everything() {
    for seed in 0..40 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (bench, dir) = (Bench::new(), tempfile::tempdir().unwrap());
        let mut sequences = [0; 6];
        write_some(&bench, &mut random, 60, &mut sequences);
        let first = start(&bench, Some(dir.path())).await;
        write_some(&bench, &mut random, 20, &mut sequences);
        first.stop().await;
        write_some(&bench, &mut random, 40, &mut sequences);
        let resumed = start(&bench, Some(dir.path())).await;
        assert!(resumed.resumed_from().is_some(), "{seed}");
        let replayed = start(&bench, None).await;
        let whole = replayed.plain();
        assert!(whole.0.len() > 6, "{seed}");
        becomes(|| resumed.plain() == whole).await;
        let found = |ledger: &Ledger| -> Vec<String> {
            let findings = ledger.findings();
            findings
                .all
                .iter()
                .map(|finding| serde_json::to_string(finding).unwrap())
                .collect()
        };
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        assert_eq!(sorted(found(&replayed)), sorted(judged(&bench)), "{seed}");
        assert_eq!(sorted(found(&resumed)), sorted(judged(&bench)), "{seed}");
        assert_eq!(resumed.overview().totals, replayed.overview().totals, "{seed}");
        let counts = |ledger: &Ledger| {
            let of = ledger.overview();
            (of.wallets, of.orders, of.refunds, of.events)
        };
        assert_eq!(counts(&resumed), counts(&replayed), "{seed}");
        // And it follows: what comes now, in any order, ends the same.
        write_some(&bench, &mut random, 30, &mut sequences);
        let after = start(&bench, None).await;
        // Untold entries are found by the next scan, which is an hour away here.
        bench.tell_all();
        becomes(|| resumed.plain() == after.plain()).await;
    }
}

/// A ledger with a checkpoint in a directory.
async fn checkpointed() -> (Bench, tempfile::TempDir) {
    let (bench, dir) = (Bench::new(), tempfile::tempdir().unwrap());
    bench.open_wallet();
    bench.credit(2, "5", true);
    bench.order_with_refund("O-1", "R-1", "2.00", 3);
    start(&bench, Some(dir.path())).await.stop().await;
    assert!(start(&bench, Some(dir.path())).await.resumed_from().is_some());
    (bench, dir)
}

fn change(dir: &Path, statement: &str) {
    let store = Connection::open(dir.join("checkpoints.sqlite3")).unwrap();
    assert!(store.execute(statement, []).unwrap() > 0, "{statement}");
}

#[tokio::test]
async fn what_is_damaged_or_of_another_version_is_set_aside() {
    for statement in [
        "UPDATE chunk SET bytes = zeroblob(length(bytes)) WHERE of = 2",
        "UPDATE chunk SET of = 4 WHERE of = 2",
        "DELETE FROM chunk WHERE of = 4",
        "UPDATE checkpoint SET places = replace(places, '-0', '-1')",
        "UPDATE checkpoint SET made_by = '0 0.0.1'",
    ] {
        let (bench, dir) = checkpointed().await;
        change(dir.path(), statement);
        let ledger = start(&bench, Some(dir.path())).await;
        assert_eq!(ledger.resumed_from(), None, "{statement}");
        assert_eq!(ledger.plain(), start(&bench, None).await.plain(), "{statement}");
        ledger.stop().await;
        assert!(
            start(&bench, Some(dir.path())).await.resumed_from().is_some(),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_set_aside() {
    let (bench, dir) = checkpointed().await;
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("checkpoints.sqlite3{end}")));
    }
    std::fs::write(
        dir.path().join("checkpoints.sqlite3"),
        "this is no database, and long enough to be read as one".repeat(100),
    )
    .unwrap();
    let ledger = start(&bench, Some(dir.path())).await;
    assert_eq!(ledger.resumed_from(), None);
    ledger.stop().await;
    assert!(start(&bench, Some(dir.path())).await.resumed_from().is_some());
    assert!(dir.path().join("checkpoints.sqlite3.aside").exists());
}

#[tokio::test]
async fn a_checkpoint_of_other_stores_is_not_believed() {
    let (_, dir) = checkpointed().await;
    let other = Bench::new();
    other.open_wallet();
    other.credit(2, "7", true);
    other.order_with_refund("O-1", "R-1", "2.00", 3);
    let ledger = start(&other, Some(dir.path())).await;
    assert_eq!(ledger.resumed_from(), None);
    assert_eq!(super::posted(&ledger), "7.00");
}

#[tokio::test]
async fn a_damaged_newest_leaves_the_one_before() {
    let (bench, dir) = checkpointed().await;
    let ledger = start(&bench, Some(dir.path())).await;
    bench.credit(3, "1", true);
    becomes(|| super::posted(&ledger) == "6.00").await;
    ledger.stop().await;
    change(
        dir.path(),
        "UPDATE chunk SET bytes = zeroblob(3) WHERE of = 2 AND checkpoint = (SELECT max(checkpoint) FROM chunk)",
    );
    let ledger = start(&bench, Some(dir.path())).await;
    assert!(ledger.resumed_from().is_some());
    becomes(|| super::posted(&ledger) == "6.00").await;
}
