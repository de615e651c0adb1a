//! The event log on disk: one text file per run that can be read with any pager and is checked line by line.
//!
//! Knows nothing of what its records mean, and takes no lock: whoever opens a log for writing holds the run's lock.

mod ballast;
pub mod codec;
mod disk;
mod file;
mod follower;
mod memory;

pub use file::{CreateError, DEFAULT_BALLAST_BYTES, FileLog, OpenError};
pub use follower::{Follower, Grown};
pub use memory::MemoryLog;

use ppe_engine::ports::log::AppendError;
use sha2::{Digest, Sha256};

/// A content's digest as the header and reports name it: `sha256:…`.
pub fn digest(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Refuses a batch with a record that would not be exactly one line.
fn check_lines(records: &[String]) -> Result<(), AppendError> {
    match records.iter().position(|record| record.is_empty() || record.contains('\n')) {
        Some(index) => Err(AppendError::NotOneLine { index }),
        None => Ok(()),
    }
}
