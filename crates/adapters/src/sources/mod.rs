//! Where plans are read from. Each source turns what it finds into a plan as written, with the place of every value.
//!
//! Knows nothing of whether a plan is valid; that is checked in core, for all sources alike.

mod apart;
mod backlog;
mod beads;
mod detect;
mod files;
mod front;
mod json;
mod lines;
pub mod markdown;
mod numbered;
mod outline;
mod place;
mod speckit;
mod taskmaster;
mod tickets;
mod words;

pub use detect::{found, kind_of};
pub use tickets::write_tickets;

use ppe_core::plan::{Finding, PlanSpec, TaskSpec};
use ppe_engine::ports::{PlanSource, SourceError, SourceKind};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the user may say about a plan, whatever it is written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The plan's name, instead of its own.
    pub name: Option<String>,
    /// The tag to read, where a source keeps several lists of tasks under tags.
    pub tag: Option<String>,
}

/// A plan somewhere, written in some form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is written in.
    pub kind: SourceKind,
    /// The folder or file.
    pub path: PathBuf,
    /// What the user says about it.
    pub options: Options,
}

/// What a source gives: the tasks, and the plan's own name where it has one.
struct Read {
    tasks: Vec<TaskSpec>,
    name: Option<String>,
}

impl PlanSource for Source {
    /// Files that cannot be read or understood are findings; only a path that is no plan at all is an error.
    fn read(&self) -> Result<(PlanSpec, Vec<Finding>), SourceError> {
        let cause = |cause: io::Error| match cause.kind() {
            io::ErrorKind::NotFound => SourceError::Missing { path: self.path.clone() },
            _ => SourceError::Read { path: self.path.clone(), cause },
        };
        let root = self.path.canonicalize().map_err(cause)?;
        if root.is_dir() {
            std::fs::read_dir(&root).map_err(cause)?;
        } else if root.is_file() {
            std::fs::File::open(&root).map_err(cause)?;
        } else {
            return Err(SourceError::NotAPlan { path: self.path.clone(), wanted: "a folder or a file" });
        }
        let mut findings = Vec::new();
        let read = match self.kind {
            SourceKind::Markdown => Some(markdown::read(&root, &mut findings)),
            SourceKind::Backlog => backlog::read(&root, &mut findings),
            SourceKind::TaskMaster => taskmaster::read(&root, self.options.tag.as_deref(), &mut findings),
            SourceKind::SpecKit => speckit::read(&root, &mut findings),
            SourceKind::Beads => beads::read(&root, &mut findings),
            SourceKind::Compozy => numbered::read(&root, numbered::Form::Compozy, &mut findings),
            SourceKind::Ccpm => numbered::read(&root, numbered::Form::Ccpm, &mut findings),
            SourceKind::GitHub | SourceKind::Board => tickets::read(&root, &mut findings),
        };
        let Read { tasks, name } = read.ok_or_else(|| self.holds_none())?;
        let name = self.options.name.clone().or(name).unwrap_or_else(|| project(&root));
        Ok((PlanSpec { name: Arc::from(name), tasks }, findings))
    }
}

impl Source {
    fn holds_none(&self) -> SourceError {
        let wanted = match self.kind {
            SourceKind::Markdown => "a folder of task files or one such file",
            SourceKind::Backlog => "a folder of Backlog.md's, with `tasks` in it",
            SourceKind::TaskMaster => "Task Master's `tasks.json` or the folder that holds it",
            SourceKind::SpecKit => "spec-kit's `tasks.md` or the folder that holds it",
            SourceKind::Beads => "an export of beads, `issues.jsonl`, or the folder that holds it",
            SourceKind::Compozy => "a folder with Compozy's files `task_01.md`, …",
            SourceKind::Ccpm => "an epic of ccpm's: a folder with `epic.md` and files `001.md`, …",
            SourceKind::GitHub | SourceKind::Board => "a file of tickets that were brought down",
        };
        SourceError::NotAPlan { path: self.path.clone(), wanted }
    }
}

/// The name of what a plan belongs to: that of the folder above those that only say who keeps it.
fn project(root: &Path) -> String {
    let says_who = |name: &str| {
        name.starts_with('.') || ["backlog", "tasks", "tasks.json", "issues.jsonl"].contains(&name)
    };
    let names = root.ancestors().filter_map(|path| path.file_name()?.to_str());
    let name = names.into_iter().find(|name| !says_who(name)).unwrap_or("plan");
    name.strip_suffix(".md").unwrap_or(name).to_owned()
}
