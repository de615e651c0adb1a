//! A file that only takes up room beside a log. On a full disk it is given up, so that the last records can be written.
//!
//! Knows nothing of the log itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const CHUNK_BYTES: usize = 64 * 1024;

/// The reserve beside one log.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    size_bytes: u64,
}

impl Ballast {
    /// The reserve for the log at `log`: a file `ballast` in the same folder. Touches nothing.
    pub(super) fn beside(log: &Path, size_bytes: u64) -> Self {
        Self { path: log.with_file_name("ballast"), size_bytes }
    }

    /// Makes the file unless it is there in full. It is really written, since an empty stretch would hold no room. On
    /// an error nothing is left behind.
    pub(super) fn fill(&self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|found| found.len() == self.size_bytes) {
            return Ok(());
        }
        self.write().inspect_err(|_| drop(fs::remove_file(&self.path)))
    }

    /// Removes the file. Gives its length; 0 when there is none.
    pub(super) fn release(&self) -> io::Result<u64> {
        let length = match fs::metadata(&self.path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        fs::remove_file(&self.path)?;
        Ok(length)
    }

    fn write(&self) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        let chunk = vec![0; CHUNK_BYTES];
        let mut left = self.size_bytes;
        while left > 0 {
            let count = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&chunk[..count])?;
            left -= count as u64;
        }
        file.sync_all()
    }
}
