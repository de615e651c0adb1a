//! The executor of this machine: workspaces as private clones, jobs under shims.
//!
//! Everything lies in folders named by run, task and attempt, so that a later process finds it again. Knows nothing of
//! why a job runs.

mod accounts;
mod agents;
mod commands;
mod first_run;
mod ports;
mod review;
mod room;
mod seats;
mod secrets;
mod series;
mod slots;
mod trouble;
mod turns;
mod watch;
mod workspaces;

use super::drivers::AgentSettings;
use super::job::ShimProgram;
use super::output;
use super::record;
use crate::git::{Identity, Repo, refs};
use ppe_core::ids::{Attempt, RunId, TaskId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{AgentEnd, Prepared, SnapshotOutcome, Verdict, Verified};
use ppe_core::state::Subject;
use ppe_engine::ports::{
    AgentJob, CheckJob, Executor, JobKey, Release, Sightings, SnapshotSpec, Stream, Tail, VerifyJob,
    WorkspaceSpec,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a run keeps its jobs and workspaces.
#[derive(Clone, Debug)]
pub struct RunPlaces {
    /// `workspaces/<task>/`.
    pub workspaces: PathBuf,
    /// `tasks/<task>/a<attempt>/<job>/`.
    pub tasks: PathBuf,
    /// `candidates/<subject>/r<run>/`.
    pub candidates: PathBuf,
    /// `<task>/`: temporary files.
    pub temp: PathBuf,
}

/// A command that judges or sets up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// What it is called in messages.
    pub name: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How long it may take, ms; 0 is for ever.
    pub limit_ms: u64,
    /// What it does.
    pub kind: CommandKind,
    /// Whether few of its like may run at once.
    pub weight: Weight,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// It changes files so that the others find nothing to complain of; runs before them.
    Fix,
    /// It builds.
    Build,
    /// It tests.
    Test,
    /// It measures how much the tests reach.
    Coverage,
    /// Anything else.
    Other,
}

/// How much of the machine a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Any number runs at once.
    Light,
    /// It needs one of the machine's slots for heavy commands.
    Heavy,
}

/// Whose daemons build tools use that keep some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemons {
    /// Each task its own.
    Own,
    /// The user's.
    Shared,
}

/// What the user chose for this machine.
#[derive(Clone, Debug)]
pub struct ExecutorSettings {
    /// The agents.
    pub agents: AgentSettings,
    /// The whole environment of each agent, by name.
    pub agent_env: BTreeMap<String, BTreeMap<String, String>>,
    /// The whole environment of all other jobs.
    pub job_env: BTreeMap<String, String>,
    /// Commands that judge a task's work.
    pub verify: Vec<CommandSpec>,
    /// Commands that judge a candidate.
    pub checks: Vec<CommandSpec>,
    /// Git-ignored files that a workspace gets, as patterns.
    pub copy: Vec<String>,
    /// Commands that run once in a new workspace.
    pub setup: Vec<CommandSpec>,
    /// How much one job may print, bytes.
    pub output_cap_bytes: u64,
    /// How long a job has between the request to stop and the kill, ms.
    pub grace_ms: u64,
    /// Free disk space below which nothing new begins, bytes.
    pub disk_floor_bytes: u64,
    /// Available memory below which nothing new begins, bytes.
    pub memory_floor_bytes: u64,
    /// Heavy commands at once, over all runs of this user.
    pub heavy: u32,
    /// Whose daemons build tools use.
    pub daemons: Daemons,
    /// Whom commits are by.
    pub identity: Identity,
    /// What counts as naming an AI besides what is known.
    pub attribution_patterns: Vec<String>,
    /// Where the slots lie that all runs of this user share.
    pub slots: PathBuf,
    /// Where findings about accounts lie that all runs of this user share.
    pub accounts: PathBuf,
    /// Where the slots for heavy commands lie that they share.
    pub heavy_slots: PathBuf,
    /// Where it is written which ports belong to whom.
    pub ports: PathBuf,
    /// The program that becomes a shim and a scripted agent.
    pub program: PathBuf,
}

/// The executor of this machine, for one run.
#[derive(Clone)]
pub struct LocalExecutor {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    repo: Repo,
    run: RunId,
    places: RunPlaces,
    settings: ExecutorSettings,
    sightings: Sightings,
    shim: ShimProgram,
    slots: slots::MachineSlots,
    accounts: accounts::Accounts,
    heavy: slots::Pool,
    ports: ports::Ports,
    turns: turns::Turns,
    seats: seats::Seats,
}

impl LocalExecutor {
    /// An executor for a run in a repository.
    pub fn new(
        repo: Repo,
        run: RunId,
        places: RunPlaces,
        settings: ExecutorSettings,
        sightings: Sightings,
    ) -> Self {
        let shim = ShimProgram { path: settings.program.clone(), secrets: Vec::new() };
        let slots = slots::MachineSlots::new(settings.slots.clone(), run.clone());
        let accounts = accounts::Accounts::new(settings.accounts.clone());
        let heavy = slots::Pool::new(settings.heavy_slots.clone(), settings.heavy);
        let ports = ports::Ports::new(settings.ports.clone());
        Self {
            inner: Arc::new(Inner {
                accounts,
                repo,
                run,
                places,
                settings,
                sightings,
                shim,
                slots,
                heavy,
                ports,
                turns: turns::Turns::default(),
                seats: seats::Seats::default(),
            }),
        }
    }

    /// Runs what blocks on a thread of its own.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .unwrap_or_else(|gone| Err(Trouble::Machine(format!("a worker thread ended: {gone}"))))
    }
}

impl Inner {
    fn workspace_dir(&self, task: &TaskId) -> PathBuf {
        self.places.workspaces.join(task.as_str())
    }

    fn attempt_dir(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        self.places.tasks.join(task.as_str()).join(format!("a{attempt}"))
    }

    /// A home of the task alone, for agents that get their own.
    fn task_home(&self, task: &TaskId) -> PathBuf {
        self.places.tasks.join(task.as_str()).join("home")
    }

    /// A folder for the task's temporary files. Its name is short: programs put sockets there, whose paths must be.
    fn task_temp(&self, task: &TaskId) -> PathBuf {
        self.places.temp.join(task.as_str())
    }

    /// The folder of a job; for a job of several commands, the folder that theirs lie in.
    fn job_dir(&self, key: &JobKey) -> PathBuf {
        match key {
            JobKey::Attempt { task, attempt, job } => self.attempt_dir(task, *attempt).join(job.as_str()),
            JobKey::Check { subject, run } => {
                let subject = match subject {
                    Subject::Candidate(id) => id.to_string(),
                    Subject::Base(commit) => format!("base-{}", ppe_core::wording::short(commit)),
                };
                self.places.candidates.join(subject).join(format!("r{run}"))
            }
        }
    }

    /// What marks every process of a job.
    fn marker(&self, dir: &Path) -> String {
        let below = dir.strip_prefix(self.places.tasks.parent().unwrap_or(&self.places.tasks)).unwrap_or(dir);
        format!("{}/{}", self.run, below.display())
    }
}

impl Executor for LocalExecutor {
    async fn prepare(&self, spec: WorkspaceSpec) -> Result<Prepared, Trouble> {
        self.blocking(move |inner| inner.prepare(&spec)).await
    }

    fn agent(&self, job: AgentJob) -> impl Future<Output = Result<AgentEnd, Trouble>> + Send {
        agents::run(Arc::clone(&self.inner), job)
    }

    fn verify(&self, job: VerifyJob) -> impl Future<Output = Result<Verified, Trouble>> + Send {
        series::verify(Arc::clone(&self.inner), job)
    }

    fn check(&self, job: CheckJob) -> impl Future<Output = Result<Verdict, Trouble>> + Send {
        series::check(Arc::clone(&self.inner), job)
    }

    async fn stop(&self, job: JobKey, grace_ms: u64) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.stop(&job, grace_ms)).await
    }

    async fn snapshot(&self, spec: SnapshotSpec) -> Result<SnapshotOutcome, Trouble> {
        self.blocking(move |inner| inner.snapshot(&spec)).await
    }

    async fn release(&self, spec: Release) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.release(&spec.task)).await
    }

    async fn tail(&self, job: JobKey, stream: Stream, from: u64) -> Result<Tail, Trouble> {
        self.blocking(move |inner| inner.tail(&job, stream, from)).await
    }

    fn keep_slots(&self, running: &BTreeSet<(TaskId, Attempt)>) {
        self.inner.slots.keep(running);
    }

    async fn reconcile(&self, wanted: Vec<JobKey>) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.reconcile(&wanted)).await
    }
}

impl Inner {
    fn tail(&self, job: &JobKey, stream: Stream, from: u64) -> Result<Tail, Trouble> {
        let dir = self.job_dir(job);
        let last_command = commands::command_dirs(&dir).pop();
        let stream = match stream {
            Stream::Stdout => output::Stream::Stdout,
            Stream::Stderr => output::Stream::Stderr,
        };
        let bytes = output::tail(&last_command.unwrap_or(dir), stream, from).map_err(trouble::machine)?;
        let next = from + bytes.len() as u64;
        Ok(Tail { text: String::from_utf8_lossy(&bytes).into_owned(), next })
    }

    /// Waits for what git still does for a process that was killed, clears away what a killed git left, and ends jobs that
    /// a crash left running and that nobody waits for any more.
    fn reconcile(&self, wanted: &[JobKey]) -> Result<(), Trouble> {
        let locks = refs::Locks::of_ours(&self.repo);
        super::orphans::outlast(&self.repo.common_dir).map_err(trouble::machine)?;
        locks.clear();
        let wanted: Vec<_> = wanted.iter().map(|key| self.job_dir(key)).collect();
        for dir in
            running_jobs(&self.places.tasks, 4).into_iter().chain(running_jobs(&self.places.candidates, 4))
        {
            if !wanted.iter().any(|w| dir.starts_with(w)) {
                super::job::stop(&dir, self.settings.grace_ms).map_err(trouble::machine)?;
                super::job::settle(&dir).map_err(trouble::machine)?;
            }
        }
        Ok(())
    }
}

/// Folders of jobs that have begun and have not ended.
fn running_jobs(dir: &Path, depth: u32) -> Vec<PathBuf> {
    if dir.join(record::STARTED).exists() && !dir.join(record::EXIT).exists() {
        return vec![dir.to_owned()];
    }
    if depth == 0 {
        return Vec::new();
    }
    let below = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let folders = below.filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()));
    folders.flat_map(|entry| running_jobs(&entry.path(), depth - 1)).collect()
}
