//! What building and checking a candidate says: which members are in it, whether its tree is green, and whose fault it is
//! when it is not.

use super::super::Decider;
use crate::event::{Drop, Event};
use crate::ids::{CandidateId, CommitId, TaskId};
use crate::input::Trouble;
use crate::intent::Intent;
use crate::mutant::Mutant;
use crate::outcome::{BuildOutcome, Built, Clash, ClashWith, Class, Failure, Verdict};
use crate::state::{Candidate, Freeze, Kind, Stage, Subject};

/// Red check runs of one tree before it counts as red.
const CHECK_RUNS: u32 = 2;

impl Decider<'_> {
    pub(in crate::decide) fn candidate_built(&mut self, id: CandidateId, outcome: BuildOutcome) {
        let Some(candidate) = self.candidate(id).filter(|c| c.stage == Stage::Building) else {
            return self.stale();
        };
        let before = self.state.lane.before(id).map(|before| before.stage.built().map(|built| &built.commit));
        let members = candidate.members.clone();
        match outcome {
            // One that was to be built on another, and was not, is of another time.
            BuildOutcome::Built { built, .. } if before.is_some_and(|commit| commit != Some(&built.base)) => {
                self.stale();
            }
            BuildOutcome::Built { built, mut left_out } => {
                left_out.retain(|clash| members.contains(&clash.task));
                if left_out.len() < members.len() {
                    self.take_shape(id, built, &left_out);
                } else {
                    self.drop_clashing(id, &left_out);
                }
            }
            BuildOutcome::Conflict { base, clashes } => {
                if before.is_none() {
                    self.emit(Event::TargetMoved { tip: base });
                }
                self.drop_clashing(id, &clashes);
            }
        }
    }

    /// None of the members merges.
    fn drop_clashing(&mut self, id: CandidateId, clashes: &[Clash]) {
        self.drop_candidate(id, Drop::Conflict);
        self.send_back_clashing(clashes);
    }

    /// The candidate is of those members that merge.
    fn take_shape(&mut self, id: CandidateId, built: Built, left_out: &[Clash]) {
        // The last that is put back is the first in the queue.
        for clash in left_out.iter().rev() {
            self.emit(Event::MemberLeftOut { candidate: id, task: clash.task.clone() });
        }
        let green = self.state.lane.green.contains(&built.tree) || self.state.has(Mutant::LandsUnchecked);
        self.emit(Event::CandidateBuilt { candidate: id, built });
        for clash in left_out {
            self.fulfil_wish(&clash.task);
        }
        self.send_back_clashing(left_out);
        if self.withdraw(id) {
            return;
        }
        if green {
            self.emit(Event::CandidateGreen { candidate: id });
        } else {
            self.check_or_condemn(id, 0);
        }
    }

    /// Only who does not merge with the target itself goes back to its agent: what it clashes with otherwise has not
    /// landed, and perhaps never will.
    fn send_back_clashing(&mut self, clashes: &[Clash]) {
        for clash in clashes {
            if clash.with == ClashWith::Target || self.state.has(Mutant::BothSentBack) {
                let what = format!("does not merge with the target: {}", clash.files.join(", "));
                let failure = Failure::new(Class::Conflict, what);
                self.give_back(std::slice::from_ref(&clash.task), &failure, Kind::Conflict);
            }
        }
    }

    /// Begins another check of a candidate, unless its tree was red often enough. `run` is the last one.
    fn check_or_condemn(&mut self, id: CandidateId, run: u32) {
        let Some(candidate) = self.candidate(id) else { return };
        let times = candidate.red.as_ref().map_or(0, |red| red.times);
        self.emit(if times < self.runs_wanted(candidate) {
            Event::CheckStarted { subject: Subject::Candidate(id), run: run + 1 }
        } else {
            Event::CandidateRed { candidate: id }
        });
    }

    /// How often a candidate must be red to be believed: once where it is a part of what was red already, and nobody is
    /// sent back for it.
    fn runs_wanted(&self, candidate: &Candidate) -> u32 {
        let is_part = self.state.lane.bisection.is_some() && candidate.members.len() > 1;
        if is_part || self.state.has(Mutant::RedChargedAtOnce) { 1 } else { CHECK_RUNS }
    }

    pub(in crate::decide) fn check_ended(&mut self, subject: Subject, run: u32, verdict: Verdict) {
        match (subject, verdict) {
            (subject, Verdict::Unevaluated(why)) => {
                self.intent_failed(Intent::EnsureChecked { subject, run }, Trouble::Machine(why));
            }
            (Subject::Candidate(id), Verdict::Green) => self.candidate_checked(id, run, None),
            (Subject::Candidate(id), Verdict::Red(failure)) => self.candidate_checked(id, run, Some(failure)),
            (Subject::Base(commit), Verdict::Green) => self.base_checked(&commit, run, None),
            (Subject::Base(commit), Verdict::Red(failure)) => self.base_checked(&commit, run, Some(failure)),
        }
    }

    fn candidate_checked(&mut self, id: CandidateId, run: u32, red: Option<Failure>) {
        let Some(candidate) = self.candidate(id) else { return self.stale() };
        let Stage::Checking { built, run: current } = candidate.stage.clone() else { return self.stale() };
        if current != run {
            return self.stale();
        }
        let Some(failure) = red else {
            self.emit(Event::TreeGreen { tree: built.tree });
            return self.emit(Event::CandidateGreen { candidate: id });
        };
        self.candidate_red(id, run, failure);
    }

    /// What was green before is red as it was to land. Like any red check that is repeated before it counts.
    pub(super) fn red_at_landing(&mut self, id: CandidateId, failure: Failure) {
        // One that is the same as what was found green before had no run of its own.
        let run = self.candidate(id).map_or(1, |candidate| candidate.runs.max(1));
        self.candidate_red(id, run, failure);
    }

    fn candidate_red(&mut self, id: CandidateId, run: u32, failure: Failure) {
        let failure = Failure { class: Class::Ci, ..failure };
        self.emit(Event::CheckRed { subject: Subject::Candidate(id), run, failure });
        if !self.withdraw(id) {
            self.check_or_condemn(id, run);
        }
    }

    /// The first of the chain is red: its base may be as well, and who of it is to blame may have to be found out.
    pub(super) fn answer_for_red(&mut self, id: CandidateId, built: &Built, failure: &Failure) {
        let Some(candidate) = self.candidate(id) else { return };
        // A repair is there to make a red base green, and answers for it.
        let answers = candidate.members.iter().all(|member| self.state.lane.is_repair(member));
        let base_is_green = self.state.lane.green_bases.contains(&built.base)
            || answers
            || self.state.has(Mutant::RedChargedUnseen);
        if base_is_green { self.blame(id, failure) } else { self.check_base(built.base.clone()) }
    }

    fn blame(&mut self, id: CandidateId, failure: &Failure) {
        let members = self.candidate(id).map(|c| c.members.clone()).unwrap_or_default();
        if members.len() > 1 && !self.state.has(Mutant::BatchCharged) {
            return self.split(id, &members);
        }
        self.charge(id, &members, failure);
    }

    fn charge(&mut self, id: CandidateId, members: &[TaskId], failure: &Failure) {
        self.drop_candidate(id, Drop::Red);
        self.give_back(members, failure, Kind::Ci);
    }

    pub(super) fn check_base(&mut self, commit: CommitId) {
        let run = self.state.lane.base_checks + 1;
        self.emit(Event::CheckStarted { subject: Subject::Base(commit), run });
    }

    fn base_checked(&mut self, commit: &CommitId, run: u32, red: Option<Failure>) {
        if run != self.state.lane.base_checks {
            return self.stale();
        }
        if self.state.lane.frozen == Some(Freeze::Rechecking(commit.clone())) {
            return self.thaw_or_stay(commit, run, red);
        }
        let head = self.state.lane.head().map(|head| (head.id, head.stage.clone()));
        let Some((id, Stage::CheckingBase { built, failure })) = head else { return self.stale() };
        if built.base != *commit {
            return self.stale();
        }
        match red {
            None => {
                self.emit(Event::BaseGreen { commit: commit.clone() });
                self.blame(id, &failure);
            }
            Some(base_failure) => {
                let subject = Subject::Base(commit.clone());
                self.emit(Event::CheckRed { subject, run, failure: base_failure.clone() });
                self.drop_candidate(id, Drop::TargetRed);
                self.target_red(commit, base_failure);
            }
        }
    }
}
