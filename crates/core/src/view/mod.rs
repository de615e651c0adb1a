//! The read model of a run: everything that a face shows, derived from the state and never stored.
//!
//! One [`RunView`] serves the dashboard, the plain lines, the web page and `ppe status --json`. It knows nothing of
//! screens, colours or widths; texts in it are as their authors wrote them and are made harmless where they are shown.

mod estimate;
mod lists;
mod matter;
mod obstacle;
mod standstill;
mod task;

pub use estimate::{Remaining, Velocity};
pub use lists::{Group, HeldTask, Lists, Reviews, WaveLine, WaveStatus, headline, waves};
pub use matter::review_line;
pub use matter::{Breaker, CandidateLine, LaneLine, Offer, OpenQuestion, Pause, Waiting};
pub use standstill::{Standstill, standstill};
pub use task::{ALMOST_DONE_PERCENT, Activity, Mark, TaskLine, TaskWord, phase_line, repair_line};

use crate::decide::{Rest, rest};
use crate::ids::{Branch, CommitId, Millis, RunId, TaskId};
use crate::state::{Conflict, Progress, State, StopMode};
use crate::usage::Usage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name and version of [`RunView`] as a document.
pub const STATUS_SCHEMA: &str = "ppe.status.v1";

/// What the caller knows and the state does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// The forge, in a word: `local`, `github`.
    pub forge: String,
    /// What a landing guarantees there: `exact`, `forge-serialised`, `detected-afterwards`.
    pub guarantee: String,
    /// Whether a process is at work on the run.
    pub live: Live,
    /// Time since a running task's agent last said something, ms.
    pub output_age_ms: BTreeMap<TaskId, u64>,
    /// Where a task's workspace lies on this machine.
    pub workspaces: BTreeMap<TaskId, String>,
    /// Branches that do not merge, where the caller has looked; else what the run saw last counts.
    pub conflicts: Option<Vec<Conflict>>,
}

/// Whether a process is at work on a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Live {
    /// It is.
    #[default]
    Yes,
    /// The view was made from the log alone.
    No,
}

/// A run in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunWord {
    /// Nothing was started yet.
    New,
    /// Tasks are at work, or will be by themselves.
    Running,
    /// Dispatch is paused; what is in hand goes on.
    Paused,
    /// A stop was asked for; what is in hand finishes.
    Draining,
    /// A stop was asked for; agents are being stopped.
    Stopping,
    /// It was asked to stop, and has.
    Stopped,
    /// What is left needs the user.
    NeedsYou,
    /// Every task is closed.
    Complete,
    /// No process is at work on it; `ppe resume` goes on.
    Resumable,
}

impl RunWord {
    /// The word as documents write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::NeedsYou => "needs-you",
            Self::Complete => "complete",
            Self::Resumable => "resumable",
        }
    }
}

/// Slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// Held now.
    pub busy: u32,
    /// There are in all.
    pub total: u32,
}

/// Figures of the whole run. Commits are counted over the tasks that make some in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Tasks of the run.
    pub tasks: u32,
    /// Of those, done: landed, or done in another way that satisfies what needs them.
    pub done: u32,
    /// Skipped or cancelled: over without being done.
    pub given_up: u32,
    /// Done ÷ all in whole per cent; 100 only when complete.
    pub tasks_percent: u32,
    /// Commits made.
    pub commits: u64,
    /// Commits planned.
    pub commits_planned: u64,
    /// Made (of each task at most what was planned) ÷ planned in whole per cent; 100 only when complete.
    pub commits_percent: u32,
    /// Attempts started.
    pub attempts: u32,
    /// Attempts sent to repair something.
    pub repairs: u32,
    /// Of those, how many reached it.
    pub repairs_helped: u32,
    /// Check runs.
    pub checks: u32,
    /// Red among them.
    pub checks_red: u32,
    /// Landings by the lane.
    pub landings: u32,
    /// Slots held at the same time, at most.
    pub peak_busy: u32,
    /// Sessions of the run.
    pub sessions: u32,
    /// Tokens and money, of ended agents and of those at work.
    #[serde(default)]
    pub usage: Usage,
}

/// Time, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the run began.
    pub started: Millis,
    /// When this view was true.
    pub now: Millis,
    /// From its beginning until now, or until its last task closed.
    pub elapsed_ms: u64,
    /// Of that, with nothing at work while it was paused or stopped.
    pub paused_ms: u64,
    /// Slots held, summed over time.
    pub busy_ms: u64,
}

impl Times {
    /// Time without pauses, ms.
    pub fn active_ms(&self) -> u64 {
        self.elapsed_ms.saturating_sub(self.paused_ms)
    }
}

/// A run as every face shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// [`STATUS_SCHEMA`].
    pub schema: String,
    /// The run's id.
    pub run: RunId,
    /// The plan's name.
    pub title: String,
    /// The run in one word.
    pub state: RunWord,
    /// Whether a process is at work on it.
    pub live: Live,
    /// The target branch.
    pub target: Branch,
    /// Its tip as last seen.
    pub target_tip: CommitId,
    /// The forge, in a word.
    pub forge: String,
    /// What a landing guarantees there.
    pub guarantee: String,
    /// Slots.
    pub slots: Slots,
    /// The tasks of the run by id.
    pub tasks: Vec<TaskLine>,
    /// Each task of the run in exactly one list.
    pub lists: Lists,
    /// The waves that have tasks in this run.
    pub waves: Vec<WaveLine>,
    /// Tasks that need a person, in plan order.
    pub held: Vec<HeldTask>,
    /// Open questions.
    pub questions: Vec<OpenQuestion>,
    /// Why nothing new starts.
    pub pauses: Vec<Pause>,
    /// Why a free slot stays free although dispatch is not paused, if so.
    pub holding_back: Option<String>,
    /// Agents without capacity.
    pub breakers: Vec<Breaker>,
    /// Wishes that failed and wait.
    pub waiting: Vec<Waiting>,
    /// The stop that was asked for.
    pub stop: Option<StopMode>,
    /// The lane of the target.
    pub lane: LaneLine,
    /// Changes that wait for a person.
    pub reviews: Reviews,
    /// Branches that do not merge.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
    /// Why the board cannot be reached, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_lost: Option<String>,
    /// Tasks that have stood still for longer than they may, the longest first.
    #[serde(default)]
    pub standstills: Vec<Standstill>,
    /// Figures of the whole run.
    pub totals: Sums,
    /// Time.
    pub times: Times,
    /// How long it still takes.
    pub remaining: Remaining,
    /// How fast it goes.
    pub velocity: Velocity,
    /// A line of progress of a task every this many commits.
    pub report_every_commits: u32,
}

impl RunView {
    /// A task of the run.
    pub fn task(&self, id: &TaskId) -> Option<&TaskLine> {
        self.tasks
            .binary_search_by(|task| crate::text::natural(task.id.as_str(), id.as_str()))
            .ok()
            .map(|at| &self.tasks[at])
    }

    /// The tasks of one of the lists, in its order.
    pub fn rows<'a>(&'a self, list: &'a [TaskId]) -> impl Iterator<Item = &'a TaskLine> {
        list.iter().filter_map(|id| self.task(id))
    }

    /// Whether all tasks are closed.
    pub fn is_complete(&self) -> bool {
        self.state == RunWord::Complete
    }
}

/// The run as it is `now`. Without a live process the run's own last moment counts instead.
pub fn view(state: &State, now: Millis, outside: &Outside) -> RunView {
    let now = match outside.live {
        Live::Yes => now.max(state.clock.last),
        Live::No => state.clock.last,
    };
    let obstacles = obstacle::find(state);
    let tasks: Vec<TaskLine> = (0..state.tasks.len())
        .filter(|at| state.tasks[*at].in_run())
        .map(|at| task::line(state, at, now, &obstacles, outside))
        .collect();
    let lists = lists::lists(state);
    let times = times(state, now);
    let totals = sums(state, &lists, &tasks);
    RunView {
        schema: STATUS_SCHEMA.to_owned(),
        run: state.run.clone(),
        title: state.plan.name.to_string(),
        state: run_word(state, outside.live),
        live: outside.live,
        target: state.target.clone(),
        target_tip: state.target_tip.clone(),
        forge: outside.forge.clone(),
        guarantee: outside.guarantee.clone(),
        slots: Slots { busy: count(state.busy_count()), total: state.policy.slots },
        waves: lists::waves(state),
        held: lists::held(state, outside),
        questions: matter::questions(state),
        pauses: matter::pauses(state),
        holding_back: matter::holding_back(state),
        breakers: matter::breakers(state, now),
        waiting: matter::waiting(state, now),
        stop: state.stop,
        lane: matter::lane(state),
        standstills: standstill::standstills(state, now),
        conflicts: outside.conflicts.clone().unwrap_or_else(|| matter::conflicts(state)),
        board_lost: state.board.lost.clone(),
        reviews: lists::reviews(state, now),
        remaining: estimate::remaining(state, now, &obstacles),
        velocity: estimate::velocity(state, &totals, &times),
        report_every_commits: state.policy.report_every_commits,
        tasks,
        lists,
        totals,
        times,
    }
}

/// How far a run is, in a word.
fn run_word(state: &State, live: Live) -> RunWord {
    let at_rest = rest(state);
    match (state.progress, live) {
        (Progress::New, _) => return RunWord::New,
        (Progress::Complete, _) => return RunWord::Complete,
        (Progress::Open, Live::No) => return RunWord::Resumable,
        (Progress::Open, Live::Yes) => {}
    }
    match (at_rest, state.stop) {
        (Some(Rest::Complete), _) => RunWord::Complete,
        (Some(Rest::Stopped), _) => RunWord::Stopped,
        (_, Some(StopMode::Drain)) => RunWord::Draining,
        (_, Some(StopMode::Agents | StopMode::Cancel)) => RunWord::Stopping,
        (Some(Rest::NeedsUser), None) => RunWord::NeedsYou,
        (Some(Rest::Paused), None) => RunWord::Paused,
        (None, None) if state.is_halted() => RunWord::Paused,
        (None, None) => RunWord::Running,
    }
}

/// The run's times until `now`; a complete run's end with its last task.
fn times(state: &State, now: Millis) -> Times {
    let clock = &state.clock;
    let (until, since_last) = match state.progress {
        Progress::New => return Times { now, ..Times::default() },
        Progress::Open => (now, now.since(clock.last)),
        Progress::Complete => {
            let last = state.tasks.iter().filter(|t| t.in_run()).map(|t| t.since).max();
            (last.unwrap_or(clock.last), 0)
        }
    };
    let busy = state.busy_count() as u64;
    let idle_ms = if state.is_idle_by_order() { since_last } else { 0 };
    Times {
        started: clock.started,
        now,
        elapsed_ms: until.since(clock.started),
        paused_ms: clock.paused_ms + idle_ms,
        busy_ms: clock.busy_ms + since_last * busy,
    }
}

fn sums(state: &State, lists: &Lists, tasks: &[TaskLine]) -> Sums {
    let making = tasks.iter().filter(|t| t.makes_commits());
    let (mut commits, mut planned, mut covered) = (0, 0, 0);
    for task in making {
        commits += u64::from(task.commits);
        planned += u64::from(task.planned_commits);
        covered += u64::from(task.commits.min(task.planned_commits));
    }
    let t = &state.totals;
    Sums {
        tasks: count(tasks.len()),
        done: count(lists.completed.len()),
        given_up: count(lists.given_up.len()),
        tasks_percent: percent(lists.completed.len() as u64, tasks.len() as u64),
        commits,
        commits_planned: planned,
        // More commits in one task than were planned make up for none that are missing in another.
        commits_percent: percent(if covered < planned { commits.min(planned - 1) } else { planned }, planned),
        attempts: t.attempts,
        repairs: t.repairs,
        repairs_helped: t.repairs_helped,
        checks: t.checks,
        checks_red: t.checks_red,
        landings: t.landings,
        peak_busy: t.peak_busy,
        sessions: t.sessions,
        usage: state.spent(),
    }
}

/// A share in whole per cent, to the nearest: 100 only when complete. Nothing of nothing is 0.
pub fn percent(part: u64, whole: u64) -> u32 {
    if whole == 0 {
        return 0;
    }
    if part >= whole {
        return 100;
    }
    let nearest = (u128::from(part) * 200 + u128::from(whole)) / (u128::from(whole) * 2);
    u32::try_from(nearest).map_or(99, |per_cent| per_cent.min(99))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_per_cent_is_complete() {
        assert_eq!(percent(25, 31), 81);
        assert_eq!(percent(17, 18), 94);
        assert_eq!(percent(1_207, 1_208), 99);
        assert_eq!(percent(1_208, 1_208), 100);
        assert_eq!(percent(9, 8), 100);
        assert_eq!(percent(0, 0), 0);
    }
}
