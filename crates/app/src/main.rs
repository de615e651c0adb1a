//! The program `ppe`.

mod cli;
mod early;
mod error;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = early::run() {
        return code;
    }
    cli::main()
}
