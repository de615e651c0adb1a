//! The output files of jobs, as they grow and as they end.

use crate::error::AppError;
use ppe_adapters::executor::output::{Stream, end, tail};
use ppe_adapters::executor::record::EXIT;
use ppe_adapters::state_dir::RunDir;
use ppe_core::ids::{Attempt, TaskId};
use ppe_core::intent::JobName;
use std::path::{Path, PathBuf};

/// A job's output as it grows.
pub(crate) struct Output {
    dirs: Vec<PathBuf>,
    stream: Stream,
    at: usize,
    from: u64,
    /// A character that is only half there yet.
    rest: Vec<u8>,
}

/// A piece of output.
pub(crate) struct JobOutput {
    /// The text; empty when there is nothing more for now.
    pub(crate) text: String,
    /// Whether the job has ended and everything was read.
    pub(crate) over: bool,
}

/// The output of one of an attempt's jobs; of several commands, one after the other.
pub(crate) fn job_output(
    dir: &RunDir,
    task: &TaskId,
    attempt: Attempt,
    job: JobName,
    errors: bool,
) -> Output {
    let top = dir.task(task, attempt).join(job.as_str());
    let mut dirs = Vec::new();
    jobs_below(&top, 3, &mut dirs);
    dirs.sort();
    let stream = if errors { Stream::Stderr } else { Stream::Stdout };
    Output { dirs, stream, at: 0, from: 0, rest: Vec::new() }
}

fn jobs_below(dir: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    if Stream::Stdout.path(dir).exists() {
        found.push(dir.to_owned());
    } else if depth > 0 {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            jobs_below(&entry.path(), depth - 1, found);
        }
    }
}

impl Output {
    /// The end of all there is, at most `most` bytes.
    pub(crate) fn end(&self, most: usize) -> Result<String, AppError> {
        let mut text = String::new();
        for dir in self.dirs.iter().rev() {
            text.insert_str(0, &end(&self.stream.path(dir), most - text.len())?);
        }
        Ok(text)
    }

    /// What has come since the last call.
    pub(crate) fn more(&mut self) -> Result<JobOutput, AppError> {
        while let Some(dir) = self.dirs.get(self.at) {
            let ended = dir.join(EXIT).exists();
            let bytes = tail(dir, self.stream, self.from)?;
            if bytes.is_empty() && ended {
                self.at += 1;
                self.from = 0;
                continue;
            }
            self.from += bytes.len() as u64;
            self.rest.extend(bytes);
            let whole = self.rest.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let cut = if ended || whole == 0 { self.rest.len() } else { whole };
            let text = String::from_utf8_lossy(&self.rest[..cut]).into_owned();
            self.rest.drain(..cut);
            return Ok(JobOutput { text, over: false });
        }
        Ok(JobOutput { text: String::new(), over: true })
    }
}
