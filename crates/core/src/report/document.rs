//! The report as a document, and what it is made from besides the state.

use crate::ids::{Branch, ChangeNumber, CommitId, Millis, RunId, TaskId};
use crate::outcome::Coverage;
use crate::usage::Usage;
use crate::view::{HeldTask, OpenQuestion, Outside, RunWord, TaskWord};
use serde::{Deserialize, Serialize};

/// The name and version of [`Report`] as a document.
pub const REPORT_SCHEMA: &str = "ppe.report.v1";

/// What only the repository and the configuration can tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Where the run was seen from.
    pub outside: Outside,
    /// Commits of the landed work, counted in git; none: as measured when each attempt ended.
    pub commits: Option<u64>,
    /// Lines of the landed changes, counted in git; none: as measured when each attempt ended.
    pub lines: Option<Lines>,
    /// Tests added, counted from test results; none: new test markers in the landed changes.
    pub tests: Option<Tests>,
    /// Average test coverage in per cent, where a report of it was found.
    pub coverage_percent: Option<f64>,
    /// Whether anything judged the candidates.
    pub judged: Judged,
    /// What to do afterwards; `{plan}` stands for the plan's name.
    pub next_steps: Vec<String>,
}

/// Whether anything judged what landed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judged {
    /// Check commands did.
    #[default]
    ByChecks,
    /// No check is configured: a check run was green because nothing was run.
    ByNothing,
}

/// Lines of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Added.
    pub added: u64,
    /// Removed.
    pub removed: u64,
}

/// Tests added, and how they were counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tests {
    /// How many.
    pub added: u64,
    /// How they were counted, as a phrase.
    pub counted: String,
}

/// Tasks by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Of the run.
    pub total: u32,
    /// Done in whatever way.
    pub done: u32,
    /// Landed, by the lane or by a person.
    pub landed: u32,
    /// Done before this run.
    pub done_before: u32,
    /// Skipped or cancelled.
    pub given_up: u32,
    /// In need of a person.
    pub need_you: u32,
    /// Open for another reason.
    pub open: u32,
}

/// Commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commits {
    /// Asked for by the plan, over the tasks that make some in this run.
    pub planned: u64,
    /// Made by the tasks that are done.
    pub made: u64,
}

/// Changes (pull requests).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Opened.
    pub created: u32,
    /// Of those, in the target.
    pub merged: u32,
}

/// Checks of candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Check runs.
    pub runs: u32,
    /// Red among them; each was repaired, or its task is counted in `red_now`.
    pub red: u32,
    /// Tasks whose checks are red at the end.
    pub red_now: u32,
    /// Whether the target itself is red at the end.
    pub target_red: bool,
}

/// Time, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// When the run began.
    pub started: Millis,
    /// When its last task closed, or now.
    pub ended: Millis,
    /// From one to the other.
    pub total_ms: u64,
    /// Of that, with nothing at work while it was paused or stopped.
    pub paused_ms: u64,
    /// The time of all attempts, one after the other.
    pub attempts_ms: u64,
    /// Average number of tasks at work: attempts ÷ total.
    pub average_concurrency: Option<f64>,
    /// Most tasks at work at the same time.
    pub peak_concurrency: u32,
    /// Commits an hour, over the time without pauses.
    pub commits_per_hour: Option<f64>,
}

/// How many landed tasks succeeded at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// Without one failed attempt or red check.
    pub first_try: u32,
    /// After at least one.
    pub retried: u32,
    /// Given to a person after the last try.
    pub failed: u32,
    /// First-try ÷ all three in whole per cent.
    pub first_try_percent: u32,
}

/// What working in parallel brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpeedUp {
    /// The plan's estimate of the landed tasks one after the other, in seconds of working time; none without estimates.
    pub estimate_s: Option<u64>,
    /// That estimate ÷ the actual time, a working week against a calendar week.
    pub by_estimate: Option<f64>,
    /// The time of all attempts one after the other ÷ the actual time: never above the slots.
    pub by_attempts: Option<f64>,
}

/// A module of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleCount {
    /// Its name; none for tasks that name none.
    pub module: Option<String>,
    /// Landed tasks in it.
    pub features: u32,
}

/// Automatic repairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repairs {
    /// Attempts that were sent to repair something.
    pub tried: u32,
    /// Of those, how many reached it.
    pub helped: u32,
}

/// Reviews by an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviews {
    /// Tasks that had one.
    pub made: u32,
    /// Of those, how many were sent back with what was found.
    pub sent_back: u32,
    /// Tasks that had to do without.
    pub left_out: u32,
}

/// A task's part in the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// The id.
    pub id: TaskId,
    /// The title.
    pub title: String,
    /// The module.
    pub module: Option<String>,
    /// The wave.
    pub wave: u32,
    /// How it ended, or where it is.
    pub state: TaskWord,
    /// Attempts.
    pub attempts: u32,
    /// Failures on the way.
    pub failures: u32,
    /// Tokens and money of all its attempts.
    #[serde(default)]
    pub usage: Usage,
    /// Slot time of all its attempts, ms.
    pub worked_ms: u64,
    /// When it first took a slot.
    pub started: Option<Millis>,
    /// When it closed.
    pub ended: Option<Millis>,
    /// Commits made.
    pub commits: u32,
    /// Commits planned.
    pub planned_commits: u32,
    /// The test coverage of its work in hundredths of a per cent, where its verification measured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_basis_points: Option<Coverage>,
    /// Its change.
    pub change: Option<ChangeNumber>,
    /// The landing commit.
    pub landed: Option<CommitId>,
}

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// The run's id.
    pub run: RunId,
    /// The plan's name.
    pub title: String,
    /// The run in one word.
    pub state: RunWord,
    /// The target branch.
    pub target: Branch,
    /// The forge, in a word.
    pub forge: String,
    /// Slots there were at the end.
    pub slots: u32,
    /// Tasks.
    pub tasks: TaskCounts,
    /// Commits.
    pub commits: Commits,
    /// Changes.
    pub changes: Changes,
    /// Checks.
    pub checks: Checks,
    /// Time.
    pub time: Time,
    /// First-try rate.
    pub success: Success,
    /// What working in parallel brought.
    pub speed_up: SpeedUp,
    /// Modules with landed tasks, most first.
    pub modules: Vec<ModuleCount>,
    /// Lines of the landed changes.
    pub lines: Lines,
    /// Tests added.
    pub tests: Tests,
    /// Average test coverage in per cent, where a report of it was found.
    pub coverage_percent: Option<f64>,
    /// Tokens and money.
    #[serde(default)]
    pub usage: Usage,
    /// Automatic repairs.
    pub repairs: Repairs,
    /// Reviews by an agent.
    #[serde(default)]
    pub reviews: Reviews,
    /// Tasks that need a person.
    pub held: Vec<HeldTask>,
    /// Open questions.
    pub questions: Vec<OpenQuestion>,
    /// What to do next: what needs a person first.
    pub next_steps: Vec<String>,
    /// Each task.
    pub each: Vec<TaskReport>,
}

impl Report {
    /// Whether all tasks are done.
    pub fn is_all_done(&self) -> bool {
        self.tasks.done == self.tasks.total
    }
}
