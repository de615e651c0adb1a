//! Plays one job of the scripted agent: does the planned work with real git, and misbehaves where the script says so.
//!
//! What is done already is found in the branch, so a job that was cut short goes on where it was. How the process ends
//! is answered, not done, and nothing here knows of processes but the one it may leave behind.

use super::files;
use super::merge::{self, MergeError};
use super::part::{Claimed, Part};
use super::repo::{Anything, GitError, Repo};
use crate::executor::drivers::report::{Report, now_ms};
use nix::sys::signal::Signal;
use ppe_core::state::Kind;
use ppe_engine::ports::{AgentJob, Purpose};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The exit code that asks for a later try.
const LATER: u8 = 75;
/// How much of a flood is printed at once.
const FLOOD_LINE: usize = 64 * 1024;

/// How the agent's process is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Exit(u8),
    /// With exit code 1 and these last words.
    Fail(String),
    /// By this signal to itself.
    Crash(Signal),
    /// Not at all.
    Hang,
}

/// Why the work could not be done.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// Git or a file failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The target could not be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Nobody takes what is printed.
    #[error("cannot print: {0}")]
    Print(#[source] io::Error),
    /// The process that is to be left behind could not be started.
    #[error("cannot leave a process behind: {0}")]
    Daemon(#[source] io::Error),
}

/// Plays a job in a workspace. `speed` is how many times faster than written; reports go to `out`.
///
/// Errors: git, a file or `out` fails. What was committed until then stays.
pub fn play(
    job: &AgentJob,
    part: &Part,
    speed: f64,
    workspace: &Path,
    out: &mut dyn Write,
) -> Result<Ending, PlayError> {
    let mut play = Play { job, part, speed, repo: Repo::new(workspace), out, made: 0 };
    play.repo.unlock(job.branch.as_str())?;
    play.pause(part.sleep_ms);
    let ending = match job.purpose {
        Purpose::Leftovers => {
            play.leftovers()?;
            return Ok(Ending::Exit(0));
        }
        Purpose::Review => {
            play.review()?;
            None
        }
        Purpose::Work(kind) => match play.instead_of_work(kind)? {
            Some(ending) => Some(ending),
            None => play.work(kind)?,
        },
    };
    Ok(ending.or_else(|| play.mishap()).unwrap_or(Ending::Exit(part.exit)))
}

/// A commit that the plan asks for.
struct Planned {
    number: u32,
    subject: String,
    files: Vec<String>,
}

struct Play<'a> {
    job: &'a AgentJob,
    part: &'a Part,
    speed: f64,
    repo: Repo<'a>,
    out: &'a mut dyn Write,
    /// Commits made by this job.
    made: u32,
}

impl Play<'_> {
    /// What the script has the agent do before, or in place of, its work.
    fn instead_of_work(&mut self, kind: Kind) -> Result<Option<Ending>, PlayError> {
        if self.part.daemonize {
            leave_behind().map_err(PlayError::Daemon)?;
        }
        self.flood()?;
        if self.part.later_attempts.contain(self.job.attempt) {
            let until_ms =
                self.part.later_seconds.map(|s| now_ms().saturating_add(self.scaled_ms(s * 1_000)));
            self.say(&Report::Later { until_ms, seconds: None })?;
            return Ok(Some(Ending::Exit(LATER)));
        }
        if self.part.no_commit_attempts.contain(self.job.attempt) {
            return Ok(Some(Ending::Exit(0)));
        }
        let why = self.part.why.clone();
        let fresh = matches!(kind, Kind::First | Kind::Continue);
        let claim = match self.part.claim {
            Some(Claimed::Blocked) => Report::Blocked { why },
            Some(Claimed::NoChange) if fresh => Report::NoChange { why },
            Some(Claimed::Flaky) if matches!(kind, Kind::Verify | Kind::Ci | Kind::Recheck) => {
                Report::Flaky { why }
            }
            Some(Claimed::NoChange | Claimed::Flaky) | None => {
                let at_once = self.part.after_commits == 0;
                return Ok(at_once.then(|| self.mishap()).flatten());
            }
        };
        self.say(&claim)?;
        Ok(Some(Ending::Exit(self.part.exit)))
    }

    fn work(&mut self, kind: Kind) -> Result<Option<Ending>, PlayError> {
        match kind {
            Kind::First | Kind::Continue => self.planned_work(),
            Kind::Verify | Kind::Ci | Kind::Review | Kind::Rejected | Kind::Recheck => {
                self.repair().map(|()| None)
            }
            Kind::Conflict | Kind::Restack => {
                Ok(merge::onto_target(&self.repo, self.job.task.as_str()).map(|()| None)?)
            }
        }
    }

    /// Says what the script has it find, and changes what a reviewer is not to change.
    fn review(&mut self) -> Result<(), PlayError> {
        let scribble = self.own("scribble");
        files::append(self.repo.dir(), &scribble, &scribble, "left by a reviewer, as scripted")?;
        for text in self.part.findings.clone() {
            self.say(&Report::Finding { text })?;
        }
        Ok(())
    }

    /// How the script has the attempt end early, if it does.
    fn mishap(&self) -> Option<Ending> {
        let attempt = self.job.attempt;
        if let Some(signal) = self.part.crash_self {
            return Some(Ending::Crash(signal.0));
        }
        if self.part.hang_attempts.contain(attempt) {
            return Some(Ending::Hang);
        }
        let fails = self.part.fail_attempts.contain(attempt);
        fails.then(|| Ending::Fail(format!("attempt {attempt} fails as scripted")))
    }

    /// The planned commits that the branch lacks, except what the script leaves out.
    fn planned_work(&mut self) -> Result<Option<Ending>, PlayError> {
        let mut missing = self.missing()?;
        let total = self.planned().len();
        let left_out = usize::try_from(self.part.skip_last_commits).unwrap_or(usize::MAX);
        missing.retain(|commit| (commit.number as usize) <= total.saturating_sub(left_out));
        let uncommitted = if self.part.leave_uncommitted { missing.pop() } else { None };
        let last = missing.last().map(|commit| commit.number);
        for (at, commit) in missing.iter().enumerate() {
            let mut paths = self.write(commit)?;
            if at == 0 {
                paths.extend(self.touch()?);
            }
            if Some(commit.number) == last && self.is_broken() {
                paths.push(self.break_it()?);
            }
            self.commit_planned(commit, &paths)?;
            if self.made >= self.part.after_commits
                && let Some(ending) = self.mishap()
            {
                return Ok(Some(ending));
            }
        }
        self.settle_brokenness()?;
        match uncommitted {
            Some(commit) => drop(self.write(&commit)?),
            None if self.part.leave_uncommitted => {
                let notes = self.own("notes");
                files::append(self.repo.dir(), &notes, &notes, "left uncommitted, as scripted")?;
            }
            None => {}
        }
        Ok(None)
    }

    /// Makes what is missing, and commits what lies about.
    fn leftovers(&mut self) -> Result<(), PlayError> {
        for commit in self.missing()? {
            let paths = self.write(&commit)?;
            self.commit_planned(&commit, &paths)?;
        }
        if self.repo.add_all()? == Anything::Yes {
            self.repo.commit("chore: commit what was left over")?;
        }
        Ok(())
    }

    /// One more commit, which also mends what the script broke, once it is time.
    fn repair(&mut self) -> Result<(), PlayError> {
        let attempt = self.job.attempt;
        let subject = format!("fix: repair {} in attempt {attempt}", self.job.task);
        if !self.repo.subjects(self.job.base.as_str())?.contains(&subject) {
            let fixes = self.own("fixes");
            files::append(self.repo.dir(), &fixes, &fixes, &subject)?;
            let mut paths = vec![fixes];
            if !self.is_broken() && self.repo.dir().join(self.own("broken")).exists() {
                paths.push(self.mend()?);
            }
            self.commit(&subject, &paths)?;
        }
        self.settle_brokenness()
    }

    /// Makes the work as broken or whole as the script wants it after this attempt.
    fn settle_brokenness(&mut self) -> Result<(), PlayError> {
        let found = self.repo.dir().join(self.own("broken")).exists();
        let task = &self.job.task;
        match (self.is_broken(), found) {
            (true, false) => {
                let subject = format!("feat: round off {task}");
                let path = self.break_it()?;
                self.commit(&subject, &[path])
            }
            (false, true) => {
                let subject = format!("fix: mend {task}");
                let path = self.mend()?;
                self.commit(&subject, &[path])
            }
            (true, true) | (false, false) => Ok(()),
        }
    }

    fn is_broken(&self) -> bool {
        self.part.always_broken || self.part.break_check_attempts.contain(self.job.attempt)
    }

    fn break_it(&self) -> Result<String, GitError> {
        let path = self.own("broken");
        files::append(self.repo.dir(), &path, &path, "broken as scripted")
    }

    fn mend(&self) -> Result<String, GitError> {
        let path = self.own("broken");
        files::remove(self.repo.dir(), &path)?;
        Ok(path)
    }

    /// What the plan asks for; one commit named after the task where it asks for nothing in particular.
    fn planned(&self) -> Vec<Planned> {
        let subject = |text: &str, number: u32| match one_line(text) {
            line if line.is_empty() => format!("{} commit {number}", self.job.task),
            line => line,
        };
        if self.job.planned.is_empty() {
            return vec![Planned { number: 1, subject: subject(&self.job.title, 1), files: Vec::new() }];
        }
        (1..)
            .zip(&self.job.planned)
            .map(|(number, (text, files))| Planned {
                number,
                subject: subject(text, number),
                files: files.clone(),
            })
            .collect()
    }

    /// The planned commits that the branch does not have; of several with one subject, the last ones.
    fn missing(&self) -> Result<Vec<Planned>, GitError> {
        let mut there: Vec<String> =
            self.repo.subjects(self.job.base.as_str())?.iter().map(|s| one_line(s)).collect();
        let mut planned = self.planned();
        planned.retain(|commit| match there.iter().position(|subject| *subject == commit.subject) {
            Some(at) => {
                there.swap_remove(at);
                false
            }
            None => true,
        });
        Ok(planned)
    }

    /// Writes a planned commit's files; answers their paths.
    fn write(&self, commit: &Planned) -> Result<Vec<String>, GitError> {
        let line = format!("{} {}: {}", self.job.task, commit.number, commit.subject);
        let own = self.own("txt");
        let named = if commit.files.is_empty() { std::slice::from_ref(&own) } else { &commit.files };
        named.iter().map(|path| files::append(self.repo.dir(), path, &own, &line)).collect()
    }

    fn touch(&self) -> Result<Vec<String>, GitError> {
        let (own, line) = (self.own("txt"), format!("touched by {}", self.job.task));
        self.part.touch.iter().map(|path| files::first_line(self.repo.dir(), path, &own, &line)).collect()
    }

    fn commit_planned(&mut self, commit: &Planned, paths: &[String]) -> Result<(), PlayError> {
        let first_of =
            |last: u32| self.job.phases.iter().map(|(_, l)| *l).filter(|l| *l < last).max().unwrap_or(0);
        let phase = self.job.phases.iter().find(|(_, last)| *last >= commit.number);
        if let Some((name, last)) = phase
            && (self.made == 0 || commit.number == first_of(*last) + 1)
        {
            self.say(&Report::Phase { name: name.clone() })?;
        }
        self.commit(&commit.subject, paths)?;
        self.say(&Report::Commit { n: commit.number })
    }

    fn commit(&mut self, subject: &str, paths: &[String]) -> Result<(), PlayError> {
        self.pause(self.part.commit_ms);
        self.repo.add(paths)?;
        self.repo.commit(subject)?;
        self.made += 1;
        Ok(())
    }

    fn own(&self, ending: &str) -> String {
        files::own(self.job.task.as_str(), ending)
    }

    fn say(&mut self, report: &Report) -> Result<(), PlayError> {
        writeln!(self.out, "{}", report.line()).and_then(|()| self.out.flush()).map_err(PlayError::Print)
    }

    fn flood(&mut self) -> Result<(), PlayError> {
        let mut left = self.part.flood;
        let mut line = vec![b'~'; FLOOD_LINE];
        line[FLOOD_LINE - 1] = b'\n';
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(FLOOD_LINE).min(FLOOD_LINE);
            self.out.write_all(&line[FLOOD_LINE - now..]).map_err(PlayError::Print)?;
            left -= now as u64;
        }
        self.out.flush().map_err(PlayError::Print)
    }

    fn pause(&self, written_ms: u64) {
        if written_ms > 0 {
            std::thread::sleep(Duration::from_millis(self.scaled_ms(written_ms)));
        }
    }

    /// A span as it is at this speed, ms.
    fn scaled_ms(&self, written_ms: u64) -> u64 {
        let speed = if self.speed > 0.0 { self.speed } else { 1.0 };
        let scaled = Duration::from_millis(written_ms).as_secs_f64() / speed;
        let scaled = Duration::try_from_secs_f64(scaled).unwrap_or(Duration::MAX);
        u64::try_from(scaled.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A text as git would keep it for a subject.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Starts a process in a session of its own and does not wait for it.
fn leave_behind() -> io::Result<()> {
    let silent = || Stdio::null();
    let mut command = Command::new("setsid");
    command.args(["sleep", "3600"]).stdin(silent()).stdout(silent()).stderr(silent());
    command.spawn().map(drop)
}

#[cfg(test)]
mod tests;
