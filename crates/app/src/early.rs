//! What must happen before anything else of the program: being a shim, which has one thread and no runtime.
//!
//! `ppe shim DIR` is started by ourselves; `ppe job-ensure DIR SPEC` lets tests kill whoever waits for a job. Neither
//! is a command for users, and neither knows the rest of the program.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use ppe_adapters::executor::drivers::{ACP_SUBCOMMAND, SUBCOMMAND};
use ppe_adapters::executor::job::{self, Ensured, ShimProgram};
use ppe_adapters::executor::record::JobSpec;
use ppe_adapters::executor::{acp, script, shim};
use ppe_adapters::failpoint;

/// The exit code, if this process was started to be something else than the user's `ppe`.
pub(crate) fn run() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [command, dir] if command == "shim" => Some(shim::run(Path::new(dir))),
        [command, args @ ..] if command == SUBCOMMAND => Some(script::run(args)),
        [command, args @ ..] if command == ACP_SUBCOMMAND => Some(acp::run(args)),
        [command, dir, spec] if command == "job-ensure" => Some(job_ensure(Path::new(dir), Path::new(spec))),
        _ => None,
    }
}

/// Brings the job to its end and prints how it was settled, as JSON.
fn job_ensure(dir: &Path, spec: &Path) -> ExitCode {
    match settle(dir, spec) {
        Ok(text) => match writeln!(io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let _told = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settle(dir: &Path, spec: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let spec: JobSpec = serde_json::from_slice(&std::fs::read(spec)?)?;
    let settled = match job::ensure(dir, &spec, &ShimProgram::this())? {
        Ensured::Settled(settled) => settled,
        Ensured::Running(handle) => {
            failpoint::hit("job.after_ensure");
            handle.shim.wait()?;
            job::settle(dir)?
        }
    };
    failpoint::hit("job.before_outcome");
    Ok(serde_json::to_string(&settled)?)
}
