//! A wallet that another program wrote by plain XADD, dirty and without a feed, as the command line prints it (contract §3, §8).

use serde_json::{Value, json};

use crate::{harness::Cli, redis_server::RedisServer};

fn add(redis: &RedisServer, id: &str, sequence: &str, kind: &str, data: &Value) {
    let (event, data) = (format!("e{id}"), data.to_string());
    redis.run(&[
        "XADD",
        "wallet:{0}:W-1",
        id,
        "id",
        &event,
        "type",
        kind,
        "sequence",
        sequence,
        "time",
        "2026-01-01T00:00:00Z",
        "data",
        &data,
    ]);
}

#[test]
fn a_dirty_stream_by_plain_xadd_is_printed_as_it_is() {
    let redis = RedisServer::start();
    let credit = |amount: &str| json!({"amount": {"amount": amount, "currency": "EUR"}, "kind": "top_up"});
    let opened = json!({"owner": {"id": "C"}, "currency": "EUR"});
    // Out of order: one sequence twice, one that is not a number, and a gap.
    add(&redis, "1-0", "2", "wallet.credited", &credit("2"));
    add(&redis, "2-0", "1", "wallet.opened", &opened);
    add(&redis, "3-0", "2", "wallet.credited", &credit("100"));
    add(&redis, "4-0", "x", "wallet.credited", &credit("100"));
    add(&redis, "5-0", "5", "wallet.credited", &credit("4"));
    let cli = Cli::new();
    let ran = cli
        .command(&["wallet", "W-1", "--json"])
        .env("LEDGERSCOPE_WALLET_STORE", redis.url())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let wallet: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(wallet["posted"], json!("6.00"));
    assert_eq!(wallet["sequence"], json!(5));
    assert_eq!(wallet["complete"], json!(false));
    let anomalies: Vec<_> = wallet["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|anomaly| (anomaly["sequence"].as_u64(), anomaly["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        anomalies,
        [
            (Some(2), "repeated_sequence"),
            (None, "unparsable_envelope"),
            (Some(5), "gap")
        ]
    );
    assert_eq!(wallet["entries"][0]["recordedtime"], json!("1970-01-01T00:00:00.002Z"));
}
