//! All ports of a run in one bundle, so that the shell names them once.

use super::{Board, Clock, Executor, Forge, Lane, Notifier, Radar};

/// The ports that a run is driven through.
pub trait Ports: Send + Sync + 'static {
    /// Where agents run.
    type Executor: Executor;
    /// Where changes land; also the plumbing of the target.
    type Forge: Forge + Lane;
    /// Branches held against each other.
    type Radar: Radar;
    /// The board that mirrors the run.
    type Board: Board;
    /// Time.
    type Clock: Clock;
    /// Word to the user.
    type Notifier: Notifier;

    /// Where agents run.
    fn executor(&self) -> &Self::Executor;
    /// Where changes land.
    fn forge(&self) -> &Self::Forge;
    /// Branches held against each other.
    fn radar(&self) -> &Self::Radar;
    /// The board that mirrors the run.
    fn board(&self) -> &Self::Board;
    /// Time.
    fn clock(&self) -> &Self::Clock;
    /// Word to the user.
    fn notifier(&self) -> &Self::Notifier;
}
