//! What must always hold of the merge lane.

use super::said;
use crate::decide::{awaited, comes, gives_way_to, most_candidates, most_members, overdue, waits_too_long};
use crate::event::{Drop, Event};
use crate::ids::TaskId;
use crate::policy::{Approval, MergeStrategy};
use crate::question::Ask;
use crate::state::{Freeze, Stage, State, Step};

pub(super) fn within_bounds(state: &State) -> Option<String> {
    let chain = &state.lane.chain;
    let most = most_members(state).unwrap_or(usize::MAX);
    let fits = chain.iter().all(|c| (1..=most).contains(&c.members.len()));
    said(chain.len() > most_candidates(state) || !fits, || format!("{chain:?}"))
}

pub(super) fn place(state: &State, at: usize) -> Option<String> {
    let id = state.id(at);
    let queued = state.lane.queue.iter().filter(|t| *t == id).count();
    let carried = state.lane.chain.iter().flat_map(|c| &c.members).filter(|t| *t == id).count();
    let wanted = usize::from(matches!(state.tasks[at].step, Step::InLane));
    said(queued + carried != wanted, || {
        format!(
            "{id} is {:?}, {queued} times in the queue and {carried} times in a candidate",
            state.tasks[at].step
        )
    })
}

/// Whether a change in the lane moves, or it is known what for it stands still.
pub(super) fn goes_on(state: &State, at: usize) -> bool {
    let lane = &state.lane;
    let batch = state.policy.merge_strategy == MergeStrategy::Batch;
    lane.frozen.is_some()
        || state.stop.is_some()
        || !lane.chain.is_empty()
        || (batch && !awaited(state, state.plan.tasks[at].wave).is_empty())
        || gives_way_to(state, state.id(at)).is_some()
}

pub(super) fn landing_is_green(state: &State) -> Option<String> {
    state.lane.chain.iter().find_map(|candidate| match &candidate.stage {
        Stage::Landing { built } | Stage::Green { built } => {
            said(!state.lane.green.contains(&built.tree), || {
                format!("{} lands with tree {}, which was not found green", candidate.id, built.tree)
            })
        }
        Stage::Building | Stage::Checking { .. } | Stage::Red { .. } | Stage::CheckingBase { .. } => None,
    })
}

pub(super) fn was_landing(state: &State, event: &Event) -> Option<String> {
    let Event::CandidateLanded { candidate, commit } = event else { return None };
    let stage = state.lane.candidate(*candidate).map(|c| &c.stage);
    let behind = state.lane.chain.get(1).and_then(|next| next.stage.built());
    let torn = behind.is_some_and(|built| built.base != *commit);
    said(torn || !matches!(stage, Some(Stage::Landing { .. })), || {
        format!("{candidate} landed as {commit} from {stage:?} with {behind:?} behind it")
    })
}

pub(super) fn base_is_green(state: &State, event: &Event) -> Option<String> {
    let Event::CandidateDropped { candidate, why: Drop::Red } = event else { return None };
    let candidate = state.lane.candidate(*candidate)?;
    if candidate.members.iter().all(|member| state.lane.is_repair(member)) {
        return None;
    }
    let Some(built) = candidate.stage.built() else {
        return Some(format!("{} is red and was not built", candidate.id));
    };
    let (green, alone) = (state.lane.green_bases.contains(&built.base), candidate.members.len() == 1);
    said(!green || !alone, || format!("{candidate:?} is charged on {}", built.base))
}

pub(super) fn red_twice(state: &State, event: &Event) -> Option<String> {
    let Event::CandidateDropped { candidate, why: Drop::Red } = event else { return None };
    let times = state.lane.candidate(*candidate)?.red.as_ref().map_or(0, |red| red.times);
    said(times < 2, || format!("{candidate} is charged after {times} red runs"))
}

pub(super) fn chain_holds(state: &State) -> Option<String> {
    let loose = state.lane.chain.windows(2).find(|pair| {
        let (before, after) = (pair[0].stage.built(), pair[1].stage.built());
        let lands = matches!(pair[1].stage, Stage::Landing { .. } | Stage::CheckingBase { .. });
        lands || after.is_some_and(|built| before.map(|before| &before.commit) != Some(&built.base))
    });
    loose.map(|pair| format!("{pair:?}"))
}

pub(super) fn nobody_is_passed_over(state: &State, event: &Event) -> Option<String> {
    let Event::CandidateChosen { members, .. } = event else { return None };
    let oldest = overdue(state)?;
    let since = |id| state.task(id).map(|task| task.since);
    let takes_turn = members.iter().any(|member| since(member) <= since(oldest));
    said(!takes_turn && !is_exempt(state), || format!("{oldest} waits, and {members:?} are chosen"))
}

pub(super) fn batch_waits_for_movers(state: &State) -> Option<String> {
    let lane = &state.lane;
    let waits = state.policy.merge_strategy == MergeStrategy::Batch
        && state.stop.is_none()
        && lane.frozen.is_none()
        && lane.chain.is_empty();
    if !waits {
        return None;
    }
    lane.queue.iter().filter_map(|id| state.position(id)).find_map(|at| {
        let awaited = awaited(state, state.plan.tasks[at].wave);
        let movers = awaited.iter().filter(|id| state.task(id).is_some_and(|task| moves(&task.step)));
        said(movers.count() == 0, || format!("{} waits for {awaited:?}", state.id(at)))
    })
}

pub(super) fn is_approved(state: &State, at: usize) -> Option<String> {
    let facts = &state.tasks[at].facts;
    let asked = state.policy.approval != Approval::None && matches!(state.tasks[at].step, Step::InLane);
    said(asked && facts.approved != facts.tip, || {
        format!("{} is in the lane at {:?}, approved at {:?}", state.id(at), facts.tip, facts.approved)
    })
}

/// Whether a task in this step is on its way to the lane.
fn moves(step: &Step) -> bool {
    let stands = matches!(step, Step::Held { .. } | Step::Parked { .. } | Step::Published | Step::Outside);
    !stands && !matches!(step, Step::Closed(_))
}

/// The changes that a change is known not to merge with and that are more urgent.
fn urgent_rivals<'a>(state: &'a State, task: &'a TaskId) -> impl Iterator<Item = &'a TaskId> {
    let urgency = |id: &TaskId| state.position(id).map(|at| state.priority(at));
    state.radar.rivals(task).filter(move |rival| urgency(rival) > urgency(task))
}

pub(super) fn gives_way_to_movers(state: &State) -> Option<String> {
    let lane = &state.lane;
    let idle = state.policy.merge_strategy == MergeStrategy::Priority
        && state.stop.is_none()
        && lane.frozen.is_none()
        && lane.chain.is_empty();
    if !idle {
        return None;
    }
    let is_ahead = |rival: &TaskId| {
        let step = state.task(rival).map(|task| &task.step);
        step.is_some_and(|step| matches!(step, Step::InLane) || moves(step))
    };
    let stands = lane.queue.iter().find(|id| !urgent_rivals(state, id).any(is_ahead))?;
    Some(format!(
        "{stands} waits, and no change that comes by itself is before it: {:?}",
        state.radar.conflicts
    ))
}

/// Parts of a batch come before all else, and so does the repair of a red target.
fn is_exempt(state: &State) -> bool {
    state.lane.next_part().is_some() || state.lane.frozen.is_some()
}

pub(super) fn rivals_are_apart(state: &State, event: &Event) -> Option<String> {
    let Event::CandidateChosen { members, .. } = event else { return None };
    let under_way = || state.lane.chain.iter().flat_map(|candidate| &candidate.members).chain(members);
    let meets = |member: &&TaskId| under_way().any(|other| state.radar.conflict(member, other));
    let clash = members.iter().find(meets).filter(|_| !is_exempt(state))?;
    Some(format!("{clash} is chosen with what it does not merge with: {members:?}"))
}

pub(super) fn urgent_rivals_first(state: &State, event: &Event) -> Option<String> {
    let Event::CandidateChosen { members, .. } = event else { return None };
    if state.policy.merge_strategy != MergeStrategy::Priority || is_exempt(state) {
        return None;
    }
    members.iter().filter(|member| !waits_too_long(state, member)).find_map(|member| {
        let comes = |rival: &&TaskId| {
            state.lane.queue.contains(*rival) || state.position(rival).is_some_and(|at| comes(state, at))
        };
        let rival = urgent_rivals(state, member).find(comes)?;
        Some(format!("{member} is chosen before {rival}"))
    })
}

pub(super) fn freeze_has_way_out(state: &State) -> Option<String> {
    let asked = |about: &dyn Fn(&Ask) -> bool| state.questions.values().any(|open| about(&open.ask));
    let stuck = match state.lane.frozen.as_ref()? {
        Freeze::TargetRed(_) => {
            // Whoever declined waits for the target to move, and every move is looked at.
            let waits = state.lane.declined || state.open_repair().is_some() || state.open_count() == 0;
            !waits && !asked(&|ask| matches!(ask, Ask::TargetRed { .. }))
        }
        Freeze::Rechecking(_) => false,
        Freeze::Races(task) => {
            let is_about = |ask: &Ask| matches!(ask, Ask::LostRaces { task: about, .. } if about == task);
            !state.lane.queue.contains(task) || !asked(&is_about)
        }
    };
    let others = state.lane.chain.iter().flat_map(|c| &c.members).any(|m| !state.lane.is_repair(m));
    said(stuck || others, || format!("{:?} with {:?}", state.lane.frozen, state.lane.chain))
}
