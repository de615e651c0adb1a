//! What a look at repository and forge is about. Knows nothing of what is seen.

use ppe_core::ids::{Branch, ChangeNumber, CommitId, TaskId};
use ppe_core::state::{State, Step};
use serde::{Deserialize, Serialize};

/// A task that has not landed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTask {
    /// The task.
    pub task: TaskId,
    /// The commit its work is measured against.
    pub base: Option<CommitId>,
    /// Its branch.
    pub branch: Option<Branch>,
    /// Where we last left that.
    pub published: Option<CommitId>,
    /// Its change.
    pub change: Option<ChangeNumber>,
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The target branch.
    pub target: Branch,
    /// Its tip when the run began: what landed before is not this run's.
    pub since: CommitId,
    /// Tasks that have not landed.
    pub open: Vec<OpenTask>,
    /// Tasks that have landed, with their commits.
    pub landed: Vec<(TaskId, CommitId)>,
}

impl Look {
    /// What there is to look at in a run as it stands.
    pub(crate) fn of(state: &State) -> Self {
        let (mut open, mut landed) = (Vec::new(), Vec::new());
        for at in 0..state.tasks.len() {
            let (task, facts) = (state.id(at).clone(), &state.tasks[at].facts);
            match &state.tasks[at].step {
                Step::Outside => {}
                Step::Closed(closure) => landed.extend(closure.commit().map(|commit| (task, commit.clone()))),
                _ => open.push(OpenTask {
                    task,
                    base: facts.base.clone(),
                    branch: facts.branch.clone(),
                    // A reopened task's branch still stands where the landed work was.
                    published: facts.published.clone().filter(|tip| facts.tip.as_ref() == Some(tip)),
                    change: facts.change,
                }),
            }
        }
        Self { target: state.target.clone(), since: state.began_at.clone(), open, landed }
    }
}
