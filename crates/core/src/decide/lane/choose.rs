//! Which changes make the next candidate, and when: the four strategies. Looks at the state and decides nothing.

use super::coming::come_by_themselves;
use super::turn::{clashes, gives_way_to, together};
use crate::ids::{Millis, TaskId};
use crate::mutant::Mutant;
use crate::policy::MergeStrategy;
use crate::state::{Freeze, State};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The most changes that the strategy puts into one candidate; none without a bound.
pub(crate) fn most_members(state: &State) -> Option<usize> {
    match state.policy.merge_strategy {
        MergeStrategy::Independent | MergeStrategy::Priority => Some(1),
        MergeStrategy::Batch => None,
        MergeStrategy::Speculative => Some(8),
    }
}

/// The most candidates under way at once. A red batch is taken apart alone.
pub(crate) fn most_candidates(state: &State) -> usize {
    match state.policy.merge_strategy {
        MergeStrategy::Independent | MergeStrategy::Priority | MergeStrategy::Batch => 1,
        MergeStrategy::Speculative if state.lane.bisection.is_some() => 1,
        MergeStrategy::Speculative => state.policy.check_slots.max(1) as usize,
    }
}

/// The members of the next candidate; none while as many are under way as may be, or nothing may go.
pub(super) fn next_members(state: &State) -> Option<Vec<TaskId>> {
    let lane = &state.lane;
    let room = most_candidates(state) + usize::from(state.has(Mutant::ChecksUnbounded));
    if lane.chain.len() >= room {
        return None;
    }
    match &lane.frozen {
        None => lane.next_part().or_else(|| by_strategy(state)),
        Some(Freeze::TargetRed(_) | Freeze::Rechecking(_)) => {
            lane.queue.iter().find(|id| lane.is_repair(id)).map(|id| vec![id.clone()])
        }
        Some(Freeze::Races(_)) => None,
    }
}

fn by_strategy(state: &State) -> Option<Vec<TaskId>> {
    let one = |id: &TaskId| vec![id.clone()];
    match state.policy.merge_strategy {
        MergeStrategy::Independent => state.lane.queue.first().map(one),
        MergeStrategy::Priority => next_overdue(state).or_else(|| most_urgent(state)).map(one),
        MergeStrategy::Batch => batch(state),
        MergeStrategy::Speculative => next_of_chain(state),
    }
}

/// The first of the most urgent: equals land in order of arrival. One that would be in the way of a more urgent one
/// lets that pass.
fn most_urgent(state: &State) -> Option<&TaskId> {
    let urgency = |id: &&TaskId| Reverse(state.position(id).map(|at| state.priority(at)));
    state.lane.queue.iter().filter(|id| gives_way_to(state, id).is_none()).min_by_key(urgency)
}

/// The change that has waited longest, if that is longer than any may.
pub(crate) fn overdue(state: &State) -> Option<&TaskId> {
    let since = |id: &&TaskId| state.task(id).map_or(state.clock.last, |t| t.since);
    state.lane.queue.iter().min_by_key(since).filter(|id| waits_too_long(state, id))
}

/// Whether a change has waited longer than any may.
pub(crate) fn waits_too_long(state: &State, id: &TaskId) -> bool {
    state.task(id).is_some_and(|t| t.since.plus(state.policy.longest_wait_ms) <= state.clock.last)
}

fn next_overdue(state: &State) -> Option<&TaskId> {
    overdue(state).filter(|_| !state.has(Mutant::AgeIgnored))
}

/// A whole wave, once nobody of it is still to come; one of whose changes waits too long waits for nobody. Of those
/// that do not merge with each other the later are left for the next batch.
fn batch(state: &State) -> Option<Vec<TaskId>> {
    let wave_of = |id: &TaskId| state.position(id).map(|at| state.plan.tasks[at].wave);
    let oldest = next_overdue(state);
    let wave = if let Some(oldest) = oldest {
        wave_of(oldest)?
    } else {
        let waves: BTreeSet<u32> = state.lane.queue.iter().filter_map(wave_of).collect();
        waves.into_iter().find(|wave| awaited(state, *wave).is_empty())?
    };
    let others = state.lane.queue.iter().filter(|id| wave_of(id) == Some(wave) && Some(*id) != oldest);
    let chosen: BTreeSet<&TaskId> = together(state, oldest.into_iter().chain(others)).collect();
    Some(state.lane.queue.iter().filter(|id| chosen.contains(id)).cloned().collect())
}

/// As many as the failure rate allows, in order of arrival, those aside that do not merge onto the chain as it is, or
/// with what is in it.
fn next_of_chain(state: &State) -> Option<Vec<TaskId>> {
    let lane = &state.lane;
    let oldest = next_overdue(state);
    let under_way = || lane.chain.iter().flat_map(|candidate| &candidate.members);
    if oldest.is_some_and(|id| lane.left_out.contains(id) || clashes(state, id, under_way())) {
        // It has waited long enough: the chain runs dry for it.
        return None;
    }
    let others = lane.queue.iter().filter(|id| !lane.left_out.contains(*id) && Some(*id) != oldest);
    let fitting = together(state, oldest.into_iter().chain(others));
    let members: Vec<_> = fitting.take(lane.fared.batch_size()).cloned().collect();
    (!members.is_empty()).then_some(members)
}

/// The tasks of a wave that will come to the lane by themselves: its batch waits for them, and for no others.
pub fn awaited(state: &State, wave: u32) -> Vec<TaskId> {
    let come = come_by_themselves(state);
    let of_wave = state.plan.waves.get(wave as usize).into_iter().flatten();
    of_wave.filter(|at| come[**at]).map(|at| state.id(*at).clone()).collect()
}

/// The open tasks of a candidate's waves that are not in it: it goes without them.
pub fn left_behind(state: &State, members: &[TaskId]) -> Vec<TaskId> {
    let places = || members.iter().filter_map(|id| state.position(id));
    let waves: BTreeSet<u32> = places().map(|at| state.plan.tasks[at].wave).collect();
    let of_waves = waves.into_iter().filter_map(|wave| state.plan.waves.get(wave as usize)).flatten();
    let open = |at: &&usize| state.tasks[**at].in_run() && !state.tasks[**at].is_closed();
    let ids = of_waves.filter(open).map(|at| state.id(*at).clone());
    ids.filter(|id| !members.contains(id)).collect()
}

/// When changes that wait for others that are still to come wait no longer.
pub(crate) fn wait_due(state: &State) -> Option<Millis> {
    let waits = matches!(state.policy.merge_strategy, MergeStrategy::Batch | MergeStrategy::Priority)
        && state.stop.is_none()
        && state.lane.frozen.is_none()
        && state.lane.chain.is_empty();
    let since = state.lane.queue.iter().filter_map(|id| state.task(id)).map(|task| task.since).min();
    since.filter(|_| waits).map(|since| since.plus(state.policy.longest_wait_ms))
}
