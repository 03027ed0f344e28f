//! Tests of failures of the read model's file: each gives a clear error, loses nothing, and does not affect the reading of
//! streams.

mod cases;
pub mod memory_log;

use std::{fs, sync::Arc, time::Duration};

use chrono::DateTime;
use serde_json::json;

use self::memory_log::{MemoryLog, becomes, stores_of};
use super::{ReadModel, ReadModelError, Settings, Stores};
use crate::{domain::ids::Domain, views::health::StoreState};

fn stores() -> (Arc<MemoryLog>, Stores) {
    let (wallet, order) = (MemoryLog::new(Domain::Wallet), MemoryLog::new(Domain::Order));
    let wallet = Arc::new(wallet);
    let stores = stores_of(&wallet, &Arc::new(order));
    (wallet, stores)
}

fn open_wallets(log: &MemoryLog, from: u32, to: u32) {
    let time = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    for n in from..to {
        let data = json!({"owner": {"id": format!("C-{n}"), "name": "x".repeat(200)}, "currency": "EUR"});
        log.write(&format!("W-{n}"), "1", "wallet.opened", time, &data, true);
    }
}

#[tokio::test]
async fn a_full_disk_halts_the_lists_until_there_is_room() {
    let (log, stores) = stores();
    open_wallets(&log, 0, 10);
    let model = ReadModel::start(stores, Settings::default()).unwrap();
    model.loaded().await;
    model.database.set_pages_max(1);
    open_wallets(&log, 10, 2_000);
    let halted = || match &model.health()[0].state {
        StoreState::Halted {
            as_of: Some(_), reason, ..
        } => reason.contains("disk"),
        _ => false,
    };
    becomes(halted).await;
    // The known rows are still there, and the other store is followed.
    assert_eq!(model.counts().unwrap().wallets, 10);
    assert_eq!(model.health()[1].state, StoreState::Live);
    model.database.set_pages_max(1_000_000);
    becomes(|| model.health()[0].state == StoreState::Live).await;
    assert_eq!(model.counts().unwrap().wallets, 2_000);
}

#[tokio::test]
async fn the_error_names_a_directory_that_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let settings = Settings {
        dir: Some(file.join("below")),
        ..Settings::default()
    };
    let refused = ReadModel::start(stores().1, settings).err().unwrap();
    assert!(matches!(refused, ReadModelError::Directory { .. }));
    let said = refused.to_string();
    assert!(said.contains("below") && said.contains("--read-model"), "{said}");
}

#[tokio::test]
async fn the_next_start_replaces_a_file_that_was_damaged_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        dir: Some(dir.path().to_owned()),
        ..Settings::default()
    };
    let (log, stores) = stores();
    open_wallets(&log, 0, 500);
    let model = ReadModel::start(stores.clone(), settings.clone()).unwrap();
    model.loaded().await;
    // Corrupts an index, which a reader's own connection then sees.
    model
        .database
        .write(|connection| {
            connection.pragma_update(None, "writable_schema", "ON")?;
            connection.execute("UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'wallet_id'", [])?;
            connection.pragma_update(None, "writable_schema", "OFF")
        })
        .unwrap();
    let refused = model.read(|connection| {
        connection.query_row(
            "SELECT count(*) FROM wallet INDEXED BY wallet_id WHERE id > 'W'",
            [],
            |row| row.get::<_, i64>(0),
        )
    });
    let refused = refused.err().unwrap();
    assert!(matches!(refused, ReadModelError::Damaged), "{refused:?}");
    model.stop();
    drop(model);
    for _ in 0..500 {
        match ReadModel::start(stores.clone(), settings.clone()) {
            Ok(model) => {
                model.loaded().await;
                assert_eq!(model.resumed_from(), None);
                assert_eq!(model.counts().unwrap().wallets, 500);
                return;
            }
            Err(ReadModelError::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the directory was not released");
}
