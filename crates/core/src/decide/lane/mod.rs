//! The merge lane: changes join it, candidates are made of them and move on, whoever leaves it is told why.
//!
//! Which changes make the next candidate is in `choose`, what its checks mean in `check`, how a red batch is taken apart
//! in `bisect`, what came of a landing in `land`, what is done about a red target in `repair`, and whose turn comes before
//! whose where two do not merge in `turn`.

mod bisect;
mod check;
mod choose;
mod coming;
mod land;
mod repair;
mod turn;

pub use choose::{awaited, left_behind};
pub(crate) use choose::{most_candidates, most_members, overdue, wait_due, waits_too_long};
pub(crate) use turn::comes;
pub use turn::gives_way_to;

use super::Decider;
use super::attempt::after_failure;
use crate::event::{Drop, Event};
use crate::ids::{CandidateId, CommitId, TaskId};
use crate::mutant::Mutant;
use crate::outcome::Failure;
use crate::state::{Candidate, Closure, Freeze, Kind, Park, Stage, State, Step, Wish};
use crate::wishes::candidate_wish;

/// Whether a person has approved a change, where one is to.
fn approved(state: &State, at: usize) -> bool {
    let once = state.tasks[at].facts.approved.is_some() && state.has(Mutant::ApprovalOutlivesTip);
    once || state.has(Mutant::ApprovalIgnored) || state.is_approved(at)
}

/// Whether what a candidate needs did not come when it was tried: commands wait for its outcome no longer. What is being
/// landed may have landed.
pub(crate) fn is_stuck(state: &State, candidate: &Candidate) -> bool {
    let next = candidate_wish(state, candidate);
    !matches!(candidate.stage, Stage::Landing { .. })
        && next.is_some_and(|intent| state.deferred.contains_key(&intent))
}

impl Decider<'_> {
    /// Changes that may land join the queue.
    pub(super) fn queue_open_changes(&mut self) {
        let waits = |at: usize| self.state.lands_later(at) && !self.state.has(Mutant::StackedLands);
        let may_land: Vec<_> =
            self.state.open_changes().filter(|at| approved(self.state, *at) && !waits(*at)).collect();
        for at in may_land {
            let task = self.state.id(at).clone();
            self.emit(Event::TaskQueued { task });
        }
    }

    /// Candidates that were judged move on: those that nobody wants any more leave, and the first lands or answers.
    pub(super) fn resolve_judged(&mut self) {
        self.withdraw_unwanted();
        self.resolve_head();
    }

    /// Free places in the lane are taken by the next candidates.
    pub(super) fn choose_candidates(&mut self) {
        if self.state.stop.is_some() {
            return;
        }
        while let Some(members) = choose::next_members(self.state) {
            let candidate = CandidateId(self.state.lane.made + 1);
            self.emit(Event::CandidateChosen { candidate, members });
        }
    }

    /// Those that nobody wants any more and that wait for others, or for what did not come when it was tried.
    fn withdraw_unwanted(&mut self) {
        let waits = |c: &&Candidate| {
            matches!(c.stage, Stage::Green { .. } | Stage::Red { .. })
                || (is_stuck(self.state, c) && !self.state.has(Mutant::StuckAwaited))
        };
        let waiting: Vec<_> = self.state.lane.chain.iter().filter(waits).map(|c| c.id).collect();
        for id in waiting {
            self.withdraw(id);
        }
    }

    /// The first of the chain lands if it is green and answers for it if it is red.
    fn resolve_head(&mut self) {
        let lane = &self.state.lane;
        let green = |c: &&Candidate| matches!(c.stage, Stage::Green { .. });
        let out_of_turn = lane.chain.iter().find(green).filter(|_| self.state.has(Mutant::LandsOutOfTurn));
        let Some(head) = out_of_turn.or(lane.head()) else { return };
        let id = head.id;
        match head.stage.clone() {
            Stage::Green { .. } => self.emit(Event::LandingStarted { candidate: id }),
            Stage::Red { built, failure } => self.answer_for_red(id, &built, &failure),
            Stage::Building | Stage::Checking { .. } | Stage::CheckingBase { .. } | Stage::Landing { .. } => {
            }
        }
    }

    fn candidate(&self, id: CandidateId) -> Option<&Candidate> {
        self.state.lane.candidate(id)
    }

    /// Gives a candidate up. Those behind it were built on it and begin anew. Members are back in the queue, but for
    /// those of which a command waited for this.
    fn drop_candidate(&mut self, id: CandidateId, why: Drop) {
        self.restart_behind(id);
        let members = self.candidate(id).map(|c| c.members.clone()).unwrap_or_default();
        self.emit(Event::CandidateDropped { candidate: id, why });
        for member in &members {
            self.fulfil_wish(member);
        }
    }

    /// Gives up what was built on a candidate.
    fn restart_behind(&mut self, id: CandidateId) {
        if self.state.has(Mutant::RestartForgotten) {
            return;
        }
        let behind: Vec<_> = self.state.lane.chain.iter().rev().take_while(|c| c.id != id).cloned().collect();
        for candidate in behind {
            self.emit(Event::CandidateDropped { candidate: candidate.id, why: Drop::Restarted });
            for member in &candidate.members {
                self.fulfil_wish(member);
            }
        }
    }

    /// Changes go back to their agents, each at the cost of a try. Those that have left the lane are left alone.
    fn give_back(&mut self, members: &[TaskId], failure: &Failure, kind: Kind) {
        for task in members {
            if !self.state.lane.queue.contains(task) {
                continue;
            }
            let Some(t) = self.state.task(task) else { continue };
            let after = after_failure(&self.state.policy, self.now, t.facts.tries, failure, kind);
            self.emit(Event::ChangeReturned { task: task.clone(), failure: failure.clone(), after });
        }
        self.notice_same_cause();
    }

    /// A change whose candidate is stuck leaves the lane, as its branch is another now.
    pub(super) fn leave_stuck(&mut self, task: &TaskId) {
        let carries = |c: &&Candidate| c.members.contains(task) && is_stuck(self.state, c);
        if let Some(id) = self.state.lane.chain.iter().find(carries).map(|c| c.id) {
            self.drop_candidate(id, Drop::Withdrawn);
        }
    }

    /// A candidate that nobody wants any more is dropped before anything is spent on it.
    fn withdraw(&mut self, id: CandidateId) -> bool {
        let wished = |m: &TaskId| self.state.task(m).is_some_and(|t| t.facts.wish.is_some());
        let unwanted = self.candidate(id).is_some_and(|c| c.members.iter().any(wished));
        if unwanted {
            self.drop_candidate(id, Drop::Withdrawn);
        }
        unwanted
    }

    /// Carries out a command that waited for the candidate's outcome.
    fn fulfil_wish(&mut self, task: &TaskId) -> bool {
        let Some(wish) = self.state.task(task).and_then(|t| t.facts.wish) else { return false };
        if self.state.has(Mutant::WishForgotten) {
            return false;
        }
        let task = task.clone();
        if wish == Wish::AskClosed {
            self.ask_about_closed_change(task);
            return true;
        }
        if wish == Wish::Reject {
            let note = self.state.task(&task).and_then(|t| t.facts.note.clone()).unwrap_or_default();
            self.emit(Event::ChangeRejected { task, note });
            return true;
        }
        self.emit(match wish {
            Wish::Unapprove => Event::ApprovalWithdrawn { task },
            Wish::Park => Event::TaskParked { task, park: Park::Operator },
            Wish::Take => Event::TaskParked { task, park: Park::Taken },
            Wish::Cancel => Event::TaskClosed { task, closure: Closure::Cancelled },
            Wish::Skip(satisfies) => Event::TaskClosed { task, closure: Closure::Skipped(satisfies) },
            Wish::Retry | Wish::Reject | Wish::AskClosed => {
                Event::TaskReopened { task, note: None, kind: Kind::Recheck }
            }
        });
        true
    }

    /// A person's tip becomes the task's, and is verified anew.
    pub(super) fn adopt_branch(&mut self, task: TaskId, tip: CommitId) {
        let waits = matches!(self.step(&task), Some(Step::Parked { .. } | Step::Backoff { .. }));
        self.emit(Event::BranchAdopted { task: task.clone(), tip });
        if !waits {
            self.emit(Event::TaskReopened { task, note: None, kind: Kind::Recheck });
        }
    }

    /// A lane that stood still for one change goes on once that change has left it.
    pub(super) fn thaw_left_lane(&mut self) {
        if let Some(Freeze::Races(task)) = &self.state.lane.frozen
            && !self.state.lane.queue.contains(task)
        {
            self.emit(Event::LaneThawed);
        }
    }
}
