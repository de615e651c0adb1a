//! The shim: a small supervisor process around one program, which outlives whoever started it.
//!
//! It takes the lock of the job's folder, makes `started` durable, and only then starts the program, so that
//! "no `started`" proves that the program never ran. The program appends to its output files by itself. When
//! it has ended, whatever it left behind is killed, and `exit` is written, whole or not at all. The shim knows
//! one folder; it does not know plans, attempts, or who will read what it wrote.
//!
//! A shim has one thread. [`run`] must be the first thing `main` does.

mod cgroup;
mod signals;
mod start;
mod supervise;
pub(crate) mod sweep;

use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{Pid, setsid};

use crate::executor::process::{self, LockError};
use crate::executor::record::{self, End, Exit, JobSpec, KillDomain, Started, StopReason};
use crate::failpoint;
use cgroup::Cgroup;

pub use cgroup::delegated;
pub(crate) use cgroup::kill as kill_cgroup;

/// The exit code of a shim that found the job supervised, or started, already.
pub(crate) const REFUSED: u8 = 75;
/// The exit code of a shim that failed in a way that has no error number.
const FAILED: u8 = 74;
/// A shim that failed exits with this plus the error number: a full disk can still tell why.
pub(crate) const ERRNO_BASE: u8 = 128;

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MOST: Duration = Duration::from_secs(5);

/// Why a shim did not start its program.
#[derive(Debug, thiserror::Error)]
enum ShimError {
    #[error("job is supervised by another shim")]
    Supervised,
    #[error("job was started before")]
    StartedBefore,
    #[error("{what}: {source}")]
    Io { what: &'static str, source: io::Error },
}

impl ShimError {
    fn exit_code(&self) -> ExitCode {
        let ShimError::Io { source, .. } = self else { return ExitCode::from(REFUSED) };
        let errno = source.raw_os_error().and_then(|errno| u8::try_from(errno).ok());
        ExitCode::from(errno.and_then(|errno| ERRNO_BASE.checked_add(errno)).unwrap_or(FAILED))
    }
}

fn io_error<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> ShimError {
    move |source| ShimError::Io { what, source: source.into() }
}

/// Supervises the job in `dir`, which must be an absolute path, to its end.
///
/// The exit code says whether `exit` was written (0), another shim has the job (75), or nothing was started
/// (128 plus the system's error number, or 74).
pub fn run(dir: &Path) -> ExitCode {
    match supervise_job(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.exit_code(),
    }
}

fn supervise_job(dir: &Path) -> Result<(), ShimError> {
    close_inherited().map_err(io_error("inherited descriptors"))?;
    // Before the lock: whoever holds it must survive a request to stop.
    signals::install().map_err(io_error("signal handlers"))?;
    // Fails only when this process leads a group already, as when started by hand from a terminal.
    let _session = setsid();
    failpoint::hit("shim.before_lock");
    let _lock = process::lock_exclusive(&dir.join(record::LOCK)).map_err(|error| match error {
        LockError::Held => ShimError::Supervised,
        LockError::Io(source) => ShimError::Io { what: "lock", source },
    })?;
    failpoint::hit("shim.after_lock");
    if dir.join(record::STARTED).exists() {
        return Err(ShimError::StartedBefore);
    }
    let spec: JobSpec = record::get(dir, record::SPEC)
        .and_then(|spec| spec.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(io_error("spec"))?;
    nix::sys::prctl::set_child_subreaper(true).map_err(io_error("subreaper"))?;
    record::put(dir, record::STARTED, &started(), "shim.started").map_err(io_error("started"))?;
    tell_started().map_err(io_error("standard output"))?;
    failpoint::hit("shim.after_started");

    let exit = run_program(dir, &spec);
    write_exit(dir, &exit).map_err(io_error("exit"))
}

/// Whatever our starter's starter left open is not ours to keep for as long as a program runs, nor the program's to
/// have. This process has opened nothing yet.
fn close_inherited() -> io::Result<()> {
    let listed: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in listed.into_iter().filter(|descriptor| *descriptor > 2) {
        // The listing's own descriptor is closed already.
        let _closed = nix::unistd::close(descriptor);
    }
    Ok(())
}

fn started() -> Started {
    let me = Pid::this();
    Started {
        shim_pid: me.as_raw(),
        shim_start_ticks: process::stat(me).map_or(0, |stat| stat.start_ticks),
        boot_id: process::boot_id(),
        build: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: record::wall_ms(),
    }
}

/// Standard output is a pipe whose other end waits: closing it says that `started` is on disk.
fn tell_started() -> io::Result<()> {
    nix::unistd::dup2_stdout(File::open("/dev/null")?)?;
    Ok(())
}

/// The program from its start to the moment nothing of it runs any more.
fn run_program(dir: &Path, spec: &JobSpec) -> Exit {
    let cgroup = Cgroup::create(spec.cgroup.as_deref());
    let (end, stop) = if dir.join(record::STOP).exists() || signals::stop_asked() {
        (End::NotRun, Some(StopReason::Asked))
    } else {
        match start::program(dir, spec, cgroup.as_ref()) {
            Ok(program) => {
                failpoint::hit("shim.after_spawn");
                supervise::until_end(dir, spec, &program)
            }
            Err(cannot_run) => (cannot_run, None),
        }
    };
    failpoint::hit("shim.after_wait");
    let by_cgroup = cgroup.as_ref().map(Cgroup::kill).unwrap_or_default();
    let swept = by_cgroup.and(sweep::own_children());
    failpoint::hit("shim.after_sweep");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
    let ms = |time: nix::sys::time::TimeVal| u64::try_from(time.num_milliseconds()).unwrap_or(0);
    Exit {
        end,
        stop,
        leftovers_killed: swept.killed,
        leftovers_alive: swept.alive,
        kill_domain: if cgroup.is_some() { KillDomain::Cgroup } else { KillDomain::Subreaper },
        maxrss_kb: usage.map_or(0, |usage| u64::try_from(usage.max_rss()).unwrap_or(0)),
        user_ms: usage.map_or(0, |usage| ms(usage.user_time())),
        sys_ms: usage.map_or(0, |usage| ms(usage.system_time())),
        ended_at_ms: record::wall_ms(),
    }
}

/// A full disk must not lose how the program ended: it is kept here and tried again until there is room, or
/// until the folder is gone and nobody can want it any more.
fn write_exit(dir: &Path, exit: &Exit) -> io::Result<()> {
    let mut pause = RETRY_FIRST;
    loop {
        match record::put(dir, record::EXIT, exit, "shim.exit") {
            Ok(()) => return Ok(()),
            Err(error) if error.raw_os_error() == Some(Errno::ENOENT as i32) => return Err(error),
            Err(_) => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(RETRY_MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_its_error_number() {
        let full = ShimError::Io { what: "started", source: Errno::ENOSPC.into() };
        assert_eq!(full.exit_code(), ExitCode::from(ERRNO_BASE + 28));
        let odd = ShimError::Io { what: "spec", source: io::Error::other("odd") };
        assert_eq!(odd.exit_code(), ExitCode::from(FAILED));
        assert_eq!(ShimError::StartedBefore.exit_code(), ExitCode::from(REFUSED));
    }
}
