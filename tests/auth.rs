//! Operators, sessions and limits on every kind of store: the conformance suite of the records, and the rules that
//! several processes share. Tests of the single rules are beside their code.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test says what it expects by panicking"
)]

#[path = "../src/auth/records/conformance.rs"]
mod conformance;
#[path = "auth/processes.rs"]
mod processes;
#[path = "common/redis.rs"]
mod redis_server;

use conformance::TestStore;
use redis_server::RedisServer;

fn embedded() -> TestStore {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().join("new/access").display());
    TestStore::new(url, dir)
}

fn redis() -> TestStore {
    let server = RedisServer::start();
    TestStore::new(server.url(), server)
}

records_conformance!(sqlite, crate::embedded());
records_conformance!(redis_server_records, crate::redis());
