//! The program `ppe`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ppe_app::main()
}
