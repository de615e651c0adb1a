//! A lock that the kernel holds for a process and lets go of when that process ends, however it ends; and that names
//! its holder to whoever asks. For the one live run of a repository, a machine's slots, and shims.
//!
//! Knows nothing of what is locked. Nothing here deletes a lock's file: a file that comes and goes cannot be locked
//! without a race, and an unlocked one means nothing.
//!
//! These are POSIX record locks, which belong to a *process*: when it closes any descriptor of the file, the lock is
//! gone, even if another descriptor took it. So in the process that holds a lock its file must not be opened in any
//! other way than through this module, which keeps a list of what the process holds and answers from that. Children
//! do not inherit the lock. They work between processes of one machine, so not on network file systems.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use ppe_core::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often a lock is asked for again that was let go of between being refused and asking who holds it.
const TRIES: usize = 8;

/// The longest note that is read from a lock's file, in bytes.
const NOTE_LIMIT_BYTES: u64 = 4096;

/// What this process holds, by the identity of the locked files.
static HELD: Mutex<BTreeMap<FileId, Note>> = Mutex::new(BTreeMap::new());

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FileId {
    device: u64,
    inode: u64,
}

/// What a holder writes into its lock's file for others to read. Advisory: only the kernel says who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The run for which the lock is held, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The command that holds it: `ppe run`.
    pub command: String,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process; none when that lives in a container whose processes are not visible from here.
    pub pid: Option<u32>,
    /// What it wrote about itself; none when it wrote nothing readable.
    pub note: Option<Note>,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it: another process, or this one.
    #[error("{path} is held by {holder}")]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The file system does not let us.
    #[error("cannot lock {path}: {source}")]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// A lock that is held until this value is dropped or the process ends.
#[derive(Debug)]
pub struct RecordLock {
    /// Taken out only by `drop`.
    file: Option<File>,
    id: FileId,
}

impl RecordLock {
    /// Takes the lock at `path` without waiting, making the file if there is none (its folder exists), and leaves a
    /// note for others. A note that cannot be written, as on a full disk, does not keep the lock from being taken.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn try_acquire(path: &Path, note: &Note) -> Result<Self, LockError> {
        let mut held = held();
        if let Some(note) = held_here(&held, path) {
            let holder = Holder { pid: Some(std::process::id()), note: Some(note) };
            return Err(LockError::Held { path: path.to_owned(), holder });
        }
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let (file, id) = open_for_locking(path).map_err(failed)?;
        for _ in 0..TRIES {
            match fcntl(&file, FcntlArg::F_SETLK(&whole_file())) {
                Ok(_) => {
                    drop(write_note(&file, note));
                    held.insert(id, note.clone());
                    return Ok(Self { file: Some(file), id });
                }
                Err(Errno::EAGAIN | Errno::EACCES) => {}
                Err(error) => return Err(failed(error.into())),
            }
            if let Some(holder) = blocker(&file).map_err(failed)? {
                return Err(LockError::Held { path: path.to_owned(), holder });
            }
        }
        Err(failed(io::ErrorKind::WouldBlock.into()))
    }

    /// Leaves another note in the place of the one that was left. One that cannot be written changes nothing.
    pub fn note(&self, note: &Note) {
        if let Some(file) = &self.file {
            drop(write_note(file, note));
            held().insert(self.id, note.clone());
        }
    }
}

impl Drop for RecordLock {
    fn drop(&mut self) {
        // Closed before anyone here may open it again: a later close would take the lock from its next owner.
        let mut held = held();
        drop(self.file.take());
        held.remove(&self.id);
    }
}

/// Who holds the lock at `path`, this process included; none when nobody does or there is no such file.
///
/// # Errors
/// What the file system says when the file cannot be opened or asked about.
pub fn holder(path: &Path) -> io::Result<Option<Holder>> {
    let held = held();
    if let Some(note) = held_here(&held, path) {
        return Ok(Some(Holder { pid: Some(std::process::id()), note: Some(note) }));
    }
    match File::open(path) {
        Ok(file) => blocker(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => write!(f, "a process of another container")?,
        }
        match &self.note {
            Some(Note { run: Some(run), command }) => write!(f, " ({command:?}, run {:?})", run.as_str()),
            Some(Note { run: None, command }) => write!(f, " ({command:?})"),
            None => Ok(()),
        }
    }
}

fn held() -> MutexGuard<'static, BTreeMap<FileId, Note>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process's own note, if it holds the lock. Asks for the file's identity without opening it.
fn held_here(held: &BTreeMap<FileId, Note>, path: &Path) -> Option<Note> {
    let found = std::fs::metadata(path).ok()?;
    held.get(&id_of(&found)).cloned()
}

fn id_of(found: &Metadata) -> FileId {
    FileId { device: found.dev(), inode: found.ino() }
}

fn open_for_locking(path: &Path) -> io::Result<(File, FileId)> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let id = id_of(&file.metadata()?);
    Ok((file, id))
}

/// A request for, or question about, a write lock on the whole of a file.
fn whole_file() -> libc::flock {
    libc::flock {
        l_type: short(libc::F_WRLCK),
        l_whence: short(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// A constant of the lock interface in the width in which the kernel takes it.
#[expect(clippy::cast_possible_truncation, reason = "the constants are single digits")]
fn short(constant: i32) -> libc::c_short {
    constant as libc::c_short
}

/// The other process whose lock stands against ours.
fn blocker(file: &File) -> io::Result<Option<Holder>> {
    let mut answer = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut answer))?;
    if answer.l_type == short(libc::F_UNLCK) {
        return Ok(None);
    }
    let pid = u32::try_from(answer.l_pid).ok().filter(|&pid| pid != 0);
    Ok(Some(Holder { pid, note: read_note(file) }))
}

fn write_note(file: &File, note: &Note) -> io::Result<()> {
    let line = serde_json::to_string(note)? + "\n";
    file.set_len(0)?;
    file.write_all_at(line.as_bytes(), 0)
}

fn read_note(file: &File) -> Option<Note> {
    let mut text = String::new();
    file.take(NOTE_LIMIT_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
