//! What goes wrong, as the user meets it: kinds, exit codes and hints, all decided on this page.

use ppe_adapters::config::ConfigError;
use std::fmt;

/// What kind of failure, and so which exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The command line or the configuration is wrong.
    Usage,
    /// The plan cannot be executed.
    Plan,
    /// The machine, the repository or the state of things does not allow it.
    Environment,
    /// A fault of ours.
    Bug,
}

impl Kind {
    /// The exit code. Scripts rely on it; `docs/reference/exit-codes.md` says the same.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Plan => 3,
            Self::Environment => 4,
            Self::Bug => 70,
        }
    }
}

/// All tasks landed.
pub(crate) const EXIT_DONE: u8 = 0;
/// Some tasks are stuck, in need of review, or were given up.
pub(crate) const EXIT_NEEDS_YOU: u8 = 10;
/// Paused or stopped; `ppe resume` goes on.
pub(crate) const EXIT_PAUSED: u8 = 11;
/// Interrupted; agents go on and are adopted later.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// A failure: what, where, and what to do next.
#[derive(Clone, Debug)]
pub(crate) struct AppError {
    /// Its kind.
    pub(crate) kind: Kind,
    /// What and where, as a lower-case fragment.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hints: Vec<String>,
}

impl AppError {
    fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hints: Vec::new() }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The plan cannot be executed.
    pub(crate) fn plan(message: impl fmt::Display) -> Self {
        Self::new(Kind::Plan, message)
    }

    /// The surroundings do not allow it.
    pub(crate) fn environment(message: impl fmt::Display) -> Self {
        Self::new(Kind::Environment, message)
    }

    /// A fault of ours.
    pub(crate) fn bug(message: impl fmt::Display) -> Self {
        Self::new(Kind::Bug, format!("BUG: {message}"))
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl From<ConfigError> for AppError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string().trim_end())
    }
}

macro_rules! environment_errors {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::environment(error)
            }
        })*
    };
}

environment_errors!(
    std::io::Error,
    ppe_adapters::git::GitError,
    ppe_adapters::state_dir::StateDirError,
    ppe_adapters::log::CreateError,
    ppe_adapters::log::OpenError,
    ppe_adapters::forge::local::LocalForgeError,
    ppe_adapters::git::lane::LaneError,
    ppe_engine::session::FoldError,
);

impl From<ppe_adapters::git::repo::DiscoverError> for AppError {
    fn from(error: ppe_adapters::git::repo::DiscoverError) -> Self {
        Self::environment(error).hint("`--repo DIR` names the repository to work on")
    }
}

impl From<ppe_engine::ports::SourceError> for AppError {
    fn from(error: ppe_engine::ports::SourceError) -> Self {
        Self::plan(error).hint("a plan is a folder of Markdown files, one task each: `ppe plan check DIR`")
    }
}

impl From<serde_json::Error> for AppError {
    fn from(error: serde_json::Error) -> Self {
        Self::bug(error)
    }
}
