//! Controls of time travel.
