//! Runs the conformance suite of the event log on every adapter.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by panicking"
)]

#[path = "../src/event_log/conformance.rs"]
mod conformance;

use conformance::Bench;

fn embedded() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().join("new/wallet").display());
    Bench::new(url, dir)
}

conformance!(sqlite, crate::embedded());
