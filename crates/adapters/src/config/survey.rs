//! Looks at a repository for what its configuration should say: where the plan is, how it builds and tests, which
//! ignored files a checkout needs. What cannot be read is not found.
//!
//! Does not write anything, and does not know the configuration's form.

use super::builds;
use super::facts::{Facts, Found};
use super::settings::CommandKind;
use std::fs;
use std::path::Path;

/// How many folders are looked at for a plan.
const MOST_FOLDERS: usize = 2_000;
/// How deep below the top a plan may be.
const MOST_DEPTH: usize = 6;
/// Folders that hold no plan of the user's.
const NOT_PLANS: &[&str] = &["target", "node_modules", "build", "dist", "out", "vendor", "venv"];

/// Looks at the repository with this top folder. `is_ignored` says of a path, seen from the top, whether git ignores it.
pub fn survey(top: &Path, target: &str, is_ignored: impl Fn(&str) -> bool) -> Facts {
    let mut facts = Facts { target: target.to_owned(), plan: plan_folder(top), ..Facts::default() };
    builds::recognise(top, &mut facts);
    if facts.verify.is_empty() {
        make(top, &mut facts);
    }
    let names = children(top).into_iter().filter(|(_, kind)| *kind == Entry::File).map(|(name, _)| name);
    facts.copy = names.filter(|name| is_local(name) && is_ignored(name)).collect();
    facts
}

fn make(top: &Path, facts: &mut Facts) {
    let text = fs::read_to_string(top.join("Makefile")).unwrap_or_default();
    if text.lines().any(|line| line.starts_with("test:")) {
        facts.add("make test", CommandKind::Test);
    }
}

impl Facts {
    /// Adds a command, named by what it does; the second of a kind also by its program.
    pub(super) fn add(&mut self, run: &str, kind: CommandKind) {
        let plain = kind.name();
        let program = run.split_whitespace().next().unwrap_or(run).trim_start_matches("./");
        let taken = self.verify.iter().any(|found| found.name == plain);
        let name = if taken { format!("{plain}-{program}") } else { plain.to_owned() };
        self.verify.push(Found { name, run: run.to_owned(), kind });
    }
}

/// Whether a file of this name usually holds what one developer needs and nobody commits.
fn is_local(name: &str) -> bool {
    name == ".env" || name.starts_with(".env.") || name == "local.properties"
}

/// The smallest folder that holds the task files: of the top folder that has most of them, when there are several.
fn plan_folder(top: &Path) -> Option<String> {
    let mut folders = Vec::new();
    let mut left = MOST_FOLDERS;
    task_folders(top, &mut Vec::new(), &mut left, &mut folders);
    let in_first = |name: &str| -> usize {
        folders.iter().filter(|f| f.path.first().is_some_and(|first| first == name)).map(|f| f.tasks).sum()
    };
    let first = folders.iter().filter_map(|f| f.path.first()).max_by_key(|name| in_first(name));
    let of_plan = |f: &&TaskFolder| f.path.first() == first;
    let mut plan = folders.iter().filter(of_plan).map(|f| f.path.clone()).reduce(|a, b| common(&a, &b))?;
    if folders.iter().filter(of_plan).map(|f| f.tasks).sum::<usize>() < 2 {
        return None;
    }
    // `Phases` and `Tasks` are rooms of a plan, not the plan.
    while plan.len() > 1
        && plan.last().is_some_and(|last| ["phases", "tasks"].contains(&last.to_lowercase().as_str()))
    {
        plan.pop();
    }
    Some(if plan.is_empty() { ".".to_owned() } else { plan.join("/") })
}

struct TaskFolder {
    path: Vec<String>,
    tasks: usize,
}

fn task_folders(at: &Path, path: &mut Vec<String>, left: &mut usize, found: &mut Vec<TaskFolder>) {
    if path.len() > MOST_DEPTH || *left == 0 {
        return;
    }
    *left -= 1;
    let children = children(at);
    let tasks = children.iter().filter(|(name, kind)| *kind == Entry::File && is_task_file(name)).count();
    if tasks > 0 {
        found.push(TaskFolder { path: path.clone(), tasks });
    }
    for (name, kind) in children {
        if kind == Entry::Folder && !name.starts_with('.') && !NOT_PLANS.contains(&name.as_str()) {
            let inner = at.join(&name);
            path.push(name);
            task_folders(&inner, path, left, found);
            path.pop();
        }
    }
}

/// Whether a name is like `T-001-graphql.md`: letters, a dash, digits, then nothing or no further letter or digit.
fn is_task_file(name: &str) -> bool {
    let Some((stem, "md")) = name.rsplit_once('.') else { return false };
    let Some((word, rest)) = stem.split_once('-') else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let ends = rest[digits..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    let is_record = ["adr", "rfc"].contains(&word.to_ascii_lowercase().as_str());
    !word.is_empty() && !is_record && word.bytes().all(|b| b.is_ascii_alphabetic()) && digits > 0 && ends
}

fn common(a: &[String], b: &[String]) -> Vec<String> {
    a.iter().zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a.clone()).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    File,
    Folder,
}

/// Files and folders in a folder, by name. Links are neither: a survey stays inside the repository.
fn children(folder: &Path) -> Vec<(String, Entry)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut children: Vec<(String, Entry)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let kind = entry.file_type().ok()?;
            let entry_kind = match (kind.is_file(), kind.is_dir()) {
                (true, _) => Entry::File,
                (_, true) => Entry::Folder,
                (false, false) => return None,
            };
            Some((entry.file_name().into_string().ok()?, entry_kind))
        })
        .collect();
    children.sort_by(|a, b| a.0.cmp(&b.0));
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_file_begins_with_an_id() {
        for name in ["T-001-graphql.md", "T-1.md", "AUTH-7_x.md", "task-12 - Title.md"] {
            assert!(is_task_file(name), "{name}");
        }
        for name in [
            "README.md",
            "T-001.txt",
            "utf-8x.md",
            "T-.md",
            "-1.md",
            "2024-01-02.md",
            "T-001",
            "ADR-001-x.md",
        ] {
            assert!(!is_task_file(name), "{name}");
        }
    }

    #[test]
    fn the_plan_is_the_folder_above_all_its_tasks() {
        let top = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "# T-001: x\n").unwrap();
        };
        put("docs/note-1.md");
        assert_eq!(plan_folder(top.path()), None, "one file is no plan");
        put("plans/apigen/Phases/Q1/Tasks/T-001-a.md");
        put("plans/apigen/Phases/Q2/Tasks/T-002-b.md");
        put("node_modules/x/T-001.md");
        put("node_modules/x/T-002.md");
        put("node_modules/x/T-003.md");
        assert_eq!(plan_folder(top.path()).as_deref(), Some("plans/apigen"));
    }
}
