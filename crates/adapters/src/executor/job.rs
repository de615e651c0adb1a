//! Jobs seen from outside: start one, find out how one stands, adopt one that runs, ask one to stop.
//!
//! All of it goes by the job's folder, so it works as well for whoever started the job as for a later process
//! that never heard of it. Nothing here trusts a process id on disk: the lock says who supervises. Calls block on
//! files and processes; asynchronous callers put them on a blocking thread. This module does not know what a job
//! is for.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::process::{self, ProcessHandle};
use super::record::{self, Exit, JobSpec, Started, StopNote};
use super::shim::{self, sweep};
use crate::failpoint;

/// A slow shim of an earlier process can beat ours to the lock and then die; that often we try again.
const MOST_SPAWNS: u32 = 3;
/// The thread that waits for a shim needs next to no stack.
const REAPER_STACK_BYTES: usize = 64 * 1024;

/// Why a job could not be looked at, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A file of the job's folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said; `InvalidData` when the content makes no sense.
        source: io::Error,
    },
    /// The shim could not be started.
    #[error("shim {}: {source}", program.display())]
    Spawn {
        /// The program that should have become the shim.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The running shim could not be waited for or signalled.
    #[error("shim of {}: {source}", dir.display())]
    Shim {
        /// The job's folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn file_error<'a>(dir: &'a Path, name: &'a str) -> impl FnOnce(io::Error) -> JobError + 'a {
    move |source| JobError::File { path: dir.join(name), source }
}

/// How to start a shim.
#[derive(Debug, Clone)]
pub struct ShimProgram {
    /// A `ppe` whose `main` hands `shim DIR` to [`shim::run`].
    pub path: PathBuf,
    /// Values of the variables that specs list as secrets. They go by the shim's environment, never by a file.
    pub secrets: Vec<(String, String)>,
}

impl ShimProgram {
    /// The program that runs now, even if its file has been replaced since.
    pub fn this() -> ShimProgram {
        ShimProgram { path: PathBuf::from("/proc/self/exe"), secrets: Vec::new() }
    }
}

/// How a job stands.
#[derive(Debug)]
pub enum Probe {
    /// There is no such job.
    Absent,
    /// It was wanted, but its program has never run.
    NeverStarted,
    /// A shim supervises it.
    Running(Handle),
    /// It is over, and nothing of it runs.
    Ended(Exit),
    /// Its shim died without a word. What the program left behind may still run: see [`settle`].
    Lost(Started),
}

/// How a job stands once nothing of it runs any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It ended, and its shim said how.
    Ended(Exit),
    /// Its shim died; how the program ended is not known.
    Lost {
        /// What became of the shim.
        cause: LostCause,
        /// How many processes of the job were found and killed.
        leftovers_killed: u32,
        /// How many of them could not be killed.
        leftovers_alive: u32,
    },
    /// Its program has never run.
    NeverStarted(NotStarted),
}

/// What became of a shim that left no `exit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostCause {
    /// It was killed.
    ShimDied,
    /// The machine was restarted.
    MachineRestarted,
}

/// Why a program has never run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotStarted {
    /// The shim failed with this system error (a full disk, say).
    ShimFailed {
        /// The system's error number, if the shim could tell one.
        errno: Option<i32>,
        /// The system's words for it.
        text: String,
    },
    /// A signal ended the shim before it started anything.
    ShimKilled(i32),
    /// Nobody was there to see.
    Unknown,
}

/// What [`ensure`] found or brought about.
#[derive(Debug)]
pub enum Ensured {
    /// The job runs.
    Running(Handle),
    /// The job is over, or never began.
    Settled(Settled),
}

/// A job that runs, by the process that supervises it. Dropping it leaves the job alone.
#[derive(Debug)]
pub struct Handle {
    /// The shim. Its descriptor becomes readable when the shim has ended.
    pub shim: ProcessHandle,
    /// Whether this call brought the shim about.
    pub origin: Origin,
}

/// Who started a shim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This call did.
    Spawned,
    /// It ran already.
    Adopted,
}

/// What became of a request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAsked {
    /// The shim was asked. The job still runs until its shim has ended.
    Asked,
    /// No shim supervises the job. One that is still on its way will not start the program.
    NotRunning,
}

/// Looks how the job in `dir` stands. Changes nothing.
///
/// Errors: a file of the folder cannot be read or understood, or the holder of the lock cannot be seen.
pub fn probe(dir: &Path) -> Result<Probe, JobError> {
    let exit = || record::get::<Exit>(dir, record::EXIT).map_err(file_error(dir, record::EXIT));
    let holder = || process::lock_holder(&dir.join(record::LOCK)).map_err(file_error(dir, record::LOCK));
    let running = |shim| Probe::Running(Handle { shim, origin: Origin::Adopted });
    if let Some(exit) = exit()? {
        return Ok(Probe::Ended(exit));
    }
    if let Some(shim) = holder()? {
        return Ok(running(shim));
    }
    let started = record::get::<Started>(dir, record::STARTED).map_err(file_error(dir, record::STARTED))?;
    let Some(started) = started else {
        let wanted = dir.join(record::SPEC).exists();
        return Ok(if wanted { Probe::NeverStarted } else { Probe::Absent });
    };
    // Between the looks a shim may have begun, or ended. Once `started` is there no other can begin.
    if let Some(shim) = holder()? {
        return Ok(running(shim));
    }
    Ok(exit()?.map_or(Probe::Lost(started), Probe::Ended))
}

/// Brings about that the job in `dir` runs or has run, however often and by whomever this is called.
///
/// A job that ended, was lost, or runs is left as it is, whatever `spec` says now; the program of one folder
/// starts at most once. Returns when the job runs, with `started` on disk, or is settled.
///
/// Errors: the folder cannot be made, read or written, or no process can be started.
pub fn ensure(dir: &Path, spec: &JobSpec, program: &ShimProgram) -> Result<Ensured, JobError> {
    let dir = &std::path::absolute(dir).map_err(file_error(dir, ""))?;
    if let Some(found) = found(dir, spec)? {
        return Ok(found);
    }
    failpoint::hit("job.before_spec");
    record::make_dir(dir).map_err(file_error(dir, ""))?;
    if record::get::<JobSpec>(dir, record::SPEC).ok().flatten().as_ref() != Some(spec) {
        record::put(dir, record::SPEC, spec, "job.spec").map_err(file_error(dir, record::SPEC))?;
    }
    for _ in 0..MOST_SPAWNS {
        failpoint::hit("job.before_spawn");
        let mut spawned = spawn(dir, spec, program)
            .map_err(|source| JobError::Spawn { program: program.path.clone(), source })?;
        failpoint::hit("job.after_spawn");
        spawned.wait_until_started();
        failpoint::hit("job.after_started");
        match found(dir, spec)? {
            Some(Ensured::Running(handle)) if handle.shim.pid() == spawned.pid => {
                return Ok(Ensured::Running(Handle { origin: Origin::Spawned, ..handle }));
            }
            Some(other) => return Ok(other),
            None => {}
        }
        if let Some(why) = not_started(spawned.ended.recv().ok().and_then(Result::ok)) {
            return Ok(Ensured::Settled(Settled::NeverStarted(why)));
        }
    }
    Ok(Ensured::Settled(Settled::NeverStarted(NotStarted::Unknown)))
}

/// What there is to be said of a job without starting it; nothing if its program has never run.
fn found(dir: &Path, spec: &JobSpec) -> Result<Option<Ensured>, JobError> {
    Ok(match probe(dir)? {
        Probe::Absent | Probe::NeverStarted => None,
        Probe::Running(handle) => Some(Ensured::Running(handle)),
        Probe::Ended(exit) => Some(Ensured::Settled(Settled::Ended(exit))),
        Probe::Lost(started) => Some(Ensured::Settled(sweep_lost(&started, spec))),
    })
}

/// Blocks until nothing of the job in `dir` runs, and says how it ended. A lost job's leftovers are killed here.
///
/// A job that nobody has started is settled as never started: this starts nothing.
///
/// Errors: a file of the folder cannot be read or understood, or the shim cannot be waited for.
pub fn settle(dir: &Path) -> Result<Settled, JobError> {
    loop {
        match probe(dir)? {
            Probe::Absent | Probe::NeverStarted => return Ok(Settled::NeverStarted(NotStarted::Unknown)),
            Probe::Ended(exit) => return Ok(Settled::Ended(exit)),
            Probe::Running(handle) => {
                handle.shim.wait().map_err(|source| JobError::Shim { dir: dir.to_owned(), source })?;
            }
            Probe::Lost(started) => {
                let spec = record::get(dir, record::SPEC)
                    .and_then(|spec| spec.ok_or_else(|| io::ErrorKind::NotFound.into()))
                    .map_err(file_error(dir, record::SPEC))?;
                return Ok(sweep_lost(&started, &spec));
            }
        }
    }
}

/// Asks the job in `dir` to stop: the program is told, and killed when `grace_ms` have passed.
///
/// The wish is left in the folder too, so that a shim which has not begun yet never starts the program. Asking
/// again may shorten the grace, not lengthen it.
///
/// Errors: the wish cannot be written, or the shim cannot be signalled.
pub fn stop(dir: &Path, grace_ms: u64) -> Result<StopAsked, JobError> {
    if !dir.exists() || dir.join(record::EXIT).exists() {
        return Ok(StopAsked::NotRunning);
    }
    // A full disk must not keep a job from being stopped: then the grace of its spec counts.
    let noted = record::put(dir, record::STOP, &StopNote { grace_ms }, "job.stop");
    let holder = process::lock_holder(&dir.join(record::LOCK)).map_err(file_error(dir, record::LOCK))?;
    let Some(shim) = holder else {
        noted.map_err(file_error(dir, record::STOP))?;
        return Ok(StopAsked::NotRunning);
    };
    match shim.signal(Signal::SIGTERM) {
        Ok(()) => Ok(StopAsked::Asked),
        Err(Errno::ESRCH) => Ok(StopAsked::NotRunning),
        Err(errno) => Err(JobError::Shim { dir: dir.to_owned(), source: errno.into() }),
    }
}

fn sweep_lost(started: &Started, spec: &JobSpec) -> Settled {
    failpoint::hit("job.before_sweep");
    if started.boot_id != process::boot_id() {
        let cause = LostCause::MachineRestarted;
        return Settled::Lost { cause, leftovers_killed: 0, leftovers_alive: 0 };
    }
    let by_cgroup = spec.cgroup.as_deref().map(shim::kill_cgroup).unwrap_or_default();
    let swept = by_cgroup.and(sweep::marked(&spec.marker));
    failpoint::hit("job.after_sweep");
    Settled::Lost { cause: LostCause::ShimDied, leftovers_killed: swept.killed, leftovers_alive: swept.alive }
}

/// A shim of ours, from its start to the moment it is waited for.
struct Spawned {
    pid: i32,
    told: Option<std::process::ChildStdout>,
    ended: Receiver<io::Result<ExitStatus>>,
}

impl Spawned {
    /// The shim closes its standard output when `started` is on disk, or when it dies.
    fn wait_until_started(&mut self) {
        if let Some(mut pipe) = self.told.take() {
            // It never writes, and an error means the same as its end: look for yourself.
            let _read = pipe.read_to_end(&mut Vec::new());
        }
    }
}

/// Starts a shim for `dir` that shares nothing with us: no terminal, no folder, no environment, no pipe to die of.
fn spawn(dir: &Path, spec: &JobSpec, program: &ShimProgram) -> io::Result<Spawned> {
    // The thread comes first: a child without one would stay a zombie.
    let (hand_over, children) = sync_channel(1);
    let (tell, ended) = sync_channel(1);
    std::thread::Builder::new()
        .name("ppe-reaper".to_owned())
        .stack_size(REAPER_STACK_BYTES)
        .spawn(move || reap(&children, &tell))?;
    let mut command = Command::new(&program.path);
    command.arg0("ppe").arg("shim").arg(dir).current_dir("/").env_clear();
    command.env(record::MARKER_VARIABLE, &spec.marker);
    if let Some(points) = std::env::var_os(failpoint::VARIABLE) {
        command.env(failpoint::VARIABLE, points);
    }
    let wanted = program.secrets.iter().filter(|(name, _)| spec.secrets.contains(name));
    command.envs(wanted.map(|(name, value)| (name, value)));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let told = child.stdout.take();
    let pid = child.id().cast_signed();
    hand_over.send(child).map_err(io::Error::other)?;
    Ok(Spawned { pid, told, ended })
}

fn reap(children: &Receiver<Child>, tell: &SyncSender<io::Result<ExitStatus>>) {
    if let Ok(mut child) = children.recv() {
        // Nobody need be interested any more.
        let _told = tell.send(child.wait());
    }
}

/// Why the shim that ended so has started nothing; `None` if it only gave way to another.
fn not_started(ended: Option<ExitStatus>) -> Option<NotStarted> {
    let Some(status) = ended else { return Some(NotStarted::Unknown) };
    if let Some(signal) = status.signal() {
        return Some(NotStarted::ShimKilled(signal));
    }
    let code = status.code().unwrap_or_default();
    if code == i32::from(shim::REFUSED) {
        return None;
    }
    let errno = Some(code - i32::from(shim::ERRNO_BASE)).filter(|errno| *errno > 0);
    let text = errno.map_or_else(
        || format!("shim ended with code {code}"),
        |errno| io::Error::from_raw_os_error(errno).to_string(),
    );
    Some(NotStarted::ShimFailed { errno, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(marker: &str) -> JobSpec {
        JobSpec {
            marker: format!("test-{}-{marker}", std::process::id()),
            argv: vec!["true".into()],
            cwd: "/".into(),
            env: std::collections::BTreeMap::new(),
            secrets: Vec::new(),
            stdin: None,
            output_cap_bytes: 1,
            wall_limit_ms: None,
            grace_ms: 0,
            cgroup: None,
        }
    }

    fn started(boot_id: String) -> Started {
        Started { shim_pid: 1, shim_start_ticks: 1, boot_id, build: "0".into(), started_at_ms: 0 }
    }

    #[test]
    fn a_folder_without_files_is_no_job() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(probe(dir.path()).unwrap(), Probe::Absent));
        assert!(matches!(probe(&dir.path().join("nowhere")).unwrap(), Probe::Absent));
        record::put(dir.path(), record::SPEC, &spec("wanted"), "t").unwrap();
        assert!(matches!(probe(dir.path()).unwrap(), Probe::NeverStarted));
        assert_eq!(settle(dir.path()).unwrap(), Settled::NeverStarted(NotStarted::Unknown));
    }

    #[test]
    fn another_boot_is_a_restarted_machine() {
        let dir = tempfile::tempdir().unwrap();
        record::put(dir.path(), record::SPEC, &spec("boot"), "t").unwrap();
        record::put(dir.path(), record::STARTED, &started("another".into()), "t").unwrap();
        let lost =
            Settled::Lost { cause: LostCause::MachineRestarted, leftovers_killed: 0, leftovers_alive: 0 };
        assert_eq!(settle(dir.path()).unwrap(), lost);
        record::put(dir.path(), record::STARTED, &started(process::boot_id()), "t").unwrap();
        let lost = Settled::Lost { cause: LostCause::ShimDied, leftovers_killed: 0, leftovers_alive: 0 };
        assert_eq!(settle(dir.path()).unwrap(), lost);
    }

    #[test]
    fn a_damaged_record_names_its_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(record::EXIT), "{").unwrap();
        let error = probe(dir.path()).unwrap_err().to_string();
        assert!(error.contains(record::EXIT), "{error}");
    }

    #[test]
    fn a_shim_program_that_is_missing_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let program = ShimProgram { path: dir.path().join("missing"), secrets: Vec::new() };
        let error = ensure(&dir.path().join("job"), &spec("missing"), &program).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }

    #[test]
    fn says_why_a_shim_started_nothing() {
        let code = |code: i32| Some(ExitStatus::from_raw(code << 8));
        assert_eq!(not_started(code(i32::from(shim::REFUSED))), None);
        assert_eq!(not_started(Some(ExitStatus::from_raw(9))), Some(NotStarted::ShimKilled(9)));
        let full = not_started(code(128 + 28));
        let Some(NotStarted::ShimFailed { errno: Some(28), text }) = full else { panic!("{full:?}") };
        assert!(text.contains("space"), "{text}");
    }

    #[test]
    fn stopping_what_is_not_there_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(stop(&dir.path().join("nowhere"), 0).unwrap(), StopAsked::NotRunning);
    }
}
