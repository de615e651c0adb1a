//! Stacked starts: what a task may begin on before all it needs has landed, and when it is brought onto the target.
//!
//! A start is relaxed, a landing is not: what is stacked joins the lane once everything it needs has landed and its work
//! lies on the target.

use super::Decider;
use crate::event::Event;
use crate::ids::{Attempt, CommitId, TaskId};
use crate::input::Trouble;
use crate::intent::Intent;
use crate::mutant::Mutant;
use crate::outcome::{Class, Failure, Verdict};
use crate::policy::StartOn;
use crate::state::{Ground, HeadChecks, Judged, Kind, Leave, Parent, Park, State, Step};
use std::collections::BTreeSet;

impl Decider<'_> {
    /// Work whose parents have landed is brought onto the target.
    pub(super) fn restack(&mut self) {
        let lands = |at: &usize| self.state.stack(*at).is_some() && self.state.unmet(*at).next().is_none();
        let due: Vec<usize> = self.state.open_changes().filter(lands).collect();
        if self.state.has(Mutant::RestackForgotten) {
            return;
        }
        for at in due {
            self.emit(Event::TaskReadied { task: self.state.id(at).clone(), kind: Kind::Restack });
        }
    }

    /// What had become ready to be stacked waits again where a parent does not stand any more.
    pub(super) fn unready(&mut self, at: usize) {
        let stacks = self.state.policy.start_on == StartOn::ChecksGreen;
        let fresh = matches!(self.state.tasks[at].step, Step::Ready { .. }) && !has_begun(self.state, at);
        if stacks && fresh && !is_near(self.state, at) {
            self.emit(Event::TaskUnreadied { task: self.state.id(at).clone() });
        }
    }

    pub(super) fn head_judged(&mut self, task: TaskId, tip: CommitId, verdict: Verdict) {
        let wants = self.state.position(&task).is_some_and(|at| wants_judgement(self.state, at));
        let checks = match verdict {
            Verdict::Green => HeadChecks::Green,
            Verdict::Red(_) => HeadChecks::Red,
            Verdict::Unevaluated(why) => {
                let intent = Intent::EnsureHeadJudged { task, tip };
                return self.intent_failed(intent, Trouble::Elsewhere(why));
            }
        };
        if wants && self.state.task(&task).is_some_and(|t| t.facts.tip.as_ref() == Some(&tip)) {
            self.emit(Event::HeadJudged { task, tip, checks });
        } else {
            self.stale();
        }
    }

    /// What an attempt was to stand on does not merge: from now on its task starts on landings only.
    pub(super) fn refuse_stack(&mut self, task: &TaskId, attempt: Attempt, files: &[String]) {
        self.emit(Event::StackRefused { task: task.clone(), files: files.to_vec() });
        let failure = Failure::new(Class::Operator, "what it was to be stacked on does not merge");
        let (task, leave) = (task.clone(), Leave::Waiting);
        self.emit(Event::AttemptReleased { task, attempt, failure, leave });
    }
}

/// What a task's first attempt stands on besides the target.
pub(super) fn parents(state: &State, at: usize) -> Vec<Parent> {
    if has_begun(state, at) {
        return Vec::new();
    }
    let parent = |need: usize| {
        Some(Parent { task: state.id(need).clone(), tip: state.tasks[need].facts.tip.clone()? })
    };
    state.unmet(at).filter_map(parent).collect()
}

/// Whether a task's work stands on another's, directly or through others.
pub(super) fn stands_on(state: &State, at: usize, other: usize) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![at]);
    while let Some(at) = next.pop() {
        let parents = state.stack(at).into_iter().flat_map(|stack| &stack.parents);
        let parents = parents.filter_map(|parent| state.position(&parent.task));
        next.extend(parents.filter(|parent| seen.insert(*parent)));
    }
    seen.contains(&other)
}

/// The first of what a task needs that keeps it from starting: neither landed nor fit to be stood on.
pub fn start_lacks(state: &State, at: usize) -> Option<usize> {
    let bears =
        |need: &usize| bears(state, at, *need) && (comes(state, *need) || state.has(Mutant::HeldStackedOn));
    state.unmet(at).find(|need| !bears(need))
}

/// Whether all that a task needs has landed or stands, whatever becomes of it.
pub(super) fn is_near(state: &State, at: usize) -> bool {
    state.unmet(at).all(|need| bears(state, at, need))
}

/// Whether an attempt of a task has ever had a workspace, whose base stays.
fn has_begun(state: &State, at: usize) -> bool {
    state.tasks[at].facts.base.is_some()
}

/// Whether a task may stand on something that it needs and that has not landed: when it begins, on a change with green
/// checks; afterwards, on what it began on.
fn bears(state: &State, at: usize, need: usize) -> bool {
    let task = &state.tasks[at];
    // Work is brought onto the target only when that holds everything.
    let to_target = matches!(task.step, Step::Ready { kind: Kind::Restack | Kind::Conflict });
    if state.policy.start_on == StartOn::Landed || to_target {
        return false;
    }
    match &task.facts.ground {
        Ground::Target | Ground::Stacked(_) if !has_begun(state, at) => stands(state, need),
        Ground::Stacked(stack) => stack.holds(state.id(need)),
        Ground::Target | Ground::Refused => false,
    }
}

/// Whether a task's change stands with green checks, and nobody has to look at it first.
fn stands(state: &State, at: usize) -> bool {
    let facts = &state.tasks[at].facts;
    let is_green =
        |judged: &Judged| facts.tip.as_ref() == Some(&judged.tip) && judged.checks == HeadChecks::Green;
    let green = facts.judged.as_ref().is_some_and(is_green) || state.has(Mutant::RedStackedOn);
    is_out(state, at) && green && facts.wish.is_none()
}

/// Whether a task's change is before the lane or in it, at its tip.
fn is_out(state: &State, at: usize) -> bool {
    let task = &state.tasks[at];
    matches!(task.step, Step::Open | Step::InLane)
        && task.facts.tip.is_some()
        && task.facts.tip == task.facts.published
}

/// Whether a task that has not landed comes to its landing by itself, and all that it needs does.
pub(super) fn comes(state: &State, at: usize) -> bool {
    let mut seen = BTreeSet::from([at]);
    let mut next = vec![at];
    while let Some(at) = next.pop() {
        if !moves(state, at) {
            return false;
        }
        next.extend(state.unmet(at).filter(|need| seen.insert(*need)));
    }
    true
}

/// Whether nobody is waited for before a task goes on.
fn moves(state: &State, at: usize) -> bool {
    match &state.tasks[at].step {
        // What lands later is not looked at before it was brought onto the target.
        Step::Open => state.is_approved(at),
        Step::Waiting
        | Step::Ready { .. }
        | Step::Running(_)
        | Step::Backoff { .. }
        | Step::Parked { park: Park::Room, .. }
        | Step::Publishing
        | Step::InLane => true,
        Step::Outside
        | Step::Parked { park: Park::Operator | Park::Taken | Park::Question(_), .. }
        | Step::Published
        | Step::Held { .. }
        | Step::Closed(_) => false,
    }
}

/// Whether it is to be found out how the forge's checks judge the head of a task's change: somebody could begin on it.
pub(crate) fn wants_judgement(state: &State, at: usize) -> bool {
    let facts = &state.tasks[at].facts;
    let judged = facts.judged.as_ref().is_some_and(|judged| facts.tip.as_ref() == Some(&judged.tip));
    let begins = |task: usize| {
        let fresh = matches!(state.tasks[task].step, Step::Waiting | Step::Ready { .. });
        fresh && !has_begun(state, task) && state.tasks[task].facts.ground != Ground::Refused
    };
    let starts = state.stop.is_none() && !state.is_halted();
    state.policy.start_on == StartOn::ChecksGreen
        && starts
        && is_out(state, at)
        && !judged
        && state.plan.tasks[at].needed_by.iter().any(|task| begins(*task))
        && comes(state, at)
}
