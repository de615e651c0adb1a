//! One line per task: where it is, how far, and what it waits for. Knows nothing of lists and waves.

use super::{Outside, matter, obstacle};
use crate::decide::{left_ms, start_lacks};
use crate::ids::{Branch, ChangeNumber, CommitId, Millis, QuestionId, TaskId};
use crate::outcome::{Class, Coverage, Red};
use crate::plan::{Priority, TaskSpec};
use crate::policy::Policy;
use crate::state::{
    Closure, Hold, Kind, Park, Phase, Review, Running, Satisfies, State, Step, Stop, Task, Worker,
};
use crate::usage::Usage;
use crate::wording::several;
use serde::{Deserialize, Serialize};

/// From this share of its planned commits, in per cent, a task is almost done.
pub const ALMOST_DONE_PERCENT: u32 = 90;

/// Where a task is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskWord {
    /// What it needs is not done yet.
    Waiting,
    /// What it needs, directly or through others, needs a person first.
    Blocked,
    /// It may start.
    Ready,
    /// It holds a slot.
    Running,
    /// It starts again later by itself.
    Backoff,
    /// It waits for room, a person or an answer, without a slot.
    Parked,
    /// Its branch and change are being made.
    Publishing,
    /// Its branch is published; landing is only observed.
    Published,
    /// Its change is open.
    Open,
    /// Its change waits in the lane or is being landed.
    InLane,
    /// Its agent cannot do it.
    Stuck,
    /// Its change cannot land without a person.
    NeedsReview,
    /// Landed by the lane.
    Landed,
    /// Landed by a person.
    LandedByOthers,
    /// Done before this run.
    DoneBefore,
    /// Nothing was to be done.
    NoChange,
    /// Skipped.
    Skipped,
    /// Cancelled.
    Cancelled,
}

impl TaskWord {
    /// The word as documents and screens write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Backoff => "backoff",
            Self::Parked => "parked",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Open => "open",
            Self::InLane => "in-lane",
            Self::Stuck => "stuck",
            Self::NeedsReview => "needs-review",
            Self::Landed => "landed",
            Self::LandedByOthers => "landed-by-others",
            Self::DoneBefore => "done-before",
            Self::NoChange => "no-change",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a running attempt is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Its workspace is being made ready.
    Starting,
    /// Its agent works.
    Working,
    /// Its agent was asked for what it left over.
    Leftovers,
    /// Its work is being measured.
    Collecting,
    /// Its verify commands run.
    Verifying,
    /// Another agent looks at its work.
    Reviewing,
    /// It was asked to stop.
    Stopping,
}

/// Whether a mark is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
}

impl Mark {
    /// The mark of a condition.
    pub fn when(condition: bool) -> Self {
        if condition { Self::Yes } else { Self::No }
    }

    /// Whether it is set.
    pub fn is_set(self) -> bool {
        self == Self::Yes
    }
}

/// A task as every face shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskLine {
    /// The id.
    pub id: TaskId,
    /// The title.
    pub title: String,
    /// The module.
    pub module: Option<String>,
    /// The quarter or other group.
    pub quarter: Option<String>,
    /// The computed wave.
    pub wave: u32,
    /// The wave that the plan claims, where it claims one.
    pub declared_wave: Option<u32>,
    /// The priority in force.
    pub priority: Priority,
    /// Where it is.
    pub state: TaskWord,
    /// Since when.
    pub since: Millis,
    /// Attempts begun; while one runs, its number.
    pub attempt: u32,
    /// What the running or next attempt is for.
    pub kind: Option<Kind>,
    /// What the running attempt is at.
    pub activity: Option<Activity>,
    /// The agent that works on it, or will.
    pub agent: String,
    /// Its model, where one is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens and money, across attempts.
    #[serde(default)]
    pub usage: Usage,
    /// What came of its review by an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Commits made.
    pub commits: u32,
    /// Commits planned; 0 when the plan does not say.
    pub planned_commits: u32,
    /// Made ÷ planned in whole per cent; none when nothing is planned.
    pub percent: Option<u32>,
    /// The phase it is in, as its agent says or else as the planned commits tell: `Phase 2: Generation`.
    pub phase: Option<String>,
    /// What is going on, as a line: the phase, a repair, a change and its checks, a wait.
    pub doing: Option<String>,
    /// The tasks whose work it stands on until they have landed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stacked_on: Vec<TaskId>,
    /// Slot time, across attempts and restarts, ms.
    pub elapsed_ms: u64,
    /// Time left by its own pace, ms; none before the pace can be told.
    pub left_ms: Option<u64>,
    /// Whether it is almost done: at nine tenths of its planned commits, or in review.
    pub almost_done: Mark,
    /// The tasks it needs that are not done.
    pub waits_for: Vec<TaskId>,
    /// Whether it waits, and all it waits for are almost done.
    pub ready_soon: Mark,
    /// Why it cannot go on by itself: `blocked: T-002 needs review`.
    pub blocked: Option<String>,
    /// The repair under way: `repair 2 of 3`.
    pub repair: Option<String>,
    /// The last failure, in a line.
    pub failure: Option<String>,
    /// The open question about it.
    pub question: Option<QuestionId>,
    /// The test coverage of its work in hundredths of a per cent, where its verification measured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_basis_points: Option<Coverage>,
    /// Its branch.
    pub branch: Option<Branch>,
    /// Its change.
    pub change: Option<ChangeNumber>,
    /// The landing commit.
    pub landed: Option<CommitId>,
    /// Time since its agent last said something, ms.
    pub output_age_ms: Option<u64>,
}

impl TaskLine {
    /// Whether the run expects commits of it, or has some: not when it was done before, given up or needed none.
    pub fn makes_commits(&self) -> bool {
        let none = [TaskWord::DoneBefore, TaskWord::NoChange, TaskWord::Skipped, TaskWord::Cancelled];
        !none.contains(&self.state)
    }
}

/// The line of the task at a position.
pub(super) fn line(
    state: &State,
    at: usize,
    now: Millis,
    obstacles: &obstacle::Obstacles,
    outside: &Outside,
) -> TaskLine {
    let (task, planned) = (&state.tasks[at], &state.plan.tasks[at]);
    let (spec, facts) = (&planned.spec, &task.facts);
    let blocked = obstacle::text(state, obstacles.of(at));
    let worker = match task.running() {
        Some(running) => Worker { agent: running.agent.clone(), model: running.model.clone() },
        None => state.candidates(at).next().unwrap_or_default(),
    };
    let mut usage = facts.usage;
    usage += facts.seen.usage;
    let (commits, planned_commits) = (task.commits(), spec.planned_commits());
    let waits_for: Vec<TaskId> = match &task.step {
        Step::Waiting => state.unmet(at).map(|dep| state.id(dep).clone()).collect(),
        Step::Ready { .. } => start_lacks(state, at).map(|dep| state.id(dep).clone()).into_iter().collect(),
        Step::Open if state.lands_later(at) => state.unmet(at).map(|dep| state.id(dep).clone()).collect(),
        _ => Vec::new(),
    };
    let soon =
        !waits_for.is_empty() && blocked.is_none() && state.unmet(at).all(|d| is_almost_done(state, d));
    let phase = phase(spec, task, commits);
    let doing = doing(state, at, phase.as_deref(), now);
    TaskLine {
        id: spec.id.value.clone(),
        title: spec.title.to_string(),
        module: spec.module.as_deref().map(str::to_owned),
        quarter: spec.quarter.as_deref().map(str::to_owned),
        wave: planned.wave,
        declared_wave: spec.declared_wave.as_ref().map(|wave| wave.value),
        priority: state.priority(at),
        state: word(&task.step, blocked.is_some()),
        since: task.since,
        attempt: facts.attempts,
        kind: kind(&task.step),
        activity: task.running().map(activity),
        agent: worker.agent,
        model: worker.model,
        usage,
        review: task.facts.review.clone(),
        commits,
        planned_commits,
        percent: (planned_commits > 0).then(|| super::percent(commits.into(), planned_commits.into())),
        phase,
        doing,
        stacked_on: stacked_on(state, at),
        elapsed_ms: task.worked_ms(now),
        left_ms: left_ms(state, at, now),
        almost_done: Mark::when(is_almost_done(state, at)),
        waits_for,
        ready_soon: Mark::when(soon),
        blocked,
        repair: repair(&state.policy, task),
        failure: facts.failure.as_ref().map(|f| f.summary.clone()),
        question: state
            .questions
            .iter()
            .find(|(_, q)| q.ask.task() == Some(&spec.id.value))
            .map(|(id, _)| *id),
        coverage_basis_points: facts.coverage,
        branch: facts.branch.clone(),
        change: facts.change,
        landed: task.closure().and_then(Closure::commit).cloned(),
        output_age_ms: task.running().and_then(|_| outside.output_age_ms.get(&spec.id.value).copied()),
    }
}

fn word(step: &Step, blocked: bool) -> TaskWord {
    match step {
        Step::Outside | Step::Waiting if blocked => TaskWord::Blocked,
        Step::Outside | Step::Waiting => TaskWord::Waiting,
        Step::Ready { .. } => TaskWord::Ready,
        Step::Running(_) => TaskWord::Running,
        Step::Backoff { .. } => TaskWord::Backoff,
        Step::Parked { .. } => TaskWord::Parked,
        Step::Publishing => TaskWord::Publishing,
        Step::Published => TaskWord::Published,
        Step::Open => TaskWord::Open,
        Step::InLane => TaskWord::InLane,
        Step::Held { hold: Hold::Stuck, .. } => TaskWord::Stuck,
        Step::Held { hold: Hold::NeedsReview, .. } => TaskWord::NeedsReview,
        Step::Closed(Closure::Landed(_)) => TaskWord::Landed,
        Step::Closed(Closure::LandedByOthers(_)) => TaskWord::LandedByOthers,
        Step::Closed(Closure::DoneBefore) => TaskWord::DoneBefore,
        Step::Closed(Closure::NoChange) => TaskWord::NoChange,
        Step::Closed(Closure::Skipped(_)) => TaskWord::Skipped,
        Step::Closed(Closure::Cancelled) => TaskWord::Cancelled,
    }
}

fn kind(step: &Step) -> Option<Kind> {
    match step {
        Step::Running(running) => Some(running.kind),
        Step::Ready { kind } | Step::Backoff { kind, .. } | Step::Parked { kind, .. } => Some(*kind),
        _ => None,
    }
}

fn activity(running: &Running) -> Activity {
    match (running.stop, running.phase) {
        (Some(_), _) => Activity::Stopping,
        (None, Phase::Starting) => Activity::Starting,
        (None, Phase::Working) => Activity::Working,
        (None, Phase::Leftovers) => Activity::Leftovers,
        (None, Phase::Collecting(_)) => Activity::Collecting,
        (None, Phase::Verifying) => Activity::Verifying,
        (None, Phase::Reviewing) => Activity::Reviewing,
    }
}

/// Whether a task will soon be out of the way of those that wait for it.
fn is_almost_done(state: &State, at: usize) -> bool {
    let (task, planned) = (&state.tasks[at], state.plan.tasks[at].spec.planned_commits());
    match task.step {
        Step::Publishing | Step::Published | Step::Open | Step::InLane => true,
        Step::Running(_) => {
            planned > 0
                && u64::from(task.commits()) * 100 >= u64::from(planned) * u64::from(ALMOST_DONE_PERCENT)
        }
        _ => false,
    }
}

/// The phase a task at work is in: what its agent said, else the phase of the next planned commit, else the last.
fn phase(spec: &TaskSpec, task: &Task, commits: u32) -> Option<String> {
    task.running()?;
    if let Some(said) = &task.facts.seen.phase {
        let known = spec.phases.iter().position(|name| **name == **said);
        return Some(known.map_or_else(|| said.clone(), |at| numbered(at, said)));
    }
    let next = spec.commits.get(commits as usize).or(spec.commits.last())?;
    let at = next.phase? as usize;
    spec.phases.get(at).map(|name| numbered(at, name))
}

/// The phase of a task at work: `Phase 2: Generation`.
pub fn phase_line(state: &State, at: usize) -> Option<String> {
    let task = &state.tasks[at];
    phase(&state.plan.tasks[at].spec, task, task.commits())
}

/// The repair that a task's attempt is for, or that follows: `repair 2 of 3`.
pub fn repair_line(state: &State, at: usize) -> Option<String> {
    repair(&state.policy, &state.tasks[at])
}

/// `Phase 2: Generation`; a name that has its number already stays as it is.
fn numbered(at: usize, name: &str) -> String {
    let lower = name.to_lowercase();
    if lower.starts_with("phase") || lower.starts_with("fase") {
        name.to_owned()
    } else {
        format!("Phase {}: {name}", at + 1)
    }
}

/// The repair an attempt is for, or the wait before it: the failure's class has had that many tries.
fn repair(policy: &Policy, task: &Task) -> Option<String> {
    let (tries, limits) = (&task.facts.tries, &policy.retries);
    let (name, n, of) = match kind(&task.step)? {
        Kind::Verify => {
            let red = task.facts.failure.as_ref().map_or(Red::Other, |failure| failure.red);
            ("repair", tries.used(Class::Verification, red), limits.of(Class::Verification, red))
        }
        Kind::Ci => ("CI repair", tries.ci, limits.ci),
        Kind::Conflict => ("rebase", tries.conflict, limits.conflict),
        Kind::Continue | Kind::First => ("retry", tries.execution, limits.execution),
        Kind::Restack => return Some("being brought onto the target".to_owned()),
        Kind::Rejected => return Some("going through your note".to_owned()),
        Kind::Review => return Some("going through its review".to_owned()),
        Kind::Recheck => return None,
    };
    (n > 0).then(|| format!("{name} {n} of {of}"))
}

/// The tasks whose work a task stands on.
fn stacked_on(state: &State, at: usize) -> Vec<TaskId> {
    let parents = state.stack(at).into_iter().flat_map(|stack| &stack.parents);
    parents.map(|parent| parent.task.clone()).collect()
}

/// What is going on with a task, as a line, with what it is stacked on.
fn doing(state: &State, at: usize, phase: Option<&str>, now: Millis) -> Option<String> {
    let text = going_on(state, at, phase, now);
    match stacked_on(state, at) {
        parents if parents.is_empty() || state.tasks[at].is_closed() => text,
        parents => {
            let stacked = format!("stacked on {}", several(&parents));
            Some(text.map_or_else(|| stacked.clone(), |text| format!("{text}, {stacked}")))
        }
    }
}

fn going_on(state: &State, at: usize, phase: Option<&str>, now: Millis) -> Option<String> {
    let task = &state.tasks[at];
    match &task.step {
        Step::Running(running) => Some(at_work(state, at, running, phase)),
        Step::Publishing | Step::Published | Step::Open | Step::InLane => {
            Some(matter::review_line(state, at))
        }
        Step::Backoff { until, .. } => {
            let wait = crate::wording::span(until.since(now));
            Some(match repair(&state.policy, task) {
                Some(repair) => format!("{repair} in {wait}"),
                None => format!("starts again in {wait}"),
            })
        }
        Step::Parked { park, .. } => Some(match park {
            Park::Room => "gave its slot to others; returns when the queue is shorter".to_owned(),
            Park::Operator => format!("paused; `ppe unpause {}` goes on", state.id(at)),
            Park::Taken => format!("a person works on it; `ppe give {}` hands it back", state.id(at)),
            Park::Question(question) => format!("waits for an answer to {question}"),
        }),
        Step::Closed(closure) => Some(closed(closure).to_owned()),
        Step::Ready { .. } if start_lacks(state, at).is_some() => {
            start_lacks(state, at).map(|need| format!("waits for {}", state.id(need)))
        }
        Step::Ready { .. } => state
            .shared_file(at)
            .map(|(file, other)| format!("starts after its equals: {other} has {file} in hand")),
        Step::Held { .. } | Step::Outside | Step::Waiting => None,
    }
}

fn closed(closure: &Closure) -> &'static str {
    match closure {
        Closure::Landed(_) => "landed",
        Closure::LandedByOthers(_) => "landed by a person",
        Closure::DoneBefore => "done before this run",
        Closure::NoChange => "nothing was to be done",
        Closure::Skipped(Satisfies::Yes) => "skipped; what needs it goes on",
        Closure::Skipped(Satisfies::No) => "skipped; what needs it stays blocked",
        Closure::Cancelled => "cancelled",
    }
}

fn at_work(state: &State, at: usize, running: &Running, phase: Option<&str>) -> String {
    let what = match (running.stop, running.phase) {
        (Some(stop), _) => stopping(stop).to_owned(),
        (None, Phase::Starting) => "Preparing its workspace...".to_owned(),
        (None, Phase::Working) => match phase {
            Some(phase) if is_almost_done(state, at) => format!("{phase} (almost done)"),
            Some(phase) => format!("{phase} (in progress)"),
            None => "In progress".to_owned(),
        },
        (None, Phase::Leftovers) => "Asked once for what it left over".to_owned(),
        (None, Phase::Collecting(_)) => "Measuring its work...".to_owned(),
        (None, Phase::Verifying) => "Verifying...".to_owned(),
        (None, Phase::Reviewing) => "Being reviewed...".to_owned(),
    };
    match repair(&state.policy, &state.tasks[at]) {
        Some(repair) => format!("{what}, {repair}"),
        None => what,
    }
}

fn stopping(stop: Stop) -> &'static str {
    match stop {
        Stop::Yield => "Being stopped: it gives its slot to others",
        Stop::Park => "Being stopped: it is paused",
        Stop::Take => "Being stopped: a person takes it",
        Stop::Cancel => "Being stopped: it is cancelled",
        Stop::Skip(_) => "Being stopped: it is skipped",
        Stop::Retry => "Being stopped: it begins again",
        Stop::Timeout => "Being stopped: it ran out of time",
        Stop::Silent => "Being stopped: it was silent for long",
        Stop::Halt => "Being stopped: it goes on with `ppe resume`",
    }
}
