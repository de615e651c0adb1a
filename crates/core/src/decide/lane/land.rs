//! What came of a landing: landed, too late, or not now.

use super::super::Decider;
use crate::event::{Drop, Event};
use crate::ids::{CandidateId, CommitId, TaskId};
use crate::input::Trouble;
use crate::intent::Intent;
use crate::mutant::Mutant;
use crate::outcome::{Built, LandOutcome};
use crate::question::Ask;
use crate::state::{Closure, Kind, Stage, Step};

/// Races lost in a row before a person is asked.
const MAX_RACES: u32 = 3;

impl Decider<'_> {
    pub(in crate::decide) fn land_ended(&mut self, id: CandidateId, outcome: LandOutcome) {
        let Some(candidate) = self.candidate(id) else { return self.stale() };
        let Stage::Landing { built } = candidate.stage.clone() else { return self.stale() };
        let members = candidate.members.clone();
        match outcome {
            LandOutcome::Landed(commit) => {
                self.landed(id, &members, &built, &commit);
                if members.iter().any(|member| self.state.lane.is_repair(member)) {
                    self.target_is_green();
                }
            }
            LandOutcome::LandedUnchecked(commit) => {
                self.landed(id, &members, &built, &commit);
                if !self.state.has(Mutant::UncheckedBelieved) {
                    self.emit(Event::LandedUnchecked { commit: commit.clone() });
                    self.check_base(commit);
                }
            }
            LandOutcome::Red(failure) => self.red_at_landing(id, failure),
            LandOutcome::BaseMoved => self.base_moved(id, &members),
            LandOutcome::HeadMoved { task, .. } if !members.contains(&task) => self.stale(),
            LandOutcome::HeadMoved { task, tip } => self.head_moved(id, task, tip),
            LandOutcome::Refused(why) => {
                if !self.withdraw(id) {
                    self.intent_failed(Intent::EnsureLanded { candidate: id }, Trouble::Elsewhere(why));
                }
            }
        }
    }

    fn landed(&mut self, id: CandidateId, members: &[TaskId], built: &Built, commit: &CommitId) {
        if built.commit != *commit && !self.state.has(Mutant::OtherCommitIgnored) {
            // The forge made a commit of its own: what is behind was built on another.
            self.restart_behind(id);
        }
        self.emit(Event::CandidateLanded { candidate: id, commit: commit.clone() });
        for task in members {
            let closure = Closure::Landed(commit.clone());
            self.emit(Event::TaskClosed { task: task.clone(), closure });
        }
    }

    /// The one whose branch moved is verified anew; the others wait for the next candidate.
    fn head_moved(&mut self, id: CandidateId, task: TaskId, tip: CommitId) {
        self.drop_candidate(id, Drop::HeadMoved);
        if self.state.has(Mutant::HeadMovedIgnored) {
            return;
        }
        let waits = matches!(self.step(&task), Some(Step::InLane | Step::Parked { .. } | Step::Ready { .. }));
        if waits {
            self.emit(Event::BranchAdopted { task: task.clone(), tip });
        }
        if self.state.lane.queue.contains(&task) {
            self.emit(Event::TaskReopened { task, note: None, kind: Kind::Recheck });
        }
    }

    fn base_moved(&mut self, id: CandidateId, members: &[TaskId]) {
        self.drop_candidate(id, Drop::BaseMoved);
        if self.state.lane.races >= MAX_RACES
            && self.state.lane.frozen.is_none()
            && let Some(task) = members.first().filter(|m| self.state.lane.queue.contains(m)).cloned()
        {
            let times = self.state.lane.races;
            self.emit(Event::RacesLost { task: task.clone() });
            self.ask(Ask::LostRaces { task, times });
        }
    }
}
