//! The event log of one run: the only truth about what has happened.
//!
//! Knows nothing of events: a record is one line of JSON text, opaque to the log. Knows no files either; how a log is
//! created, found and locked is the implementation's.

use ppe_core::ids::{RunId, Seq};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// An append-only sequence of records, numbered from 1 without gaps, with exactly one writer.
///
/// The contract:
///
/// - **Durable on `Ok`.** When [`append`](Self::append) returns, all records of the batch survive a crash of the
///   process and of the machine, in the order given. Nothing may be told to anyone before that.
/// - **All or nothing while alive.** After [`AppendError::Write`] none of the batch is recorded, the log is as it was,
///   and the same batch may be tried again. If the process dies in the middle, a prefix of the batch may be found at
///   the next opening: so records of a batch must make sense as any prefix.
/// - **A failed sync is final.** After [`AppendError::Sync`] it is unknown what is on the disk, and asking the disk
///   again would give an answer that cannot be trusted. Every later call fails without touching the disk; the process
///   ends, and the next one reads what is really there.
/// - **Nothing is ever rewritten.** There is no way to change or remove a recorded line.
///
/// Calls block for as long as the disk takes: the engine makes them from a thread of their own.
pub trait EventLog: Send {
    /// Appends the records as one batch and makes them durable. Gives the number of the last record, which for an
    /// empty batch is that of the last one recorded before.
    ///
    /// # Errors
    /// [`AppendError`]; each variant says what is now true of the log.
    fn append(&mut self, records: &[String]) -> Result<Seq, AppendError>;

    /// The number of the last durable record; 0 when there is none.
    fn last(&self) -> Seq;

    /// Gives up the room that was set aside for the case of a full disk, so that the last records can still be
    /// written. Gives the bytes that became free; 0 when there was no reserve (any more).
    ///
    /// # Errors
    /// What the file system says when the reserve cannot be removed.
    fn release_ballast(&mut self) -> io::Result<u64>;
}

/// Why a batch was not recorded, and so what may be done next.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A record is empty or holds a line break: a mistake of the caller's. Nothing of the batch was written.
    #[error("record {index} of the batch is not one line of text")]
    NotOneLine {
        /// The record's place in the batch, counted from 0.
        index: usize,
    },
    /// The batch could not be written and none of it is recorded. The log is intact.
    #[error("cannot write to {path}: {source}")]
    Write {
        /// The log's file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
        /// What has to change before another try makes sense.
        retry: Retry,
    },
    /// The batch was written but the disk did not confirm it. The log takes no more records from this process.
    #[error("cannot make {path} durable: {source}")]
    Sync {
        /// The log's file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// An earlier sync failed. Nothing was tried.
    #[error("{path} takes no more records: an earlier sync failed")]
    Poisoned {
        /// The log's file.
        path: PathBuf,
    },
}

/// When a batch that could not be written may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The disk or the quota is full: when there is room.
    WhenThereIsRoom,
    /// Any other failure: after a while.
    Later,
}

/// What a log says about itself before its first record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHeader {
    /// The run whose log this is.
    pub run: RunId,
    /// The digest of the plan as it was checked when the run started, in hexadecimal.
    pub plan_digest: String,
    /// The program and version that created the log: `ppe 0.1.0`.
    pub created_by: String,
}

/// A log opened for writing, with what it holds.
#[derive(Debug)]
pub struct Opened<L> {
    /// The log, ready to take the next record.
    pub log: L,
    /// What it says about itself.
    pub header: LogHeader,
    /// All its records; the first has number 1.
    pub records: Vec<String>,
    /// The unfinished last line that was cut off, if there was one. To be said to the user.
    pub torn: Option<Torn>,
}

/// An unfinished last line, cut from a log and kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where in the log it began, in bytes.
    pub offset: u64,
    /// How long it was.
    pub length_bytes: u64,
    /// The file that now holds it.
    pub saved_at: PathBuf,
}

/// A log read without opening it for writing, possibly while another process appends to it. Its last records may not
/// be durable yet, and can even be taken back when their writer runs out of disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the log says about itself.
    pub header: LogHeader,
    /// Whether this program would also be able to write it.
    pub format: LogFormat,
    /// All complete records; the first has number 1.
    pub records: Vec<String>,
}

/// A log's format, as seen by this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// The one this program writes.
    Current,
    /// A later one, with its number: such a log is only ever read.
    Newer(u32),
}
