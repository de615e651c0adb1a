//! A log that lives as long as the process: for tests of the engine, and for runs that leave no trace.
//!
//! Knows no disk, so it never fails except by its caller's mistake.

use ppe_core::ids::Seq;
use ppe_engine::ports::log::{AppendError, EventLog};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// A log in memory. Clones share their records, so that one can be written by the engine and another looked at.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    records: Arc<Mutex<Vec<String>>>,
}

impl MemoryLog {
    /// A log that already holds these records, as after an earlier run of the program.
    pub fn holding(records: Vec<String>) -> Self {
        Self { records: Arc::new(Mutex::new(records)) }
    }

    /// A copy of all records; the first has number 1.
    pub fn records(&self) -> Vec<String> {
        self.with(|records| records.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<String>) -> T) -> T {
        act(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventLog for MemoryLog {
    fn append(&mut self, records: &[String]) -> Result<Seq, AppendError> {
        super::check_lines(records)?;
        self.with(|all| all.extend_from_slice(records));
        Ok(self.last())
    }

    fn last(&self) -> Seq {
        Seq(self.with(|records| records.len()) as u64)
    }

    fn release_ballast(&mut self) -> io::Result<u64> {
        Ok(0)
    }
}
