//! The few calls by which a log touches the disk, so that each of them can be made to fail.
//!
//! Knows no lines and no records.

use crate::failpoint;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file as the log uses it.
pub(super) trait Disk: Send {
    /// Writes some of the bytes at the offset and says how many, like the system call: fewer is no error.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file to a length in bytes.
    fn set_len(&mut self, length: u64) -> io::Result<()>;

    /// Returns when all that was written, and the length, would survive a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

impl Disk for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        failpoint::try_hit("log.write")?;
        if failpoint::cuts("log.line") {
            FileExt::write_at(self, &bytes[..bytes.len() / 2], offset)?;
            failpoint::die();
        }
        FileExt::write_at(self, bytes, offset)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        failpoint::try_hit("log.sync")?;
        self.sync_data()?;
        failpoint::hit("log.synced");
        Ok(())
    }
}

/// Writes all the bytes at the offset. On an error some of them may have been written.
pub(super) fn write_all_at(disk: &mut dyn Disk, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match disk.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the names in the folder that holds `path` durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
