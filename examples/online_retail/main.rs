//! Turns the UCI "Online Retail" file into this ledger's events: `order.*` and `wallet.*` as CloudEvents 1.0 JSON lines
//! on standard output, what each rule took and whether it adds up on standard error. The rules are in
//! `docs/online-retail.md`. It knows the event contract and nothing of the crate, as any foreign producer would.
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

/// Converts the file; the answer is whether it adds up.
fn run(path: &OsString) -> Result<bool, Box<dyn Error>> {
    let file = rows::read_file(Path::new(path))?;
    let report = convert::convert(&file, BufWriter::new(io::stdout().lock()))?;
    eprint!("{report}");
    Ok(report.adds_up())
}
