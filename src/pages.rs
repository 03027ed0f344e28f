//! The pages. A page calls the functions of `api`, and arranges their answers with `components`. Pages do not compute
//! amounts of money.

pub mod address;
pub mod audit;
pub mod case;
pub mod cases;
pub mod compensate;
pub mod customer;
pub mod customers;
pub mod entity;
pub mod event;
pub mod findings;
pub mod form;
pub mod holds;
pub mod list;
pub mod live;
pub mod look_up;
pub mod not_found;
pub mod operators;
pub mod order;
pub mod orders;
pub mod overview;
pub mod proof;
pub mod refund;
pub mod refunds;
pub mod region;
pub mod search;
pub mod sent;
pub mod session;
pub mod sign_in;
pub mod status;
pub mod wallet;
pub mod wallets;
