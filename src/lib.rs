//! Ledgerscope.
pub mod api;
pub mod domain;
#[cfg(feature = "ssr")]
pub mod event_log;
