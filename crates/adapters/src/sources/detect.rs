//! Which plans lie in a repository, and what a path's plan is written in.
//!
//! Only names and shapes of files are looked at. What cannot be read is not found; links are not followed.

use super::files::{Found, read_text};
use super::front;
use super::numbered::Form;
use ppe_engine::ports::{FoundPlan, SourceKind};
use std::fs;
use std::path::Path;

/// How many folders are looked at for a plan.
const MOST_FOLDERS: usize = 2_000;
/// How deep below the top a plan may be.
const MOST_DEPTH: usize = 6;
/// Folders that hold no plan of the user's.
const NOT_PLANS: &[&str] = &["target", "node_modules", "build", "dist", "out", "vendor", "venv"];
/// Folders of Backlog.md's.
const BACKLOGS: [&str; 2] = ["backlog", ".backlog"];
/// Folders with a folder for each feature of spec-kit's.
const FEATURES: [&str; 2] = ["specs", ".specify/specs"];

/// All plans of the repository with this top folder, each where its program keeps it; of Markdown files at most one.
pub fn found(top: &Path) -> Vec<FoundPlan> {
    let mut places = Vec::new();
    let mut add = |kind, path: String| places.push(FoundPlan { kind, path });
    if let Some(path) = markdown_folder(top) {
        add(SourceKind::Markdown, path);
    }
    for path in backlogs(top).into_iter().filter(|path| top.join(path).join("tasks").is_dir()) {
        add(SourceKind::Backlog, path);
    }
    for path in [".taskmaster/tasks/tasks.json", "tasks/tasks.json"] {
        if top.join(path).is_file() {
            add(SourceKind::TaskMaster, path.to_owned());
        }
    }
    for path in FEATURES.iter().flat_map(|folder| folders_in(top, folder)) {
        if is_spec_kit(&top.join(&path).join("tasks.md")) {
            add(SourceKind::SpecKit, path);
        }
    }
    if top.join(".beads/issues.jsonl").is_file() {
        add(SourceKind::Beads, ".beads/issues.jsonl".to_owned());
    }
    for path in folders_in(top, ".compozy/tasks").filter(|path| has_tasks(&top.join(path), Form::Compozy)) {
        add(SourceKind::Compozy, path);
    }
    for path in folders_in(top, ".claude/epics").filter(|path| is_epic(&top.join(path))) {
        add(SourceKind::Ccpm, path);
    }
    places
}

/// What the plan at a path is written in. What shows no sign of any program is taken for Markdown.
pub fn kind_of(path: &Path) -> SourceKind {
    let has = |name: &str| path.join(name).is_file();
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if path.is_file() {
        return match ending {
            "jsonl" => SourceKind::Beads,
            "json" => SourceKind::TaskMaster,
            _ if is_spec_kit(path) => SourceKind::SpecKit,
            _ => SourceKind::Markdown,
        };
    }
    if is_backlog(path) {
        SourceKind::Backlog
    } else if has("tasks.json") || has("tasks/tasks.json") || has(".taskmaster/tasks/tasks.json") {
        SourceKind::TaskMaster
    } else if is_spec_kit(&path.join("tasks.md")) {
        SourceKind::SpecKit
    } else if has("issues.jsonl") {
        SourceKind::Beads
    } else if has_tasks(path, Form::Compozy) {
        SourceKind::Compozy
    } else if is_epic(path) {
        SourceKind::Ccpm
    } else {
        SourceKind::Markdown
    }
}

/// The folders of Backlog.md's: where it looks by itself, and where its configuration in the top folder points.
fn backlogs(top: &Path) -> Vec<String> {
    let known = BACKLOGS.iter().filter(|name| is_backlog(&top.join(name))).map(|name| (*name).to_owned());
    let mut folders: Vec<String> = known.collect();
    let config = Found::below(top, super::backlog::TOP_CONFIG);
    if let Some(text) = config.path.is_file().then(|| read_text(&config, &mut Vec::new())).flatten()
        && let Some((named, _)) = front::keys(&text).text("backlog_directory")
        && !named.starts_with('/')
        && !named.split('/').any(|part| part == "..")
        && !folders.iter().any(|folder| folder == named)
    {
        folders.push(named.trim_end_matches('/').to_owned());
    }
    folders
}

fn is_backlog(folder: &Path) -> bool {
    super::backlog::config(folder).is_some() && folder.join("tasks").is_dir()
}

/// Whether a file is a list of spec-kit's: some line is a task of its own.
fn is_spec_kit(file: &Path) -> bool {
    if !file.is_file() {
        return false;
    }
    let text = read_text(&Found::single(file), &mut Vec::new()).unwrap_or_default();
    text.lines().any(super::speckit::is_task)
}

fn has_tasks(folder: &Path, form: Form) -> bool {
    let files = children(folder).into_iter().filter(|(_, kind)| *kind == Entry::File);
    let mut stems = files.filter_map(|(name, _)| name.strip_suffix(".md").map(str::to_owned));
    stems.any(|stem| form.is_task(&stem))
}

fn is_epic(folder: &Path) -> bool {
    folder.join("epic.md").is_file() && has_tasks(folder, Form::Ccpm)
}

/// The folders in a folder, seen from the top, but those that are put away.
fn folders_in(top: &Path, folder: &str) -> impl Iterator<Item = String> {
    let children = children(&top.join(folder)).into_iter();
    let open = children.filter(|(name, kind)| *kind == Entry::Folder && !name.starts_with(['.', '_']));
    open.map(move |(name, _)| format!("{folder}/{name}"))
}

/// The smallest folder that holds the task files: of the top folder that has most of them, when there are several.
fn markdown_folder(top: &Path) -> Option<String> {
    let mut folders = Vec::new();
    let mut left = MOST_FOLDERS;
    task_folders(top, &mut Vec::new(), &mut left, &mut folders);
    let others = backlogs(top);
    folders.retain(|folder| !others.iter().any(|other| is_below(&folder.path, other)));
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

fn is_below(path: &[String], folder: &str) -> bool {
    let mut folder = folder.split('/');
    let mut path = path.iter();
    folder.all(|part| path.next().is_some_and(|name| name == part))
}

fn common(a: &[String], b: &[String]) -> Vec<String> {
    a.iter().zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a.clone()).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    File,
    Folder,
}

/// Files and folders in a folder, by name. Links are neither: a look stays inside the repository.
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
        assert_eq!(markdown_folder(top.path()), None, "one file is no plan");
        put("plans/apigen/Phases/Q1/Tasks/T-001-a.md");
        put("plans/apigen/Phases/Q2/Tasks/T-002-b.md");
        put("node_modules/x/T-001.md");
        put("node_modules/x/T-002.md");
        put("node_modules/x/T-003.md");
        assert_eq!(markdown_folder(top.path()).as_deref(), Some("plans/apigen"));
    }
}
