//! Compensations on embedded stores: races, approvals, crashes between any two steps, and events that others append
//! meanwhile.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by panicking"
)]

#[path = "compensations/scenarios.rs"]
mod scenarios;

scenarios!(crate::scenarios::test_app::TestApp::embedded());
