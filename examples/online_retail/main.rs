//! Converts the UCI "Online Retail" file to events of this ledger: `order.*` and `wallet.*` as CloudEvents 1.0 JSON
//! lines on standard output. Standard error has a report of each rule, and says whether the sums match. The rules are
//! in `docs/online-retail.md`. Like any other producer, the example uses the event contract and nothing of the crate.
//!
//! `cargo run --example online_retail -- online-retail.csv.gz | ledgerscope import -`

mod convert;
mod credit_notes;
mod events;
mod matching;
mod money;
mod report;
mod rows;

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, BufWriter},
    path::Path,
    process::ExitCode,
};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: online_retail FILE   (the CSV, plain or gzip; events go to standard output)");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("online_retail: the sums do not add up; do not trust these events");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("online_retail: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// Converts the file. Returns whether the sums match.
fn run(path: &OsString) -> Result<bool, Box<dyn Error>> {
    let file = rows::read_file(Path::new(path))?;
    let report = convert::convert(&file, BufWriter::new(io::stdout().lock()))?;
    eprint!("{report}");
    Ok(report.adds_up())
}
