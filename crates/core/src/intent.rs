//! Intents: idempotent wishes derived from the state. They carry nothing but names, so that each is its own key.
//!
//! The shell performs those whose key is not in flight, and forgets them all when it ends: a resumed run derives them
//! again. Knows nothing of how a wish is fulfilled; whoever performs one looks before it acts.

use crate::ids::{Attempt, CandidateId, TaskId};
use crate::mutant::Mutant;
use crate::state::{Collect, Hold, Phase, Round, Stage, State, Step, Subject, Task, Worked, Workspace};
use serde::{Deserialize, Serialize};

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "kebab-case")]
pub enum Intent {
    /// A workspace stands ready ahead of its task's start.
    EnsurePreloaded {
        /// The task.
        task: TaskId,
    },
    /// The attempt's workspace is ready.
    EnsureWorkspace {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// The attempt's agent has been started once, and its end is known.
    EnsureAgent {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Which of its jobs.
        round: Round,
    },
    /// The attempt's job has ended, by force if need be.
    EnsureStopped {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Which of its jobs.
        job: JobName,
    },
    /// The attempt's work is measured and reachable in the user's repository.
    EnsureSnapshot {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// How much of the agent work is over.
        worked: Worked,
        /// What becomes of uncommitted files.
        collect: Collect,
    },
    /// The snapshot was judged by the verify commands.
    EnsureVerified {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Which of its jobs: [`JobName::Recheck`] or [`JobName::Verify`].
        job: JobName,
    },
    /// The task's branch stands at its tip in the user's repository.
    EnsurePublished {
        /// The task.
        task: TaskId,
    },
    /// The task's change is open on the forge.
    EnsureChange {
        /// The task.
        task: TaskId,
    },
    /// The forge shows that the change needs a person.
    EnsureLabelled {
        /// The task.
        task: TaskId,
    },
    /// The candidate's commit exists.
    EnsureCandidate {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The subject was judged by the checks.
    EnsureChecked {
        /// The subject.
        subject: Subject,
        /// Which run of it.
        run: u32,
    },
    /// The candidate is in the target.
    EnsureLanded {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The task's workspace is gone and what it held is kept.
    EnsureReleased {
        /// The task.
        task: TaskId,
    },
}

/// A job of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobName {
    /// The agent at its work.
    Agent,
    /// The agent asked for leftovers.
    Leftovers,
    /// The verify commands on what was there before the agent.
    Recheck,
    /// The verify commands on the agent's work.
    Verify,
}

impl From<Worked> for JobName {
    fn from(worked: Worked) -> Self {
        match worked {
            Worked::NotYet => Self::Recheck,
            Worked::Main | Worked::Leftovers => Self::Verify,
        }
    }
}

impl From<Round> for JobName {
    fn from(round: Round) -> Self {
        match round {
            Round::Main => Self::Agent,
            Round::Leftovers => Self::Leftovers,
        }
    }
}

impl Intent {
    /// The task a wish is about, where it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::EnsurePreloaded { task }
            | Self::EnsureWorkspace { task, .. }
            | Self::EnsureAgent { task, .. }
            | Self::EnsureStopped { task, .. }
            | Self::EnsureSnapshot { task, .. }
            | Self::EnsureVerified { task, .. }
            | Self::EnsurePublished { task }
            | Self::EnsureChange { task }
            | Self::EnsureLabelled { task }
            | Self::EnsureReleased { task } => Some(task),
            Self::EnsureCandidate { .. } | Self::EnsureChecked { .. } | Self::EnsureLanded { .. } => None,
        }
    }
}

/// What is wished for, given all that has happened. Those deferred are left out until they are due.
pub fn intents(state: &State) -> Vec<Intent> {
    let mut wanted = wishes(state);
    wanted.retain(|intent| not_deferred(state, intent));
    wanted
}

/// What is wished for, the deferred included.
pub(crate) fn wishes(state: &State) -> Vec<Intent> {
    let mut wanted = lane_wishes(state);
    wanted.extend((0..state.tasks.len()).flat_map(|at| task_wishes(state, at)));
    wanted
}

/// What is wished for about one task.
pub fn task_intents(state: &State, at: usize) -> Vec<Intent> {
    let mut wanted = task_wishes(state, at);
    wanted.retain(|intent| not_deferred(state, intent));
    wanted
}

fn not_deferred(state: &State, intent: &Intent) -> bool {
    state.deferred.get(intent).is_none_or(|d| d.due == crate::state::Due::Now)
}

pub(crate) fn task_wishes(state: &State, at: usize) -> Vec<Intent> {
    let task = &state.tasks[at];
    let id = || state.id(at).clone();
    match &task.step {
        Step::Outside | Step::Open | Step::InLane | Step::Published | Step::Backoff { .. } => Vec::new(),
        Step::Waiting | Step::Ready { .. } => match task.facts.workspace {
            Workspace::Wanted => vec![Intent::EnsurePreloaded { task: id() }],
            Workspace::None | Workspace::Preloaded | Workspace::Present => Vec::new(),
        },
        Step::Parked { .. } => publication(task, id()),
        Step::Running(running) => {
            let (task, attempt, round) = (id(), running.attempt, running.round());
            let worked = running.worked();
            let stopping = running.stop.is_some();
            vec![match running.phase {
                Phase::Starting => Intent::EnsureWorkspace { task, attempt },
                Phase::Working | Phase::Leftovers if stopping => {
                    Intent::EnsureStopped { task, attempt, job: round.into() }
                }
                Phase::Working | Phase::Leftovers => Intent::EnsureAgent { task, attempt, round },
                Phase::Collecting(collect) => Intent::EnsureSnapshot { task, attempt, worked, collect },
                Phase::Verifying if stopping => Intent::EnsureStopped { task, attempt, job: worked.into() },
                Phase::Verifying => Intent::EnsureVerified { task, attempt, job: worked.into() },
            }]
        }
        Step::Publishing => match publication(task, id()) {
            wishes if wishes.is_empty() => vec![Intent::EnsureChange { task: id() }],
            wishes => wishes,
        },
        Step::Held { hold, .. } => {
            let mut wishes = publication(task, id());
            if state.has(Mutant::HeldReleased) {
                wishes.push(Intent::EnsureReleased { task: id() });
            }
            let label = *hold == Hold::NeedsReview && task.facts.change.is_some();
            if label && task.facts.labelled == crate::state::Labelled::No {
                wishes.push(Intent::EnsureLabelled { task: id() });
            }
            wishes
        }
        Step::Closed(_) => match task.facts.workspace {
            // One that is only wanted may exist already: its making is told of afterwards.
            Workspace::Wanted | Workspace::Present | Workspace::Preloaded => {
                vec![Intent::EnsureReleased { task: id() }]
            }
            Workspace::None => Vec::new(),
        },
    }
}

/// A task's branch follows its tip wherever a person may look at it.
fn publication(task: &Task, id: TaskId) -> Vec<Intent> {
    match &task.facts.tip {
        Some(tip) if task.facts.published.as_ref() != Some(tip) => vec![Intent::EnsurePublished { task: id }],
        Some(_) | None => Vec::new(),
    }
}

/// What is wished for about the lane.
pub fn lane_intents(state: &State) -> Vec<Intent> {
    let mut wanted = lane_wishes(state);
    wanted.retain(|intent| not_deferred(state, intent));
    wanted
}

fn lane_wishes(state: &State) -> Vec<Intent> {
    let mut wanted = Vec::new();
    if let Some(crate::state::Freeze::Rechecking(commit)) = &state.lane.frozen {
        let run = state.lane.base_checks;
        wanted.push(Intent::EnsureChecked { subject: Subject::Base(commit.clone()), run });
    }
    for candidate in &state.lane.chain {
        wanted.push(match &candidate.stage {
            Stage::Building => Intent::EnsureCandidate { candidate: candidate.id },
            Stage::Checking { run, .. } => {
                Intent::EnsureChecked { subject: Subject::Candidate(candidate.id), run: *run }
            }
            Stage::CheckingBase { built, .. } => {
                let run = state.lane.base_checks;
                Intent::EnsureChecked { subject: Subject::Base(built.base.clone()), run }
            }
            Stage::Landing { .. } => Intent::EnsureLanded { candidate: candidate.id },
        });
    }
    wanted
}
