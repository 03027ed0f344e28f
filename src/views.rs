//! What pages and server functions exchange: queries with their addresses, rows of lists, answers, forms, and the
//! masking of personal data. Server and browser use the same types. The bounds of queries are here, so that both sides
//! have them.

pub mod audit;
pub mod compensations;
pub mod customers;
pub mod destination;
pub mod events;
pub mod findings;
pub mod health;
pub mod href;
pub mod lists;
pub mod look_up;
pub mod mask;
pub mod operators;
pub mod orders;
pub mod overview;
pub mod query;
pub mod refunds;
pub mod search;
pub mod timelines;
pub mod truncate;
pub mod wallets;
