//! Git processes that an earlier process of ours left at work when it was killed: they are outlasted before anything is
//! done in the repository, for what they write they would write beside us.
//!
//! They are let finish, so that no lock and no half-written file stays behind; only what takes too long is asked to end,
//! and git then takes its locks away itself. Knows nothing of what they were about.

use super::process::{self, ProcessHandle, ProcessStat};
use super::shim::sweep;
use crate::git::cli::OWNER_VARIABLE;
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long they may take by themselves, and as long again once they were asked to end.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// Git processes of an earlier process that do not end.
#[derive(Debug, thiserror::Error)]
#[error("git processes of an earlier ppe are still at work here: {}", list(pids))]
pub(super) struct StillAtWork {
    pids: Vec<i32>,
}

/// Waits until no git process is at work for a repository, by its git common directory. Called before this process
/// starts any of its own.
pub(super) fn outlast(common_dir: &Path) -> Result<(), StillAtWork> {
    let owner = common_dir.to_string_lossy();
    let began = Instant::now();
    let (mut clean, mut asked) = (0, false);
    while clean < sweep::CLEAN_PASSES {
        let left = sweep::find(OWNER_VARIABLE, &owner);
        clean = if left.is_empty() { clean + 1 } else { 0 };
        if !left.is_empty() && began.elapsed() > PATIENCE && !asked {
            asked = true;
            left.iter().for_each(ask_to_end);
        }
        if !left.is_empty() && began.elapsed() > PATIENCE * 2 {
            return Err(StillAtWork { pids: left.iter().map(|stat| stat.pid.as_raw()).collect() });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// A handle first, then a second look: the id may have gone to another process since it was listed.
fn ask_to_end(listed: &ProcessStat) {
    let Ok(handle) = ProcessHandle::open(listed.pid) else { return };
    if process::stat(listed.pid).is_some_and(|now| now.start_ticks == listed.start_ticks) {
        // A failure shows as one that stays.
        let _sent = handle.signal(Signal::SIGTERM);
    }
}

fn list(pids: &[i32]) -> String {
    pids.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
}
