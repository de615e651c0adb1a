//! One command of a verify job, a check or a set-up: started or adopted as a job of its own, and judged by its end.

use super::secrets::Parted;
use super::{CommandSpec, Inner, seats, trouble};
use crate::executor::job::{self, Ensured, NotStarted, Probe, Settled};
use crate::executor::output::{self, Stream};
use crate::executor::record::{self, End, Exit, JobSpec, StopReason};
use crate::failpoint;
use ppe_core::ids::TaskId;
use ppe_core::input::Trouble;
use ppe_core::intent::JobName;
use ppe_core::wording;
use ppe_engine::ports::JobKey;
use std::path::{Path, PathBuf};

/// What a failure tells of the output, bytes.
const DETAIL_BYTES: usize = 4_096;
/// In the folder of a series of commands: nothing more of it begins.
const STOPPED: &str = "stopped";

/// How a command ended.
pub(super) enum Judged {
    Green,
    Red { summary: String, detail: String },
    Unevaluated(String),
}

impl Judged {
    /// It was asked to stop.
    pub(super) fn stopped() -> Self {
        Self::Unevaluated("it was stopped".to_owned())
    }
}

impl Inner {
    /// Commands that a new workspace needs before anyone works in it; each workspace once.
    pub(super) fn set_up(&self, task: &TaskId, workspace: &Path) -> Result<(), Trouble> {
        let done = workspace.with_file_name(format!("{task}.set-up"));
        if self.settings.setup.is_empty() || done.exists() {
            return Ok(());
        }
        let dir = self.places.tasks.join(task.as_str()).join("set-up");
        // A set-up that failed is tried again in a folder of its own.
        let dir = (1..=u32::MAX).map(|n| dir.join(n.to_string())).find(|dir| !failed(dir)).unwrap_or(dir);
        for (at, command) in self.settings.setup.iter().enumerate() {
            match self.run_command(task, &dir.join(at.to_string()), command, &command.argv)? {
                Judged::Green => {}
                Judged::Red { summary, detail } => {
                    let last = detail.lines().rfind(|l| !l.trim().is_empty()).unwrap_or_default();
                    return Err(Trouble::Machine(format!("set-up of {task}: {summary}: {last}")));
                }
                Judged::Unevaluated(why) => return Err(Trouble::Machine(format!("set-up of {task}: {why}"))),
            }
        }
        std::fs::write(done, "").map_err(trouble::machine)
    }

    /// Ends the commands below a folder that run, but for the one in `spared`. Of a series one command runs at a time:
    /// another is of settings that are no longer so.
    pub(super) fn end_jobs(&self, dir: &Path, spared: &Path) -> Result<(), Trouble> {
        let others = command_dirs(dir).into_iter().filter(|found| found.with_extension("") != *spared);
        for dir in others.filter(|dir| matches!(job::probe(dir), Ok(Probe::Running(_)))) {
            job::stop(&dir, self.settings.grace_ms).map_err(trouble::machine)?;
            job::settle(&dir).map_err(trouble::machine)?;
        }
        Ok(())
    }

    /// Runs a command in a task's workspace and waits for its end. `argv` is the command with everything written out.
    pub(super) fn run_command(
        &self,
        task: &TaskId,
        dir: &Path,
        command: &CommandSpec,
        argv: &[String],
    ) -> Result<Judged, Trouble> {
        let mut env = self.settings.job_env.clone();
        self.fit_out(task, &mut env)?;
        let spec_in = |dir: &Path, parted: &Parted| JobSpec {
            // Of its own for each try: what a lost one left is swept by its marker, and only that.
            marker: self.marker(dir),
            argv: argv.to_vec(),
            cwd: self.workspace_dir(task),
            env: parted.env.clone(),
            secrets: parted.secrets.clone(),
            stdin: None,
            output_cap_bytes: self.settings.output_cap_bytes,
            wall_limit_ms: (command.limit_ms > 0).then_some(command.limit_ms),
            grace_ms: self.settings.grace_ms,
            cgroup: None,
        };
        // A command has no memory: one that was lost is simply run again, in a folder of its own.
        for dir in
            (0..3).map(|n| if n == 0 { dir.to_owned() } else { dir.with_extension(format!("again-{n}")) })
        {
            let parted = self.parted(&dir, env.clone());
            let started =
                job::ensure(&dir, &spec_in(&dir, &parted), &parted.shim).map_err(trouble::machine)?;
            let settled = match started {
                Ensured::Settled(settled) => settled,
                Ensured::Running(_) => {
                    if dir.parent().is_some_and(is_stopped) {
                        // Whoever stopped the series may not have seen this one.
                        job::stop(&dir, self.settings.grace_ms).map_err(trouble::machine)?;
                    }
                    job::settle(&dir).map_err(trouble::machine)?
                }
            };
            failpoint::hit("command.before_told");
            match settled {
                Settled::Ended(exit) => return Ok(judge_exit(&dir, command, &exit)),
                Settled::NeverStarted(NotStarted::ShimFailed { text, .. }) => {
                    return Err(Trouble::Machine(text));
                }
                Settled::Lost { .. } | Settled::NeverStarted(_) => {}
            }
        }
        Ok(Judged::Unevaluated(format!("`{}` was lost again and again", command.name)))
    }

    pub(super) fn stop(&self, key: &JobKey, grace_ms: u64) -> Result<(), Trouble> {
        let dir = self.job_dir(key);
        let dirs = match key {
            JobKey::Attempt { job: JobName::Agent | JobName::Leftovers | JobName::Review, .. } => vec![dir],
            JobKey::Attempt { job: JobName::Recheck | JobName::Verify, .. } | JobKey::Check { .. } => {
                // Whoever runs a series of commands begins no more of them.
                record::make_dir(&dir).map_err(trouble::machine)?;
                std::fs::write(dir.join(STOPPED), "").map_err(trouble::machine)?;
                command_dirs(&dir)
            }
        };
        for dir in &dirs {
            record::make_dir(dir).map_err(trouble::machine)?;
            job::stop(dir, grace_ms).map_err(trouble::machine)?;
        }
        if let JobKey::Check { .. } = key {
            // What makes their workspace ready is tried again when it is wanted again.
            let seat: Option<TaskId> =
                record::get(&self.job_dir(key), seats::NOTE).map_err(trouble::machine)?;
            if let Some(task) = seat {
                let set_up = self.places.tasks.join(task.as_str()).join("set-up");
                self.end_jobs(&set_up, Path::new(""))?;
            }
        }
        for dir in &dirs {
            job::settle(dir).map_err(trouble::machine)?;
        }
        Ok(())
    }
}

/// Whether a series of commands was stopped.
pub(super) fn is_stopped(dir: &Path) -> bool {
    dir.join(STOPPED).exists()
}

fn failed(dir: &Path) -> bool {
    command_dirs(dir).iter().any(|dir| match record::get::<Exit>(dir, record::EXIT) {
        Ok(Some(exit)) => exit.end != End::Code(0),
        Ok(None) | Err(_) => false,
    })
}

/// The folders of the commands below a job's folder, in order.
pub(super) fn command_dirs(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect_jobs(dir, 2, &mut found);
    found.sort();
    found
}

fn collect_jobs(dir: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.join(record::SPEC).exists() {
            found.push(path);
        } else if depth > 0 && path.is_dir() {
            collect_jobs(&path, depth - 1, found);
        }
    }
}

fn judge_exit(dir: &Path, command: &CommandSpec, exit: &Exit) -> Judged {
    let red =
        |what: String| Judged::Red { summary: format!("`{}` {what}", command.name), detail: detail(dir) };
    match (exit.stop, &exit.end) {
        (Some(StopReason::Asked), _) | (_, End::NotRun) => Judged::stopped(),
        (Some(StopReason::WallLimit), _) => {
            red(format!("took longer than {}", wording::span(command.limit_ms)))
        }
        (Some(StopReason::OutputCap), _) => red("printed too much".to_owned()),
        (None, End::Code(0)) => Judged::Green,
        (None, End::Code(code)) => red(format!("ended with exit code {code}")),
        (None, End::Signal(signal)) => red(format!("was ended by signal {signal}")),
        (None, End::CannotRun { text, .. }) => Judged::Unevaluated(format!("`{}`: {text}", command.name)),
    }
}

/// The last part of what a command printed.
fn detail(dir: &Path) -> String {
    let part = |stream: Stream| output::end(&stream.path(dir), DETAIL_BYTES).unwrap_or_default();
    let (out, err) = (part(Stream::Stdout), part(Stream::Stderr));
    let both = if err.trim().is_empty() { out } else { format!("{out}\n{err}") };
    wording::tail(both.trim(), DETAIL_BYTES).to_owned()
}
