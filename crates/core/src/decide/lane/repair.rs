//! What is done about a red target: the lane stands still, and a task is made that is to repair it.

use super::super::Decider;
use crate::event::Event;
use crate::ids::{CommitId, TaskId};
use crate::mutant::Mutant;
use crate::outcome::Failure;
use crate::plan::{Priority, Spot, TaskSpec};
use crate::question::{Answer, Ask};
use crate::state::{Freeze, PauseCause, Satisfies, State, Stop, Subject};

/// Repairs that one run may have.
const MAX_REPAIRS: u32 = 1_000;

impl Decider<'_> {
    pub(super) fn target_red(&mut self, commit: &CommitId, failure: Failure) {
        self.emit(Event::TargetRed { commit: commit.clone(), failure });
        if !self.state.paused.contains(&PauseCause::TargetRed) {
            self.emit(Event::DispatchPaused { cause: PauseCause::TargetRed });
        }
    }

    pub(super) fn thaw_or_stay(&mut self, commit: &CommitId, run: u32, red: Option<Failure>) {
        match red {
            None => {
                self.emit(Event::BaseGreen { commit: commit.clone() });
                self.target_is_green();
            }
            Some(failure) => {
                let subject = Subject::Base(commit.clone());
                self.emit(Event::CheckRed { subject, run, failure: failure.clone() });
                self.target_red(commit, failure);
            }
        }
    }

    /// The lane and dispatch go on. A repair that is still at it is no longer needed.
    pub(super) fn target_is_green(&mut self) {
        self.emit(Event::LaneThawed);
        if self.state.paused.contains(&PauseCause::TargetRed) {
            self.emit(Event::DispatchResumed { cause: PauseCause::TargetRed });
        }
        self.settle_questions(|ask| matches!(ask, Ask::TargetRed { .. }), Answer::Retry);
        for repair in self.state.lane.repairs.clone() {
            self.give_up(&repair, Stop::Skip(Satisfies::Yes));
        }
    }

    /// A task joins the plan that is to make the target green again.
    pub(in crate::decide) fn add_repair(&mut self) {
        let (Some(failure), None) = (&self.state.lane.red, self.state.open_repair()) else { return };
        let task = |n: u32| repair_of(self.state, TaskId::new(format!("REPAIR-{n}")), failure);
        // An id that is taken, or like one that is, does not fit in.
        let fits = (1..=MAX_REPAIRS).map(task).find_map(|spec| {
            let id = spec.id.value.clone();
            Some((self.state.plan.with(spec)?, id))
        });
        if let Some((plan, repair)) = fits {
            self.emit(Event::RepairAdded { plan: Box::new(plan), repair });
        }
    }

    /// What is to be done about a red target: a repair is at it, or a person is asked. When a repair was given up, it is
    /// found out first whether the target is red still.
    pub(in crate::decide) fn follow_red_target(&mut self) {
        let Some(Freeze::TargetRed(commit)) = self.state.lane.frozen.clone() else { return };
        if self.state.open_count() == 0 || self.state.open_repair().is_some() {
            return;
        }
        if self.state.lane.repair.is_some() {
            if !self.state.has(Mutant::RepairForgotten) {
                self.recheck_target(self.state.target_tip.clone());
            }
        } else if !self.state.lane.declined && !self.is_asked(|ask| matches!(ask, Ask::TargetRed { .. })) {
            let summary = self.state.lane.red.as_ref().map_or_else(String::new, |red| red.summary.clone());
            self.ask(Ask::TargetRed { commit, summary });
        }
    }

    /// Checks the target once more after it was red.
    pub(in crate::decide) fn recheck_target(&mut self, commit: CommitId) {
        if matches!(self.state.lane.frozen, Some(Freeze::TargetRed(_))) {
            self.check_base(commit);
        }
    }
}

/// The task that repairs a target which failed so.
fn repair_of(state: &State, id: TaskId, failure: &Failure) -> TaskSpec {
    let spot = Spot { file: "REPAIR".into(), line: 1 };
    let output = if failure.detail.is_empty() {
        String::new()
    } else {
        format!("\n\nThe end of the output:\n\n{}", failure.detail)
    };
    let body = format!(
        "The branch `{target}` itself is red at {tip}: {summary}. No other work can land until it is green. Find the cause on \
         the tip of `{target}` and repair it in as few commits as it takes. Repair the cause, not the check.{output}",
        target = state.target,
        tip = state.target_tip,
        summary = failure.summary,
    );
    TaskSpec {
        body: body.into(),
        priority: Priority::Critical,
        ..TaskSpec::bare(id, format!("Repair {}: {}", state.target, failure.summary), spot)
    }
}
