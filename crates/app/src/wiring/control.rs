//! Commands to a run: over its socket when a process is at it, else recorded by this one under the lock.

use super::runs::{Found, RunLock, latest, open_run};
use super::site::Site;
use crate::error::AppError;
use ppe_adapters::clock::wall_now;
use ppe_core::decide::decide;
use ppe_core::input::{Command, Input, Reply};
use ppe_engine::attach::{self, Call};
use ppe_engine::ports::EventLog;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn found(site: &Site, run: Option<&str>) -> Result<Found, AppError> {
    latest(site, run)?
        .ok_or_else(|| AppError::environment("this repository has no run").hint("`ppe run` starts one"))
}

/// Where the live process of a run listens, if one does.
fn socket(found: &Found) -> Option<PathBuf> {
    let pointer = std::fs::read(found.dir.socket_pointer()).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(&pointer)))
}

fn call(site: &Site, run: Option<&str>, call: Call) -> Result<Option<Reply>, AppError> {
    if !RunLock::is_held(site)? {
        return Ok(None);
    }
    let found = found(site, run)?;
    let Some(socket) = socket(&found) else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(attach::ask(&socket, call)).map(Some).map_err(|error| {
        AppError::environment(format!("the run's process does not answer at {}: {error}", socket.display()))
            .hint("it may be just starting or ending: try again")
    })
}

/// Gives a command to the live process; nothing when there is none.
pub(crate) fn send(site: &Site, run: Option<&str>, command: Command) -> Result<Option<Reply>, AppError> {
    call(site, run, Call::Command(command))
}

/// Whether the live process of the latest run answers.
pub(crate) fn ping(site: &Site) -> bool {
    matches!(call(site, None, Call::Ping), Ok(Some(Reply::Done(_))))
}

/// Records a command in the log of a run that no process is at.
pub(crate) fn apply(site: &Site, run: Option<&str>, command: Command) -> Result<Reply, AppError> {
    let found = found(site, run)?;
    let _lock = RunLock::take(site, "a command", Some(&found.id))?;
    let (mut log, mut state, _) = open_run(&found.dir)?;
    let decision = decide(&mut state, wall_now(), Input::Operator(command));
    if !decision.record.events.is_empty() {
        log.append(&[serde_json::to_string(&decision.record)?]).map_err(AppError::environment)?;
    }
    decision.reply.ok_or_else(|| AppError::bug("a command without an answer"))
}
