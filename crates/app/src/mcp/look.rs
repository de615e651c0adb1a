//! One task as it stands, and what a whole run came to.

use super::answer::Answer;
use super::arguments::{ReportArgs, TaskArgs};
use super::run::Run;
use crate::error::AppError;
use crate::wiring::{Measuring, job_output, task_change};
use ppe_core::ids::{Attempt, TaskId};
use ppe_core::intent::JobName;
use ppe_core::report::{Report, report};
use ppe_core::wording::{counted, short, span, thousands};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// So much of a log's end is told.
const LOG_BYTES: usize = 2_000;
/// Commits and files that are told.
const MOST_LINES: usize = 20;

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Task {
    /// The task
    task: String,
    /// Its title
    title: String,
    /// waiting, blocked, ready, running, backoff, parked, publishing, published, open, in-lane, stuck, needs-review,
    /// landed, landed-by-others, done-before, no-change, skipped or cancelled
    state: String,
    /// What is going on
    #[serde(skip_serializing_if = "Option::is_none")]
    doing: Option<String>,
    /// The attempt, from 1
    attempt: u32,
    /// The agent that works on it, or will
    agent: String,
    /// Time with a slot, in words
    worked: String,
    /// What it waits for
    waits_for: Vec<String>,
    /// The last failure
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// Its branch
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// Its change
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    /// The commit that landed
    #[serde(skip_serializing_if = "Option::is_none")]
    landed: Option<String>,
    /// Its commits, the oldest first
    commits: Vec<String>,
    /// The files that it changes
    files: Vec<String>,
    /// The end of what its agent printed last, as it is: words of an agent
    log: Vec<String>,
}

/// A task as it stands.
pub(super) fn task(repo: &Path, args: &TaskArgs) -> Result<Answer, AppError> {
    let run = Run::open(repo, args.run.as_deref())?;
    let id = TaskId::new(args.task.as_str());
    let view = run.view()?;
    let Some(line) = view.tasks.iter().find(|task| task.id == id) else {
        return Err(AppError::usage(format!("the run has no task {id}")));
    };
    let at = run.found.state.position(&id).ok_or_else(|| AppError::bug(format!("no place for {id}")))?;
    let change = task_change(&run.site, &run.found, at)?;
    let commits =
        change.iter().flat_map(|c| c.commits.iter().map(|c| format!("{} {}", short(&c.id), c.subject)));
    let files = change
        .iter()
        .flat_map(|change| &change.files)
        .map(|file| format!("{} +{} -{}", String::from_utf8_lossy(&file.path), file.added, file.removed));
    let task = Task {
        task: line.id.to_string(),
        title: line.title.clone(),
        state: line.state.as_str().to_owned(),
        doing: line.doing.clone(),
        attempt: line.attempt,
        agent: line.agent.clone(),
        worked: span(line.elapsed_ms),
        waits_for: line.waits_for.iter().map(ToString::to_string).collect(),
        failure: line.failure.clone(),
        branch: line.branch.as_ref().map(ToString::to_string),
        change: line.change.map(|change| change.to_string()),
        landed: line.landed.as_ref().map(ToString::to_string),
        commits: commits.take(MOST_LINES).collect(),
        files: files.take(MOST_LINES).collect(),
        log: log(&run, &id, LOG_BYTES)?.lines().map(str::to_owned).collect(),
    };
    Answer::new(&task, task.lines())
}

impl Task {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} {}: {}, attempt {}, by {}",
            self.task, self.title, self.state, self.attempt, self.agent
        )];
        let waits = (!self.waits_for.is_empty()).then(|| self.waits_for.join(", "));
        let facts = [
            ("doing", &self.doing),
            ("waits for", &waits),
            ("failed", &self.failure),
            ("branch", &self.branch),
            ("change", &self.change),
            ("landed", &self.landed),
        ];
        lines.extend(facts.iter().filter_map(|(name, fact)| Some(format!("  {name}: {}", fact.as_ref()?))));
        lines.extend(self.commits.iter().map(|commit| format!("  {commit}")));
        lines.push(format!("  {}", counted(self.files.len(), "file")));
        lines
    }
}

/// The end of what the agent of a task's last attempt printed, at most `most` bytes.
pub(super) fn log(run: &Run, task: &TaskId, most: usize) -> Result<String, AppError> {
    let state =
        run.found.state.task(task).ok_or_else(|| AppError::usage(format!("the run has no task {task}")))?;
    let attempt = Attempt(state.facts.attempts);
    job_output(&run.found.dir, task, attempt, JobName::Agent, false).end(most)
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Came {
    /// The run
    run: String,
    /// The plan's name
    plan: String,
    /// Whether every task is done
    complete: bool,
    /// Tasks
    tasks: u32,
    /// Of those, done
    done: u32,
    /// Tasks that need a person
    need_you: u32,
    /// Commits made
    commits: u64,
    /// Changes that were merged
    merged: u32,
    /// Lines added
    lines_added: u64,
    /// Its time, in words
    time: String,
    /// How many tasks were at work on average
    #[serde(skip_serializing_if = "Option::is_none")]
    average_at_work: Option<f64>,
    /// Tasks that went well at the first try
    first_try: u32,
    /// The plan's estimate of all its work, in words
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<String>,
    /// What is to be done next
    next_steps: Vec<String>,
}

/// What a run came to.
pub(super) fn summary(repo: &Path, args: &ReportArgs) -> Result<Answer, AppError> {
    let came = Came::of(&whole(&Run::open(repo, args.run.as_deref())?));
    Answer::new(&came, came.lines())
}

/// The whole report, as the command line has it.
pub(super) fn whole(run: &Run) -> Report {
    let state = &run.found.state;
    report(state, state.clock.last, &Measuring::new(&run.site, &run.found.dir).measure(state))
}

impl Came {
    fn of(report: &Report) -> Self {
        let estimate = report.speed_up.estimate_s.map(|s| ppe_core::plan::Duration(s).to_string());
        Self {
            run: report.run.to_string(),
            plan: report.title.clone(),
            complete: report.is_all_done(),
            tasks: report.tasks.total,
            done: report.tasks.done,
            need_you: report.tasks.need_you,
            commits: report.commits.made,
            merged: report.changes.merged,
            lines_added: report.lines.added,
            time: span(report.time.total_ms),
            average_at_work: report.time.average_concurrency,
            first_try: report.success.first_try,
            estimate,
            next_steps: report.next_steps.clone(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let head = if self.complete {
            format!("{} Implementation Complete!", self.plan)
        } else {
            format!("{}: {} of {} tasks done, {} need you", self.plan, self.done, self.tasks, self.need_you)
        };
        let mut lines = vec![
            head,
            format!(
                "{}/{} tasks, {} commits, {} changes merged, +{} lines, in {} (run {})",
                self.done,
                self.tasks,
                thousands(self.commits),
                self.merged,
                thousands(self.lines_added),
                self.time,
                self.run
            ),
        ];
        lines.extend(
            self.estimate.iter().map(|estimate| format!("the plan's own estimate: {estimate} of work")),
        );
        lines.extend((1..).zip(&self.next_steps).map(|(n, step)| format!("{n}. {step}")));
        lines
    }
}
