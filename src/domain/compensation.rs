//! Putting things right by one more event (contract §6 and §7): what can be asked for, what a form said, what would be
//! appended and what it would change, and the life of the case that keeps account of it. All of it is pure; who asks, and
//! whether it may be written, is decided elsewhere.

pub mod case;
pub mod command;
pub mod decide;
pub mod draft;
