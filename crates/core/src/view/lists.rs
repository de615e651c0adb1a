//! Lists of tasks: each task of the run stands in exactly one. Waves, what needs a person, what waits for review.

use super::{Outside, count, percent};
use crate::decide::{may_start, start_key, to_approve};
use crate::ids::{Branch, ChangeNumber, Millis, TaskId};
use crate::state::{Hold, State, Step, Task};
use serde::{Deserialize, Serialize};

/// The run's tasks, each in exactly one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// At work, by id.
    pub active: Vec<TaskId>,
    /// Done by their agents, and on their way into the target, by id. They hold no slot.
    pub in_review: Vec<TaskId>,
    /// Done, by id.
    pub completed: Vec<TaskId>,
    /// Skipped or cancelled, by id.
    pub given_up: Vec<TaskId>,
    /// Ready, in the order in which they will start.
    pub queue: Vec<TaskId>,
    /// To be started again after a wait, soonest first.
    pub backoff: Vec<TaskId>,
    /// Waiting for room, a person or an answer, by id.
    pub parked: Vec<TaskId>,
    /// In need of a person, by id.
    pub held: Vec<TaskId>,
    /// Waiting for what they need, by wave.
    pub waiting: Vec<Group>,
}

/// Tasks of one wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The wave.
    pub wave: u32,
    /// Its tasks that wait, by id.
    pub tasks: Vec<TaskId>,
}

/// How far a wave is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaveStatus {
    /// None of its tasks has started.
    Waiting,
    /// Some have, before all of the waves ahead of it are closed.
    Early,
    /// Some have.
    InProgress,
    /// As many are closed as it takes to get the next wave ready.
    Enough,
    /// All are closed.
    Complete,
}

/// A wave of this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveLine {
    /// Its number.
    pub wave: u32,
    /// Its tasks in this run.
    pub size: u32,
    /// Of those, done.
    pub done: u32,
    /// Skipped or cancelled.
    pub given_up: u32,
    /// Started at some time, or done.
    pub started: u32,
    /// Done ÷ all in whole per cent; 100 only when complete.
    pub percent: u32,
    /// How far it is.
    pub status: WaveStatus,
}

/// A task that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTask {
    /// The task.
    pub id: TaskId,
    /// Its title.
    pub title: String,
    /// In what way.
    pub hold: Hold,
    /// The message: `T-003 needs manual intervention. 6 other tasks continuing...`
    pub headline: String,
    /// What failed.
    pub failure: String,
    /// Where its work lies, as a phrase.
    pub place: String,
    /// Its branch.
    pub branch: Option<Branch>,
    /// Its change.
    pub change: Option<ChangeNumber>,
    /// The command that goes on.
    pub next: String,
}

/// Changes that wait for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviews {
    /// Their tasks, by id.
    pub tasks: Vec<TaskId>,
    /// How long the oldest has waited, ms.
    pub oldest_ms: Option<u64>,
    /// Those that land once they are approved, and can be by now.
    #[serde(default)]
    pub to_approve: Vec<TaskId>,
}

/// The lists.
pub(super) fn lists(state: &State) -> Lists {
    let mut lists = Lists::default();
    let (mut queue, mut backoff) = (Vec::new(), Vec::new());
    for at in 0..state.tasks.len() {
        let id = || state.id(at).clone();
        match &state.tasks[at].step {
            Step::Outside => {}
            Step::Waiting => add_waiting(&mut lists.waiting, state.plan.tasks[at].wave, id()),
            Step::Ready { .. } => queue.push(at),
            Step::Running(_) => lists.active.push(id()),
            Step::Backoff { until, .. } => backoff.push((*until, at)),
            Step::Parked { .. } => lists.parked.push(id()),
            Step::Publishing | Step::Published | Step::Open | Step::InLane => lists.in_review.push(id()),
            Step::Held { .. } => lists.held.push(id()),
            Step::Closed(closure) if closure.satisfies() => lists.completed.push(id()),
            Step::Closed(_) => lists.given_up.push(id()),
        }
    }
    lists.waiting.sort_by_key(|group| group.wave);
    queue.sort_by_cached_key(|at| (!may_start(state, *at), start_key(state, *at)));
    lists.queue = queue.into_iter().map(|at| state.id(at).clone()).collect();
    backoff.sort_unstable();
    lists.backoff = backoff.into_iter().map(|(_, at)| state.id(at).clone()).collect();
    lists
}

fn add_waiting(groups: &mut Vec<Group>, wave: u32, task: TaskId) {
    match groups.iter_mut().find(|group| group.wave == wave) {
        Some(group) => group.tasks.push(task),
        None => groups.push(Group { wave, tasks: vec![task] }),
    }
}

/// The waves that have tasks in this run.
pub fn waves(state: &State) -> Vec<WaveLine> {
    let mut lines = Vec::with_capacity(state.plan.waves.len());
    let mut all_closed_before = true;
    for (wave, positions) in state.plan.waves.iter().enumerate() {
        let tasks: Vec<&Task> =
            positions.iter().map(|at| &state.tasks[*at]).filter(|task| task.in_run()).collect();
        if tasks.is_empty() {
            continue;
        }
        let those = |is: fn(&Task) -> bool| tasks.iter().filter(|task| is(task)).count();
        let (size, closed, done) = (tasks.len(), those(Task::is_closed), those(Task::satisfies));
        let started = those(|task| task.facts.first_started.is_some() || task.satisfies());
        let status = match () {
            () if closed == size => WaveStatus::Complete,
            () if closed >= state.policy.threshold_of(size) => WaveStatus::Enough,
            () if started == 0 => WaveStatus::Waiting,
            () if all_closed_before => WaveStatus::InProgress,
            () => WaveStatus::Early,
        };
        all_closed_before &= closed == size;
        lines.push(WaveLine {
            wave: count(wave),
            size: count(size),
            done: count(done),
            given_up: count(closed - done),
            started: count(started),
            percent: percent(done as u64, size as u64),
            status,
        });
    }
    lines
}

/// The tasks that need a person.
pub(super) fn held(state: &State, outside: &Outside) -> Vec<HeldTask> {
    (0..state.tasks.len()).filter_map(|at| held_task(state, at, outside)).collect()
}

fn held_task(state: &State, at: usize, outside: &Outside) -> Option<HeldTask> {
    let (task, id) = (&state.tasks[at], state.id(at));
    let Step::Held { hold, failure } = &task.step else { return None };
    let facts = &task.facts;
    let mut places = Vec::new();
    if let Some(folder) = outside.workspaces.get(id) {
        places.push(format!("in {folder}"));
    }
    if let Some(branch) = &facts.branch {
        places.push(format!("on branch {branch}"));
    }
    if let Some(change) = facts.change {
        places.push(format!("in PR {change}"));
    }
    Some(HeldTask {
        id: id.clone(),
        title: state.plan.tasks[at].spec.title.to_string(),
        hold: *hold,
        headline: headline(state, id, *hold),
        failure: failure.summary.clone(),
        place: if places.is_empty() { "it has made nothing yet".to_owned() } else { places.join(", ") },
        branch: facts.branch.clone(),
        change: facts.change,
        next: format!("ppe retry {id}"),
    })
}

/// The message that a task needs a person, and what goes on meanwhile.
pub fn headline(state: &State, task: &TaskId, hold: Hold) -> String {
    let needs = match hold {
        Hold::Stuck => "needs manual intervention",
        Hold::NeedsReview => "needs review",
    };
    let others = match state.busy_count() {
        0 if state.ready_count() > 0 => "The next tasks are about to start.".to_owned(),
        0 => "No other task is at work.".to_owned(),
        1 => "1 other task continuing...".to_owned(),
        n => format!("{n} other tasks continuing..."),
    };
    format!("{task} {needs}. {others}")
}

/// Changes that wait for a person, and how long the oldest has.
pub(super) fn reviews(state: &State, now: Millis) -> Reviews {
    let waiting = || (0..state.tasks.len()).filter(|at| state.waits_for_person(*at));
    Reviews {
        tasks: waiting().map(|at| state.id(at).clone()).collect(),
        oldest_ms: waiting().map(|at| now.since(state.tasks[at].since)).max(),
        to_approve: to_approve(state).into_iter().map(|at| state.id(at).clone()).collect(),
    }
}
