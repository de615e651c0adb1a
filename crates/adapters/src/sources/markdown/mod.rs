//! Plans as Markdown: a folder tree of task files, or one file.
//!
//! A task file is one whose front matter, heading or file name gives an id; everything else is passed by. Keys and
//! headings are understood in English and Spanish. Whatever cannot be understood becomes a finding with its place, and
//! reading goes on. Knows nothing of what a valid plan is, and runs nothing that it reads.

mod document;
mod draft;
mod files;
mod front;
mod ids;
mod lines;
mod values;
mod words;

use lines::{Shape, prose};
use ppe_core::plan::{Code, Finding, Level, PlanSpec, Spot, TaskSpec};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the user may say about a plan of Markdown files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkdownOptions {
    /// The plan's name; without it the first heading of the folder's `README.md`, else the folder's name.
    pub name: Option<String>,
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
    /// The path is a device, a pipe or the like.
    #[error("`{}` is neither a folder nor a file", .path.display())]
    NotAPlan {
        /// The path that was given.
        path: PathBuf,
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

/// Reads a plan. Files that cannot be read or understood are findings; only a path that is no plan at all is an error.
pub fn read(path: &Path, options: &MarkdownOptions) -> Result<(PlanSpec, Vec<Finding>), SourceError> {
    let cause = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { path: path.to_owned() },
        _ => SourceError::Read { path: path.to_owned(), cause },
    };
    let root = path.canonicalize().map_err(cause)?;
    let kind = root.metadata().map_err(cause)?;
    let mut findings = Vec::new();
    let (tasks, own_name) = if kind.is_dir() {
        std::fs::read_dir(&root).map_err(cause)?;
        read_folder(&root, &mut findings)
    } else if kind.is_file() {
        std::fs::File::open(&root).map_err(cause)?;
        read_single(&root, &mut findings)
    } else {
        return Err(SourceError::NotAPlan { path: path.to_owned() });
    };
    let fallback =
        || root.file_stem().map_or_else(|| "plan".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let name = options.name.clone().or(own_name).unwrap_or_else(fallback);
    Ok((PlanSpec { name: Arc::from(name), tasks }, findings))
}

fn read_folder(root: &Path, findings: &mut Vec<Finding>) -> (Vec<TaskSpec>, Option<String>) {
    let mut tasks = Vec::new();
    let mut name = None;
    for found in files::markdown_files(root, findings) {
        let is_readme = found.stem.eq_ignore_ascii_case("readme");
        if is_readme && found.shown.contains('/') {
            continue;
        }
        let Some(text) = files::read_text(&found, findings) else { continue };
        if is_readme {
            name = first_heading(&text);
        } else {
            tasks.extend(document::read(&found, &text, findings));
        }
    }
    (tasks, name)
}

/// One file: its tasks, and its first heading as the plan's name unless that is a task's.
fn read_single(path: &Path, findings: &mut Vec<Finding>) -> (Vec<TaskSpec>, Option<String>) {
    let found = files::Found::single(path);
    let Some(text) = files::read_text(&found, findings) else { return (Vec::new(), None) };
    let tasks = document::read(&found, &text, findings);
    let name = first_heading(&text).filter(|heading| ids::of_heading(heading, &found.stem).is_none());
    (tasks, name)
}

fn first_heading(text: &str) -> Option<String> {
    prose(text, 1).find_map(|line| match line.shape() {
        Shape::Heading { text, .. } if !text.is_empty() => Some(values::plain(text).to_owned()),
        _ => None,
    })
}

fn spot(file: &Arc<str>, line: u32) -> Spot {
    Spot { file: file.clone(), line }
}

fn error(code: Code, message: String, spot: Spot) -> Finding {
    Finding { level: Level::Error, code, message, spot: Some(spot) }
}

fn warning(code: Code, message: String, spot: Spot) -> Finding {
    Finding { level: Level::Warning, code, message, spot: Some(spot) }
}
