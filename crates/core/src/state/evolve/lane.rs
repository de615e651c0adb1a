//! What the events of the merge lane do to the state.

use super::Result;
use crate::event::{Drop, Event};
use crate::ids::CandidateId;
use crate::mutant::Mutant;
use crate::state::{Candidate, Freeze, Stage, State, Subject};

impl State {
    fn candidate(&mut self, id: CandidateId) -> Result<&mut Candidate> {
        self.lane.chain.iter_mut().find(|c| c.id == id).ok_or_else(|| format!("there is no candidate {id}"))
    }

    /// Events of the lane.
    pub(super) fn lane_moved(&mut self, event: &Event) -> Result {
        match event {
            Event::CandidateChosen { candidate, members } => {
                self.lane.queue.retain(|t| !members.contains(t));
                self.lane.made = candidate.0;
                let members = members.clone();
                self.lane.chain.push(Candidate {
                    id: *candidate,
                    members,
                    stage: Stage::Building,
                    red: None,
                });
            }
            Event::CandidateBuilt { candidate, built } => {
                self.target_tip = built.base.clone();
                self.candidate(*candidate)?.stage = Stage::Checking { built: built.clone(), run: 0 };
            }
            Event::CheckStarted { subject: Subject::Candidate(id), run } => {
                self.totals.checks += 1;
                let candidate = self.candidate(*id)?;
                let Stage::Checking { built, .. } = &candidate.stage else {
                    return Err(format!("candidate {id} is not to be checked"));
                };
                candidate.stage = Stage::Checking { built: built.clone(), run: *run };
            }
            Event::CheckStarted { subject: Subject::Base(_), .. } => return self.base_check_started(event),
            Event::TreeGreen { tree } => drop(self.lane.green.insert(tree.clone())),
            Event::BaseGreen { commit } => drop(self.lane.green_bases.insert(commit.clone())),
            Event::CheckRed { subject, failure, .. } => {
                self.totals.checks_red += 1;
                if let Subject::Candidate(id) = subject {
                    self.candidate(*id)?.red = Some(failure.clone());
                }
            }
            Event::LandingStarted { candidate } => {
                let candidate = self.candidate(*candidate)?;
                match &candidate.stage {
                    Stage::Checking { built, .. } | Stage::CheckingBase { built, .. } => {
                        candidate.stage = Stage::Landing { built: built.clone() };
                    }
                    Stage::Building | Stage::Landing { .. } => return Err("it was not checked".to_owned()),
                }
            }
            Event::CandidateDropped { candidate, why } => return self.candidate_dropped(*candidate, *why),
            Event::CandidateLanded { candidate, commit } => {
                self.candidate(*candidate)?;
                self.lane.chain.retain(|c| c.id != *candidate);
                self.lane.green_bases.insert(commit.clone());
                self.lane.races = 0;
                self.target_tip = commit.clone();
                self.totals.landings += 1;
            }
            Event::TargetRed { commit, failure } => {
                self.lane.frozen = Some(Freeze::TargetRed(commit.clone()));
                self.lane.red = Some(failure.clone());
                self.lane.declined = false;
                if self.open_repair().is_none() {
                    self.lane.repair = None;
                }
            }
            Event::RacesLost { task } => self.lane.frozen = Some(Freeze::Races(task.clone())),
            Event::LaneThawed => {
                self.lane.frozen = None;
                self.lane.red = None;
                self.lane.declined = false;
                self.lane.repair = None;
                self.lane.races = 0;
            }
            _ => return Err("not an event of the lane".to_owned()),
        }
        Ok(())
    }

    fn base_check_started(&mut self, event: &Event) -> Result {
        let Event::CheckStarted { subject: Subject::Base(commit), run } = event else {
            return Err("not a check of a base".to_owned());
        };
        self.totals.checks += 1;
        self.lane.base_checks = *run;
        if self.lane.frozen.is_some() {
            self.lane.frozen = Some(Freeze::Rechecking(commit.clone()));
            return Ok(());
        }
        let head = self.lane.chain.first_mut().ok_or("there is no candidate")?;
        let (Stage::Checking { built, .. }, Some(failure)) = (&head.stage, &head.red) else {
            return Err("its candidate is not red".to_owned());
        };
        head.stage = Stage::CheckingBase { built: built.clone(), failure: failure.clone() };
        Ok(())
    }

    fn candidate_dropped(&mut self, id: CandidateId, why: Drop) -> Result {
        let candidate = self.candidate(id)?.clone();
        self.lane.chain.retain(|c| c.id != id);
        match why {
            Drop::BaseMoved | Drop::TargetRed if self.has(Mutant::QueueLosesMember) => {}
            Drop::BaseMoved | Drop::TargetRed => {
                for member in candidate.members.iter().rev() {
                    self.lane.queue.insert(0, member.clone());
                }
            }
            Drop::HeadMoved | Drop::Conflict | Drop::Red | Drop::Withdrawn => {}
        }
        match why {
            Drop::BaseMoved => self.lane.races += 1,
            Drop::TargetRed => {}
            Drop::HeadMoved | Drop::Conflict | Drop::Red | Drop::Withdrawn => self.lane.races = 0,
        }
        Ok(())
    }
}
