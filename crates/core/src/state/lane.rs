//! The merge lane's state: what waits, and the candidates under way. Knows nothing of git.

use crate::ids::{CandidateId, CommitId, Millis, TaskId, TreeId};
use crate::outcome::{Built, Failure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    /// It is red, and answers for it once it is the first.
    Red {
        /// What was built.
        built: Built,
        /// How it was red.
        failure: Failure,
    },
    /// It is red; whether its base is green is being found out.
    CheckingBase {
        /// What was built.
        built: Built,
        /// How it was red.
        failure: Failure,
    },
    /// It is green, and lands once it is the first.
    Green {
        /// What was built.
        built: Built,
    },
    /// It is being landed.
    Landing {
        /// What was built.
        built: Built,
    },
}

impl Stage {
    /// What was built, once it is.
    pub fn built(&self) -> Option<&Built> {
        match self {
            Self::Building => None,
            Self::Checking { built, .. }
            | Self::Red { built, .. }
            | Self::CheckingBase { built, .. }
            | Self::Green { built }
            | Self::Landing { built } => Some(built),
        }
    }
}

/// A commit that would become the target's next, or the next after those before it in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: CandidateId,
    /// Where it is checked: a number that no other candidate under way has.
    pub seat: u32,
    /// Its tasks, in the order they are merged.
    pub members: Vec<TaskId>,
    /// Where it is.
    pub stage: Stage,
    /// How often and how its tree was red.
    pub red: Option<FoundRed>,
    /// The last check of it that began; none has the number 0.
    pub runs: u32,
}

/// What is known of a tree that was red.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRed {
    /// How often it was.
    pub times: u32,
    /// How, the last time.
    pub failure: Failure,
}

/// A red batch, whose parts are tried one after the other until the culprit is alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bisection {
    /// What is still to be tried, in order. Whoever has left the queue meanwhile is not.
    pub parts: Vec<Vec<TaskId>>,
    /// Trees that were red on the way: what is left when one half has landed is one of them.
    pub red: BTreeMap<TreeId, FoundRed>,
}

/// How changes fared in the lane of late: what the size of a batch follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fared {
    /// Landed.
    pub landed: u32,
    /// Sent back for red checks.
    pub returned: u32,
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
    /// Candidates under way, each built on the one before it, the first on the target. Only `speculative` has several.
    pub chain: Vec<Candidate>,
    /// A red batch that is being taken apart.
    pub bisection: Option<Bisection>,
    /// Changes that did not merge onto those before them: they wait until the first of the chain has left it.
    pub left_out: BTreeSet<TaskId>,
    /// How changes fared of late.
    pub fared: Fared,
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
    /// When something of it was last recorded.
    pub moved: Millis,
}

impl Lane {
    /// The first candidate under way: the only one that may land or answer for red checks.
    pub fn head(&self) -> Option<&Candidate> {
        self.chain.first()
    }

    /// A candidate under way.
    pub fn candidate(&self, id: CandidateId) -> Option<&Candidate> {
        self.chain.iter().find(|candidate| candidate.id == id)
    }

    /// The candidate that this one is built on; none for the first, which is built on the target.
    pub fn before(&self, id: CandidateId) -> Option<&Candidate> {
        self.chain.windows(2).find(|pair| pair[1].id == id).map(|pair| &pair[0])
    }

    /// The part of a red batch that is to be tried next, without those that have left the queue.
    pub fn next_part(&self) -> Option<Vec<TaskId>> {
        let waits = |part: &Vec<TaskId>| -> Vec<TaskId> {
            part.iter().filter(|task| self.queue.contains(task)).cloned().collect()
        };
        self.bisection.iter().flat_map(|b| &b.parts).map(waits).find(|part| !part.is_empty())
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
