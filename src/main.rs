//! The program: everything is in the library, where tests and the other rooms can see it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ledgerscope::cli::main()
}
