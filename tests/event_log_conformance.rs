//! Runs the conformance suite of the event log on every adapter.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by panicking"
)]

#[path = "../src/event_log/conformance.rs"]
mod conformance;
#[path = "common/redis.rs"]
mod redis_server;

use conformance::TestStore;
use redis_server::RedisServer;

fn embedded() -> TestStore {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().join("new/wallet").display());
    TestStore::new(url, dir)
}

conformance!(sqlite, crate::embedded());

fn redis(partitions: u32) -> TestStore {
    let server = RedisServer::start();
    if partitions > 1 {
        server.run(&["HSET", "wallet:meta", "partitions", &partitions.to_string()]);
    }
    TestStore::new(server.url(), server)
}

conformance!(redis_whole, crate::redis(1));
conformance!(redis_in_partitions, crate::redis(4));
