//! Commands that judge, one after the other: verify commands in a task's workspace, checks on a candidate. The first
//! that is red decides. Fix commands come before, and what they change becomes a commit of ours.
//!
//! What waits here, for a slot of heavy commands or for the workspace of the checks, holds no thread. A series that a
//! later process takes up again finds the commands that ended, and the commit that was made.

use super::commands::{Judged, is_stopped};
use super::{CommandKind, CommandSpec, Inner, Weight, seats, trouble};
use crate::executor::coverage::{self, Covered};
use crate::executor::job::{self, Probe};
use crate::executor::modules::{self, Modules, Tool, Touched, Tree};
use crate::executor::output::Stream;
use crate::executor::record;
use crate::git::prepare::{self, Start, WorkspaceSpec};
use crate::git::{diff, files};
use crate::lock::{Note, RecordLock};
use ppe_core::ids::{Branch, CommitId, Millis, TaskId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{Class, Coverage, Failure, Red, Snapshot, SnapshotOutcome, Verdict, Verified};
use ppe_engine::ports::{CheckJob, JobKey, VerifyJob};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// How often a slot for a heavy command is asked for.
const ASK: Duration = Duration::from_millis(100);
/// In a job's folder: the work with the fixes committed.
const FIXED: &str = "fixed";
/// The message of the commit of what fix commands changed.
const FIX_MESSAGE: &str = "style: apply fixes";
/// Reports named in a failure.
const REPORTS_SHOWN: usize = 20;

/// What a series works on.
#[derive(Clone)]
struct Series {
    inner: Arc<Inner>,
    /// The folder of its jobs.
    dir: PathBuf,
    /// Whose workspace it works in.
    task: TaskId,
    class: Class,
    /// The commit that is judged, and what it is measured against where it is a task's.
    tip: CommitId,
    base: Option<CommitId>,
    coverage_target: Option<u32>,
    /// Held as long as anything of it runs.
    _turn: Option<Arc<OwnedMutexGuard<()>>>,
}

/// What is known of the modules of the judged commit.
#[derive(Default)]
struct Source {
    tree: Tree,
    /// The files that the task changed; nothing where everything is judged.
    changed: Option<Vec<String>>,
}

impl Source {
    /// A command with its modules written out.
    fn runs(&self, command: &CommandSpec) -> Vec<modules::Run> {
        if !modules::is_used(&command.argv) {
            return vec![modules::Run { module: None, argv: command.argv.clone() }];
        }
        let tool = Tool::of(&command.argv, &self.tree);
        let modules = tool.map(|tool| Modules::read(tool, &self.tree)).unwrap_or_default();
        let touched = self.changed.as_ref().map_or(Touched::All, |paths| modules.touched(paths));
        modules::expand(&command.argv, &touched, &modules.names())
    }
}

/// Runs a task's fix commands, commits what they changed, and runs its verify commands.
pub(super) async fn verify(inner: Arc<Inner>, job: VerifyJob) -> Result<Verified, Trouble> {
    let key = JobKey::Attempt { task: job.task.clone(), attempt: job.attempt, job: job.job };
    let mut series = Series {
        dir: inner.job_dir(&key),
        inner,
        task: job.task.clone(),
        class: Class::Verification,
        tip: job.tip.clone(),
        base: Some(job.base.clone()),
        coverage_target: job.coverage_target,
        _turn: None,
    };
    let commands = series.inner.settings.verify.clone();
    let (fixes, judges): (Vec<_>, Vec<_>) = commands.into_iter().partition(|c| c.kind == CommandKind::Fix);
    let mut fixed = None;
    if !fixes.is_empty() && job.base != job.tip {
        match series.judge(0, &fixes).await?.verdict {
            Verdict::Green => {}
            other => return Ok(other.into()),
        }
        let (inner, dir) = (Arc::clone(&series.inner), series.dir.clone());
        fixed = match blocking(move || inner.commit_fixes(&dir, &job)).await? {
            Ok(fixed) => fixed,
            Err(failure) => return Ok(Verdict::Red(failure).into()),
        };
        if let Some(snapshot) = &fixed {
            series.tip = snapshot.tip.clone();
        }
    }
    Ok(Verified { fixed, ..series.judge(fixes.len(), &judges).await? })
}

/// Runs the checks on a commit, in a workspace that is theirs alone.
pub(super) async fn check(inner: Arc<Inner>, job: CheckJob) -> Result<Verdict, Trouble> {
    let checks = inner.settings.checks.iter().filter(|c| c.kind != CommandKind::Fix).cloned();
    let checks: Vec<CommandSpec> = checks.collect();
    if checks.is_empty() {
        return Ok(Verdict::Green);
    }
    let task = seats::name(&job.subject, job.seat);
    let turn = Arc::new(inner.seats.take(&task).await);
    let series = Series {
        dir: inner.job_dir(&JobKey::Check { subject: job.subject.clone(), run: job.run }),
        inner,
        task,
        class: Class::Ci,
        tip: job.commit.clone(),
        base: None,
        coverage_target: None,
        _turn: Some(turn),
    };
    let seated = series.clone();
    blocking(move || seated.seat()).await?;
    let verdict = series.judge(0, &checks).await.map(|verified| verified.verdict);
    let (inner, task) = (Arc::clone(&series.inner), series.task.clone());
    blocking(move || inner.clear_out(&task)).await?;
    verdict
}

impl Series {
    /// Puts the workspace of the checks on the commit, unless a check of it has begun.
    fn seat(&self) -> Result<(), Trouble> {
        if !super::commands::command_dirs(&self.dir).is_empty() {
            return Ok(());
        }
        let inner = &self.inner;
        record::make_dir(&self.dir).map_err(trouble::machine)?;
        record::put(&self.dir, seats::NOTE, &self.task, "check.seat").map_err(trouble::machine)?;
        record::make_dir(&inner.places.workspaces).map_err(trouble::machine)?;
        let workspace = inner.workspace_dir(&self.task);
        let spec = WorkspaceSpec {
            dir: workspace.clone(),
            run: inner.run.clone(),
            task: self.task.clone(),
            branch: Branch::new("ppe/checks"),
            target_tip: self.tip.clone(),
            start: Start::Fresh,
            grounds: Vec::new(),
            must_contain: Vec::new(),
            copy: inner.settings.copy.clone(),
            stamp: inner.stamp(Millis(record::wall_ms())),
        };
        prepare::prepare(&inner.repo, &spec).map_err(trouble::machine)?;
        inner.set_up(&self.task, &workspace)
    }

    /// Runs commands until one is not green. `first` is the number of the first in the whole series.
    async fn judge(&self, first: usize, commands: &[CommandSpec]) -> Result<Verified, Trouble> {
        let source = self.source(commands).await?;
        let mut coverage = None;
        for (at, command) in commands.iter().enumerate() {
            let runs = source.runs(command);
            for (n, run) in runs.iter().enumerate() {
                // In the order in which they run, and each by what it runs.
                let name = format!("{:02}-{n:03}-{}", first + at, mark(&run.argv));
                let name_of_run = match &run.module {
                    Some(module) => format!("{} ({module})", command.name),
                    None => command.name.clone(),
                };
                let one = CommandSpec { name: name_of_run, argv: run.argv.clone(), ..command.clone() };
                let (judged, measured) = self.run(self.dir.join(name), one).await?;
                coverage = measured.or(coverage);
                let verdict = match judged {
                    Judged::Green => continue,
                    Judged::Red { summary, detail } => {
                        let (class, red) = (self.class, command.kind.red());
                        Verdict::Red(Failure { class, red, summary, detail })
                    }
                    Judged::Unevaluated(why) => Verdict::Unevaluated(why),
                };
                return Ok(Verified { coverage, ..verdict.into() });
            }
        }
        Ok(Verified { coverage, ..Verdict::Green.into() })
    }

    /// Runs one command: alone, if it is heavy, as far as the machine's slots say so. With how it ended comes what it
    /// measured.
    async fn run(&self, dir: PathBuf, command: CommandSpec) -> Result<(Judged, Option<Coverage>), Trouble> {
        let slot = match command.weight {
            Weight::Light => None,
            Weight::Heavy => self.slot(&dir, &command).await?,
        };
        if is_stopped(&self.dir) && !dir.exists() {
            return Ok((Judged::stopped(), None));
        }
        let series = self.clone();
        blocking(move || {
            series.inner.end_jobs(&series.dir, &dir)?;
            let judged = series.inner.run_command(&series.task, &dir, &command, &command.argv)?;
            drop(slot);
            match (&judged, command.kind) {
                (Judged::Green, CommandKind::Coverage) => series.measure(&dir),
                _ => Ok((judged, None)),
            }
        })
        .await
    }

    /// Waits for one of the machine's slots for heavy commands. A command that runs already, since a process before this
    /// one started it, is not kept from it; a series that is stopped waits no longer.
    async fn slot(&self, dir: &Path, command: &CommandSpec) -> Result<Option<RecordLock>, Trouble> {
        let what = format!("`{}` of {}", command.name, self.task);
        let note = Note { run: Some(self.inner.run.clone()), command: what };
        loop {
            if let Some(slot) = self.inner.heavy.try_take(&note)? {
                return Ok(Some(slot));
            }
            if matches!(job::probe(dir), Ok(Probe::Running(_))) || is_stopped(&self.dir) {
                return Ok(None);
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// Reads what modules there are, when one of the commands asks for it.
    async fn source(&self, commands: &[CommandSpec]) -> Result<Source, Trouble> {
        if !commands.iter().any(|command| modules::is_used(&command.argv)) {
            return Ok(Source::default());
        }
        let series = self.clone();
        blocking(move || series.read()).await
    }

    /// The files of the judged commit, and those that the task changed.
    fn read(&self) -> Result<Source, Trouble> {
        let repo = &self.inner.repo;
        let paths = files::paths(repo.store(), &self.tip).map_err(trouble::machine)?;
        let builds: Vec<&String> = paths.iter().filter(|path| modules::is_build_file(path)).collect();
        let texts = files::texts(repo.store(), &self.tip, &builds).map_err(trouble::machine)?;
        let changed = match &self.base {
            None => None,
            Some(base) => {
                let changes = diff::between(repo.store(), base, &self.tip).map_err(trouble::machine)?;
                let path = |change: diff::Change| String::from_utf8_lossy(&change.path).into_owned();
                Some(changes.into_iter().map(path).collect())
            }
        };
        Ok(Source { tree: Tree { paths, texts }, changed })
    }

    /// Reads what the reports in the workspace say, and compares it with what the task asks for, if it does.
    fn measure(&self, dir: &Path) -> Result<(Judged, Option<Coverage>), Trouble> {
        let reports = coverage::reports(&self.inner.workspace_dir(&self.task));
        let covered = coverage::total(&reports);
        let measured = covered.map(Covered::rounded);
        let Some(target) = self.coverage_target else { return Ok((Judged::Green, measured)) };
        let Some(covered) = covered else {
            let names = "lcov.info, cobertura*.xml, coverage.xml, jacoco*.xml";
            say(
                dir,
                &format!("no coverage report was found ({names}): {target} % cannot be held against it"),
            )?;
            return Ok((Judged::Green, measured));
        };
        say(dir, &format!("coverage is {covered}, asked for are {target} %"))?;
        if covered.reaches(target) {
            return Ok((Judged::Green, measured));
        }
        let named = reports.iter().take(REPORTS_SHOWN);
        let detail: Vec<String> = named.map(|(path, c)| format!("{}: {c}", path.display())).collect();
        let summary = format!("coverage is {covered}, and the task asks for {target} %");
        Ok((Judged::Red { summary, detail: detail.join("\n") }, measured))
    }
}

/// What tells a command from another that stands in its place after the settings were changed.
fn mark(argv: &[String]) -> String {
    let digest = Sha256::digest(argv.join("\0").as_bytes());
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

/// Says something of a command behind what it printed itself, once.
fn say(dir: &Path, text: &str) -> Result<(), Trouble> {
    let path = Stream::Stdout.path(dir);
    let line = format!("ppe: {text}\n");
    let said = std::fs::read(&path).is_ok_and(|printed| printed.ends_with(line.as_bytes()));
    if said {
        return Ok(());
    }
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(trouble::machine)
}

impl Inner {
    /// Commits what fix commands changed, as our own commit on the work; none when they changed nothing. The answer is
    /// kept: the commands that follow may change files too.
    fn commit_fixes(
        &self,
        dir: &Path,
        job: &VerifyJob,
    ) -> Result<Result<Option<Snapshot>, Failure>, Trouble> {
        if let Some(known) = record::get::<Option<Snapshot>>(dir, FIXED).map_err(trouble::machine)? {
            return Ok(Ok(known));
        }
        let red = |why: String| {
            let summary = format!("what the fix commands changed cannot be taken over: {why}");
            Ok(Err(Failure::new(Class::Verification, summary)))
        };
        let fixed = match self.take_fixes(job, FIX_MESSAGE)? {
            SnapshotOutcome::Taken(snapshot) if snapshot.tip == job.tip => None,
            SnapshotOutcome::Taken(snapshot) => Some(snapshot),
            SnapshotOutcome::Refused(why) | SnapshotOutcome::Gone(why) => return red(why),
        };
        record::make_dir(dir).map_err(trouble::machine)?;
        record::put(dir, FIXED, &fixed, "verify.fixed").map_err(trouble::machine)?;
        Ok(Ok(fixed))
    }
}

impl CommandKind {
    /// Which tries a red one costs.
    fn red(self) -> Red {
        match self {
            Self::Build => Red::Build,
            Self::Test => Red::Test,
            Self::Fix | Self::Coverage | Self::Other => Red::Other,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(trouble::machine)?
}
