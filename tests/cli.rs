//! The command line: the built program, on embedded stores in temporary directories. Expected output is written by hand
//! from the contract, not taken from the code.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test says what it expects by panicking"
)]

#[path = "cli/cases.rs"]
mod cases;
#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/filters.rs"]
mod filters;
#[path = "cli/foreign.rs"]
mod foreign;
#[path = "cli/harness.rs"]
mod harness;
#[path = "cli/lists.rs"]
mod lists;
#[path = "cli/operators.rs"]
mod operators;
#[path = "cli/read_model.rs"]
mod read_model;
#[path = "common/redis.rs"]
mod redis_server;
#[path = "cli/search.rs"]
mod search;
#[path = "cli/seeding.rs"]
mod seeding;
#[path = "cli/timelines.rs"]
mod timelines;
#[path = "cli/transfer.rs"]
mod transfer;
#[path = "cli/usage.rs"]
mod usage;
#[path = "cli/verify.rs"]
mod verify;
