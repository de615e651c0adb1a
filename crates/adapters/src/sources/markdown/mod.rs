//! Plans as Markdown: a folder tree of task files, or one file.
//!
//! A task file is one whose front matter, heading or file name gives an id; everything else is passed by. Keys and
//! headings are understood in English and Spanish. Whatever cannot be understood becomes a finding with its place, and
//! reading goes on. Knows nothing of what a valid plan is, and runs nothing that it reads.

mod document;
mod draft;
mod ids;
mod values;
mod words;
mod write;

pub use write::{WriteError, write_plan, write_task};

use super::Read;
use super::files::{self, Found};
use super::lines::{Shape, prose};
pub(super) use document::described;
use ppe_core::plan::{Finding, TaskSpec};
use std::path::Path;

/// Reads a folder tree of task files, or one file.
pub(super) fn read(root: &Path, findings: &mut Vec<Finding>) -> Read {
    let (tasks, name) = if root.is_dir() { read_folder(root, findings) } else { read_single(root, findings) };
    let file_name = || root.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    Read { tasks, name: name.or_else(file_name) }
}

/// The id and the title in a heading that names a task.
pub(super) fn id_of_heading(heading: &str) -> Option<(&str, &str)> {
    ids::of_heading(heading, "").map(|found| (found.id, found.title))
}

/// Whether a word is an id beyond doubt: letters, a joint and digits.
pub(super) fn is_id(word: &str) -> bool {
    word.contains(['-', '_']) && ids::of_file_name(word) == Some(word)
}

fn read_folder(root: &Path, findings: &mut Vec<Finding>) -> (Vec<TaskSpec>, Option<String>) {
    let mut tasks = Vec::new();
    let mut name = None;
    for found in files::markdown_files(root, "", findings) {
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
    let found = Found::single(path);
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
