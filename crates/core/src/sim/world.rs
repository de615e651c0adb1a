//! The virtual world of `ppe simulate`: every wish comes true, the work after its estimated time. Knows nothing of failure.

use crate::ids::{Attempt, Branch, ChangeNumber, CommitId, Millis, TaskId, TreeId};
use crate::input::Input;
use crate::intent::{Intent, JobName};
use crate::outcome::{
    AgentEnd, BuildOutcome, Built, Differs, Exit, LandOutcome, Leftovers, Prepared, Rebase, Snapshot,
    SnapshotOutcome, Verdict,
};
use crate::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// What is under way, and when it will be over.
#[derive(Debug)]
pub(super) struct World {
    durations_ms: Vec<u64>,
    due: BTreeMap<(Millis, u64), (Intent, Input)>,
    in_hand: BTreeSet<Intent>,
    made: u64,
}

impl World {
    pub(super) fn new(durations_ms: Vec<u64>) -> Self {
        Self { durations_ms, due: BTreeMap::new(), in_hand: BTreeSet::new(), made: 0 }
    }

    /// When the next wish comes true.
    pub(super) fn next_at(&self) -> Option<Millis> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// What comes true next.
    pub(super) fn next(&mut self) -> Option<(Millis, Input)> {
        let ((at, _), (intent, input)) = self.due.pop_first()?;
        self.in_hand.remove(&intent);
        Some((at, input))
    }

    /// Takes a wish in hand, unless it is already.
    pub(super) fn perform(&mut self, state: &State, now: Millis, intent: Intent) {
        if !self.in_hand.insert(intent.clone()) {
            return;
        }
        self.made += 1;
        let takes_ms = match &intent {
            Intent::EnsureAgent { task, .. } => state.position(task).map_or(0, |at| self.durations_ms[at]),
            _ => 0,
        };
        if let Some(input) = self.outcome(state, &intent) {
            self.due.insert((now.plus(takes_ms), self.made), (intent, input));
        }
    }

    fn outcome(&self, state: &State, intent: &Intent) -> Option<Input> {
        Some(match intent.clone() {
            Intent::EnsurePreloaded { task } => Input::Preloaded { task },
            Intent::EnsureWorkspace { task, attempt } => Self::prepared(state, task, attempt),
            Intent::EnsureAgent { task, attempt, round } => {
                let end = AgentEnd::new(Exit::Done);
                Input::AgentEnded { task, attempt, round, end: Box::new(end) }
            }
            Intent::EnsureStopped { task, attempt, job } => Self::stopped(task, attempt, job),
            Intent::EnsureSnapshot { task, attempt, worked, collect } => {
                let planned =
                    state.position(&task).map_or(1, |at| state.plan.tasks[at].spec.planned_commits());
                let outcome = SnapshotOutcome::Taken(self.snapshot(planned.max(1)));
                Input::SnapshotTaken { task, attempt, worked, collect, outcome }
            }
            Intent::EnsureVerified { task, attempt, job } => {
                Input::VerifyEnded { task, attempt, job, verified: Verdict::Green.into() }
            }
            Intent::EnsurePublished { task } => {
                let facts = &state.task(&task)?.facts;
                let (branch, tip) = (facts.branch.clone()?, facts.tip.clone()?);
                Input::Published { task, branch, tip }
            }
            Intent::EnsureChange { task } => Input::ChangeOpened { task, change: ChangeNumber(self.made) },
            Intent::EnsureHeadJudged { task, tip } => {
                Input::HeadJudged { task, tip, verdict: Verdict::Green }
            }
            Intent::EnsureLabelled { task } => Input::Labelled { task },
            Intent::EnsureCandidate { candidate } => {
                let before = state.lane.before(candidate).and_then(|before| before.stage.built());
                let base = before.map_or(&state.target_tip, |built| &built.commit).clone();
                let built = Built { base, commit: self.commit(), tree: self.tree() };
                let outcome = BuildOutcome::Built { built, left_out: Vec::new() };
                Input::CandidateBuilt { candidate, outcome }
            }
            Intent::EnsureChecked { subject, run } => {
                Input::CheckEnded { subject, run, verdict: Verdict::Green }
            }
            Intent::EnsureLanded { candidate } => {
                let built = state.lane.candidate(candidate)?.stage.built()?;
                Input::LandEnded { candidate, outcome: LandOutcome::Landed(built.commit.clone()) }
            }
            Intent::EnsureReleased { task } => Input::Released { task },
        })
    }

    fn prepared(state: &State, task: TaskId, attempt: Attempt) -> Input {
        let name = state.plan.task(&task).map(|t| t.branch_name.clone()).unwrap_or_default();
        let (base, tip) = (state.target_tip.clone(), state.target_tip.clone());
        let prepared =
            Prepared { base, tip, branch: Branch::new(name), rebase: Rebase::NotTried, aside: None };
        Input::Prepared { task, attempt, prepared }
    }

    fn stopped(task: TaskId, attempt: Attempt, job: JobName) -> Input {
        use crate::state::Round;
        let end = AgentEnd::new(Exit::Stopped);
        match job {
            JobName::Agent => Input::AgentEnded { task, attempt, round: Round::Main, end: Box::new(end) },
            JobName::Leftovers => {
                Input::AgentEnded { task, attempt, round: Round::Leftovers, end: Box::new(end) }
            }
            JobName::Review => Input::AgentEnded { task, attempt, round: Round::Review, end: Box::new(end) },
            JobName::Recheck | JobName::Verify => {
                Input::VerifyEnded { task, attempt, job, verified: Verdict::Green.into() }
            }
        }
    }

    fn snapshot(&self, commits: u32) -> Snapshot {
        Snapshot {
            tip: self.commit(),
            tree: self.tree(),
            commits,
            differs: Differs::Yes,
            leftovers: Leftovers::Clean,
            contains_base: true,
            loses_published: false,
            lines_added: 0,
            lines_removed: 0,
            tests_added: 0,
            attributed: Vec::new(),
        }
    }

    fn commit(&self) -> CommitId {
        CommitId::new(format!("c{}", self.made))
    }

    fn tree(&self) -> TreeId {
        TreeId::new(format!("t{}", self.made))
    }
}
