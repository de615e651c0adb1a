//! What can be seen of a repository without running anything. Does not know how it is found out.

use super::settings::CommandKind;
use ppe_engine::ports::FoundPlan;

/// What a repository looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The branch that changes land on.
    pub target: String,
    /// The plans that lie in it.
    pub plans: Vec<FoundPlan>,
    /// How it builds and tests, in order.
    pub verify: Vec<Found>,
    /// Git-ignored files that a checkout needs.
    pub copy: Vec<String>,
    /// What makes a fresh checkout ready.
    pub setup: Vec<String>,
    /// The server of a kanban board that the repository's agents are given.
    pub board: Option<BoardFound>,
}

/// The server of a board as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardFound {
    /// Where it is.
    pub place: BoardPlace,
    /// The names of the variables that it is given there.
    pub variables: Vec<String>,
    /// The names of the headers that it is sent.
    pub headers: Vec<String>,
}

/// Where the server of a board is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoardPlace {
    /// A command.
    Server(Vec<String>),
    /// An address.
    Url(String),
}

/// A command that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// As typed in a shell.
    pub run: String,
    /// What it does.
    pub kind: CommandKind,
}
