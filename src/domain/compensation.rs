//! Compensations (contract §6 and §7): commands, forms, decisions (the events to append and their effect) and cases.
//! Everything here is pure. Authorisation and appends are elsewhere.

pub mod case;
pub mod command;
pub mod decide;
pub mod draft;
pub mod reservation;
