//! Build tasks that cargo does not have. Run them as `cargo xtask TASK`. This crate is not part of the product.

mod bundle;
mod css;
mod js;
mod package;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask bundle    build the browser part and put it, the style sheet and public/ into target/site
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments != ["bundle"] {
        eprint!("{HELP}");
        return ExitCode::from(2);
    }
    match bundle::bundle() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
