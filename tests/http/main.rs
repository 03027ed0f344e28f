//! The server as a client sees it, through the real router with embedded stores: pages, server functions, headers and
//! refusals.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

mod compensations;
mod exports;
mod functions;
mod fuzz;
mod guard;
mod large;
mod limits;
mod live;
mod look_up;
mod masking;
mod operations;
mod outages;
mod pages;
mod permissions;
mod proxies;
#[path = "../common/redis.rs"]
mod redis_server;
mod sessions;
mod test_app;
