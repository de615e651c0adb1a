//! Commands that judge: verify commands in a task's workspace, checks on a candidate. Each is a job of its own; the
//! first that is red decides.

use super::secrets::Parted;
use super::{CommandSpec, Inner, trouble};
use crate::executor::job::{self, Ensured, NotStarted, Settled};
use crate::executor::output::{self, Stream};
use crate::executor::record::{self, End, Exit, JobSpec, StopReason};
use crate::failpoint;
use crate::git::Stamp;
use crate::git::prepare::{self, Start, WorkspaceSpec};
use ppe_core::ids::{Branch, Millis, TaskId};
use ppe_core::input::Trouble;
use ppe_core::intent::JobName;
use ppe_core::outcome::{Class, Failure, Verdict};
use ppe_core::wording;
use ppe_engine::ports::{CheckJob, JobKey, VerifyJob};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// What a failure tells of the output, bytes.
const DETAIL_BYTES: usize = 4_096;
/// The task that the workspace of the checks goes by.
const CHECKS: &str = "lane-checks";

/// How a command ended.
enum Judged {
    Green,
    Red { summary: String, detail: String },
    Unevaluated(String),
}

impl Inner {
    pub(super) fn verify(&self, job: &VerifyJob) -> Result<Verdict, Trouble> {
        let key = JobKey::Attempt { task: job.task.clone(), attempt: job.attempt, job: job.job };
        let workspace = self.workspace_dir(&job.task);
        self.judge(&self.job_dir(&key), &workspace, &self.settings.verify, Class::Verification)
    }

    pub(super) fn check(&self, job: &CheckJob) -> Result<Verdict, Trouble> {
        if self.settings.checks.is_empty() {
            return Ok(Verdict::Green);
        }
        let _one_at_a_time = self.checking.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = self.job_dir(&JobKey::Check { subject: job.subject.clone(), run: job.run });
        let workspace = self.places.workspaces.join(CHECKS);
        record::make_dir(&self.places.workspaces).map_err(trouble::machine)?;
        if command_dirs(&dir).is_empty() {
            let spec = WorkspaceSpec {
                dir: workspace.clone(),
                run: self.run.clone(),
                task: TaskId::new(CHECKS),
                branch: Branch::new("ppe/checks"),
                target_tip: job.commit.clone(),
                start: Start::Fresh,
                must_contain: Vec::new(),
                copy: self.settings.copy.clone(),
                stamp: Stamp { who: self.settings.identity.clone(), when: Millis(record::wall_ms()) },
            };
            prepare::prepare(&self.repo, &spec).map_err(trouble::machine)?;
            self.set_up(&TaskId::new(CHECKS), &workspace)?;
        }
        self.judge(&dir, &workspace, &self.settings.checks, Class::Ci)
    }

    /// Runs commands one after the other until one is not green.
    fn judge(
        &self,
        dir: &Path,
        cwd: &Path,
        commands: &[CommandSpec],
        class: Class,
    ) -> Result<Verdict, Trouble> {
        for (at, command) in commands.iter().enumerate() {
            match self.run_command(&dir.join(at.to_string()), cwd, command)? {
                Judged::Green => {}
                Judged::Red { summary, detail } => {
                    return Ok(Verdict::Red(Failure { class, summary, detail }));
                }
                Judged::Unevaluated(why) => return Ok(Verdict::Unevaluated(why)),
            }
        }
        Ok(Verdict::Green)
    }

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
            match self.run_command(&dir.join(at.to_string()), workspace, command)? {
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

    fn run_command(&self, dir: &Path, cwd: &Path, command: &CommandSpec) -> Result<Judged, Trouble> {
        let spec_in = |dir: &Path, parted: &Parted| JobSpec {
            // Of its own for each try: what a lost one left is swept by its marker, and only that.
            marker: self.marker(dir),
            argv: command.argv.clone(),
            cwd: cwd.to_owned(),
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
            let parted = self.parted(&dir, self.settings.job_env.clone());
            let started =
                job::ensure(&dir, &spec_in(&dir, &parted), &parted.shim).map_err(trouble::machine)?;
            let settled = match started {
                Ensured::Settled(settled) => settled,
                Ensured::Running(_) => job::settle(&dir).map_err(trouble::machine)?,
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
            JobKey::Attempt { job: JobName::Agent | JobName::Leftovers, .. } => vec![dir],
            // Whoever runs a series of commands finds the next one stopped before it started.
            JobKey::Attempt { .. } | JobKey::Check { .. } => command_dirs(&dir),
        };
        for dir in &dirs {
            record::make_dir(dir).map_err(trouble::machine)?;
            job::stop(dir, grace_ms).map_err(trouble::machine)?;
        }
        for dir in &dirs {
            job::settle(dir).map_err(trouble::machine)?;
        }
        Ok(())
    }
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
        (Some(StopReason::Asked), _) | (_, End::NotRun) => Judged::Unevaluated("it was stopped".to_owned()),
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
    let part = |stream: Stream| {
        let length = std::fs::metadata(stream.path(dir)).map_or(0, |m| m.len());
        let bytes = output::tail(dir, stream, length.saturating_sub(DETAIL_BYTES as u64)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (out, err) = (part(Stream::Stdout), part(Stream::Stderr));
    let both = if err.trim().is_empty() { out } else { format!("{out}\n{err}") };
    wording::tail(both.trim(), DETAIL_BYTES).to_owned()
}
