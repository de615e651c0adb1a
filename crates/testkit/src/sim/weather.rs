//! Whether things go wrong in a world.

/// The same, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// Whatever can happen does.
    Storm,
    /// Everything goes well, so that a run can come to its end.
    Calm,
}
