//! Slots full of long tasks while many short ones wait: noticed from the tasks' own pace, never from estimates.

use crate::ids::Millis;
use crate::question::Ask;
use crate::state::{State, Step};

/// A busy task with less than this left is not worth stopping, ms.
const LONG_MS: u64 = 2 * 3_600_000;
/// Ready tasks must be more than this.
const QUEUE: usize = 10;
/// Commits from which a pace can be told.
const MIN_COMMITS: u32 = 3;

/// What a busy task has left by its own pace, ms: time so far ÷ commits done × commits left. None before it has made
/// enough commits to tell, or where the plan does not say how many there will be.
pub fn left_ms(state: &State, at: usize, now: Millis) -> Option<u64> {
    let task = &state.tasks[at];
    let (done, planned) = (task.commits(), state.plan.tasks[at].spec.planned_commits());
    if task.running().is_none() || done < MIN_COMMITS || planned == 0 {
        return None;
    }
    Some(task.worked_ms(now) / u64::from(done) * u64::from(planned.saturating_sub(done)))
}

/// Slot time per commit, measured over the tasks that have made enough of them, ms.
pub fn pace_ms(state: &State, now: Millis) -> Option<u64> {
    let measured = state.tasks.iter().filter(|t| t.commits() >= MIN_COMMITS && t.worked_ms(now) > 0);
    let (time, commits) = measured
        .fold((0, 0), |(time, commits), t| (time + t.worked_ms(now), commits + u64::from(t.commits())));
    (commits > 0).then(|| time / commits)
}

/// The question to ask, if short tasks starve.
pub(super) fn starving(state: &State, now: Millis) -> Option<Ask> {
    let full = state.busy_count() >= state.policy.slots as usize;
    if !full || state.ready_count() <= QUEUE || state.stop.is_some() || state.is_halted() {
        return None;
    }
    let asked_before = |at: usize| {
        state
            .settled
            .iter()
            .any(|(ask, _)| matches!(ask, Ask::Starvation { task, .. } if task == state.id(at)))
    };
    let candidates = state.busy().filter(|at| !asked_before(*at));
    let (left, at) = candidates
        .filter(|at| matches!(&state.tasks[*at].step, Step::Running(r) if r.stop.is_none()))
        .filter_map(|at| Some((left_ms(state, at, now)?, at)))
        .filter(|(left, _)| *left > LONG_MS)
        .max()?;
    let pace = pace_ms(state, now)?;
    let takes = |at: usize| u64::from(state.plan.tasks[at].spec.planned_commits()) * pace;
    let quick = state.ready().filter(|at| takes(*at) > 0 && takes(*at) < left / 2).count();
    (quick > 0).then(|| Ask::Starvation {
        task: state.id(at).clone(),
        quick: u32::try_from(quick).unwrap_or(u32::MAX),
        left_ms: left,
    })
}
