//! Where plans are read from. Knows nothing of what makes a plan valid.

use ppe_core::plan::{Finding, PlanSpec};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// What a plan is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Markdown task files, our own form.
    Markdown,
    /// A folder of Backlog.md's.
    Backlog,
    /// A `tasks.json` of Task Master's.
    TaskMaster,
    /// A `tasks.md` of spec-kit's.
    SpecKit,
    /// An export of beads.
    Beads,
    /// A folder of Compozy's task files.
    Compozy,
    /// An epic of ccpm's.
    Ccpm,
    /// Issues of GitHub's, brought down as [`Tickets`].
    GitHub,
    /// Cards of the kanban board, brought down as [`Tickets`].
    Board,
}

impl SourceKind {
    /// The word for it, in the configuration and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Backlog => "backlog",
            Self::TaskMaster => "task-master",
            Self::SpecKit => "spec-kit",
            Self::Beads => "beads",
            Self::Compozy => "compozy",
            Self::Ccpm => "ccpm",
            Self::GitHub => "github",
            Self::Board => "board",
        }
    }

    /// Whether it lies elsewhere, and is brought down before it is read.
    pub const fn is_elsewhere(self) -> bool {
        matches!(self, Self::GitHub | Self::Board)
    }
}

/// A plan that lies in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPlan {
    /// What it is written in.
    pub kind: SourceKind,
    /// Its folder or file, seen from the repository's top.
    pub path: String,
}

/// What a program elsewhere keeps of a plan, as it was when somebody last looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tickets {
    /// The plan's name.
    pub name: String,
    /// All of them.
    pub tickets: Vec<Ticket>,
}

/// A task as a program elsewhere keeps it: an issue, or a card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its name among its own kind, by which others name it.
    pub key: String,
    /// Where a person finds it, as findings name their places: `#12`.
    pub place: String,
    /// The task's id, where its title begins with none. A ticket that has neither is no task.
    pub id: Option<String>,
    /// Its title.
    pub title: String,
    /// What it says, in Markdown.
    pub text: String,
    /// The ticket that it is a part of.
    pub parent: Option<String>,
    /// The tickets that it waits for.
    pub needs: Vec<String>,
    /// What it is marked with.
    pub labels: Vec<String>,
    /// What it is planned together with.
    pub group: Option<String>,
    /// How it stands.
    pub standing: Standing,
}

/// How a ticket stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is to be done.
    #[default]
    Open,
    /// It is done.
    Done,
    /// It is not to be done, in its program's word.
    Off(String),
}

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The path does not exist.
    #[error("there is no plan at `{}`", .path.display())]
    Missing {
        /// The path that was given.
        path: PathBuf,
    },
    /// The path does not hold what it should.
    #[error("`{}` is not {wanted}", .path.display())]
    NotAPlan {
        /// The path that was given.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The path cannot be read.
    #[error("cannot read the plan at `{}`", .path.display())]
    Read {
        /// The path that was given.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// A place that holds a plan. Reading changes nothing; findings carry their places, and only what makes reading
/// impossible as a whole is an error.
pub trait PlanSource {
    /// Reads the plan as it is written now.
    fn read(&self) -> Result<(PlanSpec, Vec<Finding>), SourceError>;
}
