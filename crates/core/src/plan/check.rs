//! From what was written to what may be executed: every finding at once, each with its place.
//!
//! Knows nothing of files and of what happened in a run.

use super::spec::{PlanSpec, Spot, TaskSpec};
use crate::ids::TaskId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether a finding stops the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing may run.
    Error,
    /// Shown, and the plan runs.
    Warning,
}

/// What kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The plan has no tasks.
    Empty,
    /// An id is used twice.
    DuplicateId,
    /// A dependency or a blocked task that does not exist.
    UnknownId,
    /// A task waits for itself.
    SelfDependency,
    /// Tasks wait for each other in a circle.
    Cycle,
    /// `Depends` on one side without `Blocks` on the other, or the reverse.
    OneSidedEdge,
    /// The wave written down differs from the computed one.
    WaveDiffers,
    /// Two tasks that may run together name the same file.
    SharedFile,
    /// An estimate that could not be read.
    BadEstimate,
    /// The number of commits written down differs from the commits listed.
    CommitCountDiffers,
    /// An id that cannot serve as a branch or folder name.
    BadId,
    /// A value the source could not read.
    BadValue,
    /// A file that could not be read at all.
    Unreadable,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it stops the plan.
    pub level: Level,
    /// Its kind.
    pub code: Code,
    /// What is wrong, as a lower-case fragment that names the ids.
    pub message: String,
    /// Where; the other places a finding concerns are named in the message.
    pub spot: Option<Spot>,
}

/// A checked task: its spec, and what follows from the whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// As written.
    pub spec: TaskSpec,
    /// All tasks this one waits for (Depends ∪ Blocks), as plan positions, sorted.
    pub needs: Vec<usize>,
    /// All tasks that wait for this one, as plan positions, sorted.
    pub needed_by: Vec<usize>,
    /// The computed wave: 0 without dependencies, else one more than the greatest among its dependencies.
    pub wave: u32,
    /// The branch, `feat/<id>-<slug>`.
    pub branch_name: Arc<str>,
    /// Longest remaining path in seconds of estimated work, this task included.
    pub path_s: u64,
}

/// A plan that may be executed. Positions (`usize`) index `tasks`, which is sorted by id in natural order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The plan's name.
    pub name: Arc<str>,
    /// The tasks, by id in natural order (`T-2` before `T-10`).
    pub tasks: Vec<Task>,
    /// The waves as plan positions.
    pub waves: Vec<Vec<usize>>,
    #[serde(skip)]
    index: BTreeMap<TaskId, usize>,
}

/// The result of a check: a plan unless a finding is an error.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The plan; absent when a finding is an error.
    pub plan: Option<Plan>,
    /// All findings, errors first, then by place.
    pub findings: Vec<Finding>,
}

/// Checks a plan; `found` are the source's own findings, which are merged in.
pub fn check(spec: PlanSpec, found: Vec<Finding>) -> Checked {
    let _ = (spec, found);
    unimplemented!("the next commit")
}

impl Plan {
    /// The position of a task.
    pub fn position(&self, id: &TaskId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// A task by id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.position(id).map(|at| &self.tasks[at])
    }

    /// Restores what is not stored, after a plan was read back from its file.
    pub fn reindex(&mut self) {
        self.index = self.tasks.iter().enumerate().map(|(at, t)| (t.spec.id.value.clone(), at)).collect();
    }
}
