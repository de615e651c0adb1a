//! The command line: one command, one file.
//!
//! Knows the engine's operations and the core's words; what touches the machine is built by [`crate::wiring`].

mod answer;
mod args;
mod audit;
mod board;
mod config;
mod conflicts;
mod control;
mod diff;
mod doctor;
mod drive;
mod init;
mod logs;
mod pager;
mod plan;
mod plan_graph;
mod plan_import;
mod plan_new;
mod plan_text;
#[cfg(test)]
mod reference;
mod report;
mod resume;
mod run;
pub mod screen;
mod simulate;
#[cfg(test)]
mod standstills;
mod status;
mod terminal;
mod ui;

use crate::error::{AppError, EXIT_DONE};
use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;
use ui::Ui;

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data, everything else is talk; clap knows which is which.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut ui = Ui::of_process();
    match dispatch(cli, &mut ui) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ui.talk(&error.to_string());
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn dispatch(cli: Cli, ui: &mut Ui) -> Result<u8, AppError> {
    match cli.command {
        Command::Init(args) => init::run(&args, ui),
        Command::Plan(args) => plan::run(&args, ui),
        Command::Run(args) => run::run(*args, ui),
        Command::Resume(args) => resume::run(&args, ui),
        Command::Status(args) => status::run(&args, ui),
        Command::Logs(args) => logs::run(&args, ui),
        Command::Diff(args) => diff::run(&args, ui),
        Command::Conflicts(of) => conflicts::run(&of, ui),
        Command::Board(args) => board::run(args, ui),
        Command::Questions(args) => answer::questions(&args, ui),
        Command::Answer(args) => answer::run(&args, ui),
        Command::Audit(args) => audit::run(&args, ui),
        Command::Report(args) => report::run(&args, ui),
        Command::Simulate(args) => simulate::run(&args, ui),
        Command::Doctor(args) => doctor::run(&args, ui),
        Command::Config(args) => config::run(&args, ui),
        Command::Mcp { repo } => {
            let runtime = runtime()?;
            let code = runtime.block_on(crate::mcp::serve(repo));
            // A client that has gone takes no answer to what is still under way.
            runtime.shutdown_background();
            code
        }
        Command::Completions { shell } => {
            completions(shell, ui);
            Ok(EXIT_DONE)
        }
        Command::Control(command) => control::run(command, ui),
    }
}

/// Writes what a shell needs to complete our words.
fn completions(shell: clap_complete::Shell, ui: &mut Ui) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ppe", &mut script);
    ui.raw(&String::from_utf8_lossy(&script));
}

/// A runtime for commands that wait for more than one thing.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, AppError> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
