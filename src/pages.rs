//! What people see: a page fetches and arranges. It takes what it shows from `api` and draws it with `components`;
//! it never computes money itself.

pub mod entity;
pub mod event;
pub mod findings;
pub mod form;
pub mod here;
pub mod list;
pub mod live;
pub mod not_found;
pub mod order;
pub mod orders;
pub mod overview;
pub mod query;
pub mod refund;
pub mod refunds;
pub mod region;
pub mod search;
pub mod status;
pub mod wallet;
pub mod wallets;
