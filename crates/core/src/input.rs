//! Inputs: what happened outside or was asked for. They are never stored; a crash may lose one, and each can be asked
//! for again. Knows nothing of what is decided from them.

use crate::card::{Column, Seen};
use crate::event::Before;
use crate::ids::{Attempt, Branch, CandidateId, ChangeNumber, CommitId, QuestionId, RunId, TaskId, TreeId};
use crate::intent::{Intent, JobName};
use crate::outcome::{AgentEnd, BuildOutcome, LandOutcome, Prepared, SnapshotOutcome, Verdict, Verified};
use crate::plan::{Plan, Priority};
use crate::policy::Policy;
use crate::question::Answer;
use crate::state::{Collect, Conflict, Satisfies, Sighting, StopMode, Subject, Touched, Worked};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happened or was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A run is to begin.
    Start(Box<Start>),
    /// A process has taken the run up.
    Opened,
    /// A moment that [`crate::decide::next_wakeup`] named has come.
    Tick,
    /// A workspace stands ready ahead of its task's start.
    Preloaded {
        /// The task.
        task: TaskId,
    },
    /// An attempt's workspace is ready.
    Prepared {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// What was prepared.
        prepared: Prepared,
    },
    /// An attempt's agent ended.
    AgentEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Which of its jobs.
        round: crate::state::Round,
        /// How.
        end: Box<AgentEnd>,
    },
    /// An attempt's work was measured.
    SnapshotTaken {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// How much of the agent work was over.
        worked: Worked,
        /// What became of uncommitted files.
        collect: Collect,
        /// The work.
        outcome: SnapshotOutcome,
    },
    /// An attempt's verify commands ended.
    VerifyEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Which of its jobs.
        job: JobName,
        /// How, and what was mended before.
        verified: Verified,
    },
    /// A task's branch stands in the user's repository.
    Published {
        /// The task.
        task: TaskId,
        /// Its name.
        branch: Branch,
        /// Its tip.
        tip: CommitId,
    },
    /// A task's change is open.
    ChangeOpened {
        /// The task.
        task: TaskId,
        /// Its number.
        change: ChangeNumber,
    },
    /// The forge's checks of a change's head ended.
    HeadJudged {
        /// The task.
        task: TaskId,
        /// The head.
        tip: CommitId,
        /// How.
        verdict: Verdict,
    },
    /// A task's change is marked for a person.
    Labelled {
        /// The task.
        task: TaskId,
    },
    /// A candidate was built, or does not merge.
    CandidateBuilt {
        /// The candidate.
        candidate: CandidateId,
        /// How it went.
        outcome: BuildOutcome,
    },
    /// Checks ended.
    CheckEnded {
        /// What was checked.
        subject: Subject,
        /// Which run.
        run: u32,
        /// How.
        verdict: Verdict,
    },
    /// A landing was tried.
    LandEnded {
        /// The candidate.
        candidate: CandidateId,
        /// How it went.
        outcome: LandOutcome,
    },
    /// A workspace is gone, and kept.
    Released {
        /// The task.
        task: TaskId,
    },
    /// A wish could not be fulfilled.
    IntentFailed {
        /// The wish.
        intent: Intent,
        /// Why, and whose matter it is.
        trouble: Trouble,
    },
    /// Something was seen of a running agent.
    Sighted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// What.
        seen: Sighting,
    },
    /// The forge or the repository was looked at.
    Observed(Observed),
    /// The user commands.
    Operator(Command),
}

/// What a run begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Its id.
    pub run: RunId,
    /// The target branch.
    pub target: Branch,
    /// Its tip.
    pub target_tip: CommitId,
    /// The tip's tree, if pre-flight found it green.
    pub green: Option<TreeId>,
    /// The policy.
    pub policy: Policy,
    /// The tasks of the run.
    pub selected: Vec<TaskId>,
    /// Those done before.
    pub before: Vec<Before>,
}

/// Why a wish could not be fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The machine: disk, memory, spawning, set-up. Dispatch pauses until it works again.
    Machine(String),
    /// The other side is not there or says "later": only this wish waits.
    Elsewhere(String),
    /// What landed is no longer in the target.
    NotAncestor {
        /// The tasks whose landing is gone.
        tasks: Vec<TaskId>,
    },
    /// What a workspace is to stand on does not merge.
    DoesNotStack {
        /// The files that clash.
        files: Vec<String>,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(why) | Self::Elsewhere(why) => f.write_str(why),
            Self::NotAncestor { tasks } => {
                write!(f, "the target no longer contains what landed for {}", crate::wording::list(tasks))
            }
            Self::DoesNotStack { files } => {
                write!(f, "what it is to stand on does not merge: {}", files.join(", "))
            }
        }
    }
}

/// What was seen when forge and repository were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The target's tip, and tasks whose work is in it by their trailers or their tips.
    Target {
        /// The tip.
        tip: CommitId,
        /// Tasks found in it, with the commit.
        landed: Vec<(TaskId, CommitId)>,
        /// Tasks whose landing commit is no longer in it.
        gone: Vec<TaskId>,
    },
    /// A task's branch stands elsewhere than we left it.
    Branch {
        /// The task.
        task: TaskId,
        /// Where.
        tip: CommitId,
    },
    /// A person closed a task's change, or deleted its branch.
    ChangeClosed {
        /// The task.
        task: TaskId,
        /// Which: it may have another by now.
        change: ChangeNumber,
    },
    /// All branches, held against each other and the target.
    Branches {
        /// Those that do not merge.
        conflicts: Vec<Conflict>,
        /// What tasks change.
        touched: Vec<Touched>,
    },
    /// The board's cards of tasks.
    Board {
        /// Those that were found.
        cards: Vec<Seen>,
        /// Tasks whose cards do not say how they stand: the board would have replaced a person's words there.
        text_kept: Vec<TaskId>,
    },
    /// The board cannot be reached.
    BoardLost {
        /// Why.
        why: String,
    },
    /// Somebody who may has approved a task's change as it stands.
    Approved {
        /// The task.
        task: TaskId,
        /// The tip that was approved.
        tip: CommitId,
    },
    /// Nobody who may approves a task's change as it stands, or somebody who may requests changes of it.
    Unapproved {
        /// The task.
        task: TaskId,
    },
    /// Somebody who may has looked at a task's change as it stands, and requests changes.
    ChangesRequested {
        /// The task.
        task: TaskId,
        /// Which review of the forge's: later ones have greater numbers.
        review: u64,
        /// What it says.
        text: String,
    },
}

/// What the user may command in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", content = "with", rename_all = "kebab-case")]
pub enum Command {
    /// No new starts; with a task: its agent is stopped and it waits.
    Pause(Option<TaskId>),
    /// The reverse.
    Unpause(Option<TaskId>),
    /// The run stops.
    Stop(StopMode),
    /// A held, skipped or parked task goes on, counters at zero.
    Retry {
        /// The task.
        task: TaskId,
        /// A word to the agent.
        note: Option<String>,
    },
    /// A task is left out.
    Skip {
        /// The task.
        task: TaskId,
        /// Whether its dependents may go on.
        satisfies: Satisfies,
    },
    /// A person works in the task's workspace.
    Take {
        /// The task.
        task: TaskId,
    },
    /// The task goes on from the person's commits.
    Give {
        /// The task.
        task: TaskId,
    },
    /// The task is done by this commit, which is in the target.
    Done {
        /// The task.
        task: TaskId,
        /// The commit, already proved to be in the target.
        commit: CommitId,
    },
    /// A landed task is open again.
    Reopen {
        /// The task.
        task: TaskId,
        /// What was wrong.
        note: Option<String>,
    },
    /// A task goes ahead of all others.
    Next {
        /// The task.
        task: TaskId,
    },
    /// A task's priority.
    Priority {
        /// The task.
        task: TaskId,
        /// The new priority.
        priority: Priority,
    },
    /// The number of slots.
    Slots(u32),
    /// A question's answer.
    Answer {
        /// The question.
        question: QuestionId,
        /// The answer.
        answer: Answer,
    },
    /// Changes may land as they are.
    Approve {
        /// Which.
        which: Which,
        /// What their tips are to begin with: what was looked at.
        tip: Option<String>,
    },
    /// A change goes back to its agent.
    Reject {
        /// The task.
        task: TaskId,
        /// What is wrong with it.
        note: String,
    },
    /// A card of the board is a task's.
    LinkCard {
        /// The task.
        task: TaskId,
        /// The board's own id of the card.
        card: String,
        /// Where it stands.
        column: Column,
    },
    /// A revised plan.
    Adopt {
        /// The new plan, already checked.
        plan: Box<Plan>,
        /// Its tasks that this run takes up besides.
        added: Vec<TaskId>,
    },
}

/// Which of the changes that wait for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Those of these tasks.
    Tasks(Vec<TaskId>),
    /// Those of a wave.
    Wave(u32),
    /// All of them.
    All,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "text", rename_all = "kebab-case")]
pub enum Reply {
    /// It was done: what changed, in a line.
    Done(String),
    /// Nothing was to be done, and why.
    Nothing(String),
    /// It cannot be done, and why.
    Refused(String),
}
