//! Where agents run: workspaces, supervised jobs, snapshots of their work.
//!
//! Knows nothing of why a job runs or of what follows from its end. Every specification is a plain value; nothing in it
//! assumes that the work is done on this machine.

use ppe_core::ids::{Attempt, Branch, CommitId, Millis, TaskId};
use ppe_core::input::Trouble;
use ppe_core::intent::JobName;
use ppe_core::outcome::{AgentEnd, Prepared, SnapshotOutcome, Verdict, Verified};
use ppe_core::policy::{Attribution, Update};
use ppe_core::state::{Collect, Kind, Parent, Round, Sighting, Subject};
use ppe_core::usage::Usage;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// What a workspace begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkspaceStart {
    /// The fresh target, or what it is stacked on.
    Fresh,
    /// The task's own tip, wherever it now stands: the user's, if they moved the branch.
    Continue {
        /// The tip as last recorded; none if nothing was measured yet.
        tip: Option<CommitId>,
    },
    /// The task's tip, brought onto the fresh target where that goes by itself.
    Onto {
        /// The tip as last recorded.
        tip: CommitId,
    },
}

/// A wish for a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceSpec {
    /// The task.
    pub task: TaskId,
    /// The attempt; absent when it is made ahead of the start.
    pub attempt: Option<Attempt>,
    /// The target branch, whose tip is looked up now.
    pub target: Branch,
    /// The branch to work on: as chosen before, else as wished for.
    pub branch: Branch,
    /// The branch's tip as we last published it; anything else there is the user's.
    pub published: Option<CommitId>,
    /// The commit that the work so far is measured against.
    pub base: Option<CommitId>,
    /// What it begins with.
    pub start: WorkspaceStart,
    /// Work of others that a fresh start stands on besides the target.
    pub stack: Vec<Parent>,
    /// Others' work that work that goes on may stand on: it is the task's own after the first that it holds, else after
    /// where it left the target.
    pub grounds: Vec<CommitId>,
    /// The date of a commit of ours that joins what it stands on: from the log.
    pub at: Millis,
    /// How the target's tip gets under its work, where it is to.
    pub update: Update,
    /// Tasks this one depends on, with the landing commits that what it begins on must contain.
    pub must_contain: Vec<(TaskId, CommitId)>,
}

/// Why an agent is started, for those that act by a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The attempt's kind of work.
    Work(Kind),
    /// What was left over.
    Leftovers,
    /// To look at the work, in a workspace of its own.
    Review,
}

/// An agent's job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentJob {
    /// The task.
    pub task: TaskId,
    /// Its title: "Execute T-001" is what the attempt is called.
    pub title: String,
    /// The attempt.
    pub attempt: Attempt,
    /// Which of its jobs.
    pub round: Round,
    /// What for.
    pub purpose: Purpose,
    /// The agent's name in the configuration.
    pub agent: String,
    /// The model, where one is wanted.
    pub model: Option<String>,
    /// The account it uses: those of one account rest together.
    #[serde(default)]
    pub account: String,
    /// What is left of the task's own budget, in millionths of a US dollar; none without one.
    #[serde(default)]
    pub budget_micro_usd: Option<u64>,
    /// The agent's session to go on with.
    pub session: Option<String>,
    /// The running total of that session before this job, where the agent counts so.
    #[serde(default)]
    pub session_usage: Usage,
    /// What a person has permitted it besides what the configuration allows, in the agent's own words.
    #[serde(default)]
    pub allow: Vec<String>,
    /// The branch.
    pub branch: Branch,
    /// The commit the work is measured against.
    pub base: CommitId,
    /// The commit to look at, for a review.
    #[serde(default)]
    pub tip: Option<CommitId>,
    /// What it is told.
    pub prompt: String,
    /// The commits that the plan asks for: subject and files, in order.
    pub planned: Vec<(String, Vec<String>)>,
    /// Phase names with the number of the last planned commit of each.
    pub phases: Vec<(String, u32)>,
}

/// A wish for a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSpec {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: Attempt,
    /// The branch.
    pub branch: Branch,
    /// The commit the work is measured against.
    pub base: CommitId,
    /// A commit that the work must still contain besides.
    pub keeps: Option<CommitId>,
    /// Work of others that it must not contain any more, unless its base does.
    pub leaves: Vec<CommitId>,
    /// What becomes of uncommitted files.
    pub collect: Collect,
    /// Whether its commits and lines may name an AI as their author.
    pub attribution: Attribution,
    /// The date of a commit of ours: from the log, so that a repeat gives the same id.
    pub at: Millis,
}

/// Verify commands to run in a task's workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyJob {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: Attempt,
    /// Which of its jobs.
    pub job: JobName,
    /// The branch.
    pub branch: Branch,
    /// The commit the work is measured against.
    pub base: CommitId,
    /// The commit whose files are judged.
    pub tip: CommitId,
    /// The test coverage that the task asks for, in per cent.
    pub coverage_target: Option<u32>,
    /// The date of a commit of ours: from the log, so that a repeat gives the same id.
    pub at: Millis,
}

/// Checks to run on a commit of the user's repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckJob {
    /// What is checked.
    pub subject: Subject,
    /// Which run of it.
    pub run: u32,
    /// The commit.
    pub commit: CommitId,
    /// Where: what is checked at once has seats of its own.
    pub seat: u32,
}

/// A job by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKey {
    /// A job of an attempt.
    Attempt {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Which.
        job: JobName,
    },
    /// A check.
    Check {
        /// What is checked.
        subject: Subject,
        /// Which run.
        run: u32,
    },
}

/// A workspace to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The task.
    pub task: TaskId,
}

/// Which output of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// What it printed.
    Stdout,
    /// What it complained of.
    Stderr,
}

/// A part of a job's output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// The text, lossy where it is not UTF-8.
    pub text: String,
    /// Where to go on reading, in bytes.
    pub next: u64,
}

/// The latest sighting of each attempt: a slow reader misses the ones between, never the last.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    latest: Arc<Mutex<BTreeMap<(TaskId, Attempt), Sighting>>>,
    news: Arc<tokio::sync::Notify>,
}

impl Sightings {
    /// Puts in what was seen, in place of what was seen before.
    pub fn put(&self, task: TaskId, attempt: Attempt, sighting: Sighting) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).insert((task, attempt), sighting);
        self.news.notify_one();
    }

    /// Takes out all that is new.
    pub fn take(&self) -> BTreeMap<(TaskId, Attempt), Sighting> {
        std::mem::take(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Resolves when something is new.
    pub async fn arrived(&self) {
        self.news.notified().await;
    }
}

/// The place where agents run.
///
/// The contract:
///
/// - Every call may be repeated with the same arguments, also by another process after a crash, and then finds what is
///   there: a workspace that stands, a job that runs (it is adopted) or has ended (its end is told again).
/// - **One start per job.** Whatever is killed at whatever moment, the program of a [`JobKey`] is started at most once.
/// - A job goes on when the future that waits for it is dropped, and when this process ends.
/// - When a job's end is told, no process of it is left.
/// - A snapshot's commit is reachable in the user's repository, and nothing that an agent could have planted was run to
///   take it.
/// - Nothing is removed that is not kept under a ref first.
pub trait Executor: Send + Sync + 'static {
    /// Makes a task's workspace ready.
    fn prepare(&self, spec: WorkspaceSpec) -> impl Future<Output = Result<Prepared, Trouble>> + Send;

    /// Starts or adopts an agent's job; resolves when it has ended.
    fn agent(&self, job: AgentJob) -> impl Future<Output = Result<AgentEnd, Trouble>> + Send;

    /// Starts or adopts fix commands, commits what they change, and then verify commands; resolves when they have ended.
    fn verify(&self, job: VerifyJob) -> impl Future<Output = Result<Verified, Trouble>> + Send;

    /// Starts or adopts checks; resolves when they have ended.
    fn check(&self, job: CheckJob) -> impl Future<Output = Result<Verdict, Trouble>> + Send;

    /// Stops a job: asks, and after the grace period insists. Resolves when no process of it is left; a job that never
    /// started never will.
    fn stop(&self, job: JobKey, grace_ms: u64) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Measures a workspace's work and makes it reachable in the user's repository.
    fn snapshot(&self, spec: SnapshotSpec) -> impl Future<Output = Result<SnapshotOutcome, Trouble>> + Send;

    /// Removes a workspace after all it held was kept.
    fn release(&self, spec: Release) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Reads a job's output from a byte on, at most 64 KiB.
    fn tail(
        &self,
        job: JobKey,
        stream: Stream,
        from: u64,
    ) -> impl Future<Output = Result<Tail, Trouble>> + Send;

    /// Gives back the machine's slots of attempts that are not among these. Attempts take one when their workspace is
    /// prepared; without a free one that waits, at no cost to the task.
    fn keep_slots(&self, running: &BTreeSet<(TaskId, Attempt)>);

    /// Ends jobs of this run that are not among these: what a crash left behind.
    fn reconcile(&self, wanted: Vec<JobKey>) -> impl Future<Output = Result<(), Trouble>> + Send;
}
