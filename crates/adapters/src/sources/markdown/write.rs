//! Task files as they are written. What is written has been read back before, and said the same.
//!
//! Everything that a task says stands in the front matter. A commit plan is not written: nobody but its author can say
//! one. Nothing that exists is ever written over.

use super::document::VERBATIM;
use crate::sources::{Options, Source};
use ppe_core::plan::{Duration, PlanSpec, TaskSpec};
use ppe_core::text::{cut_slug, shown, slug};
use ppe_engine::ports::{PlanSource, SourceKind};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Most bytes of the title in a file's name.
const LONGEST_SLUG: usize = 50;

/// How the text below the front matter is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// Keys and commits in it count, as in any task file.
    Read,
    /// It is text for the agent, whatever it looks like.
    Verbatim,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of that name is there.
    #[error("`{}` is there already, and nothing is written over", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file would not say what it should.
    #[error("{what} cannot be written so that it reads back as the same")]
    Differs {
        /// The task, or the plan's name.
        what: String,
    },
    /// The system refused.
    #[error("cannot write `{}`: {cause}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
}

/// Writes a plan into a folder: a file for each task, and its name into a `README.md`. Returns how many tasks.
pub fn write_plan(plan: &PlanSpec, folder: &Path) -> Result<usize, WriteError> {
    let mut files = vec![("README.md".to_owned(), format!("# {}\n", plan.name))];
    files.extend(plan.tasks.iter().map(|task| (file_name(task), task_file(task, Body::Verbatim))));
    prove(plan, &files)?;
    write_new(folder, &files)?;
    Ok(plan.tasks.len())
}

/// Writes one task into a folder. Returns the file's path.
pub fn write_task(task: &TaskSpec, folder: &Path) -> Result<PathBuf, WriteError> {
    let files = [(file_name(task), task_file(task, Body::Read))];
    prove(&PlanSpec { name: "".into(), tasks: vec![task.clone()] }, &files)?;
    write_new(folder, &files)?;
    Ok(folder.join(&files[0].0))
}

/// Reads the files back from a folder of their own and demands that they say what the plan says.
fn prove(plan: &PlanSpec, files: &[(String, String)]) -> Result<(), WriteError> {
    let io = |cause| WriteError::Io { path: std::env::temp_dir(), cause };
    let folder = tempfile::tempdir().map_err(io)?;
    write_new(folder.path(), files)?;
    let path = folder.path().to_owned();
    let source = Source { kind: SourceKind::Markdown, path, options: Options::default() };
    let differs = |what: &str| WriteError::Differs { what: shown(what).into_owned() };
    let (back, findings) = source.read().map_err(|_| differs("the plan"))?;
    if let Some(finding) = findings.first() {
        return Err(differs(&finding.to_string()));
    }
    if !plan.name.is_empty() && back.name != plan.name {
        return Err(differs(&format!("the name `{}`", plan.name)));
    }
    let said = |task: &TaskSpec| TaskSpec { file_stem: None, ..task.without_spots() };
    for task in &plan.tasks {
        let id = &task.id.value;
        let same = back.tasks.iter().find(|other| other.id.value == *id);
        if same.map(said) != Some(said(task)) {
            return Err(differs(&format!("task {id}")));
        }
    }
    Ok(())
}

fn write_new(folder: &Path, files: &[(String, String)]) -> Result<(), WriteError> {
    let io = |path: &Path, cause| WriteError::Io { path: path.to_owned(), cause };
    if let Some(path) = files.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists()) {
        return Err(WriteError::Exists { path });
    }
    fs::create_dir_all(folder).map_err(|cause| io(folder, cause))?;
    for (name, text) in files {
        let path = folder.join(name);
        match File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                return Err(WriteError::Exists { path });
            }
            Err(cause) => return Err(io(&path, cause)),
        }
    }
    Ok(())
}

/// `T-001-title-in-words.md`.
fn file_name(task: &TaskSpec) -> String {
    let id = task.id.value.as_str();
    let slug = slug(&task.title);
    match cut_slug(&slug, LONGEST_SLUG) {
        "" => format!("{id}.md"),
        slug => format!("{id}-{slug}.md"),
    }
}

/// The text of a task file.
fn task_file(task: &TaskSpec, body: Body) -> String {
    let mut lines = vec!["---".to_owned()];
    let mut add = |key: &str, value: String| lines.push(format!("{key}: {value}"));
    add("id", scalar(task.id.value.as_str()));
    add("title", quoted(&task.title));
    for (key, ids) in [("depends_on", &task.depends_on), ("blocks", &task.blocks)] {
        if !ids.is_empty() || (key == "blocks" && task.says_blocks) {
            add(key, list(ids.iter().map(|id| id.value.as_str())));
        }
    }
    add("priority", task.priority.to_string());
    for (key, text) in
        [("module", &task.module), ("quarter", &task.quarter), ("agent", &task.agent), ("model", &task.model)]
    {
        if let Some(text) = text {
            add(key, scalar(text));
        }
    }
    let wave = task.declared_wave.as_ref().map(|wave| wave.value);
    let commits = task.declared_commits.as_ref().map(|commits| commits.value);
    for (key, number) in [("wave", wave), ("estimated_commits", commits), ("coverage", task.coverage_target)]
    {
        if let Some(number) = number {
            add(key, number.to_string());
        }
    }
    if let Some(estimate) = task.estimate {
        add("estimate", span(estimate));
    }
    if !task.files.is_empty() {
        add("files", list(task.files.iter().map(|file| &*file.value)));
    }
    if task.done.is_some() {
        add("status", "done".to_owned());
    }
    if body == Body::Verbatim {
        add("body", VERBATIM.to_owned());
    }
    lines.push("---\n".to_owned());
    lines.join("\n") + &task.body
}

/// An estimate in the greatest unit that leaves nothing over.
fn span(estimate: Duration) -> String {
    let units = [(Duration::WEEK, "w"), (Duration::DAY, "d"), (Duration::HOUR, "h")];
    let whole = units.into_iter().find(|(unit, _)| estimate.0 > 0 && estimate.0.is_multiple_of(*unit));
    let (unit, word) = whole.unwrap_or((60, "m"));
    format!("{}{word}", estimate.0 / unit)
}

/// In brackets where no value needs quotes, else one a line.
fn list<'a>(values: impl Iterator<Item = &'a str> + Clone) -> String {
    if values.clone().all(is_plain) {
        return format!("[{}]", values.collect::<Vec<_>>().join(", "));
    }
    values.map(|value| format!("\n  - {}", scalar(value))).collect::<Vec<_>>().concat()
}

fn scalar(value: &str) -> String {
    if is_plain(value) { value.to_owned() } else { quoted(value) }
}

/// Whether a value stands for itself, without quotes.
fn is_plain(value: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    value.starts_with(|c: char| c.is_alphanumeric() || c == '_') && value.chars().all(is_word)
}

fn quoted(value: &str) -> String {
    let mut text = String::from('"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            _ => text.push(letter),
        }
    }
    text.push('"');
    text
}
