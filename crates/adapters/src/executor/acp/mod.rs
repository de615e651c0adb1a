//! The client of the agent `acp`: it starts a program that speaks the Agent Client Protocol and has it do one job.
//!
//! It is started like any other agent and knows no more than one: its job and the folder it stands in. What it hears it
//! prints in our own line protocol. What it does not understand it prints as it is, and never fails for it.

mod client;
mod permission;
mod told;
mod wire;

use crate::executor::drivers::{Permissions, variable};
use client::Client;
use permission::Policy;
use ppe_core::outcome::Exit;
use ppe_engine::ports::AgentJob;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use wire::Wire;

/// So long the agent may take to answer that it has cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(4);
/// So long it may take to end once nobody speaks to it any more.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Why the client does not even begin.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{} is not set: this program is started by a run", variable::JOB_FILE)]
    NoJob,
    #[error("cannot read the job {}: {source}", path.display())]
    Job { path: PathBuf, source: io::Error },
    #[error("unknown argument {0}: known are --permissions edits|all, --mode MODE, -- PROGRAM ARGUMENT…")]
    Argument(String),
    #[error("cannot start {program}: {source}")]
    Program { program: String, source: io::Error },
    #[error(transparent)]
    System(#[from] io::Error),
}

/// What the client was started with.
struct Start {
    job: AgentJob,
    workspace: PathBuf,
    mode: Option<String>,
    permissions: Permissions,
    argv: Vec<OsString>,
}

/// The program: `[--permissions edits|all] [--mode MODE] -- PROGRAM ARGUMENT…`, the job in the file that the environment
/// names, the workspace as the current folder. Must be called while the process has one thread.
pub fn run(args: &[OsString]) -> ExitCode {
    let end = begin(args).unwrap_or_else(|error| Exit::CannotStart(error.to_string()));
    told::end(&end);
    if end == Exit::Done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn begin(args: &[OsString]) -> Result<Exit, StartError> {
    let start = Start::read(args)?;
    let failed =
        |source| StartError::Program { program: start.argv[0].to_string_lossy().into_owned(), source };
    let (wire, mut agent) = Wire::start(&start.argv).map_err(failed)?;
    let policy = Policy::new(start.permissions, &start.job.allow, &start.workspace);
    let mut client = Client::new(wire, start.job, start.workspace, policy);
    let end = client.work(start.permissions, start.mode.as_deref());
    drop(client);
    let ended = agent.wait(CLOSE_LIMIT);
    Ok(match end {
        Ok(exit) => exit,
        Err(broken) => broken.exit(ended),
    })
}

impl Start {
    fn read(args: &[OsString]) -> Result<Self, StartError> {
        let (mut mode, mut permissions) = (None, Permissions::Edits);
        let mut args = args.iter();
        let argv: Vec<OsString> = loop {
            let Some(arg) = args.next() else { return Err(StartError::Argument("no program".to_owned())) };
            let wrong = || StartError::Argument(arg.to_string_lossy().into_owned());
            if arg == "--" {
                break args.cloned().collect();
            }
            let value = args.next().and_then(|value| value.to_str()).ok_or_else(wrong)?;
            match (arg.to_str(), value) {
                (Some("--mode"), mode_id) => mode = Some(mode_id.to_owned()),
                (Some("--permissions"), "edits") => permissions = Permissions::Edits,
                (Some("--permissions"), "all") => permissions = Permissions::All,
                _ => return Err(wrong()),
            }
        };
        if argv.is_empty() {
            return Err(StartError::Argument("no program".to_owned()));
        }
        let path = PathBuf::from(std::env::var_os(variable::JOB_FILE).ok_or(StartError::NoJob)?);
        let failed = |source| StartError::Job { path: path.clone(), source };
        let text = std::fs::read(&path).map_err(failed)?;
        let job: AgentJob = serde_json::from_slice(&text).map_err(|e| failed(e.into()))?;
        Ok(Self { job, workspace: std::env::current_dir()?, mode, permissions, argv })
    }
}
