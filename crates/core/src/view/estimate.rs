//! How fast a run goes and how long it still takes, from what it has measured itself. The plan's estimates play no part.

use super::{Sums, Times, count, obstacle};
use crate::decide::{left_ms, pace_ms, start_key};
use crate::ids::Millis;
use crate::state::{Park, State, Step};
use crate::wording::about;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

const HOUR_MS: f64 = 3_600_000.0;
const DAY_MS: f64 = 24.0 * HOUR_MS;

/// How long a run still takes at the present number of slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// Time left, ms; none before the first landing, and when nothing can go on.
    pub ms: Option<u64>,
    /// Open tasks that are left out because they need a person first.
    pub without: u32,
    /// In words.
    pub text: String,
}

/// How fast a run goes: rates over its time without pauses, the average number at work over all its time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Velocity {
    /// Commits an hour; none before any time has passed.
    pub commits_per_hour: Option<f64>,
    /// Tasks a day of 24 hours; none before any time has passed.
    pub tasks_per_day: Option<f64>,
    /// Tasks at work now.
    pub parallel: u32,
    /// Busy slot time ÷ time: how many were at work on average.
    pub average_parallel: Option<f64>,
}

/// Measures the run's speed.
pub(super) fn velocity(state: &State, totals: &Sums, times: &Times) -> Velocity {
    let active_ms = times.active_ms();
    let landed =
        state.tasks.iter().filter(|task| task.facts.first_started.is_some() && task.satisfies()).count();
    Velocity {
        commits_per_hour: rate(totals.commits, active_ms, HOUR_MS),
        tasks_per_day: rate(landed as u64, active_ms, DAY_MS),
        parallel: count(state.busy_count()),
        average_parallel: rate(times.busy_ms, times.elapsed_ms, 1.0),
    }
}

/// `amount` per `unit_ms` over `span_ms`.
#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn rate(amount: u64, span_ms: u64, unit_ms: f64) -> Option<f64> {
    (span_ms > 0).then(|| amount as f64 * unit_ms / span_ms as f64)
}

/// Plays the rest of the run through at the measured pace: open tasks take free slots in the order of starts.
pub(super) fn remaining(state: &State, now: Millis, obstacles: &obstacle::Obstacles) -> Remaining {
    let playable = |at: &usize| match &state.tasks[*at].step {
        Step::Running(_) | Step::Ready { .. } | Step::Backoff { .. } => true,
        Step::Parked { park, .. } => *park == Park::Room,
        Step::Waiting => obstacles.of(*at).is_empty(),
        Step::Outside
        | Step::Publishing
        | Step::Published
        | Step::Open
        | Step::InLane
        | Step::Held { .. }
        | Step::Closed(_) => false,
    };
    let open: Vec<usize> = (0..state.tasks.len()).filter(playable).collect();
    let without = state.tasks.iter().filter(|task| needs_person(&task.step)).count()
        + (0..state.tasks.len()).filter(|at| !obstacles.of(*at).is_empty()).count();
    let without = count(without);
    let nothing = |text: &str| Remaining { ms: None, without, text: text.to_owned() };
    if state.open_count() == 0 {
        return Remaining { ms: Some(0), without, text: "nothing".to_owned() };
    }
    let Some(pace) = Pace::measure(state, now) else { return nothing("no estimate yet") };
    if open.is_empty() && without > 0 {
        return nothing("nothing goes on without you");
    }
    if open.is_empty() {
        return Remaining { ms: Some(0), without, text: "checks and landings only".to_owned() };
    }
    let work: Vec<u64> = (0..state.tasks.len()).map(|at| pace.left(state, at, now)).collect();
    let slots = state.policy.slots.max(1) as usize;
    // More slots never make it longer, whatever the order of starts does with them.
    let ms = (1..=slots.min(open.len())).map(|n| play(state, &open, &work, n)).min().unwrap_or(0);
    let besides = match without {
        0 => String::new(),
        1 => ", without 1 task that needs you".to_owned(),
        n => format!(", without {n} tasks that need you"),
    };
    Remaining { ms: Some(ms), without, text: format!("~{} (at current parallelization{besides})", about(ms)) }
}

fn needs_person(step: &Step) -> bool {
    !matches!(step, Step::Closed(_) | Step::Outside) && obstacle::why(step).is_some()
}

/// What a task costs, as measured in this run.
struct Pace {
    /// Slot time of a commit, ms.
    commit_ms: Option<u64>,
    /// Slot time of a whole task, ms.
    task_ms: u64,
}

impl Pace {
    /// The pace so far; none before the first landing.
    fn measure(state: &State, now: Millis) -> Option<Self> {
        if state.totals.landings == 0 {
            return None;
        }
        let done = state.tasks.iter().filter(|task| task.satisfies() && task.worked_ms(now) > 0);
        let (time, tasks, commits) = done.fold((0, 0, 0), |(time, tasks, commits), task| {
            (time + task.worked_ms(now), tasks + 1, commits + u64::from(task.commits()))
        });
        let commit_ms = pace_ms(state, now).or_else(|| (commits > 0).then(|| time / commits));
        Some(Self { commit_ms, task_ms: time / u64::max(tasks, 1) })
    }

    /// Slot time that a task still takes, ms.
    fn left(&self, state: &State, at: usize, now: Millis) -> u64 {
        let (task, planned) = (&state.tasks[at], state.plan.tasks[at].spec.planned_commits());
        let by_commits = self
            .commit_ms
            .filter(|_| planned > 0)
            .map(|ms| ms * u64::from(planned.saturating_sub(task.commits())));
        left_ms(state, at, now)
            .or(by_commits)
            .unwrap_or_else(|| self.task_ms.saturating_sub(task.worked_ms(now)))
    }
}

/// The time until the last of the open tasks is done, with `slots` slots; `work` is what each task still takes.
fn play(state: &State, open: &[usize], work: &[u64], slots: usize) -> u64 {
    let is_open: BTreeSet<usize> = open.iter().copied().collect();
    let key = |at: usize| (!matches!(state.tasks[at].step, Step::Running(_)), start_key(state, at), at);
    let mut missing: Vec<usize> = vec![0; state.tasks.len()];
    for at in open {
        missing[*at] = state.unmet(*at).filter(|dep| is_open.contains(dep)).count();
    }
    let mut startable: BinaryHeap<_> =
        open.iter().filter(|at| missing[**at] == 0).map(|at| Reverse(key(*at))).collect();
    let mut busy: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut clock = 0;
    loop {
        while busy.len() < slots {
            let Some(Reverse((_, _, at))) = startable.pop() else { break };
            busy.push(Reverse((clock + work[at], at)));
        }
        let Some(Reverse((end, at))) = busy.pop() else { return clock };
        clock = end;
        for next in state.plan.tasks[at].needed_by.iter().filter(|next| is_open.contains(next)) {
            missing[*next] = missing[*next].saturating_sub(1);
            if missing[*next] == 0 {
                startable.push(Reverse(key(*next)));
            }
        }
    }
}
