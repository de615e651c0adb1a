//! A working agent, followed by what it prints, reports and commits; and ended where its program waits for what cannot
//! come.
//!
//! Everything is read from files, from their beginning: whoever takes up an agent of an earlier process sees the same.
//! Knows no agent's own words.

use super::{Inner, review};
use crate::executor::drivers::{AgentEvent, Driver, Seen, hopeless, report};
use crate::executor::job;
use crate::executor::output::{self, LineReader, Stream};
use crate::executor::record;
use crate::git::live::Live;
use ppe_core::ids::Millis;
use ppe_core::state::Sighting;
use ppe_engine::ports::AgentJob;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An agent that was not heard of for so long is quiet.
const QUIET: Duration = Duration::from_mins(2);
/// So much of its standard error is looked at when it has ended.
const STDERR_BYTES: usize = 4_096;
/// In a job's folder: why its agent was ended before it ended itself.
const GIVEN_UP: &str = "given-up";

/// What is followed of a working agent.
pub(super) struct Watch {
    driver: Driver,
    seen: Seen,
    output: LineReader,
    report: LineReader,
    live: Live,
    workspace: PathBuf,
    dir: PathBuf,
    job: AgentJob,
    told: Sighting,
    /// This process has had a hopeless one asked to end. Whether an earlier one came so far is not known.
    asked: bool,
    /// When it last said or committed something.
    heard: Instant,
}

impl Watch {
    pub(super) fn new(inner: &Inner, dir: &Path, job: &AgentJob, driver: Driver) -> Self {
        Self {
            driver,
            // What cannot be read was never written: it is written whole, before the agent is stopped.
            seen: Seen { given_up: record::get(dir, GIVEN_UP).ok().flatten(), ..Seen::default() },
            output: LineReader::new(Stream::Stdout.path(dir), 0),
            report: LineReader::new(dir.join(report::FILE), 0),
            live: Live::default(),
            workspace: inner.workspace_dir(&review::seat(job)),
            dir: dir.to_owned(),
            job: job.clone(),
            told: Sighting::default(),
            asked: false,
            heard: Instant::now(),
        }
    }

    /// Reads a part of what is new, and puts what is seen where the loop finds it.
    pub(super) fn look(&mut self, inner: &Inner) {
        // What cannot be read now is read at the next look. Only who has read all of it may judge.
        if let Ok(Found::Nothing) = self.read(inner) {
            self.end_hopeless(inner.settings.grace_ms);
        }
    }

    /// Reads the rest, once nothing of the job runs any more.
    ///
    /// Errors: it cannot be read now.
    pub(super) fn finish(mut self, inner: &Inner) -> io::Result<(Driver, Seen)> {
        while self.read(inner)? == Found::Some {}
        let last = self.output.finish();
        self.take(last.iter().flat_map(|line| self.driver.line(&line.text)).collect());
        let last = self.report.finish();
        self.take(last.iter().flat_map(|line| self.driver.report(&line.text)).collect());
        self.tell(inner);
        self.seen.stderr = end_of_errors(&self.dir);
        Ok((self.driver, self.seen))
    }

    fn read(&mut self, inner: &Inner) -> io::Result<Found> {
        let commits = self.live.commits;
        let (output, reports) = (self.output.read_lines()?, self.report.read_lines()?);
        self.take(output.iter().flat_map(|line| self.driver.line(&line.text)).collect());
        self.take(reports.iter().flat_map(|line| self.driver.report(&line.text)).collect());
        self.live.advance(&self.workspace);
        let nothing = output.is_empty() && reports.is_empty();
        if !nothing || self.live.commits != commits {
            self.heard = Instant::now();
        }
        self.tell(inner);
        Ok(if nothing { Found::Nothing } else { Found::Some })
    }

    fn take(&mut self, events: Vec<AgentEvent>) {
        for event in events {
            self.seen.add(event);
        }
    }

    fn tell(&mut self, inner: &Inner) {
        let sighting = self.sighting();
        if self.told != sighting {
            inner.sightings.put(self.job.task.clone(), self.job.attempt, sighting.clone());
            self.told = sighting;
        }
    }

    fn sighting(&self) -> Sighting {
        let quiet = self.heard.elapsed();
        let since = || Millis(record::wall_ms().saturating_sub(span_ms(quiet)));
        let usage = self.seen.usage(&self.job.session_usage);
        let quiet_since = (quiet >= QUIET).then(|| self.told.quiet_since.unwrap_or_else(since));
        Sighting { commits: self.live.commits, phase: self.seen.phase.clone(), usage, quiet_since }
    }

    /// Ends an agent that cannot get on: its program would try for long what cannot succeed. The reason is written down
    /// first: whoever tells the end may be a later process.
    fn end_hopeless(&mut self, grace_ms: u64) {
        if self.asked {
            return;
        }
        if self.seen.given_up.is_none() {
            let Some(why) = hopeless(&self.seen, span_ms(self.heard.elapsed())) else { return };
            // One of which that cannot be written down now is found hopeless again at the next look.
            if record::put(&self.dir, GIVEN_UP, &why, "agent.given_up").is_err() {
                return;
            }
            self.seen.given_up = Some(why);
        }
        self.asked = job::stop(&self.dir, grace_ms).is_ok();
    }
}

/// Whether a look found anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// No line.
    Nothing,
    /// Some, and there may be more.
    Some,
}

fn span_ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The last part of what it printed to its standard error.
fn end_of_errors(dir: &Path) -> String {
    output::end(&Stream::Stderr.path(dir), STDERR_BYTES).unwrap_or_default()
}
