//! Commands to a run: over its socket when a process is at it, else recorded by this one under the lock.

use super::found::Found;
use super::runs::{RunLock, latest, open_run};
use super::site::Site;
use crate::error::AppError;
use ppe_adapters::clock::wall_now;
use ppe_core::decide::decide;
use ppe_core::input::{Command, Input, Reply};
use ppe_engine::attach::{self, Call};
use ppe_engine::ports::EventLog;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a process that holds the run's lock may be without a socket.
const COMING_OR_GOING: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

fn found(site: &Site, run: Option<&str>) -> Result<Found, AppError> {
    latest(site, run)?
        .ok_or_else(|| AppError::environment("this repository has no run").hint("`ppe run` starts one"))
}

/// Where the live process of a run listens, if one does.
fn socket(found: &Found) -> Option<PathBuf> {
    let pointer = std::fs::read(found.dir.socket_pointer()).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(&pointer)))
}

fn call(site: &Site, run: Option<&str>, call: &Call) -> Result<Option<Reply>, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let until = Instant::now() + COMING_OR_GOING;
    while RunLock::is_held(site)? {
        let found = found(site, run)?;
        let late = Instant::now() >= until;
        match socket(&found).map(|path| (runtime.block_on(attach::ask(&path, call)), path)) {
            Some((Ok(reply), _)) => return Ok(Some(reply)),
            Some((Err(error), path)) if late || !is_unheard(&error) => {
                let path = path.display();
                let what = format!("the run's process does not answer at {path}: {error}");
                return Err(AppError::environment(what).hint("it may be just starting or ending: try again"));
            }
            None if late => return Ok(None),
            // Nobody heard it: the process is just starting, or ending and about to let go of its lock.
            _ => std::thread::sleep(LOOK_AGAIN),
        }
    }
    Ok(None)
}

/// Whether a call cannot have reached the run.
fn is_unheard(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Gives a command to the live process; nothing when there is none.
pub(crate) fn send(site: &Site, run: Option<&str>, command: Command) -> Result<Option<Reply>, AppError> {
    call(site, run, &Call::Command(command))
}

/// Whether the live process of the latest run answers.
pub(crate) fn ping(site: &Site) -> bool {
    matches!(call(site, None, &Call::Ping), Ok(Some(Reply::Done(_))))
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
