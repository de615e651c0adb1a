//! A log in a file: created once, opened by one writer, read by anyone.
//!
//! Knows nothing of what the records mean and takes no lock. Relies on a file system whose sync is honest; see
//! [`state_dir`](crate::state_dir) for the ones that are refused.

use super::ballast::Ballast;
use super::codec::{self, Damage, ScanError, Scanned};
use super::disk::{Disk, sync_folder_of, write_all_at};
use crate::failpoint;
use ppe_core::ids::Seq;
use ppe_engine::ports::log::{AppendError, EventLog, LogFormat, LogHeader, Opened, Reading, Retry, Torn};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The room that is set aside beside a log for the case of a full disk, in bytes.
pub const DEFAULT_BALLAST_BYTES: u64 = 1024 * 1024;

/// How often a reader looks again at a line that does not verify: its writer may just have been taking it back.
const READ_TRIES: usize = 3;

/// A log in a file, open for writing. The port's contract is in [`EventLog`].
pub struct FileLog {
    path: PathBuf,
    disk: Box<dyn Disk>,
    ballast: Ballast,
    /// The length of the part that is durable, in bytes.
    end: u64,
    last: Seq,
    tail: Tail,
}

/// What lies behind the durable part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing.
    Clean,
    /// Perhaps a piece of a batch that could not be written: to be cut before anything else is written.
    Leftover,
    /// Something that a sync failed for: nobody knows, and this process must not touch it again.
    Unknown,
}

/// Why a log was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is something already. It is left as it is.
    #[error("{path} is already there; a new run does not start over an existing log")]
    Exists {
        /// The log's file.
        path: PathBuf,
    },
    /// The disk does not let us.
    #[error("cannot create {path} and the room beside it: {source}")]
    Io {
        /// The log's file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// Why a log was not opened or read. In every case it is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("{path} does not exist")]
    Missing {
        /// The log's file.
        path: PathBuf,
    },
    /// There is something else by that name.
    #[error("{path} is not a file")]
    NotAFile {
        /// What was found.
        path: PathBuf,
    },
    /// The log's creation was cut short, so the run never began. [`FileLog::create`] may start it afresh.
    #[error("{path} was never fully created: the run did not begin")]
    TornCreation {
        /// The log's file.
        path: PathBuf,
    },
    /// The log is of a later format: it can be read (as far as its records are like ours) but not written.
    #[error("{path} is written in format {version}, which this program can only read")]
    Newer {
        /// The log's file.
        path: PathBuf,
        /// The format's number.
        version: u32,
    },
    /// A line is not as it was written.
    #[error("{path}: {damage}; nothing was changed")]
    Damage {
        /// The log's file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        damage: Damage,
    },
    /// The disk does not let us.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file in question: the log, or the one beside it for a torn tail.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

impl FileLog {
    /// Creates the log at `path` (whose folder exists) and a reserve of `ballast_bytes` beside it, both durable when
    /// this returns. A file that is empty or holds only the beginning of a header is taken over: its creation was cut
    /// short.
    ///
    /// # Errors
    /// [`CreateError`]; no log is left behind that was not there before.
    pub fn create(path: &Path, header: &LogHeader, ballast_bytes: u64) -> Result<Self, CreateError> {
        let file = file_to_fill(path)?;
        failpoint::hit("log.made");
        let ballast = Ballast::beside(path, ballast_bytes);
        let reserved = ballast.fill().and_then(|()| sync_folder_of(path));
        let begun = reserved.and_then(|()| Self::begin(path, Box::new(file), ballast, header));
        begun.map_err(|source| {
            // Nothing was promised yet, and what is left could look like a log that was.
            drop(fs::remove_file(path));
            CreateError::Io { path: path.to_owned(), source }
        })
    }

    /// Opens the log at `path` for writing. The caller holds the run's lock. An unfinished last line is cut off and
    /// kept beside the log as `<log>.torn-<offset>`; a reserve that was given up is made again if there is room.
    ///
    /// # Errors
    /// [`OpenError`]; a log of a later format is one.
    pub fn open(path: &Path) -> Result<Opened<Self>, OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        check_is_file(path)?;
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        let bytes = bytes_on_disk(&mut file).map_err(failed)?;
        let scanned = codec::scan(&bytes).map_err(|error| refused(path, error))?;
        if let LogFormat::Newer(version) = scanned.format {
            return Err(OpenError::Newer { path: path.to_owned(), version });
        }
        let torn = match &scanned.torn {
            Some(range) => Some(save_torn(path, range.start, &bytes[range.clone()])?),
            None => None,
        };
        let ballast = Ballast::beside(path, DEFAULT_BALLAST_BYTES);
        // A full disk must not keep a run from being opened: saying so is what the run does next.
        drop(ballast.fill());
        let log = Self::resume(path, Box::new(file), ballast, &scanned).map_err(failed)?;
        let records = scanned.records.iter().map(|(_, json)| (*json).to_owned()).collect();
        Ok(Opened { log, header: scanned.header, records, torn })
    }

    /// Reads the log at `path` and changes nothing, also while another process writes it. An unfinished last line is
    /// left out.
    ///
    /// # Errors
    /// [`OpenError`]; a log of a later format only if its records are not like ours.
    pub fn read(path: &Path) -> Result<Reading, OpenError> {
        Ok(Self::read_to_end(path)?.0)
    }

    /// The same, with the length of the part that was read, in bytes, and its last line.
    pub(super) fn read_to_end(path: &Path) -> Result<(Reading, u64, Vec<u8>), OpenError> {
        let mut tries_left = READ_TRIES;
        loop {
            tries_left -= 1;
            let bytes = bytes_of(path)?;
            match codec::scan(&bytes) {
                Ok(Scanned { header, format, records, end, .. }) => {
                    let records = records.into_iter().map(|(_, json)| json.to_owned()).collect();
                    let line = codec::last_line(&bytes[..end]).to_vec();
                    return Ok((Reading { header, format, records }, end as u64, line));
                }
                Err(error) if tries_left == 0 => return Err(refused(path, error)),
                Err(_) => {}
            }
        }
    }

    /// Writes the header to an empty file and makes it durable.
    fn begin(path: &Path, mut disk: Box<dyn Disk>, ballast: Ballast, header: &LogHeader) -> io::Result<Self> {
        let line = codec::encode_header(header);
        disk.set_len(0)?;
        write_all_at(disk.as_mut(), line.as_bytes(), 0)?;
        disk.sync()?;
        let end = line.len() as u64;
        Ok(Self { path: path.to_owned(), disk, ballast, end, last: Seq(0), tail: Tail::Clean })
    }

    /// Goes on behind what was found in the file, which is durable, after cutting off an unfinished line.
    fn resume(
        path: &Path,
        mut disk: Box<dyn Disk>,
        ballast: Ballast,
        found: &Scanned<'_>,
    ) -> io::Result<Self> {
        let end = found.end as u64;
        if found.torn.is_some() {
            disk.set_len(end)?;
            disk.sync()?;
        }
        let last = Seq(found.records.len() as u64);
        Ok(Self { path: path.to_owned(), disk, ballast, end, last, tail: Tail::Clean })
    }

    /// Writes a batch behind the durable part, after cutting what a failed try may have left there.
    fn write(&mut self, batch: &str) -> io::Result<()> {
        if self.tail == Tail::Leftover {
            self.disk.set_len(self.end)?;
        }
        self.tail = Tail::Leftover;
        write_all_at(self.disk.as_mut(), batch.as_bytes(), self.end)
    }

    /// Takes back what was written of a batch. If even that fails, the next try does it.
    fn take_back(&mut self) {
        if self.disk.set_len(self.end).is_ok() {
            self.tail = Tail::Clean;
        }
    }
}

impl EventLog for FileLog {
    fn append(&mut self, records: &[String]) -> Result<Seq, AppendError> {
        if self.tail == Tail::Unknown {
            return Err(AppendError::Poisoned { path: self.path.clone() });
        }
        super::check_lines(records)?;
        if records.is_empty() {
            return Ok(self.last);
        }
        let numbers = self.last.0 + 1..;
        let batch: String =
            numbers.zip(records).map(|(number, json)| codec::encode(Seq(number), json)).collect();
        if let Err(source) = self.write(&batch) {
            self.take_back();
            let retry = retry_after(&source);
            return Err(AppendError::Write { path: self.path.clone(), source, retry });
        }
        if let Err(source) = self.disk.sync() {
            self.tail = Tail::Unknown;
            return Err(AppendError::Sync { path: self.path.clone(), source });
        }
        self.tail = Tail::Clean;
        self.end += batch.len() as u64;
        self.last.0 += records.len() as u64;
        Ok(self.last)
    }

    fn last(&self) -> Seq {
        self.last
    }

    fn release_ballast(&mut self) -> io::Result<u64> {
        self.ballast.release()
    }
}

impl fmt::Debug for FileLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLog").field("path", &self.path).field("last", &self.last).finish_non_exhaustive()
    }
}

fn retry_after(error: &io::Error) -> Retry {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Retry::WhenThereIsRoom,
        _ => Retry::Later,
    }
}

/// A file that may be filled with a new log: a new one, or one whose creation was cut short.
fn file_to_fill(path: &Path) -> Result<File, CreateError> {
    let failed = |source| CreateError::Io { path: path.to_owned(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let unfinished =
                bytes_of(path).is_ok_and(|bytes| codec::scan(&bytes) == Err(ScanError::TornCreation));
            if !unfinished {
                return Err(CreateError::Exists { path: path.to_owned() });
            }
            OpenOptions::new().write(true).open(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Refuses what is not a file before it is opened: opening a pipe would wait for its other end.
pub(super) fn check_is_file(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(OpenError::NotAFile { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::Missing { path: path.to_owned() })
        }
        Err(source) => Err(OpenError::Io { path: path.to_owned(), source }),
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, OpenError> {
    check_is_file(path)?;
    fs::read(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })
}

/// What the disk really holds of a file. An earlier process may have ended before its sync, or because a sync failed;
/// then the kernel's memory can hold text that the disk does not, so it is written out and read back.
fn bytes_on_disk(file: &mut File) -> io::Result<Vec<u8>> {
    file.sync_data()?;
    forget_cached(file);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(target_os = "linux")]
fn forget_cached(file: &File) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    // A hint: a file system that cannot follow it keeps no such memory, or none that could be told apart.
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

#[cfg(not(target_os = "linux"))]
fn forget_cached(_file: &File) {}

fn refused(path: &Path, error: ScanError) -> OpenError {
    let path = path.to_owned();
    match error {
        ScanError::TornCreation => OpenError::TornCreation { path },
        ScanError::Newer { version } => OpenError::Newer { path, version },
        ScanError::Damage(damage) => OpenError::Damage { path, damage },
    }
}

/// Keeps an unfinished last line in a file of its own beside the log, durable before the log is cut.
fn save_torn(log: &Path, offset: usize, bytes: &[u8]) -> Result<Torn, OpenError> {
    let (path, mut file) = torn_file(log, offset)?;
    let saved = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_folder_of(&path));
    saved.map_err(|source| OpenError::Io { path: path.clone(), source })?;
    Ok(Torn { offset: offset as u64, length_bytes: bytes.len() as u64, saved_at: path })
}

/// A new file for an unfinished line: `<log>.torn-<offset>`, with `-2` and so on behind it when that name is taken.
fn torn_file(log: &Path, offset: usize) -> Result<(PathBuf, File), OpenError> {
    let mut number = 1;
    loop {
        let mut name = OsString::from(log);
        name.push(match number {
            1 => format!(".torn-{offset}"),
            _ => format!(".torn-{offset}-{number}"),
        });
        let path = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(OpenError::Io { path, source }),
        }
    }
}

#[cfg(test)]
mod tests;
