//! The scripted agent: a program that does a task's planned commits for real, and behaves as a script tells it.
//!
//! It is started like any other agent and knows no more than one: its job, the folder it stands in, and its script.
//! For trials, demonstrations and tests without a model.

mod files;
mod merge;
mod part;
mod play;
mod repo;

use crate::executor::drivers::{SCRIPT_WRONG, variable};
use nix::sys::signal::{SigSet, Signal, raise};
use ppe_engine::ports::AgentJob;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

pub use merge::MergeError;
pub use part::{Attempts, Claimed, Part, Script, ScriptError, SignalName};
pub use play::{Ending, PlayError, play};
pub use repo::GitError;

/// Why the scripted agent does not even begin.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{} is not set: this program is started by a run", variable::JOB_FILE)]
    NoJob,
    #[error("cannot read the job {}: {source}", path.display())]
    Job { path: PathBuf, source: io::Error },
    #[error("cannot find the current folder: {0}")]
    Folder(#[source] io::Error),
    #[error("unknown argument {0}: known are --script FILE and --speed FACTOR")]
    Argument(String),
    #[error(transparent)]
    Script(#[from] ScriptError),
}

/// What the program was started with.
struct Start {
    job: AgentJob,
    part: Part,
    speed: f64,
    workspace: PathBuf,
}

/// The program: `[--script FILE] [--speed FACTOR]`, the job in the file that the environment names, the workspace as the
/// current folder. Must be called while the process has one thread. Ends the process itself where the script says so.
pub fn run(args: &[OsString]) -> ExitCode {
    let start = match Start::read(args) {
        Ok(start) => start,
        Err(error) => return last_words(&error.to_string(), SCRIPT_WRONG),
    };
    if start.part.ignore_term {
        let mut term = SigSet::empty();
        term.add(Signal::SIGTERM);
        if let Err(error) = term.thread_block() {
            return last_words(&format!("cannot ignore SIGTERM: {error}"), SCRIPT_WRONG);
        }
    }
    let Start { job, part, speed, workspace } = &start;
    match play(job, part, *speed, workspace, &mut io::stdout().lock()) {
        Ok(Ending::Exit(code)) => ExitCode::from(code),
        Ok(Ending::Fail(why)) => last_words(&why, 1),
        Ok(Ending::Crash(signal)) => match raise(signal) {
            Ok(()) => last_words(&format!("{signal} did not end this process"), 1),
            Err(error) => last_words(&format!("cannot send {signal}: {error}"), 1),
        },
        Ok(Ending::Hang) => loop {
            std::thread::park();
        },
        Err(error) => last_words(&error.to_string(), 1),
    }
}

impl Start {
    fn read(args: &[OsString]) -> Result<Self, StartError> {
        let (mut script, mut speed) = (Script::default(), 1.0);
        for pair in args.chunks(2) {
            let wrong = || StartError::Argument(pair[0].to_string_lossy().into_owned());
            let value = pair.get(1).ok_or_else(wrong)?;
            match pair[0].to_str() {
                Some("--script") => script = Script::load(value.as_ref())?,
                Some("--speed") => speed = value.to_str().and_then(|s| s.parse().ok()).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            }
        }
        let path = PathBuf::from(std::env::var_os(variable::JOB_FILE).ok_or(StartError::NoJob)?);
        let failed = |source| StartError::Job { path: path.clone(), source };
        let text = std::fs::read(&path).map_err(failed)?;
        let job: AgentJob = serde_json::from_slice(&text).map_err(|e| failed(e.into()))?;
        let part = script.part(job.task.as_str(), job.attempt);
        Ok(Self { job, part, speed, workspace: std::env::current_dir().map_err(StartError::Folder)? })
    }
}

fn last_words(why: &str, code: u8) -> ExitCode {
    // Nobody may be listening any more.
    let _said = writeln!(io::stderr(), "{why}");
    ExitCode::from(code)
}
