//! Ledgerscope: a place to look into an event-sourced ledger of wallets and orders.
//!
//! One crate, built twice: feature `ssr` is the server and the command line, feature `browser` is what runs in the
//! reader's browser. This file lists the modules and holds the only `cfg` lines. `tests/architecture.rs` checks that a
//! module uses only the modules that it may use.
//!
//! | module | contents | built for |
//! |---|---|---|
//! | [`domain`] | money, events, the folds that turn events into state: pure | both |
//! | [`views`] | what pages and server functions exchange: queries with their addresses, rows, answers, masking | both |
//! | `event_log` | the log as a port, and its adapters | server |
//! | `access` | who people are: operators, sessions, limits of a day, the audit trail | server |
//! | `desk` | the write side: previews, cases, approvals, issuing, and what a crash left half done | server |
//! | `read_model` | one SQLite database with a row for every wallet, order and refund, and the projector that fills it | server |
//! | `ledger` | answers for pages: timelines from the stores, lists and totals from the read model | server |
//! | `server` | HTTP: configuration, security, static files, the router | server |
//! | [`api`] | server functions: what a browser may ask | both |
//! | [`components`] | what pages are made of | both |
//! | `pages`, `app` | what people see, and the document around it | server |
//! | `cli` | the command line: one file a subcommand | server |
//! | `browser` | time travel on the reader's own machine | browser |

// A page is one nested type until it is boxed, and rustc counts its depth.
#![recursion_limit = "512"]

#[cfg(feature = "ssr")]
pub mod access;
pub mod api;
#[cfg(feature = "ssr")]
pub mod app;
#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "ssr")]
pub mod cli;
pub mod components;
#[cfg(feature = "ssr")]
pub mod desk;
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

/// Here, so that benchmarks measure the program with the allocator that it has.
#[cfg(feature = "ssr")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
