//! What a task's work stands on: the target, or work of others that has not landed. Knows nothing of when either is chosen.

use crate::ids::{CommitId, TaskId};
use serde::{Deserialize, Serialize};

/// A task whose work another task's stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The task.
    pub task: TaskId,
    /// Its tip when the other began.
    pub tip: CommitId,
}

/// Work of others under a task's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Whose it is, in the order of the plan.
    pub parents: Vec<Parent>,
    /// The commit that holds all of it: the task's own commits are those since. None until its workspace was made.
    pub base: Option<CommitId>,
}

impl Stack {
    /// Whether it holds work of a task.
    pub fn holds(&self, task: &TaskId) -> bool {
        self.parents.iter().any(|parent| parent.task == *task)
    }

    /// The only parent, where the task stands on nothing but its tip.
    pub fn single(&self) -> Option<&Parent> {
        match self.parents.as_slice() {
            [parent] if self.base.as_ref() == Some(&parent.tip) => Some(parent),
            _ => None,
        }
    }
}

/// What a task's work stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    /// The target.
    #[default]
    Target,
    /// Work that had not landed when the task began.
    Stacked(Stack),
    /// The target, once everything it needs has landed: what it was to stand on does not merge.
    Refused,
}

/// How the forge's checks judged the head of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The head.
    pub tip: CommitId,
    /// How.
    pub checks: HeadChecks,
}

/// What the forge's checks say of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadChecks {
    /// They are green, or there are none.
    Green,
    /// They are red.
    Red,
}
