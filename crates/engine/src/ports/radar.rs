//! Branches held against each other before anyone merges them. Knows nothing of what follows from a conflict.

use ppe_core::ids::{Branch, CommitId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::state::{Park, Phase, State, Step, Task};
use serde::{Deserialize, Serialize};
use std::future::Future;

/// Branches that are held against each other at most: pairs grow with their square.
const MOST_WORKS: usize = 60;

/// The work of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The task.
    pub task: TaskId,
    /// Its branch.
    pub branch: Branch,
    /// The commit that holds it, as it was measured last; what it began from where nothing was.
    pub tip: CommitId,
    /// Where it is now.
    pub at: WorkAt,
}

/// Where a task's work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkAt {
    /// As it was measured.
    Measured,
    /// In its workspace, where somebody is at it and so many commits were seen.
    Workspace(u32),
}

/// All branches of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branches {
    /// The target.
    pub target: Branch,
    /// Its tip as last seen: a look begins anew when it moves.
    pub target_tip: CommitId,
    /// The work of tasks that are not over, in the order of the plan.
    pub works: Vec<Work>,
}

impl Branches {
    /// Those of a run as it stands.
    pub fn of(state: &State) -> Self {
        let open = (0..state.tasks.len()).filter(|at| !state.tasks[*at].is_closed());
        let works = open.filter_map(|at| work_of(state, at)).collect();
        Self { target: state.target.clone(), target_tip: state.target_tip.clone(), works }
    }

    /// As many of them as one look bears, in the order of the plan: those that land next and those that somebody is at
    /// come before those that lie still.
    pub(crate) fn of_a_look(state: &State) -> Self {
        let mut branches = Self::of(state);
        if branches.works.len() > MOST_WORKS {
            let place = |work: &Work| state.position(&work.task);
            branches.works.sort_by_cached_key(|work| (nearness(state, work), place(work)));
            branches.works.truncate(MOST_WORKS);
            branches.works.sort_by_cached_key(place);
        }
        branches
    }
}

/// How soon what a branch holds may matter to others; the least is the soonest.
fn nearness(state: &State, work: &Work) -> u8 {
    let step = state.task(&work.task).map(|task| &task.step);
    match (step, work.at) {
        (Some(Step::InLane), _) => 0,
        (_, WorkAt::Workspace(_)) => 1,
        (Some(Step::Open | Step::Publishing), WorkAt::Measured) => 2,
        (_, WorkAt::Measured) => 3,
    }
}

/// The work of one task, if it has any yet.
pub fn work_of(state: &State, at: usize) -> Option<Work> {
    let (id, task) = (state.id(at), &state.tasks[at]);
    let (branch, tip) = (task.facts.branch.clone()?, task.facts.tip.clone());
    let (tip, at) = match tip {
        _ if is_worked_at(task) => {
            (tip.or_else(|| task.facts.base.clone())?, WorkAt::Workspace(task.commits()))
        }
        tip => (tip?, WorkAt::Measured),
    };
    Some(Work { task: id.clone(), branch, tip, at })
}

/// Whether its workspace may hold more than was measured: an attempt runs there, or a person took it.
fn is_worked_at(task: &Task) -> bool {
    match &task.step {
        Step::Running(running) => running.phase != Phase::Starting,
        Step::Parked { park, .. } => *park == Park::Taken,
        Step::Outside
        | Step::Waiting
        | Step::Ready { .. }
        | Step::Backoff { .. }
        | Step::Publishing
        | Step::Published
        | Step::Open
        | Step::InLane
        | Step::Held { .. }
        | Step::Closed(_) => false,
    }
}

/// Holds branches against each other.
///
/// The contract: nothing is written, neither into the user's repository nor into a workspace, and nothing that an agent
/// could have planted is run. A workspace that cannot be read counts as it was measured. No pair that does not merge is
/// missed.
pub trait Radar: Send + Sync + 'static {
    /// Looks at all of them: what does not merge, and what each changes.
    fn look(&self, branches: Branches) -> impl Future<Output = Result<Observed, Trouble>> + Send;
}
