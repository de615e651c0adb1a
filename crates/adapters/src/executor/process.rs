//! What the kernel knows of processes: who holds a lock, handles that never name a stranger, who has ended.
//!
//! Nothing here trusts a process id that was written down: ids are reused. This module does not know jobs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process holds it.
    #[error("lock is held by another process")]
    Held,
    /// The lock file could not be opened or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes the record lock on `path`, for as long as the returned file is open.
///
/// The kernel drops the lock however this process ends, children do not inherit it, and any process may ask
/// who holds it. It is also dropped when this process closes *any* descriptor of that file, so whoever holds
/// it must not open the file again.
pub(crate) fn lock_exclusive(path: &Path) -> Result<File, LockError> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match fcntl(&file, FcntlArg::F_SETLK(&write_lock())) {
        Ok(_) => Ok(file),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(LockError::Held),
        Err(errno) => Err(LockError::Io(errno.into())),
    }
}

/// The process that holds the record lock on `path`, as a handle that surely refers to it.
///
/// Asked, opened, and asked again: whoever still holds the lock was alive all the while, so its id was not
/// reused. Never call this in the process that holds the lock.
pub(crate) fn lock_holder(path: &Path) -> io::Result<Option<ProcessHandle>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    while let Some(pid) = holder_of(&file)? {
        match ProcessHandle::open(pid) {
            Ok(handle) if holder_of(&file)? == Some(pid) => return Ok(Some(handle)),
            Ok(_) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(None)
}

fn holder_of(file: &File) -> io::Result<Option<Pid>> {
    let mut lock = write_lock();
    fcntl(file, FcntlArg::F_GETLK(&mut lock))?;
    if i32::from(lock.l_type) == libc::F_UNLCK {
        return Ok(None);
    }
    if lock.l_pid <= 0 {
        return Err(io::Error::other("lock is held by a process that is not visible from here"));
    }
    Ok(Some(Pid::from_raw(lock.l_pid)))
}

fn write_lock() -> libc::flock {
    #[expect(clippy::cast_possible_truncation, reason = "small constants of the C interface")]
    let (kind, whence) = (libc::F_WRLCK as libc::c_short, libc::SEEK_SET as libc::c_short);
    libc::flock { l_type: kind, l_whence: whence, l_start: 0, l_len: 0, l_pid: 0 }
}

/// A process, by a descriptor that goes on naming it (and nobody else) after it has ended.
#[derive(Debug)]
pub struct ProcessHandle {
    pid: Pid,
    fd: OwnedFd,
}

impl ProcessHandle {
    /// A handle on whoever has this id now. The caller must know by other means that it is the right process.
    pub(crate) fn open(pid: Pid) -> Result<ProcessHandle, Errno> {
        #[expect(unsafe_code, reason = "pidfd_open has no safe wrapper; it takes two integers")]
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let raw = i32::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
        #[expect(
            unsafe_code,
            reason = "the kernel has just made this descriptor for us; nobody else owns it"
        )]
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        Ok(ProcessHandle { pid, fd })
    }

    /// The process id, for showing. To act on the process use the handle.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends a signal. A process that has ended gives `ESRCH`.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        let info = std::ptr::null::<libc::siginfo_t>();
        #[expect(unsafe_code, reason = "pidfd_send_signal has no safe wrapper; the null info is allowed")]
        let result = unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, self.fd.as_raw_fd(), signal as libc::c_int, info, 0)
        };
        Errno::result(result).map(drop)
    }

    /// Blocks until the process has ended. To wait without blocking, poll the descriptor for reading.
    pub fn wait(&self) -> io::Result<()> {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl AsFd for ProcessHandle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What a look for ended children found.
#[derive(Debug)]
pub(crate) enum Reaped {
    /// This child has ended and is gone.
    Child(Pid, ExitStatus),
    /// There are children; none has ended.
    NoneEnded,
    /// There are no children.
    NoChildren,
}

/// Takes leave of one child that has ended, whichever it is; does not wait for one.
///
/// The raw status is kept: the safe wrappers lose the status of a child that a real-time signal ended.
pub(crate) fn reap_one() -> Reaped {
    let mut status = 0;
    loop {
        #[expect(unsafe_code, reason = "waitpid writes one integer that we own")]
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        return match Errno::result(pid) {
            Ok(0) => Reaped::NoneEnded,
            Ok(pid) => Reaped::Child(Pid::from_raw(pid), ExitStatus::from_raw(status)),
            Err(Errno::EINTR) => continue,
            Err(_) => Reaped::NoChildren,
        };
    }
}

/// A process as `/proc` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    /// Its id.
    pub(crate) pid: Pid,
    /// Its parent's id.
    pub(crate) parent: Pid,
    /// When it was started, in clock ticks since boot: with the id, a name that is not reused.
    pub(crate) start_ticks: u64,
}

/// The process with this id, if there is one.
pub(crate) fn stat(pid: Pid) -> Option<ProcessStat> {
    parse_stat(pid, &std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields are counted from behind the program's name, which may hold anything, brackets and spaces included.
fn parse_stat(pid: Pid, line: &[u8]) -> Option<ProcessStat> {
    let after_name = line.iter().rposition(|byte| *byte == b')')? + 1;
    let fields: Vec<&str> = std::str::from_utf8(&line[after_name..]).ok()?.split_whitespace().collect();
    let parent = Pid::from_raw(fields.get(1)?.parse().ok()?);
    Some(ProcessStat { pid, parent, start_ticks: fields.get(19)?.parse().ok()? })
}

/// All processes that can be seen from here.
pub(crate) fn all() -> Vec<ProcessStat> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    pids.filter_map(stat).collect()
}

/// Which boot of which machine this is; process ids of another one mean nothing.
pub(crate) fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_name_of_a_program_cannot_confuse_the_fields() {
        let line = b"7 (evil) R 1 (x) S 42 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 99887 1 2";
        let stat = parse_stat(Pid::from_raw(7), line).unwrap();
        assert_eq!((stat.parent.as_raw(), stat.start_ticks), (42, 99887));
        assert_eq!(parse_stat(Pid::from_raw(7), b"7 (short) S 1"), None);
    }

    #[test]
    fn finds_itself() {
        let me = stat(Pid::this()).unwrap();
        assert_eq!(me.parent, Pid::parent());
        assert!(all().contains(&me));
    }

    #[test]
    fn a_free_or_missing_lock_has_no_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(lock_holder(&path).unwrap().is_none());
        std::fs::write(&path, "").unwrap();
        assert!(lock_holder(&path).unwrap().is_none());
    }

    #[test]
    fn a_handle_outlives_its_process() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = ProcessHandle::open(Pid::from_raw(i32::try_from(child.id()).unwrap())).unwrap();
        handle.signal(Signal::SIGKILL).unwrap();
        handle.wait().unwrap();
        child.wait().unwrap();
        assert_eq!(handle.signal(Signal::SIGTERM), Err(Errno::ESRCH));
    }
}
