//! One task's state: its step, and the facts that outlive a step. Knows nothing of other tasks.

use crate::ids::{Attempt, Branch, ChangeNumber, CommitId, Millis, QuestionId};
use crate::outcome::{AgentEnd, Class, Coverage, Failure, Red, Snapshot};
use crate::plan::Priority;
use crate::state::ground::{Ground, Judged};
use crate::usage::Usage;
use serde::{Deserialize, Serialize};

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The task from its beginning.
    First,
    /// Repair what a verify command found.
    Verify,
    /// Repair what a check on the candidate found.
    Ci,
    /// Bring the work onto the target it conflicts with.
    Conflict,
    /// Bring the work onto the target, now that what it stood on has landed.
    Restack,
    /// Go through what a reviewer found.
    Review,
    /// Change what a person did not approve.
    Rejected,
    /// Go on with unfinished work.
    Continue,
    /// Verify the tip; the agent starts only if that is red.
    Recheck,
}

impl Kind {
    /// What an attempt of this kind is for when it goes on after an interruption.
    pub fn resumed(self) -> Self {
        match self {
            Self::First | Self::Continue => Self::Continue,
            Self::Verify
            | Self::Ci
            | Self::Conflict
            | Self::Restack
            | Self::Review
            | Self::Rejected
            | Self::Recheck => self,
        }
    }
}

/// Which of an attempt's agent jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// The work.
    Main,
    /// What was left over: uncommitted files, planned commits that are missing.
    Leftovers,
    /// Another agent's look at the verified work.
    Review,
}

/// Where an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its workspace is being made ready.
    Starting,
    /// Its agent works.
    Working,
    /// Its agent was asked once for what it left over.
    Leftovers,
    /// Its work is being measured.
    Collecting(Collect),
    /// Its verify commands run.
    Verifying,
    /// Another agent looks at its verified work.
    Reviewing,
}

/// What becomes of uncommitted files when the work is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collect {
    /// They are counted.
    Look,
    /// They are committed by us, and messages that name an AI are reworded.
    Commit,
}

/// Why an attempt was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The task gives its slot to others, and returns by itself.
    Yield,
    /// The task waits until a person says go on.
    Park,
    /// A person works on it.
    Take,
    /// The task is given up.
    Cancel,
    /// The task is skipped; the variant says whether its dependents may go on.
    Skip(Satisfies),
    /// The attempt begins anew.
    Retry,
    /// It ran out of time.
    Timeout,
    /// It was not heard of for long.
    Silent,
    /// The run stops; the attempt's work goes on with the next session.
    Halt,
}

/// Whether a skipped task satisfies its dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Satisfies {
    /// The work is elsewhere.
    Yes,
    /// They stay blocked.
    No,
}

/// Where a task goes when its attempt ends without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leave {
    /// Ready again, for the same or other work.
    Ready(Kind),
    /// Waits for a person or for room.
    Parked(Park),
    /// Waits for what it needs.
    Waiting,
    /// Is over.
    Closed(GivenUp),
}

/// How a task is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GivenUp {
    /// Cancelled.
    Cancelled,
    /// Skipped.
    Skipped(Satisfies),
}

/// What a parked task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Park {
    /// The queue to become shorter than the slots.
    Room,
    /// `unpause`.
    Operator,
    /// `give`: a person works in the workspace.
    Taken,
    /// An answer.
    Question(QuestionId),
}

/// What becomes of a reset task's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// It goes on from there.
    Keep,
    /// It begins anew on the target.
    Anew,
}

/// In what way a task needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Its agent cannot do it.
    Stuck,
    /// Its change cannot land.
    NeedsReview,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closure {
    /// By the lane, with this commit.
    Landed(CommitId),
    /// By a person, with this commit.
    LandedByOthers(CommitId),
    /// Before this run.
    DoneBefore,
    /// Nothing was to be done.
    NoChange,
    /// Skipped; the variant says whether dependents may go on.
    Skipped(Satisfies),
    /// Given up.
    Cancelled,
}

impl Closure {
    /// Whether dependents may start.
    pub fn satisfies(&self) -> bool {
        match self {
            Self::Landed(_)
            | Self::LandedByOthers(_)
            | Self::DoneBefore
            | Self::NoChange
            | Self::Skipped(Satisfies::Yes) => true,
            Self::Skipped(Satisfies::No) | Self::Cancelled => false,
        }
    }

    /// The landing commit, which dependents must contain.
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::Landed(commit) | Self::LandedByOthers(commit) => Some(commit),
            Self::DoneBefore | Self::NoChange | Self::Skipped(_) | Self::Cancelled => None,
        }
    }
}

/// An attempt that holds a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub attempt: Attempt,
    /// What it is for.
    pub kind: Kind,
    /// Where it is.
    pub phase: Phase,
    /// Whether, and why, it was asked to stop.
    pub stop: Option<Stop>,
    /// Whether its agent was asked for leftovers.
    pub asked: Asked,
    /// How its agent ended, once it did.
    pub end: Option<Box<AgentEnd>>,
    /// The agent that works on it.
    pub agent: String,
    /// Its model, where one is wanted.
    pub model: Option<String>,
    /// When its agent was started; its time limit counts from here.
    pub working_since: Option<Millis>,
}

/// Whether the agent was asked for leftovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Not yet.
    No,
    /// Once.
    Yes,
}

/// How much of an attempt's agent work is over when its work is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worked {
    /// None: the attempt looks at what was there before.
    NotYet,
    /// The work.
    Main,
    /// The work and what it left over.
    Leftovers,
}

impl Running {
    /// Whether an agent is at work, its own or a reviewer, as far as is known.
    pub fn agent_works(&self) -> bool {
        matches!(self.phase, Phase::Working | Phase::Leftovers | Phase::Reviewing)
    }

    /// How much of its agent work is over, when one of its phases looks at the work.
    pub fn worked(&self) -> Worked {
        match (&self.end, self.asked) {
            (None, _) => Worked::NotYet,
            (Some(_), Asked::No) => Worked::Main,
            (Some(_), Asked::Yes) => Worked::Leftovers,
        }
    }

    /// The agent job that the phase is about.
    pub fn round(&self) -> Round {
        match (self.phase, self.asked) {
            (Phase::Reviewing, _) => Round::Review,
            (_, Asked::No) => Round::Main,
            (_, Asked::Yes) => Round::Leftovers,
        }
    }
}

/// Where a task is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// Not part of this run.
    #[default]
    Outside,
    /// Its dependencies are not closed as satisfied.
    Waiting,
    /// It may start.
    Ready {
        /// What for.
        kind: Kind,
    },
    /// It holds a slot.
    Running(Running),
    /// It starts again later by itself.
    Backoff {
        /// When.
        until: Millis,
        /// What for.
        kind: Kind,
    },
    /// It waits for a decision or for room, without a slot.
    Parked {
        /// What for.
        park: Park,
        /// What it goes on with.
        kind: Kind,
    },
    /// Verified; its branch and change are being made.
    Publishing,
    /// Verified and published; landing is only observed.
    Published,
    /// Its change is open.
    Open,
    /// Its change waits in the lane or is being landed.
    InLane,
    /// It needs a person.
    Held {
        /// In what way.
        hold: Hold,
        /// Why.
        failure: Failure,
    },
    /// It is over.
    Closed(Closure),
}

/// Failures so far, by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Agent failed or made nothing.
    pub execution: u32,
    /// Verify commands red that neither build nor test.
    pub verification: u32,
    /// Builds red.
    #[serde(default)]
    pub build: u32,
    /// Tests red.
    #[serde(default)]
    pub test: u32,
    /// Candidate's checks red.
    pub ci: u32,
    /// Did not merge.
    pub conflict: u32,
    /// Process lost.
    pub lost: u32,
    /// Decisions that its agents asked for.
    #[serde(default)]
    pub asked: u32,
}

impl Tries {
    /// Those that failures like this one have cost; none for a class that costs no try.
    pub fn of(&mut self, class: Class, red: Red) -> Option<&mut u32> {
        Some(match (class, red) {
            (Class::Execution, _) => &mut self.execution,
            (Class::Verification, Red::Other) => &mut self.verification,
            (Class::Verification, Red::Build) => &mut self.build,
            (Class::Verification, Red::Test) => &mut self.test,
            (Class::Ci, _) => &mut self.ci,
            (Class::Conflict, _) => &mut self.conflict,
            (Class::Lost, _) => &mut self.lost,
            (Class::Capacity | Class::Machine | Class::Operator, _) => return None,
        })
    }

    /// How many failures like this one there were; what costs no try is counted with the agent's own.
    pub fn used(mut self, class: Class, red: Red) -> u32 {
        match class {
            Class::Capacity | Class::Machine | Class::Lost | Class::Operator => self.execution,
            Class::Execution | Class::Verification | Class::Ci | Class::Conflict => {
                self.of(class, red).map_or(0, |n| *n)
            }
        }
    }
}

/// What is seen of an agent at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Commits since the base, as the workspace's own records show.
    pub commits: u32,
    /// The phase that the agent named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// What its job has used so far, as far as its program tells while at work.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// Since when it was not heard of, if that is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_since: Option<Millis>,
}

/// Whether a task has a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workspace {
    /// None.
    #[default]
    None,
    /// It is wanted ahead of the start.
    Wanted,
    /// It stands ready ahead of the start.
    Preloaded,
    /// It exists.
    Present,
}

/// A command on a task whose candidate is under way: it acts after the candidate's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Park it.
    Park,
    /// A person takes it.
    Take,
    /// Give it up.
    Cancel,
    /// Skip it.
    Skip(Satisfies),
    /// Start it again.
    Retry,
    /// Send it back to its agent with the note that was left.
    Reject,
    /// Ask what becomes of it, as a person closed its change.
    AskClosed,
    /// Have it wait for approval again.
    Unapprove,
}

/// Where a person approves a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovedAt {
    /// By a command.
    #[default]
    Here,
    /// By a review on the forge, which may be taken back there.
    Forge,
}

impl ApprovedAt {
    /// Whether it was by a command.
    pub fn is_here(&self) -> bool {
        *self == Self::Here
    }
}

/// An agent's session with its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The agent whose it is: no other can go on with it.
    pub agent: String,
    /// The agent's own id of it.
    pub id: String,
    /// Its running total, where the agent counts so.
    pub usage: Usage,
}

/// What came of a task's review by an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Review {
    /// Nothing was found.
    Clean,
    /// So many things were found, and went back to the agent.
    Findings(u32),
    /// It could not be had, and why.
    LeftOut(String),
}

/// What outlives a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Attempts begun.
    pub attempts: u32,
    /// Whether the last of them repaired a red check or a conflict: only the landing shows that it helped.
    pub mending: bool,
    /// The commit the work is measured against: the target's, or what it is stacked on.
    pub base: Option<CommitId>,
    /// The commit that holds the work.
    pub tip: Option<CommitId>,
    /// The tip that failed and was sent back.
    pub failed_tip: Option<CommitId>,
    /// The last measured work.
    pub snapshot: Option<Snapshot>,
    /// What the work stands on.
    pub ground: Ground,
    /// How the forge's checks judged the head of its change, as far as somebody waited for it.
    pub judged: Option<Judged>,
    /// Its test coverage, where its verification measured one.
    pub coverage: Option<Coverage>,
    /// The task's branch, as chosen.
    pub branch: Option<Branch>,
    /// The branch's tip as we last published it.
    pub published: Option<CommitId>,
    /// The task's change.
    pub change: Option<ChangeNumber>,
    /// Whether the forge shows that the change needs a person.
    pub labelled: Labelled,
    /// The session that its agent can go on with.
    pub session: Option<Session>,
    /// What its ended agents used.
    pub usage: Usage,
    /// Of that, what a person has granted beyond its budget by sending it on.
    pub granted: Usage,
    /// What a person has permitted its agents besides what the configuration allows.
    pub allowed: Vec<String>,
    /// Failures so far.
    pub tries: Tries,
    /// The workspace.
    pub workspace: Workspace,
    /// What was seen of the agent.
    pub seen: Sighting,
    /// A person's priority.
    pub priority: Option<Priority>,
    /// Put ahead of all others: greater is later said.
    pub preferred: u32,
    /// The last failure: the next prompt tells of it.
    pub failure: Option<Failure>,
    /// The tip that a person approved.
    pub approved: Option<CommitId>,
    /// Where they did.
    pub approved_at: ApprovedAt,
    /// A person's word to the agent.
    pub note: Option<String>,
    /// The last review of a person's on its change that the agent was told of; 0 before any.
    pub heeded: u64,
    /// What came of its review; none before it had one.
    pub review: Option<Review>,
    /// What its review found, until an attempt has gone through it.
    pub findings: Vec<String>,
    /// Whether its tip is a person's, on which no agent has worked since.
    pub adopted: bool,
    /// A command that acts after the candidate's outcome.
    pub wish: Option<Wish>,
    /// Whether a failure claimed to be flaky had its one re-check.
    pub flaky: Flaky,
    /// Landings that `reopen` undid: finding them in the target again says nothing.
    pub undone: Vec<CommitId>,
    /// Attempts that failed before the task succeeded.
    pub failures: u32,
    /// Slot time of ended attempts, ms.
    pub worked_ms: u64,
    /// When the running attempt took its slot.
    pub started: Option<Millis>,
    /// When the task first took a slot.
    pub first_started: Option<Millis>,
}

/// Whether the forge was told that a change needs a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Labelled {
    /// Not told.
    #[default]
    No,
    /// Told.
    Yes,
}

/// Whether the one re-check of a flaky failure was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaky {
    /// Still to be had.
    #[default]
    Unused,
    /// Used.
    Used,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Where it is.
    pub step: Step,
    /// Since when.
    pub since: Millis,
    /// When something of it was last recorded.
    pub moved: Millis,
    /// Whether it was told that it stands still in this step.
    pub told: bool,
    /// What outlives a step.
    pub facts: Facts,
}

impl Task {
    /// Whether the run is about it.
    pub fn in_run(&self) -> bool {
        !matches!(self.step, Step::Outside)
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.step, Step::Closed(_))
    }

    /// Whether its dependents may start, as far as it is concerned.
    pub fn satisfies(&self) -> bool {
        matches!(&self.step, Step::Closed(closure) if closure.satisfies())
    }

    /// How it ended.
    pub fn closure(&self) -> Option<&Closure> {
        match &self.step {
            Step::Closed(closure) => Some(closure),
            _ => None,
        }
    }

    /// Its running attempt.
    pub fn running(&self) -> Option<&Running> {
        match &self.step {
            Step::Running(running) => Some(running),
            _ => None,
        }
    }

    /// Slot time until `now`, the running attempt included, ms.
    pub fn worked_ms(&self, now: Millis) -> u64 {
        self.facts.worked_ms + self.facts.started.map_or(0, |since| now.since(since))
    }

    /// Commits of the task: as measured, or as seen where that is more.
    pub fn commits(&self) -> u32 {
        self.facts.snapshot.as_ref().map_or(0, |s| s.commits).max(self.facts.seen.commits)
    }
}

/// Counts for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Sessions of the run.
    pub sessions: u32,
    /// Attempts started.
    pub attempts: u32,
    /// Attempts that were sent to repair something.
    pub repairs: u32,
    /// Of those, how many reached it.
    pub repairs_helped: u32,
    /// Check runs on candidates and bases.
    pub checks: u32,
    /// Red among them.
    pub checks_red: u32,
    /// Landings by the lane.
    pub landings: u32,
    /// Reports of attempts and candidates that were over: ignored.
    pub stale: u32,
    /// Slots held at the same time, at most.
    pub peak_busy: u32,
    /// What ended agents used.
    #[serde(default)]
    pub usage: Usage,
    /// Agent jobs whose use is known.
    #[serde(default)]
    pub metered: u32,
}
