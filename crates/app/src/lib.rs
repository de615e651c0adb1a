//! The program `ppe`: its faces, and the wiring that puts adapters behind them.
//!
//! A library only so that tests can look at what it shows; nothing here is an interface for others.

pub mod cli;
mod early;
mod error;
mod findings;
mod mcp;
mod wiring;

use std::process::ExitCode;

/// The whole program. Must be the first thing that the process does: it may have been started to be a shim.
pub fn main() -> ExitCode {
    early::run().unwrap_or_else(cli::main)
}
