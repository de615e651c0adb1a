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
        }
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
