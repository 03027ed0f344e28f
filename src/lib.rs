//! Ledgerscope.
pub mod domain;
#[cfg(feature = "ssr")]
pub mod event_log;
