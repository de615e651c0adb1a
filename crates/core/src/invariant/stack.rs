//! What must always hold of tasks that start before all they need has landed.

use super::said;
use crate::event::Event;
use crate::policy::StartOn;
use crate::state::{Ground, HeadChecks, Kind, Parent, Park, State, Step};
use std::collections::BTreeSet;

/// What an attempt that starts stands on besides the target: what it began on, else what it begins on.
pub(super) fn parents<'a>(
    state: &'a State,
    at: usize,
    begins_on: &'a [Parent],
) -> impl Iterator<Item = &'a Parent> {
    let facts = &state.tasks[at].facts;
    let began_on = match &facts.ground {
        Ground::Stacked(stack) if facts.base.is_some() => &stack.parents,
        Ground::Stacked(_) | Ground::Target | Ground::Refused => begins_on,
    };
    began_on.iter().filter(|_| state.policy.start_on == StartOn::ChecksGreen)
}

pub(super) fn stands_on_green(state: &State, event: &Event) -> Option<String> {
    let Event::AttemptStarted { task, kind, stack, .. } = event else { return None };
    let at = state.position(task)?;
    let begins = state.tasks[at].facts.base.is_none();
    let red = stack.iter().find(|parent| !begins || !is_green(state, parent));
    let stays = parents(state, at, stack).filter_map(|parent| state.position(&parent.task));
    let stands = stays.filter(|need| !state.tasks[*need].satisfies()).find(|need| !comes(state, *need));
    let early = matches!(kind, Kind::Restack | Kind::Conflict) && state.unmet(at).next().is_some();
    said(red.is_some() || stands.is_some() || early, || {
        format!("{task} starts for {kind:?} on {stack:?}, {:?}", stands.map(|need| &state.tasks[need].step))
    })
}

/// Whether a parent's change stands at this tip, which was found green.
fn is_green(state: &State, parent: &Parent) -> bool {
    state.task(&parent.task).is_some_and(|task| {
        let facts = &task.facts;
        let judged = facts.judged.as_ref();
        matches!(task.step, Step::Open | Step::InLane)
            && facts.tip.as_ref() == Some(&parent.tip)
            && facts.published == facts.tip
            && judged.is_some_and(|j| j.tip == parent.tip && j.checks == HeadChecks::Green)
    })
}

/// Whether neither a task nor any that it needs waits for a person.
fn comes(state: &State, at: usize) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![at]);
    while let Some(at) = next.pop() {
        let stands = match &state.tasks[at].step {
            Step::Held { .. } | Step::Published | Step::Outside | Step::Closed(_) => true,
            Step::Parked { park, .. } => *park != Park::Room,
            Step::Open => !state.is_approved(at),
            _ => false,
        };
        if stands {
            return false;
        }
        next.extend(state.unmet(at).filter(|need| seen.insert(*need)));
    }
    true
}

pub(super) fn lands_last(state: &State, event: &Event) -> Option<String> {
    let Event::TaskQueued { task } = event else { return None };
    if state.policy.start_on == StartOn::Landed {
        return None;
    }
    let at = state.position(task)?;
    let stacked = matches!(state.tasks[at].facts.ground, Ground::Stacked(_));
    let before = state.unmet(at).next();
    said(stacked || before.is_some(), || {
        format!("{task} joins the lane, {:?}, before {:?}", state.tasks[at].facts.ground, before)
    })
}

/// Whether an open change waits for a person, or for something that it needs to land.
pub(super) fn goes_on(state: &State, at: usize) -> bool {
    let waits = state.policy.start_on == StartOn::ChecksGreen && state.unmet(at).next().is_some();
    let is_due = matches!(state.tasks[at].facts.ground, Ground::Stacked(_)) && !waits;
    waits || (!is_due && !state.is_approved(at))
}
