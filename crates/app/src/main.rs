//! The program `ppe`.

use std::process::ExitCode;

mod early;

fn main() -> ExitCode {
    if let Some(code) = early::run() {
        return code;
    }
    ExitCode::SUCCESS
}
