//! The facts: everything the log holds. Past tense, carrying each value that a later step needs.
//!
//! Old events stay understood for ever; an unknown one makes a run read-only. Knows nothing of why a fact was decided.

use crate::card::Column;
use crate::ids::{
    Attempt, Branch, CandidateId, ChangeNumber, CommitId, Millis, QuestionId, RunId, TaskId, TreeId,
};
use crate::outcome::{AgentEnd, Built, Coverage, Failure, Prepared, Shortage, Snapshot};
use crate::plan::{Plan, Priority};
use crate::policy::Policy;
use crate::question::{Answer, Ask};
use crate::state::ground::{HeadChecks, Parent};
use crate::state::lane::Subject;
use crate::state::radar::{Conflict, Touched};
use crate::state::run::{Matter, PauseCause, StopMode};
use crate::state::task::{ApprovedAt, Closure, Hold, Kind, Leave, Park, Review, Sighting, Stop, Wish, Work};
use serde::{Deserialize, Serialize};

/// All events of one decision: one record of the log, durable whole or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was decided; never before the record ahead of it.
    pub at: Millis,
    /// What was decided, in order.
    pub events: Vec<Event>,
}

impl Record {
    /// The record that a line of JSON is.
    pub fn of_line(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// The same as a line of JSON.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// How a task's state before the run was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The task.
    pub task: TaskId,
    /// Landed (with its commit) or done.
    pub closure: Closure,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    /// A further attempt, not before `until`.
    Retry {
        /// When.
        until: Millis,
        /// What for.
        kind: Kind,
    },
    /// No further attempt without a person.
    Hold(Hold),
}

/// A durable fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run began.
    RunStarted {
        /// Its id.
        run: RunId,
        /// The target branch.
        target: Branch,
        /// The target's tip at that time.
        target_tip: CommitId,
        /// The tree of that tip if pre-flight found it green.
        green: Option<TreeId>,
        /// The policy, frozen.
        policy: Box<Policy>,
        /// The tasks of this run.
        selected: Vec<TaskId>,
        /// Tasks that were done before.
        before: Vec<Before>,
    },
    /// A process took the run up: the first time, and after each stop or crash.
    SessionOpened {
        /// How long none was at it, ms.
        down_ms: u64,
    },
    /// Every selected task is closed.
    RunCompleted,
    /// The plan was revised by `plan adopt`.
    PlanRevised {
        /// The new plan, whole.
        plan: Box<Plan>,
        /// Tasks added to the run.
        added: Vec<TaskId>,
    },
    /// A task was made that is to make the target green again.
    RepairAdded {
        /// The plan with it, whole.
        plan: Box<Plan>,
        /// The task.
        repair: TaskId,
    },
    /// Nothing new starts, and why.
    DispatchPaused {
        /// Why.
        cause: PauseCause,
    },
    /// That reason is gone.
    DispatchResumed {
        /// Which.
        cause: PauseCause,
    },
    /// The user wants the run to stop.
    StopRequested {
        /// How.
        mode: StopMode,
    },
    /// A drain was taken back.
    StopWithdrawn,
    /// The number of slots was set.
    SlotsChanged {
        /// The new number.
        slots: u32,
    },
    /// The run's budget is nearly spent.
    BudgetNeared {
        /// How much of it, per cent.
        percent: u32,
    },
    /// A person granted the run's budget once more.
    BudgetGranted,
    /// An account has too little.
    BreakerOpened {
        /// The account.
        account: String,
        /// Until when nothing of it starts.
        until: Millis,
        /// What there is too little of.
        shortage: Shortage,
        /// How many of its agents may work at once afterwards.
        width: u32,
        /// In the provider's words.
        why: String,
    },
    /// That time is over.
    BreakerClosed {
        /// The account.
        account: String,
        /// When one more of its agents may work at once.
        widens: Millis,
    },
    /// It has served again: one more of its agents may work at once.
    BreakerWidened {
        /// The account.
        account: String,
        /// When the next may.
        widens: Millis,
    },
    /// An intent failed and is tried again later.
    IntentDeferred {
        /// The intent, as its key.
        intent: crate::intent::Intent,
        /// Not before.
        until: Millis,
        /// Why.
        why: String,
        /// Whose matter it is.
        matter: Matter,
    },
    /// It may be tried again.
    IntentDue {
        /// The intent.
        intent: crate::intent::Intent,
    },
    /// Enough of a wave has closed: these of the next are got ready.
    WavePreloaded {
        /// The wave that is got ready.
        wave: u32,
        /// Its best-ranked tasks.
        tasks: Vec<TaskId>,
    },
    /// A workspace stands ready ahead of its task's start.
    TaskPreloaded {
        /// The task.
        task: TaskId,
    },
    /// A gated wave was opened.
    WaveOpened {
        /// The wave.
        wave: u32,
    },
    /// A task may start.
    TaskReadied {
        /// The task.
        task: TaskId,
        /// What for.
        kind: Kind,
    },
    /// What a task was to start on does not stand any more: it waits again.
    TaskUnreadied {
        /// The task.
        task: TaskId,
    },
    /// An attempt took a slot.
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// Its number.
        attempt: Attempt,
        /// What for.
        kind: Kind,
        /// The agent that works on it.
        agent: String,
        /// Its model, where one is wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// What it stands on besides the target, where it begins before all it needs has landed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stack: Vec<Parent>,
    },
    /// What an attempt was to stand on does not merge: its task waits for the landings.
    StackRefused {
        /// The task.
        task: TaskId,
        /// The files that clash.
        files: Vec<String>,
    },
    /// Its workspace is ready.
    WorkspacePrepared {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// What was prepared.
        prepared: Prepared,
    },
    /// Its agent ended.
    AgentEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// How.
        end: AgentEnd,
    },
    /// Its work was measured and is reachable in the user's repository.
    SnapshotTaken {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// The work.
        snapshot: Snapshot,
    },
    /// The agent is asked once for what it left over.
    LeftoversAsked {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// What it left over is committed by us, and messages that name an AI are reworded.
    LeftoversTaken {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// Verification of the snapshot began.
    VerifyStarted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// Another agent looks at the verified work.
    ReviewStarted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// The reviewer ended.
    ReviewEnded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// How.
        end: AgentEnd,
        /// What came of it; nothing when it was stopped and is still to be had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review: Option<Review>,
    },
    /// The task goes on without a review.
    ReviewLeftOut {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        why: String,
    },
    /// The tip was red and the agent starts after all.
    AgentNeeded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// What was red.
        failure: Failure,
    },
    /// The attempt reached what it was for; its slot is free.
    AttemptSucceeded {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// The attempt failed; its slot is free.
    AttemptFailed {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        failure: Failure,
        /// What follows.
        after: After,
    },
    /// The attempt ended without result and without costing a try; its slot is free.
    AttemptReleased {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        failure: Failure,
        /// Where the task goes.
        leave: Leave,
    },
    /// An attempt was asked to stop.
    AttemptStopping {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        stop: Stop,
    },
    /// A task waits for a person's decision.
    TaskParked {
        /// The task.
        task: TaskId,
        /// On what.
        park: Park,
    },
    /// The task's branch stands in the user's repository.
    BranchPublished {
        /// The task.
        task: TaskId,
        /// Its name.
        branch: Branch,
        /// Its tip.
        tip: CommitId,
    },
    /// The task's change is open.
    ChangeOpened {
        /// The task.
        task: TaskId,
        /// Its number.
        change: ChangeNumber,
    },
    /// The forge's checks judged the head of the task's change.
    HeadJudged {
        /// The task.
        task: TaskId,
        /// The head.
        tip: CommitId,
        /// How.
        checks: HeadChecks,
    },
    /// The forge shows that the change needs a person.
    ChangeLabelled {
        /// The task.
        task: TaskId,
    },
    /// The change waits in the lane.
    TaskQueued {
        /// The task.
        task: TaskId,
    },
    /// A person moved the branch; their tip is the task's.
    BranchAdopted {
        /// The task.
        task: TaskId,
        /// Their tip.
        tip: CommitId,
    },
    /// The lane took up a candidate.
    CandidateChosen {
        /// The candidate.
        candidate: CandidateId,
        /// Its tasks.
        members: Vec<TaskId>,
    },
    /// A member does not merge onto those before it: it waits for the next round, or goes back by an event that follows.
    MemberLeftOut {
        /// The candidate.
        candidate: CandidateId,
        /// The task.
        task: TaskId,
    },
    /// The candidate's commit exists.
    CandidateBuilt {
        /// The candidate.
        candidate: CandidateId,
        /// The commit.
        built: Built,
    },
    /// A check run began.
    CheckStarted {
        /// What is checked.
        subject: Subject,
        /// Which run of it, from 1.
        run: u32,
    },
    /// A tree was found green.
    TreeGreen {
        /// The tree.
        tree: TreeId,
    },
    /// A commit of the target was found green.
    BaseGreen {
        /// The commit.
        commit: CommitId,
    },
    /// A check was red.
    CheckRed {
        /// What was checked.
        subject: Subject,
        /// Which run.
        run: u32,
        /// How.
        failure: Failure,
    },
    /// The candidate's tree is green.
    CandidateGreen {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The candidate's tree is red.
    CandidateRed {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The candidate may land.
    LandingStarted {
        /// The candidate.
        candidate: CandidateId,
    },
    /// The red candidate is taken apart; its tasks are at the front of the queue.
    CandidateSplit {
        /// The candidate.
        candidate: CandidateId,
        /// What is tried first, and then.
        parts: Vec<Vec<TaskId>>,
    },
    /// The candidate was given up; its tasks are at the front of the queue, or sent back by events that follow.
    CandidateDropped {
        /// The candidate.
        candidate: CandidateId,
        /// Why.
        why: Drop,
    },
    /// The candidate is the target's tip or an ancestor of it.
    CandidateLanded {
        /// The candidate.
        candidate: CandidateId,
        /// The landing commit.
        commit: CommitId,
    },
    /// What has just landed is not what was checked: nothing else lands until the target was.
    LandedUnchecked {
        /// The landing commit.
        commit: CommitId,
    },
    /// A change went back to its task.
    ChangeReturned {
        /// The task.
        task: TaskId,
        /// Why.
        failure: Failure,
        /// What follows.
        after: After,
    },
    /// A person approved a change as it is.
    ChangeApproved {
        /// The task.
        task: TaskId,
        /// The tip that was approved.
        tip: CommitId,
        /// Where they said so.
        #[serde(default, skip_serializing_if = "ApprovedAt::is_here")]
        at: ApprovedAt,
    },
    /// Who approved a change on the forge does so no more: it waits for approval again.
    ApprovalWithdrawn {
        /// The task.
        task: TaskId,
    },
    /// A person wants a change otherwise: it is its agent's again, at no cost of a try.
    ChangeRejected {
        /// The task.
        task: TaskId,
        /// What is wrong with it.
        note: String,
    },
    /// The target itself is red: the lane is frozen.
    TargetRed {
        /// The commit.
        commit: CommitId,
        /// How.
        failure: Failure,
    },
    /// The target moved again and again while this task was to land: the lane is frozen.
    RacesLost {
        /// The task.
        task: TaskId,
    },
    /// The lane goes on.
    LaneThawed,
    /// The target was seen at this commit.
    TargetMoved {
        /// The commit.
        tip: CommitId,
    },
    /// A task is over.
    TaskClosed {
        /// The task.
        task: TaskId,
        /// How.
        closure: Closure,
    },
    /// A task needs a person.
    TaskHeld {
        /// The task.
        task: TaskId,
        /// In what way.
        hold: Hold,
        /// Why.
        failure: Failure,
    },
    /// A person's review of the task's change requests others; what becomes of it follows.
    ChangesRequested {
        /// The task.
        task: TaskId,
        /// The review, which is heeded once.
        review: u64,
    },
    /// A closed or held task is open again, by a person.
    TaskReopened {
        /// The task.
        task: TaskId,
        /// What the person said.
        note: Option<String>,
        /// What it starts again for.
        kind: Kind,
    },
    /// A closed task is open again, and waits for its dependencies.
    TaskReset {
        /// The task.
        task: TaskId,
        /// What the person said.
        note: Option<String>,
        /// What becomes of its work.
        work: Work,
    },
    /// A command that acts once the task's candidate has an outcome.
    TaskWished {
        /// The task.
        task: TaskId,
        /// The command.
        wish: Wish,
    },
    /// A person left a word for the task's next prompt.
    NoteLeft {
        /// The task.
        task: TaskId,
        /// What they said.
        note: String,
    },
    /// A landing that is no longer in the target is accepted as done.
    LandingAccepted {
        /// The task.
        task: TaskId,
    },
    /// The workspace was removed; what it held is kept under a ref.
    WorkspaceReleased {
        /// The task.
        task: TaskId,
    },
    /// Something only the user may decide.
    QuestionAsked {
        /// Its id.
        question: QuestionId,
        /// What.
        ask: Ask,
    },
    /// The question is settled.
    QuestionAnswered {
        /// Its id.
        question: QuestionId,
        /// The answer.
        answer: Answer,
    },
    /// The question is about something that has passed: nobody needs to answer it any more.
    QuestionWithdrawn {
        /// Its id.
        question: QuestionId,
    },
    /// A task's priority was set by a person.
    PriorityChanged {
        /// The task.
        task: TaskId,
        /// The new priority.
        priority: Priority,
    },
    /// All branches were looked at, and what was found differs from what was known.
    BranchesSeen {
        /// Those that do not merge.
        conflicts: Vec<Conflict>,
        /// What tasks change of the files that the plan names, where it is not what was known.
        touched: Vec<Touched>,
    },
    /// The test coverage of a task's work, where it is not what was known.
    CoverageMeasured {
        /// The task.
        task: TaskId,
        /// What was measured last; none where nothing was.
        coverage: Option<Coverage>,
    },
    /// A task's card stands there, or a person named it; whatever was under way with it is over.
    CardSeen {
        /// The task.
        task: TaskId,
        /// The board's own id of it.
        card: String,
        /// Where.
        column: Column,
    },
    /// A task's card is going to be moved by us.
    CardMoving {
        /// The task.
        task: TaskId,
        /// Where to.
        to: Column,
    },
    /// Cards do not say how their tasks stand: the board would have replaced a person's words there.
    CardTextsKept {
        /// The tasks, none of which was told of before.
        tasks: Vec<TaskId>,
    },
    /// The board cannot be reached.
    BoardLost {
        /// Why.
        why: String,
    },
    /// It can again.
    BoardBack,
    /// A task has stood still for longer than it may; that nothing happens is no move of it.
    StandstillTold {
        /// The task.
        task: TaskId,
    },
    /// A task was put ahead of all others by a person.
    TaskPreferred {
        /// The task.
        task: TaskId,
    },
    /// A person permitted a task's agents more than the configuration does.
    PermissionGranted {
        /// The task.
        task: TaskId,
        /// What, in the agent's own words.
        tools: Vec<String>,
    },
    /// What was seen of a running agent. Lost in a crash without harm, and never a reason to sync.
    Sighted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// What.
        #[serde(flatten)]
        seen: Sighting,
    },
}

/// Why a candidate was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drop {
    /// The target moved: built anew.
    BaseMoved,
    /// A member's branch moved.
    HeadMoved,
    /// It does not merge.
    Conflict,
    /// Its checks are red.
    Red,
    /// The target itself is red.
    TargetRed,
    /// A person withdrew a member.
    Withdrawn,
    /// What it was built on did not land: built anew.
    Restarted,
}

impl Event {
    /// Whether the event only reports what was seen: it rides along and never causes a sync.
    pub fn is_sighting(&self) -> bool {
        matches!(self, Event::Sighted { .. })
    }
    /// The task that an event is about, where it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Event::TaskPreloaded { task }
            | Event::TaskReadied { task, .. }
            | Event::TaskUnreadied { task }
            | Event::AttemptStarted { task, .. }
            | Event::StackRefused { task, .. }
            | Event::WorkspacePrepared { task, .. }
            | Event::AgentEnded { task, .. }
            | Event::SnapshotTaken { task, .. }
            | Event::CoverageMeasured { task, .. }
            | Event::LeftoversAsked { task, .. }
            | Event::LeftoversTaken { task, .. }
            | Event::VerifyStarted { task, .. }
            | Event::ReviewStarted { task, .. }
            | Event::ReviewEnded { task, .. }
            | Event::ReviewLeftOut { task, .. }
            | Event::AgentNeeded { task, .. }
            | Event::AttemptSucceeded { task, .. }
            | Event::AttemptFailed { task, .. }
            | Event::AttemptReleased { task, .. }
            | Event::AttemptStopping { task, .. }
            | Event::TaskParked { task, .. }
            | Event::BranchPublished { task, .. }
            | Event::ChangeOpened { task, .. }
            | Event::HeadJudged { task, .. }
            | Event::ChangeLabelled { task }
            | Event::TaskQueued { task }
            | Event::BranchAdopted { task, .. }
            | Event::ChangeReturned { task, .. }
            | Event::ChangeApproved { task, .. }
            | Event::ApprovalWithdrawn { task }
            | Event::ChangeRejected { task, .. }
            | Event::RacesLost { task }
            | Event::MemberLeftOut { task, .. }
            | Event::TaskClosed { task, .. }
            | Event::TaskHeld { task, .. }
            | Event::ChangesRequested { task, .. }
            | Event::TaskReopened { task, .. }
            | Event::TaskReset { task, .. }
            | Event::TaskWished { task, .. }
            | Event::NoteLeft { task, .. }
            | Event::LandingAccepted { task }
            | Event::WorkspaceReleased { task }
            | Event::PriorityChanged { task, .. }
            | Event::TaskPreferred { task }
            | Event::PermissionGranted { task, .. }
            | Event::Sighted { task, .. } => Some(task),
            Event::RunStarted { .. }
            | Event::SessionOpened { .. }
            | Event::RunCompleted
            | Event::PlanRevised { .. }
            | Event::RepairAdded { .. }
            | Event::DispatchPaused { .. }
            | Event::DispatchResumed { .. }
            | Event::StopRequested { .. }
            | Event::StopWithdrawn
            | Event::SlotsChanged { .. }
            | Event::BudgetNeared { .. }
            | Event::BudgetGranted
            | Event::BreakerOpened { .. }
            | Event::BreakerClosed { .. }
            | Event::BreakerWidened { .. }
            | Event::IntentDeferred { .. }
            | Event::IntentDue { .. }
            | Event::WavePreloaded { .. }
            | Event::WaveOpened { .. }
            | Event::CandidateChosen { .. }
            | Event::CandidateBuilt { .. }
            | Event::CheckStarted { .. }
            | Event::TreeGreen { .. }
            | Event::BaseGreen { .. }
            | Event::CheckRed { .. }
            | Event::CandidateGreen { .. }
            | Event::CandidateRed { .. }
            | Event::LandingStarted { .. }
            | Event::CandidateSplit { .. }
            | Event::CandidateDropped { .. }
            | Event::CandidateLanded { .. }
            | Event::LandedUnchecked { .. }
            | Event::TargetRed { .. }
            | Event::LaneThawed
            | Event::TargetMoved { .. }
            | Event::BranchesSeen { .. }
            | Event::StandstillTold { .. }
            | Event::CardSeen { .. }
            | Event::CardMoving { .. }
            | Event::CardTextsKept { .. }
            | Event::BoardLost { .. }
            | Event::BoardBack
            | Event::QuestionAsked { .. }
            | Event::QuestionAnswered { .. }
            | Event::QuestionWithdrawn { .. } => None,
        }
    }
}
