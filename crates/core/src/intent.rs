//! Intents: idempotent wishes. They carry nothing but names, so that each is its own key.
//!
//! Knows nothing of when one is wished for, nor of how it is fulfilled; whoever performs one looks before it acts.

use crate::ids::{Attempt, CandidateId, CommitId, TaskId};
use crate::state::lane::Subject;
use crate::state::task::{Collect, Round, Worked};
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
    /// It is known how the forge's checks judge the head of the task's change.
    EnsureHeadJudged {
        /// The task.
        task: TaskId,
        /// The head.
        tip: CommitId,
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
    /// The reviewer.
    Review,
}

impl JobName {
    /// Its name in folders and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Leftovers => "leftovers",
            Self::Recheck => "recheck",
            Self::Verify => "verify",
            Self::Review => "review",
        }
    }
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
            Round::Review => Self::Review,
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
            | Self::EnsureHeadJudged { task, .. }
            | Self::EnsureLabelled { task }
            | Self::EnsureReleased { task } => Some(task),
            Self::EnsureCandidate { .. } | Self::EnsureChecked { .. } | Self::EnsureLanded { .. } => None,
        }
    }
}
