//! What came of the work outside: how a job, a snapshot, a check or a landing ended, as plain data.
//!
//! These values are made by the adapters, travel in inputs, and are kept in events where later steps need them. They
//! know nothing of what is decided from them.

use crate::ids::{Branch, CommitId, Millis, TaskId, TreeId};
use crate::usage::Usage;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The class of a failure: what it costs and who deals with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The agent failed, or made nothing. Costs a try.
    Execution,
    /// A verify command was red. Costs a try.
    Verification,
    /// A check on the candidate was red. Costs a try.
    Ci,
    /// The change does not merge. Costs a try.
    Conflict,
    /// The provider said "later". Costs nothing.
    Capacity,
    /// Disk, memory, spawning, set-up. Pauses dispatch.
    Machine,
    /// The process or its host is gone. A new attempt, at no cost.
    Lost,
    /// A person stopped it.
    Operator,
}

/// Which kind of verify command was red: each kind has tries of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Red {
    /// Neither of the others.
    #[default]
    Other,
    /// One that builds.
    Build,
    /// One that tests.
    Test,
}

impl Red {
    /// Whether a failure is of no named kind.
    pub fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

/// Why something failed. `summary` is one line; bulk output stays in the job's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its class.
    pub class: Class,
    /// Which kind of verify command was red, where one was.
    #[serde(default, skip_serializing_if = "Red::is_other")]
    pub red: Red,
    /// One line, bounded: what failed and how.
    pub summary: String,
    /// The last part of the output, bounded: what an agent needs to repair it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Failure {
    /// A failure without output.
    pub fn new(class: Class, summary: impl Into<String>) -> Self {
        Self { class, red: Red::Other, summary: summary.into(), detail: String::new() }
    }
}

/// What an agent said of its own work. Never believed, only asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Nothing special: the work should be there.
    #[default]
    Nothing,
    /// No change is needed, and why.
    NoChange(String),
    /// It cannot go on, and why.
    Blocked(String),
    /// The failure it was sent to repair is not the work's fault.
    Flaky(String),
    /// It needs a decision before it can go on.
    Question(Inquiry),
}

/// A question of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// The question, one line.
    pub text: String,
    /// What may be answered, at most [`Inquiry::MOST_OPTIONS`]; without any it is a yes or no.
    #[serde(default)]
    pub options: Vec<String>,
    /// Which of them applies when nobody answers, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<u8>,
}

impl Inquiry {
    /// More options than this are not offered.
    pub const MOST_OPTIONS: usize = 9;
}

/// How an agent's process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself, with success.
    Done,
    /// By itself, with an error.
    Failed(String),
    /// The provider has no capacity now; `until` if it said when.
    TryLater {
        /// When to try again, if stated.
        until: Option<Millis>,
        /// What was said.
        why: String,
        /// What there is too little of.
        #[serde(default)]
        shortage: Shortage,
    },
    /// Its program or its access is not in order, so that no start of this agent can succeed until a person has mended
    /// it: not found, not logged in, an unknown model. Says what.
    CannotStart(String),
    /// The session it was to go on with is not known any more.
    SessionLost(String),
    /// Its session holds as much as its model can read: only a new one can go on.
    ContextFull(String),
    /// Its model declines the task.
    Refused(String),
    /// It reached its own limit on money or turns.
    OverBudget(String),
    /// It was asked to stop, by us.
    Stopped,
    /// Its supervisor is gone and left no exit status.
    Lost(String),
}

/// What a provider has too little of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortage {
    /// Of servers: overloaded, unreachable, failing. Soon over, and not this account's doing.
    #[default]
    Servers,
    /// Of requests per minute for this account: fewer at once go through.
    Rate,
    /// Of this account's allowance, until its reset.
    Allowance,
}

/// What the agent's program said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The program's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The end of an agent's job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEnd {
    /// How the process ended.
    pub exit: Exit,
    /// What the agent said of its work.
    #[serde(default)]
    pub claim: Claim,
    /// The agent's own session id, with which it can be resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What this job alone used.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// The running total of its session, where the agent counts so: the next job of the session is measured from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_usage: Option<Usage>,
    /// What it wanted to do and was not permitted, bounded: `Bash(npm install)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// What it found in the work that it was to review, bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// By which program and model.
    #[serde(default)]
    pub made: Made,
}

impl AgentEnd {
    /// An end of which nothing else is known.
    pub fn new(exit: Exit) -> Self {
        Self {
            exit,
            claim: Claim::Nothing,
            session: None,
            usage: Usage::default(),
            session_usage: None,
            denied: Vec::new(),
            findings: Vec::new(),
            made: Made::default(),
        }
    }
}

/// A workspace that is ready to be worked in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The commit that the work is measured against.
    pub base: CommitId,
    /// The commit that is checked out.
    pub tip: CommitId,
    /// The branch it is on.
    pub branch: Branch,
    /// What became of bringing it onto the target, where that was wanted.
    pub rebase: Rebase,
    /// Where the workspace that was there is kept, when the work could not go on from it and a new one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<String>,
}

/// What became of bringing work onto the target without its agent, by a rebase or a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rebase {
    /// None was wanted.
    NotTried,
    /// It went by itself: only verification is left.
    Clean,
    /// It did not: the agent has to do it.
    Conflicted,
}

/// A workspace's work as measured from git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The commit that holds the work, reachable in the user's repository.
    pub tip: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// Commits of the work that the base does not have.
    pub commits: u32,
    /// Whether the tree differs from the base's.
    pub differs: Differs,
    /// Whether files were left uncommitted (always `Clean` after a snapshot that commits them).
    pub leftovers: Leftovers,
    /// Whether the base is an ancestor of the tip: false when history was rewritten or a rebase is unfinished.
    pub contains_base: bool,
    /// Whether it has lost a commit that is published, where none may be lost.
    #[serde(default)]
    pub loses_published: bool,
    /// Lines added against the base.
    pub lines_added: u64,
    /// Lines removed against the base.
    pub lines_removed: u64,
    /// Tests added, counted as new test markers in added lines.
    pub tests_added: u64,
    /// Where it names an AI as its author, bounded; always empty where that is nobody's business.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributed: Vec<Attributed>,
}

impl Snapshot {
    /// Whether anything has to be done before it can be judged: files to commit, messages to reword.
    pub fn is_raw(&self) -> bool {
        matches!(self.leftovers, Leftovers::Files(_)) || !self.attributed.is_empty()
    }

    /// Whether a commit of it, by its message or its identity, names an AI.
    pub fn has_attributed_commits(&self) -> bool {
        self.attributed.iter().any(|a| matches!(a.place, Place::Commit(_)))
    }
}

/// A place where work names an AI as its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributed {
    /// Where.
    pub place: Place,
    /// The words, shortened.
    pub text: String,
}

/// A place in somebody's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Message or identity of a commit.
    Commit(CommitId),
    /// A line that the work adds to a file.
    Line {
        /// The file.
        file: String,
        /// Its line.
        line: u32,
    },
}

impl fmt::Display for Attributed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Commit(commit) => write!(f, "commit {}: {}", crate::wording::short(commit), self.text),
            Place::Line { file, line } => write!(f, "{file}:{line}: {}", self.text),
        }
    }
}

/// Whether a tree differs from its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Differs {
    /// Same files.
    No,
    /// Other files.
    Yes,
}

/// Whether a workspace holds uncommitted work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leftovers {
    /// Everything is committed.
    Clean,
    /// This many files are not.
    Files(u32),
}

/// The answer to a wish for a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotOutcome {
    /// Taken.
    Taken(Snapshot),
    /// The work is of a kind that is not taken over (too large, links out of the tree, …), and why.
    Refused(String),
    /// The workspace is gone.
    Gone(String),
}

/// The end of commands that judge: verify commands of a workspace, checks of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All were green (or there were none).
    Green,
    /// One was red.
    Red(Failure),
    /// It could not be found out, and why. Never the same as red.
    Unevaluated(String),
}

/// What verify commands found in a workspace, and what was mended there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How they ended.
    pub verdict: Verdict,
    /// The work with the changes of fix commands committed, where they made any: what was judged.
    pub fixed: Option<Snapshot>,
    /// The coverage that a command measured, where one did.
    pub coverage: Option<Coverage>,
}

impl From<Verdict> for Verified {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, fixed: None, coverage: None }
    }
}

/// The lines that tests reach, of those that there are, in hundredths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage(pub u32);

impl fmt::Display for Coverage {
    /// Rounded down: what is below a target never looks as if it were not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 100, self.0 % 100 / 10)
    }
}

/// A candidate that was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The commit it was built on: the target's tip, or the candidate before it.
    pub base: CommitId,
    /// The commit that would become the tip.
    pub commit: CommitId,
    /// Its tree: what is checked, and what must land.
    pub tree: TreeId,
}

/// A member that does not merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The task.
    pub task: TaskId,
    /// With what.
    pub with: ClashWith,
    /// The files in question, bounded.
    pub files: Vec<String>,
}

/// What a member does not merge with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClashWith {
    /// The target itself.
    Target,
    /// Work that is to land before it, and has not.
    Others,
}

/// The answer to a wish for a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildOutcome {
    /// Built of the members that merge.
    Built {
        /// The commit.
        built: Built,
        /// The members that are not in it.
        left_out: Vec<Clash>,
    },
    /// No member merges.
    Conflict {
        /// The commit it was to be built on.
        base: CommitId,
        /// Each member.
        clashes: Vec<Clash>,
    },
}

/// The answer to a wish for a landing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandOutcome {
    /// The commit is reachable from the target.
    Landed(CommitId),
    /// The commit is reachable from the target, with another tree or on another base than was checked: the forge merged
    /// onto what somebody had landed a moment before.
    LandedUnchecked(CommitId),
    /// It has not landed: the forge's checks were red on what was to land.
    Red(Failure),
    /// The target moved since the candidate was built.
    BaseMoved,
    /// A member's branch moved since.
    HeadMoved {
        /// Whose.
        task: TaskId,
        /// Where it is now.
        tip: CommitId,
    },
    /// The forge said no for now, and why (a checked-out target with local changes names the files).
    Refused(String),
}
