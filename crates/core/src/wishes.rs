//! What is wished for: intents, derived from the state and from nothing else.
//!
//! The shell performs those that are not in flight, and forgets them all when it ends: a resumed run derives them again.

use crate::decide::wants_judgement;
use crate::ids::{CommitId, TaskId};
use crate::intent::Intent;
use crate::mutant::Mutant;
use crate::state::{
    Candidate, Due, Freeze, Hold, Labelled, Phase, Stage, State, Step, Subject, Task, Workspace,
};

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
    state.deferred.get(intent).is_none_or(|d| d.due == Due::Now)
}

pub(crate) fn task_wishes(state: &State, at: usize) -> Vec<Intent> {
    let task = &state.tasks[at];
    let id = || state.id(at).clone();
    match &task.step {
        Step::Open | Step::InLane if wants_judgement(state, at) => {
            let judged = |tip: &CommitId| Intent::EnsureHeadJudged { task: id(), tip: tip.clone() };
            task.facts.tip.iter().map(judged).collect()
        }
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
                Phase::Working | Phase::Leftovers | Phase::Reviewing if stopping => {
                    Intent::EnsureStopped { task, attempt, job: round.into() }
                }
                Phase::Working | Phase::Leftovers | Phase::Reviewing => {
                    Intent::EnsureAgent { task, attempt, round }
                }
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
            if label && task.facts.labelled == Labelled::No {
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

/// A task's branch follows its tip wherever a person may look at it, but for commits that name an AI and that nobody has
/// reworded yet, and for work that has lost what no branch may lose.
fn publication(task: &Task, id: TaskId) -> Vec<Intent> {
    let unfit = |tip: &CommitId| {
        task.facts
            .snapshot
            .as_ref()
            .is_some_and(|s| s.tip == *tip && (s.has_attributed_commits() || s.loses_published))
    };
    match &task.facts.tip {
        Some(tip) if unfit(tip) => Vec::new(),
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
    if let Some(Freeze::Rechecking(commit)) = &state.lane.frozen {
        let run = state.lane.base_checks;
        wanted.push(Intent::EnsureChecked { subject: Subject::Base(commit.clone()), run });
    }
    for candidate in &state.lane.chain {
        wanted.extend(candidate_wish(state, candidate));
    }
    wanted
}

/// What is wished for about a candidate: nothing while it waits for the one before it.
pub(crate) fn candidate_wish(state: &State, candidate: &Candidate) -> Option<Intent> {
    let id = candidate.id;
    match &candidate.stage {
        Stage::Building => {
            let waits = state.lane.before(id).is_some_and(|before| before.stage.built().is_none());
            (!waits).then_some(Intent::EnsureCandidate { candidate: id })
        }
        Stage::Checking { run, .. } => {
            Some(Intent::EnsureChecked { subject: Subject::Candidate(id), run: *run })
        }
        Stage::CheckingBase { built, .. } => {
            let run = state.lane.base_checks;
            Some(Intent::EnsureChecked { subject: Subject::Base(built.base.clone()), run })
        }
        Stage::Red { .. } | Stage::Green { .. } => None,
        Stage::Landing { .. } => Some(Intent::EnsureLanded { candidate: id }),
    }
}
