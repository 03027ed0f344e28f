//! A Redis store over TLS. The certificates in `common/tls` are for this test alone and valid for a hundred years. The
//! key of their authority was not kept.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by panicking"
)]

#[allow(dead_code, reason = "the suite runs elsewhere; its helpers are used here")]
#[path = "../src/event_log/conformance.rs"]
mod conformance;
#[path = "common/redis.rs"]
mod redis_server;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use conformance::{event, id, next, read_all};
use futures::TryStreamExt as _;
use ledgerscope::{
    domain::ids::Domain,
    event_log::{Expected, FeedPosition, ReadError, open},
};
use redis_server::{RedisServer, free_port};

/// The variable that has the server for a child process of this test. `SSL_CERT_FILE` names the certificates that the
/// child trusts.
const CHILD: &str = "LEDGERSCOPE_TEST_TLS";

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/common/tls")
        .join(name)
}

/// Uses a store over TLS. The error is that of a child that does not trust the server.
async fn talk(url: &str) -> Result<(), ReadError> {
    let log = open(Domain::Wallet, url).unwrap();
    log.feed_end().await?;
    log.append(&id("W-1"), Expected::Any, &[event(1)]).await.unwrap();
    assert_eq!(next(&mut log.follow(FeedPosition::default()), 1).await.len(), 1);
    assert_eq!(read_all(&*log, &id("W-1")).await.len(), 1);
    // Over TLS, redis-rs sweeps; over plain TCP, the program's own reader does. The entries have the same digests as
    // those of a read.
    let swept = log.sweep().try_concat().await?;
    assert_eq!(swept.len(), 1);
    assert_eq!(swept[0].entries, read_all(&*log, &id("W-1")).await);
    Ok(())
}

#[tokio::test]
async fn a_store_over_tls_works_if_its_certificate_is_trusted() {
    if let Ok(url) = env::var(CHILD) {
        let trusting = env::var("SSL_CERT_FILE").unwrap().ends_with("ca.crt");
        match talk(&url).await {
            Ok(()) => assert!(trusting, "a stranger's certificate was trusted"),
            Err(error) => {
                assert!(!trusting, "{error}");
                assert!(matches!(error, ReadError::Unavailable { .. }), "{error:?}");
                assert!(error.to_string().contains("certificate"), "{error}");
            }
        }
        return;
    }
    let port = free_port().to_string();
    let [authority, own, key] =
        ["ca.crt", "server.crt", "server.key"].map(|name| certificate(name).display().to_string());
    let _server = RedisServer::start_with(&[
        "--tls-port",
        &port,
        "--tls-ca-cert-file",
        &authority,
        "--tls-cert-file",
        &own,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ]);
    // The trusted certificates are read when a program starts, so each case runs in its own process.
    for trusted in [&authority, &own] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_store_over_tls_works_if_its_certificate_is_trusted"])
            .env(CHILD, format!("rediss://localhost:{port}/"))
            .env("SSL_CERT_FILE", trusted)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
