//! Planted bugs, for the simulator to find: each is one wrong line in what is decided. Present only with the feature
//! `mutants`, and off unless a state names one. Knows nothing of how they are found.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// One attempt too many starts.
    SlotsIgnored,
    /// An open change satisfies dependents.
    OpenSatisfies,
    /// What became ready starts although a dependency is open again.
    ReopenedSatisfies,
    /// A further attempt has the number of the last.
    AttemptReused,
    /// The end of another attempt's agent is believed.
    StaleEndBelieved,
    /// A red candidate is charged without a look at its base.
    RedChargedUnseen,
    /// A red candidate is charged without a second run.
    RedChargedAtOnce,
    /// Failed repairs cost no try.
    TryNotCounted,
    /// A candidate lands without having been checked.
    LandsUnchecked,
    /// A moved branch is queued again as if it had not moved.
    HeadMovedIgnored,
    /// A failed wish is never due again.
    DeferredForgotten,
    /// A change whose target moved leaves the lane.
    QueueLosesMember,
    /// An answered question stays open.
    AnswerKeepsQuestion,
    /// A task that gave its slot to others does not return.
    ParkLosesTask,
    /// A pending stop is forgotten when a session opens.
    StopForgotten,
    /// A command waiting for a candidate's outcome is forgotten.
    WishForgotten,
    /// A held task's workspace is released.
    HeldReleased,
    /// While a repair may start, so may everything else.
    RedTargetIgnored,
    /// A repair that was given up is never followed by another question.
    RepairForgotten,
    /// An account is used by as many as there are slots, whatever it bears.
    WidthIgnored,
    /// The budget keeps nothing from starting.
    BudgetIgnored,
    /// Work is reviewed again after it was.
    ReviewRepeated,
    /// A change may wait for ever while others are more urgent.
    AgeIgnored,
    /// A red batch is charged as a whole.
    BatchCharged,
    /// A batch waits for tasks that wait for a person.
    BatchWaitsForHeld,
    /// Of two changes that clash with each other the second goes back although the first has not landed.
    BothSentBack,
    /// A candidate lands before the one that it is built on.
    LandsOutOfTurn,
    /// What was built on a candidate that did not land stays.
    RestartForgotten,
    /// What was built on a candidate that landed as another commit stays.
    OtherCommitIgnored,
    /// One candidate more is under way than there are check slots.
    ChecksUnbounded,
    /// A member that is left out of a candidate leaves the lane.
    LeftOutLost,
    /// The second half of a red batch leaves the lane.
    HalfForgotten,
    /// What nobody approved is queued.
    ApprovalIgnored,
    /// What was approved once may change and still land.
    ApprovalOutlivesTip,
    /// A change does not let a more urgent one pass that it is known not to merge with.
    RivalPassed,
    /// A change waits for one that waits for a person.
    HeldRivalAwaited,
    /// Changes that are known not to merge are put together.
    RivalsTogether,
    /// Who starts next is chosen whoever has its files in hand.
    SharingIgnored,
    /// Who stands still is told of again and again.
    StandstillRepeated,
    /// What landed as something else than was checked is built on all the same.
    UncheckedBelieved,
    /// Tasks start on what landed as something else than was checked.
    StartsOnUnchecked,
    /// A review that was heeded is heeded again.
    RequestRepeated,
    /// A task is stacked on a change whose checks are not known to be green.
    RedStackedOn,
    /// A stacked task goes on although what it stands on waits for a person.
    HeldStackedOn,
    /// What is stacked lands before what it stands on.
    StackedLands,
    /// What is stacked is not brought onto the target when what it stands on has landed.
    RestackForgotten,
    /// A command waits for a candidate's outcome although that did not come when it was tried.
    StuckAwaited,
    /// A card that does not follow its task is left where it is.
    CardStays,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 48] = [
        Self::SlotsIgnored,
        Self::OpenSatisfies,
        Self::ReopenedSatisfies,
        Self::AttemptReused,
        Self::StaleEndBelieved,
        Self::RedChargedUnseen,
        Self::RedChargedAtOnce,
        Self::TryNotCounted,
        Self::LandsUnchecked,
        Self::HeadMovedIgnored,
        Self::DeferredForgotten,
        Self::QueueLosesMember,
        Self::AnswerKeepsQuestion,
        Self::ParkLosesTask,
        Self::StopForgotten,
        Self::WishForgotten,
        Self::HeldReleased,
        Self::RedTargetIgnored,
        Self::RepairForgotten,
        Self::WidthIgnored,
        Self::BudgetIgnored,
        Self::ReviewRepeated,
        Self::AgeIgnored,
        Self::BatchCharged,
        Self::BatchWaitsForHeld,
        Self::BothSentBack,
        Self::LandsOutOfTurn,
        Self::RestartForgotten,
        Self::OtherCommitIgnored,
        Self::ChecksUnbounded,
        Self::LeftOutLost,
        Self::HalfForgotten,
        Self::ApprovalIgnored,
        Self::ApprovalOutlivesTip,
        Self::RivalPassed,
        Self::HeldRivalAwaited,
        Self::RivalsTogether,
        Self::SharingIgnored,
        Self::StandstillRepeated,
        Self::UncheckedBelieved,
        Self::StartsOnUnchecked,
        Self::RequestRepeated,
        Self::RedStackedOn,
        Self::HeldStackedOn,
        Self::StackedLands,
        Self::RestackForgotten,
        Self::StuckAwaited,
        Self::CardStays,
    ];
}
