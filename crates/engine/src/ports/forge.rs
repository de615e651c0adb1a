//! Where changes are shown, checked and landed, and the git plumbing of the target branch.
//!
//! Knows nothing of order, retries or whose fault a red check is.

use super::Look;
use ppe_core::ids::{Branch, CandidateId, ChangeNumber, CommitId, Millis, RunId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, LandOutcome, Verdict};
use ppe_core::policy::{MergeMethod, Trailers};
use ppe_core::state::Subject;
use serde::{Deserialize, Serialize};
use std::future::Future;

/// What makes a commit of ours repeatable: the same stamp gives the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Author and committer date, from a logged event.
    pub at: Millis,
    /// The run, for the `Ppe-Run` trailer.
    pub run: RunId,
}

/// One task's work in a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The task, for the `Ppe-Task` trailer.
    pub task: TaskId,
    /// Its title.
    pub title: String,
    /// The tip of its work.
    pub head: CommitId,
    /// Its change.
    pub change: Option<ChangeNumber>,
}

/// A candidate to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// The candidate.
    pub candidate: CandidateId,
    /// The target branch, whose tip is looked up now.
    pub target: Branch,
    /// The commit that it is built on, where that is another candidate's and not the target's tip.
    pub onto: Option<CommitId>,
    /// The work, in the order it is merged.
    pub members: Vec<Member>,
    /// What the landing looks like.
    pub method: MergeMethod,
    /// Whether it names its tasks and the run.
    pub trailers: Trailers,
    /// Date and run.
    pub stamp: Stamp,
}

/// The git plumbing of the target branch. Building a candidate changes nothing that anyone else looks at, and the same
/// specification on the same tip gives the same commit.
pub trait Lane: Send + Sync + 'static {
    /// Merges the members, one after the other, and leaves out those that do not merge onto those before them. It is
    /// told of each of these whether it merges with the target alone.
    fn build(&self, spec: BuildSpec) -> impl Future<Output = Result<BuildOutcome, Trouble>> + Send;
}

/// A branch to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishSpec {
    /// The task.
    pub task: TaskId,
    /// The branch: as chosen before, else as wished for.
    pub branch: Branch,
    /// Where it is to stand.
    pub tip: CommitId,
    /// Where we last left it; anything else there is the user's and is not moved.
    pub last: Option<CommitId>,
    /// The change that shows it already, and the branch that this is shown against before the branch moves: checks may run
    /// for what is shown against the target only.
    pub shown: Option<(ChangeNumber, Branch)>,
}

/// A branch that stands where it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its name: the wished-for one, or the next free one.
    pub branch: Branch,
    /// Its tip.
    pub tip: CommitId,
}

/// A change to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSpec {
    /// The task.
    pub task: TaskId,
    /// The branch.
    pub branch: Branch,
    /// Its tip.
    pub tip: CommitId,
    /// What its work is measured against: what its tip has beyond this are its own commits.
    pub from: Option<CommitId>,
    /// The branch that it is shown against: the target, or that of the one change it is stacked on.
    pub base: Branch,
    /// `[T-001] GraphQL Subscriptions`.
    pub title: String,
    /// Summary, metrics; the forge adds the subjects of its commits.
    pub body: String,
    /// Labels.
    pub labels: Vec<String>,
}

/// The label of a change that needs a person.
pub const NEEDS_REVIEW: &str = "needs-review";

/// A change that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSpec {
    /// The change.
    pub change: ChangeNumber,
    /// The label.
    pub label: String,
    /// What to say, once.
    pub comment: String,
}

/// A landing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandSpec {
    /// The candidate.
    pub candidate: CandidateId,
    /// The target branch.
    pub target: Branch,
    /// The tip that the candidate was built and checked on.
    pub base: CommitId,
    /// The checked commit.
    pub commit: CommitId,
    /// The work in it, whose heads must not have moved.
    pub members: Vec<(Member, Branch)>,
    /// Which go at it this is, from 0: one more each time that it was red.
    pub go: u32,
    /// Whether it is still wished for: what waits there for its turn is taken back if it is not.
    pub wished: Wished,
    /// Changes of tasks that stand on these: those shown against a branch of theirs are shown against the target from now on.
    pub stacked: Vec<ChangeNumber>,
}

/// Whether a landing that is under way is still wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wished {
    /// It is.
    Still,
    /// A person wants one of its changes otherwise: it may land only if that cannot be helped any more.
    NoMore,
}

/// The head of a change that the forge's own checks are to judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadSpec {
    /// The change at that head.
    pub head: Member,
    /// Its branch.
    pub branch: Branch,
    /// The target branch, whose rules say what is required.
    pub target: Branch,
}

/// A verdict to show on a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The change.
    pub change: ChangeNumber,
    /// The commit that was checked.
    pub commit: CommitId,
    /// Which run of it.
    pub run: u32,
    /// How it went.
    pub verdict: Verdict,
}

/// A commit that the forge's own checks are to judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiSpec {
    /// What is checked.
    pub subject: Subject,
    /// Which run of it.
    pub run: u32,
    /// The commit.
    pub commit: CommitId,
    /// The tip of the target that it was built on; a commit of the target itself stands for itself.
    pub base: CommitId,
    /// The target branch.
    pub target: Branch,
    /// The work in it.
    pub members: Vec<(Member, Branch)>,
}

/// Where changes are reviewed, checked and landed.
///
/// The contract:
///
/// - One open change per task, whatever is lost on the way: opening finds before it creates.
/// - A branch is moved only from where we last left it, by compare-and-swap, and never while it is checked out.
/// - `Landed` is said only when the commit is reachable from the target, and what is then at the target's first-parent
///   chain is the very tree that was checked. Landing again what has landed says so again. `LandedUnchecked` is said by a
///   forge that merges by itself, when somebody was faster. `Red` is said by one that judges what it merges.
/// - A change that is shown against another's branch is shown against the target before that other lands: with a branch,
///   what is shown against it may go.
/// - Who deletes a change's branch closes the change: that is told as such, unless its work is in the target by then, and it
///   does not land. Opening makes the branch again, and another change.
/// - Nothing is forced.
pub trait Forge: Send + Sync + 'static {
    /// Makes a task's branch stand at its tip.
    fn publish(&self, spec: PublishSpec) -> impl Future<Output = Result<Published, Trouble>> + Send;

    /// Makes a task's change be open, at its present tip.
    fn open(&self, spec: ChangeSpec) -> impl Future<Output = Result<ChangeNumber, Trouble>> + Send;

    /// What the forge's own checks say of a commit that passed ours; resolves when they have ended. Green where it has none.
    /// What only a person can let go on, and what is not there in time, is trouble and no verdict.
    fn ci(&self, spec: CiSpec) -> impl Future<Output = Result<Verdict, Trouble>> + Send;

    /// What the forge's own checks say of a change's head; resolves when they have ended. Green where it has none,
    /// unevaluated when it is the head no more or does not merge, for which no checks run.
    fn head_checks(&self, spec: HeadSpec) -> impl Future<Output = Result<Verdict, Trouble>> + Send;

    /// Shows a verdict on a change.
    fn report_check(&self, report: CheckReport) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Marks a change as one that needs a person.
    fn label(&self, spec: LabelSpec) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Lands a checked candidate.
    fn land(&self, spec: LandSpec) -> impl Future<Output = Result<LandOutcome, Trouble>> + Send;

    /// Looks at what others did. Each look tells all that is so now, not what is new since the last: a landing that the
    /// target has lost is told at every look until it is back.
    fn look(&self, look: Look) -> impl Future<Output = Result<Vec<Observed>, Trouble>> + Send;
}
