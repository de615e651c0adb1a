//! A cgroup v2 of the job's own, where a folder to make one in was delegated: the kernel then kills the whole job
//! in one step, whatever its processes did to hide.
//!
//! The program is put there without code between fork and exec: the shim moves in, starts it, and moves out to a
//! neighbouring group. Where anything of this fails the job goes on without a cgroup, and `exit` says so.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::sweep::Swept;

const GIVE_UP: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);
/// The group for shims, beside those of their jobs.
const SHIMS: &str = "ppe-shims";

/// The job's group and the one its shim lives in.
pub(super) struct Cgroup {
    job: PathBuf,
    shims: PathBuf,
}

impl Cgroup {
    /// Makes the job's group, if one is wanted and possible.
    pub(super) fn create(job: Option<&Path>) -> Option<Cgroup> {
        let job = job?;
        let shims = job.parent()?.join(SHIMS);
        let made = make(&shims).and_then(|()| make(job));
        (made.is_ok() && job.join("cgroup.kill").exists() && join(&shims).is_ok())
            .then(|| Cgroup { job: job.to_owned(), shims })
    }

    /// Runs `start` inside the job's group, so that what it starts begins there.
    ///
    /// A shim that could not move out again would die of its own kill; the job is then found lost, never left
    /// running.
    pub(super) fn start_inside<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        join(&self.job)?;
        let started = start();
        join(&self.shims)?;
        started
    }

    /// Kills all that is in the job's group and removes it.
    pub(super) fn kill(&self) -> Swept {
        kill(&self.job)
    }
}

/// Whether `dir` is a cgroup v2 folder in which groups can be made and killed as a whole.
pub fn delegated(dir: &Path) -> bool {
    let probe = dir.join(format!("ppe-probe-{}", std::process::id()));
    let works = make(&probe).is_ok() && probe.join("cgroup.kill").exists();
    // Empty groups are removed as directories; one that was never made has nothing to remove.
    let _removed = std::fs::remove_dir(&probe);
    works
}

/// Kills all that is in the group `job`, which may be gone, and removes it.
pub(crate) fn kill(job: &Path) -> Swept {
    let began = Instant::now();
    let members = || {
        let list = std::fs::read_to_string(job.join("cgroup.procs")).unwrap_or_default();
        u32::try_from(list.lines().count()).unwrap_or(u32::MAX)
    };
    let found = members();
    let mut alive = found;
    while alive > 0 && began.elapsed() < GIVE_UP {
        // A failure shows as members that stay.
        let _sent = std::fs::write(job.join("cgroup.kill"), "1");
        std::thread::sleep(PAUSE);
        alive = members();
    }
    let _removed = std::fs::remove_dir(job);
    Swept { killed: found - alive.min(found), alive }
}

fn make(group: &Path) -> io::Result<()> {
    match std::fs::create_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn join(group: &Path) -> io::Result<()> {
    std::fs::write(group.join("cgroup.procs"), "0")
}
