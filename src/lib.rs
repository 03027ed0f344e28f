//! Ledgerscope: a dashboard for an event-sourced ledger of wallets and orders.
//!
//! The crate is built twice: feature `ssr` is the server and the command line, feature `browser` is the WebAssembly
//! program in the browser. `tests/architecture.rs` checks that a module uses only the modules that it may use.
//!
//! | module | contents | built for |
//! |---|---|---|
//! | [`domain`] | money, events, the folds that turn events into state: pure | both |
//! | [`views`] | what pages and server functions exchange: queries with their addresses, rows, answers, masking | both |
//! | `event_log` | the log as a port, and its adapters | server |
//! | `auth` | operators, passwords, sessions, daily limits, the principal of a request | server |
//! | `audit` | the hash-chained audit trail | server |
//! | `compensations` | previews, cases, approvals, issuing, recovery | server |
//! | `read_model` | one SQLite database with a row for every wallet, order and refund, and the projector that fills it | server |
//! | `ledger` | answers for pages: timelines from the stores, lists and totals from the read model | server |
//! | `app_state` | the state that all requests share, and adapters for the ports of `compensations` | server |
//! | `server` | HTTP: configuration, security, static files, the router | server |
//! | [`api`] | server functions: the HTTP endpoints for browsers | both |
//! | [`components`] | the parts of pages | both |
//! | `pages`, `app` | the pages, and the document around them | server |
//! | `cli` | the command line, one file per subcommand | server |
//! | `browser` | time travel in the browser | browser |

// A page is one deeply nested type until it is boxed, which exceeds the default limit of 128.
#![recursion_limit = "512"]

pub mod api;
#[cfg(feature = "ssr")]
pub mod app;
#[cfg(feature = "ssr")]
pub mod app_state;
#[cfg(feature = "ssr")]
pub mod audit;
#[cfg(feature = "ssr")]
pub mod auth;
#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "ssr")]
pub mod cli;
#[cfg(feature = "ssr")]
pub mod compensations;
pub mod components;
pub mod domain;
#[cfg(feature = "ssr")]
pub mod event_log;
#[cfg(feature = "ssr")]
pub mod ledger;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod read_model;
#[cfg(feature = "ssr")]
pub mod server;
pub mod views;

/// The allocator is set in the library, so that benchmarks use the same one as the executable.
#[cfg(feature = "ssr")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
