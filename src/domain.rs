//! The rules of the ledger: money, events, and the folds that turn events into state. Every function here is pure and
//! total, so the server, the command line and the browser compute the same numbers. No I/O, no clock, no `async`:
//! callers pass the time as an argument.

pub mod access;
pub mod audit;
pub mod compensation;
pub mod event;
mod fields;
pub mod findings;
pub mod fold;
pub mod form;
pub mod ids;
pub mod money;
pub mod order;
mod payload;
pub mod refund;
pub mod replay;
pub mod wallet;

#[cfg(test)]
mod tests;
