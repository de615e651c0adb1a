//! The merge lane's state: what waits, and the candidates under way. Knows nothing of git.

use crate::ids::{CandidateId, CommitId, TaskId, TreeId};
use crate::outcome::{Built, Failure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a check is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A candidate.
    Candidate(CandidateId),
    /// A commit of the target itself.
    Base(CommitId),
}

/// Where a candidate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its commit is being made.
    Building,
    /// It is being checked, for the `run`-th time.
    Checking {
        /// What was built.
        built: Built,
        /// Which run, from 1.
        run: u32,
    },
    /// It was red twice; whether its base is green is being found out.
    CheckingBase {
        /// What was built.
        built: Built,
        /// How it was red.
        failure: Failure,
    },
    /// It is being landed.
    Landing {
        /// What was built.
        built: Built,
    },
}

/// A commit that would become the target's next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: CandidateId,
    /// Its tasks, in the order they are merged.
    pub members: Vec<TaskId>,
    /// Where it is.
    pub stage: Stage,
    /// How it was red at first, if it was.
    pub red: Option<Failure>,
}

/// Why the lane stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// The target is red at this commit.
    TargetRed(CommitId),
    /// The target is red at this commit and is being checked once more.
    Rechecking(CommitId),
    /// This task lost too many races; a question is open.
    Races(TaskId),
}

/// The lane of the target: one writer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Tasks whose changes wait, in order of arrival.
    pub queue: Vec<TaskId>,
    /// Candidates under way; `independent` and `priority` have at most one.
    pub chain: Vec<Candidate>,
    /// Why the lane stands still.
    pub frozen: Option<Freeze>,
    /// How the target is red, if it is.
    pub red: Option<Failure>,
    /// Whether a person has declined to do something about it; then the target's next move is waited for.
    pub declined: bool,
    /// The task that is to make the target green again: it starts and lands while all else stands still.
    pub repair: Option<TaskId>,
    /// All tasks that this run made for that, in order. No source of the plan has them.
    pub repairs: Vec<TaskId>,
    /// Trees that were found green.
    pub green: BTreeSet<TreeId>,
    /// Commits of the target that were found green, or that landed with a green tree.
    pub green_bases: BTreeSet<CommitId>,
    /// Candidates made so far.
    pub made: u32,
    /// Checks of the target itself that began; the last of them is the only one under way.
    pub base_checks: u32,
    /// Races lost in a row by the task at the front.
    pub races: u32,
}

impl Lane {
    /// The candidate under way.
    pub fn head(&self) -> Option<&Candidate> {
        self.chain.first()
    }

    /// Whether the target is red, as far as is known.
    pub fn target_is_red(&self) -> bool {
        matches!(self.frozen, Some(Freeze::TargetRed(_) | Freeze::Rechecking(_)))
    }

    /// Whether a task is to make the target green again.
    pub fn is_repair(&self, task: &TaskId) -> bool {
        self.repair.as_ref() == Some(task)
    }

    /// Whether a task is in a candidate under way.
    pub fn carries(&self, task: &TaskId) -> bool {
        self.chain.iter().any(|c| c.members.contains(task))
    }
}
