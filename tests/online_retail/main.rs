//! Tests the example `online_retail`. An oracle that knows only the contract, not the rules of the example, reads the
//! output back. Each rule has a test on rows made for it. The real file is converted once, and its figures are compared
//! with those of another program.

#![expect(clippy::expect_used, reason = "a test panics if its setup fails")]

#[path = "../../examples/online_retail"]
mod retail {
    pub mod convert;
    pub mod credit_notes;
    pub mod events;
    pub mod matching;
    pub mod money;
    pub mod report;
    pub mod rows;
}

mod credits;
mod harness;
mod invoices;
mod oracle;
mod real_file;
mod refusals;
