//! The merge lane: which change next, what its candidate's checks mean, and who answers for a red one.

use super::Decider;
use super::attempt::after_failure;
use crate::event::{Drop, Event};
use crate::ids::{CandidateId, CommitId, TaskId};
use crate::input::Trouble;
use crate::intent::Intent;
use crate::mutant::Mutant;
use crate::outcome::{BuildOutcome, Class, Failure, LandOutcome, Verdict};
use crate::plan::{Priority, Spot, TaskSpec};
use crate::policy::MergeStrategy;
use crate::question::{Answer, Ask};
use crate::state::{
    Candidate, Closure, Freeze, Kind, Park, PauseCause, Satisfies, Stage, State, Step, Stop, Subject, Wish,
};

/// Red check runs of one candidate before it counts as red.
const CHECK_RUNS: u32 = 2;
/// Repairs that one run may have.
const MAX_REPAIRS: u32 = 1_000;
/// Races lost in a row before a person is asked.
const MAX_RACES: u32 = 3;

impl Decider<'_> {
    /// Open changes join the queue; a free lane takes up the next candidate.
    pub(super) fn advance_lane(&mut self) {
        if self.state.stop.is_some() || !self.state.lane.chain.is_empty() {
            return;
        }
        let queue = &self.state.lane.queue;
        let next = match &self.state.lane.frozen {
            None => self.next_in_queue(),
            Some(Freeze::TargetRed(_) | Freeze::Rechecking(_)) => {
                queue.iter().find(|id| self.state.lane.is_repair(id))
            }
            Some(Freeze::Races(_)) => None,
        };
        if let Some(next) = next.cloned() {
            let candidate = CandidateId(self.state.lane.made + 1);
            self.emit(Event::CandidateChosen { candidate, members: vec![next] });
        }
    }

    fn next_in_queue(&self) -> Option<&TaskId> {
        let queue = &self.state.lane.queue;
        match self.state.policy.merge_strategy {
            MergeStrategy::Independent | MergeStrategy::Batch => queue.first(),
            // The first of the most urgent: equals land in order of arrival.
            MergeStrategy::Priority => queue.iter().min_by_key(|id| {
                std::cmp::Reverse(self.state.position(id).map(|at| self.state.priority(at)))
            }),
        }
    }

    pub(super) fn queue_open_changes(&mut self) {
        for at in self.state.open_changes().collect::<Vec<_>>() {
            let task = self.state.id(at).clone();
            self.emit(Event::TaskQueued { task });
        }
    }

    fn candidate(&self, id: CandidateId) -> Option<&Candidate> {
        self.state.lane.chain.iter().find(|c| c.id == id)
    }

    pub(super) fn candidate_built(&mut self, id: CandidateId, outcome: BuildOutcome) {
        let Some(candidate) = self.candidate(id).filter(|c| c.stage == Stage::Building) else {
            return self.stale();
        };
        let members = candidate.members.clone();
        match outcome {
            BuildOutcome::Built(built) => {
                let known_green =
                    self.state.lane.green.contains(&built.tree) || self.state.has(Mutant::LandsUnchecked);
                self.emit(Event::CandidateBuilt { candidate: id, built });
                if self.withdraw(id, &members) {
                    return;
                }
                self.emit(if known_green {
                    Event::LandingStarted { candidate: id }
                } else {
                    Event::CheckStarted { subject: Subject::Candidate(id), run: 1 }
                });
            }
            BuildOutcome::Conflict { base, files } => {
                self.emit(Event::TargetMoved { tip: base });
                self.emit(Event::CandidateDropped { candidate: id, why: Drop::Conflict });
                let failure = Failure::new(
                    Class::Conflict,
                    format!("does not merge with the target: {}", files.join(", ")),
                );
                self.give_back(&members, &failure, Kind::Conflict);
            }
        }
    }

    /// The members go back to their agents, each at the cost of a try; commands that waited come first.
    fn give_back(&mut self, members: &[TaskId], failure: &Failure, kind: Kind) {
        for task in members {
            if self.fulfil_wish(task) {
                continue;
            }
            let Some(t) = self.state.task(task) else { continue };
            let after = after_failure(&self.state.policy, self.now, t.facts.tries, failure, kind);
            self.emit(Event::ChangeReturned { task: task.clone(), failure: failure.clone(), after });
        }
        self.notice_same_cause();
    }

    /// A candidate that nobody wants any more is dropped before anything is spent on it.
    fn withdraw(&mut self, id: CandidateId, members: &[TaskId]) -> bool {
        let unwanted = members.iter().any(|m| self.state.task(m).is_some_and(|t| t.facts.wish.is_some()));
        if unwanted {
            self.emit(Event::CandidateDropped { candidate: id, why: Drop::Withdrawn });
            for member in members {
                if !self.fulfil_wish(member) {
                    self.emit(Event::TaskQueued { task: member.clone() });
                }
            }
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
        self.emit(match wish {
            Wish::Park => Event::TaskParked { task, park: Park::Operator },
            Wish::Take => Event::TaskParked { task, park: Park::Taken },
            Wish::Cancel => Event::TaskClosed { task, closure: Closure::Cancelled },
            Wish::Skip(satisfies) => Event::TaskClosed { task, closure: Closure::Skipped(satisfies) },
            Wish::Retry | Wish::AskClosed => Event::TaskReopened { task, note: None, kind: Kind::Recheck },
        });
        true
    }

    pub(super) fn check_ended(&mut self, subject: Subject, run: u32, verdict: Verdict) {
        if let Verdict::Unevaluated(why) = verdict {
            return self.intent_failed(Intent::EnsureChecked { subject, run }, Trouble::Machine(why));
        }
        match subject {
            Subject::Candidate(id) => self.candidate_checked(id, run, verdict),
            Subject::Base(commit) => self.base_checked(&commit, run, verdict),
        }
    }

    fn candidate_checked(&mut self, id: CandidateId, run: u32, verdict: Verdict) {
        let Some(candidate) = self.candidate(id) else { return self.stale() };
        let Stage::Checking { built, run: current } = candidate.stage.clone() else { return self.stale() };
        if current != run {
            return self.stale();
        }
        let members = candidate.members.clone();
        match verdict {
            Verdict::Green => {
                self.emit(Event::TreeGreen { tree: built.tree });
                if !self.withdraw(id, &members) {
                    self.emit(Event::LandingStarted { candidate: id });
                }
            }
            Verdict::Red(failure) => {
                let failure = Failure { class: Class::Ci, ..failure };
                self.emit(Event::CheckRed { subject: Subject::Candidate(id), run, failure: failure.clone() });
                if self.withdraw(id, &members) {
                    return;
                }
                // A repair is there to make a red base green, and answers for it.
                let answers = members.iter().all(|member| self.state.lane.is_repair(member));
                let base_is_green = self.state.lane.green_bases.contains(&built.base)
                    || answers
                    || self.state.has(Mutant::RedChargedUnseen);
                if run < CHECK_RUNS && !self.state.has(Mutant::RedChargedAtOnce) {
                    self.emit(Event::CheckStarted { subject: Subject::Candidate(id), run: run + 1 });
                } else if base_is_green {
                    self.charge(id, &members, &failure);
                } else {
                    self.check_base(built.base);
                }
            }
            Verdict::Unevaluated(_) => {}
        }
    }

    fn charge(&mut self, id: CandidateId, members: &[TaskId], failure: &Failure) {
        self.emit(Event::CandidateDropped { candidate: id, why: Drop::Red });
        self.give_back(members, failure, Kind::Ci);
    }

    fn check_base(&mut self, commit: CommitId) {
        let run = self.state.lane.base_checks + 1;
        self.emit(Event::CheckStarted { subject: Subject::Base(commit), run });
    }

    fn base_checked(&mut self, commit: &CommitId, run: u32, verdict: Verdict) {
        if run != self.state.lane.base_checks {
            return self.stale();
        }
        if self.state.lane.frozen == Some(Freeze::Rechecking(commit.clone())) {
            return self.thaw_or_stay(commit, run, verdict);
        }
        let head = self.state.lane.head().map(|c| (c.id, c.members.clone(), c.stage.clone()));
        let Some((id, members, Stage::CheckingBase { built, failure })) = head else { return self.stale() };
        if built.base != *commit {
            return self.stale();
        }
        match verdict {
            Verdict::Green => {
                self.emit(Event::BaseGreen { commit: commit.clone() });
                self.charge(id, &members, &failure);
            }
            Verdict::Red(base_failure) => {
                let subject = Subject::Base(commit.clone());
                self.emit(Event::CheckRed { subject, run, failure: base_failure.clone() });
                self.emit(Event::CandidateDropped { candidate: id, why: Drop::TargetRed });
                for member in &members {
                    self.fulfil_wish(member);
                }
                self.target_red(commit, base_failure);
            }
            Verdict::Unevaluated(_) => {}
        }
    }

    fn target_red(&mut self, commit: &CommitId, failure: Failure) {
        self.emit(Event::TargetRed { commit: commit.clone(), failure });
        if !self.state.paused.contains(&PauseCause::TargetRed) {
            self.emit(Event::DispatchPaused { cause: PauseCause::TargetRed });
        }
    }

    fn thaw_or_stay(&mut self, commit: &CommitId, run: u32, verdict: Verdict) {
        match verdict {
            Verdict::Green => {
                self.emit(Event::BaseGreen { commit: commit.clone() });
                self.target_is_green();
            }
            Verdict::Red(failure) => {
                let subject = Subject::Base(commit.clone());
                self.emit(Event::CheckRed { subject, run, failure: failure.clone() });
                self.target_red(commit, failure);
            }
            Verdict::Unevaluated(_) => {}
        }
    }

    pub(super) fn land_ended(&mut self, id: CandidateId, outcome: LandOutcome) {
        let Some(candidate) = self.candidate(id) else { return self.stale() };
        let Stage::Landing { .. } = candidate.stage else { return self.stale() };
        let members = candidate.members.clone();
        match outcome {
            LandOutcome::Landed(commit) => self.landed(id, &members, &commit),
            LandOutcome::BaseMoved => self.base_moved(id, &members),
            LandOutcome::HeadMoved(tip) => {
                self.emit(Event::CandidateDropped { candidate: id, why: Drop::HeadMoved });
                for task in members {
                    if self.state.has(Mutant::HeadMovedIgnored) {
                        self.emit(Event::TaskQueued { task });
                        continue;
                    }
                    self.emit(Event::BranchAdopted { task: task.clone(), tip: tip.clone() });
                    if !self.fulfil_wish(&task) {
                        self.emit(Event::TaskReopened { task, note: None, kind: Kind::Recheck });
                    }
                }
            }
            LandOutcome::Refused(why) => {
                if !self.withdraw(id, &members) {
                    self.intent_failed(Intent::EnsureLanded { candidate: id }, Trouble::Elsewhere(why));
                }
            }
        }
    }

    fn landed(&mut self, id: CandidateId, members: &[TaskId], commit: &CommitId) {
        self.emit(Event::CandidateLanded { candidate: id, commit: commit.clone() });
        for task in members {
            let closure = Closure::Landed(commit.clone());
            self.emit(Event::TaskClosed { task: task.clone(), closure });
        }
        if members.iter().any(|member| self.state.lane.is_repair(member)) {
            self.target_is_green();
        }
    }

    /// The lane and dispatch go on. A repair that is still at it is no longer needed.
    fn target_is_green(&mut self) {
        self.emit(Event::LaneThawed);
        self.emit(Event::DispatchResumed { cause: PauseCause::TargetRed });
        self.settle_questions(|ask| matches!(ask, Ask::TargetRed { .. }), Answer::Retry);
        for repair in self.state.lane.repairs.clone() {
            self.give_up(&repair, Stop::Skip(Satisfies::Yes));
        }
    }

    /// A task joins the plan that is to make the target green again.
    pub(super) fn add_repair(&mut self) {
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
    pub(super) fn follow_red_target(&mut self) {
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

    fn base_moved(&mut self, id: CandidateId, members: &[TaskId]) {
        self.emit(Event::CandidateDropped { candidate: id, why: Drop::BaseMoved });
        for member in members {
            self.fulfil_wish(member);
        }
        if self.state.lane.races >= MAX_RACES
            && self.state.lane.frozen.is_none()
            && let Some(task) = members.first().filter(|m| self.state.lane.queue.contains(m)).cloned()
        {
            let times = self.state.lane.races;
            self.emit(Event::RacesLost { task: task.clone() });
            self.ask(Ask::LostRaces { task, times });
        }
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

    /// Checks the target once more after it was red.
    pub(super) fn recheck_target(&mut self, commit: CommitId) {
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
