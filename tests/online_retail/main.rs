//! The example `online_retail`, run inside the test and checked from outside: what it writes is read back by an oracle
//! that knows the contract and nothing of the rules. The rules have a test each on rows made for them; the real file is
//! converted once, and its figures compared with ones that another program counted.

#![expect(clippy::expect_used, reason = "a test stops where its ground gives way")]

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
