//! Git processes that an earlier process of ours left at work when it was killed: they are outlasted before anything is
//! done in the repository, for what they write they would write beside us.
//!
//! They are let finish, so that no lock and no half-written file stays behind; only what takes too long is asked to end,
//! and git then takes its locks away itself. Knows nothing of what they were about.

use super::process::{self, ProcessHandle, ProcessStat};
use super::shim::sweep::{self, Clean};
use crate::git::cli::OWNER_VARIABLE;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
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
    let (mut clean, mut asked) = (Clean::new(), BTreeSet::new());
    loop {
        let look = sweep::find(OWNER_VARIABLE, &owner);
        if clean.after(&look) {
            return Ok(());
        }
        let left = look.found;
        if began.elapsed() > PATIENCE {
            left.iter().filter(|stat| asked.insert((stat.pid, stat.start_ticks))).for_each(ask_to_end);
        }
        if !left.is_empty() && began.elapsed() > PATIENCE * 2 {
            return Err(StillAtWork { pids: left.iter().map(|stat| stat.pid.as_raw()).collect() });
        }
        std::thread::sleep(PAUSE);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_is_at_work_for_a_repository_is_let_finish() {
        let dir = tempfile::tempdir().unwrap();
        let (done, other) = (dir.path().join("done"), dir.path().join("other"));
        let mut orphan = Command::new("sh");
        let script = "until test -e \"$0.go\"; do sleep 0.01; done; sleep 0.3; echo > \"$0\"";
        orphan.args(["-c", script]).arg(&done).env(OWNER_VARIABLE, dir.path());
        let mut orphan = orphan.spawn().unwrap();
        let mut stranger = Command::new("sleep").arg("60").env(OWNER_VARIABLE, &other).spawn().unwrap();
        while sweep::find(OWNER_VARIABLE, &dir.path().to_string_lossy()).found.is_empty() {
            std::thread::yield_now();
        }
        std::fs::write(dir.path().join("done.go"), "").unwrap();
        let reaper = std::thread::spawn(move || orphan.wait().unwrap());
        outlast(dir.path()).unwrap();
        assert!(done.exists(), "it was not waited for");
        assert!(reaper.join().unwrap().success(), "it was not let finish");
        assert_eq!(stranger.try_wait().unwrap(), None);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
