//! What the events of the merge lane do to the state.

use super::Result;
use crate::event::{Drop, Event};
use crate::ids::{CandidateId, TaskId};
use crate::mutant::Mutant;
use crate::state::{Candidate, Fared, FoundRed, Freeze, Lane, Stage, State, Subject};

/// Changes after which what happened before counts half.
const REMEMBERED: u32 = 50;

impl State {
    fn candidate(&mut self, id: CandidateId) -> Result<&mut Candidate> {
        self.lane.chain.iter_mut().find(|c| c.id == id).ok_or_else(|| format!("there is no candidate {id}"))
    }

    /// Events of the lane.
    pub(super) fn lane_moved(&mut self, event: &Event) -> Result {
        match event {
            Event::CandidateChosen { candidate, members } => self.lane.choose(*candidate, members),
            Event::MemberLeftOut { candidate, task } => {
                let forgets = self.has(Mutant::LeftOutLost);
                self.candidate(*candidate)?.members.retain(|member| member != task);
                self.lane.left_out.insert(task.clone());
                if !forgets {
                    self.lane.queue.insert(0, task.clone());
                }
            }
            Event::CandidateBuilt { .. } | Event::CandidateGreen { .. } | Event::CandidateRed { .. } => {
                return self.candidate_judged(event);
            }
            Event::CheckStarted { subject: Subject::Candidate(id), run } => {
                self.totals.checks += 1;
                let candidate = self.candidate(*id)?;
                let (Stage::Checking { built, .. } | Stage::Landing { built }) = &candidate.stage else {
                    return Err(format!("candidate {id} is not to be checked"));
                };
                candidate.stage = Stage::Checking { built: built.clone(), run: *run };
                candidate.runs = *run;
            }
            Event::CheckStarted { subject: Subject::Base(_), .. } => return self.base_check_started(event),
            Event::TreeGreen { tree } => drop(self.lane.green.insert(tree.clone())),
            Event::BaseGreen { commit } => drop(self.lane.green_bases.insert(commit.clone())),
            Event::CheckRed { subject, failure, .. } => {
                self.totals.checks_red += 1;
                if let Subject::Candidate(id) = subject {
                    let candidate = self.candidate(*id)?;
                    let times = candidate.red.as_ref().map_or(0, |red| red.times) + 1;
                    candidate.red = Some(FoundRed { times, failure: failure.clone() });
                }
            }
            Event::LandingStarted { candidate } => {
                let candidate = self.candidate(*candidate)?;
                let Stage::Green { built } = &candidate.stage else {
                    return Err("it was not found green".to_owned());
                };
                candidate.stage = Stage::Landing { built: built.clone() };
            }
            Event::CandidateSplit { candidate, parts } => return self.candidate_split(*candidate, parts),
            Event::CandidateDropped { candidate, why } => return self.candidate_dropped(*candidate, *why),
            Event::CandidateLanded { candidate, commit } => {
                let members = self.candidate(*candidate)?.members.len();
                self.lane.leave(*candidate);
                self.lane
                    .fared
                    .count(Fared { landed: u32::try_from(members).unwrap_or(u32::MAX), returned: 0 });
                self.lane.green_bases.insert(commit.clone());
                self.lane.races = 0;
                self.target_tip = commit.clone();
                self.totals.landings += 1;
            }
            Event::LandedUnchecked { commit } => {
                self.lane.green_bases.remove(commit);
                self.lane.frozen = Some(Freeze::Rechecking(commit.clone()));
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

    /// What became known of a candidate that is not given up.
    fn candidate_judged(&mut self, event: &Event) -> Result {
        match event {
            Event::CandidateBuilt { candidate, built } => {
                if self.lane.before(*candidate).is_none() {
                    self.target_tip = built.base.clone();
                }
                let red = self.lane.bisection.as_ref().and_then(|b| b.red.get(&built.tree)).cloned();
                let candidate = self.candidate(*candidate)?;
                candidate.stage = Stage::Checking { built: built.clone(), run: 0 };
                candidate.red = red;
            }
            Event::CandidateGreen { candidate } => {
                let candidate = self.candidate(*candidate)?;
                let built = candidate.stage.built().ok_or("it was not built")?;
                candidate.stage = Stage::Green { built: built.clone() };
            }
            Event::CandidateRed { candidate } => {
                let candidate = self.candidate(*candidate)?;
                let (Stage::Checking { built, .. } | Stage::Landing { built }, Some(red)) =
                    (&candidate.stage, &candidate.red)
                else {
                    return Err("it was not red".to_owned());
                };
                candidate.stage = Stage::Red { built: built.clone(), failure: red.failure.clone() };
            }
            _ => return Err("not a verdict".to_owned()),
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
        let Stage::Red { built, failure } = &head.stage else {
            return Err("its candidate is not red".to_owned());
        };
        head.stage = Stage::CheckingBase { built: built.clone(), failure: failure.clone() };
        Ok(())
    }

    fn candidate_split(&mut self, id: CandidateId, parts: &[Vec<TaskId>]) -> Result {
        let candidate = self.candidate(id)?.clone();
        let (Some(built), Some(red)) = (candidate.stage.built(), &candidate.red) else {
            return Err("it was not red".to_owned());
        };
        let mut bisection = self.lane.bisection.take().unwrap_or_default();
        bisection.red.insert(built.tree.clone(), red.clone());
        bisection.parts.splice(0..0, parts.iter().cloned());
        self.lane.bisection = Some(bisection);
        let members = if self.has(Mutant::HalfForgotten) { parts.first().cloned() } else { None };
        self.lane.put_back(members.as_ref().unwrap_or(&candidate.members));
        self.lane.leave(id);
        Ok(())
    }

    fn candidate_dropped(&mut self, id: CandidateId, why: Drop) -> Result {
        let candidate = self.candidate(id)?.clone();
        if !(self.has(Mutant::QueueLosesMember) && matches!(why, Drop::BaseMoved | Drop::TargetRed)) {
            self.lane.put_back(&candidate.members);
        }
        if why == Drop::Conflict {
            self.lane.left_out.extend(candidate.members.iter().cloned());
        }
        if why == Drop::Red {
            self.lane.fared.count(Fared { landed: 0, returned: 1 });
            // One culprit is found: the rest is likely good, and tried together.
            if let Some(bisection) = &mut self.lane.bisection {
                bisection.parts = vec![bisection.parts.concat()];
            }
        }
        self.lane.leave(id);
        match why {
            Drop::BaseMoved => self.lane.races += 1,
            Drop::TargetRed | Drop::Restarted => {}
            Drop::HeadMoved | Drop::Conflict | Drop::Red | Drop::Withdrawn => self.lane.races = 0,
        }
        Ok(())
    }
}

impl Lane {
    fn choose(&mut self, id: CandidateId, members: &[TaskId]) {
        self.queue.retain(|task| !members.contains(task));
        self.made = id.0;
        let in_part =
            self.bisection.as_ref().is_some_and(|b| b.parts.iter().flatten().any(|t| members.contains(t)));
        if in_part {
            let parts = self.bisection.iter_mut().flat_map(|b| &mut b.parts);
            parts.for_each(|part| part.retain(|task| !members.contains(task)));
        } else {
            self.bisection = None;
        }
        let free = |seat: &u32| self.chain.iter().all(|other| other.seat != *seat);
        let seat = (0..=u32::MAX).find(free).unwrap_or_default();
        let members = members.to_vec();
        self.chain.push(Candidate { id, seat, members, stage: Stage::Building, red: None, runs: 0 });
    }

    /// Changes return to where they came from: the front of the queue.
    fn put_back(&mut self, members: &[TaskId]) {
        self.queue.splice(0..0, members.iter().cloned());
    }

    /// A candidate is over. With the first of the chain, what waited for it may be tried again; with the last part, the
    /// bisection is over.
    fn leave(&mut self, id: CandidateId) {
        if self.head().is_some_and(|head| head.id == id) {
            self.left_out.clear();
        }
        self.chain.retain(|candidate| candidate.id != id);
        if self.next_part().is_none() && self.chain.is_empty() {
            self.bisection = None;
        }
    }
}

impl Fared {
    fn count(&mut self, more: Self) {
        self.landed += more.landed;
        self.returned += more.returned;
        if self.landed + self.returned > REMEMBERED {
            self.landed /= 2;
            self.returned /= 2;
        }
    }

    /// How many changes one candidate takes: 8, 4 or 1, by how many of a hundred were red. Nothing known counts as one
    /// red in five and twenty.
    pub fn batch_size(self) -> usize {
        let (red, all) =
            (u64::from(self.returned) + 1, u64::from(self.landed) + u64::from(self.returned) + 25);
        match red * 100 / all {
            0..=2 => 8,
            3..=9 => 4,
            _ => 1,
        }
    }
}
