//! Changes that are known not to merge with each other go one after the other: who waits for whom. Looks at the state and
//! decides nothing.

use super::coming::come_by_themselves;
use crate::ids::TaskId;
use crate::mutant::Mutant;
use crate::policy::MergeStrategy;
use crate::state::{State, Step};

/// The more urgent change that one gives way to: its branch does not merge with this one's, and it is in the queue or
/// comes there by itself. Only where the most urgent goes first; the order of priorities has no circle.
pub fn gives_way_to<'a>(state: &'a State, task: &'a TaskId) -> Option<&'a TaskId> {
    if state.policy.merge_strategy != MergeStrategy::Priority || state.has(Mutant::RivalPassed) {
        return None;
    }
    let at = state.position(task)?;
    let is_ahead = |rival: &&TaskId| {
        let place = state.position(rival).filter(|other| state.priority(*other) > state.priority(at));
        place.is_some_and(|other| state.lane.queue.contains(*rival) || comes(state, other))
    };
    state.radar.rivals(task).find(is_ahead)
}

/// Whether a task comes to the lane by itself, whatever becomes of the changes that are there.
pub(crate) fn comes(state: &State, at: usize) -> bool {
    let held = matches!(state.tasks[at].step, Step::Held { .. }) && state.has(Mutant::HeldRivalAwaited);
    held || (state.unmet(at).next().is_none() && come_by_themselves(state)[at])
}

/// Whether a change does not merge with one of these.
pub(super) fn clashes<'a>(
    state: &State,
    task: &TaskId,
    mut others: impl Iterator<Item = &'a TaskId>,
) -> bool {
    !state.has(Mutant::RivalsTogether) && others.any(|other| state.radar.conflict(task, other))
}

/// Of these, in order, those that may be under way together with what already is: each merges with those before it.
pub(super) fn together<'a>(
    state: &'a State,
    waiting: impl Iterator<Item = &'a TaskId>,
) -> impl Iterator<Item = &'a TaskId> {
    let mut under_way: Vec<&TaskId> = state.lane.chain.iter().flat_map(|c| &c.members).collect();
    waiting.filter(move |task| {
        let fits = !clashes(state, task, under_way.iter().copied());
        if fits {
            under_way.push(task);
        }
        fits
    })
}
