//! Backlog.md's folder: task files with front matter under `tasks`, what is done and put away under `completed`.
//!
//! A task waits for its sub-tasks. Knows nothing of how Backlog.md itself lists or moves tasks.

use super::Read;
use super::files::{Found, markdown_files, read_text};
use super::front::{self, Front, Weight};
use super::outline::{self, Item, Role};
use super::place::{error, spot};
use super::words::{is_done, priority};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Finding, TaskSpec};
use ppe_core::text::folded;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Its configuration, in its folder.
const CONFIGS: [&str; 2] = ["config.yml", "config.yaml"];
/// Its configuration in the repository's top folder, which may lie above its own.
pub(super) const TOP_CONFIG: &str = "backlog.config.yml";
/// Keys without which a task would be another.
const KEYS: [&str; 8] =
    ["id", "title", "status", "priority", "dependencies", "parent_task_id", "milestone", "modified_files"];

/// Reads all tasks that are not archived.
pub(super) fn read(root: &Path, findings: &mut Vec<Finding>) -> Option<Read> {
    if !root.join("tasks").is_dir() {
        return None;
    }
    let config = config(root).and_then(|found| read_text(&found, findings)).unwrap_or_default();
    let config = front::keys(&config);
    let done = done_status(&config);
    let mut items = Vec::new();
    for found in markdown_files(root, "tasks", findings) {
        let Some(text) = read_text(&found, findings) else { continue };
        items.extend(read_task(&found, &text, done.as_deref(), findings));
    }
    let names = Names::of(items.iter().map(|item| &item.spec.id.value));
    let completed = completed(root, findings);
    for item in &mut items {
        item.spec.depends_on.retain(|need| !completed.has(&need.value) || names.has(&need.value));
    }
    for item in &mut items {
        item.spec.depends_on.iter_mut().for_each(|need| names.settle(&mut need.value));
        item.parent.iter_mut().for_each(|parent| names.settle(parent));
    }
    outline::wait_for_parts(&mut items);
    let name = config.text("project_name").map(|(name, _)| name.to_owned());
    Some(Read { tasks: outline::tasks(items, findings), name })
}

/// The configuration of a folder, if it is one of Backlog.md's.
pub(super) fn config(folder: &Path) -> Option<Found> {
    let own = CONFIGS.iter().map(|name| Found::below(folder, name));
    let above = folder.parent().map(|above| Found::below(above, TOP_CONFIG));
    own.chain(above).find(|found| found.path.is_file())
}

/// The ids that were put away as done.
fn completed(root: &Path, findings: &mut Vec<Finding>) -> Names {
    if !root.join("completed").is_dir() {
        return Names::default();
    }
    let files = markdown_files(root, "completed", findings);
    let texts = files.iter().filter_map(|found| read_text(found, findings));
    let ids: Vec<TaskId> =
        texts.filter_map(|text| Some(TaskId::new(front::split(&text).text("id")?.0))).collect();
    Names::of(ids.iter())
}

/// The status that says a task is done: the last one that is not a way to give it up.
fn done_status(config: &Front<'_>) -> Option<String> {
    let statuses = config.list("statuses");
    statuses.iter().rev().map(|(status, _)| folded(status)).find(|status| !is_given_up(status))
}

fn is_given_up(status: &str) -> bool {
    matches!(
        folded(status).as_str(),
        "won't do"
            | "wont do"
            | "won't fix"
            | "wontfix"
            | "cancelled"
            | "canceled"
            | "rejected"
            | "abandoned"
            | "obsolete"
            | "duplicate"
            | "archived"
            | "deferred"
    )
}

/// The task of a file; none when it has no front matter, as a `readme.md` has not.
fn read_task(found: &Found, text: &str, done: Option<&str>, findings: &mut Vec<Finding>) -> Option<Item> {
    let front = front::split(text);
    let is_grave = |key: &str| KEYS.contains(&key);
    for problem in front.problems.iter().filter(|p| p.weight == Weight::Heavy || is_grave(&p.key)) {
        let message = format!("`{}`: {}", problem.key, problem.message);
        findings.push(error(Code::BadValue, message, spot(&found.shown, problem.line)));
    }
    let at = |line: u32| spot(&found.shown, line);
    let (id, line) = front.text("id")?;
    let title = outline::title(front.text("title").map_or("", |(title, _)| title), id);
    let mut spec = TaskSpec::bare(TaskId::new(id), title, at(line));
    spec.body = body(front.rest).into();
    let needs = front.list("dependencies").into_iter();
    spec.depends_on = needs.map(|(id, line)| At { value: TaskId::new(id.trim()), spot: at(line) }).collect();
    let files = front.list("modified_files").into_iter();
    spec.files = files.map(|(file, line)| At { value: Arc::from(file), spot: at(line) }).collect();
    spec.quarter = front.text("milestone").map(|(milestone, _)| Arc::from(milestone));
    if let Some((word, line)) = front.text("priority") {
        match priority(word) {
            Some(priority) => spec.priority = priority,
            None => findings.push(outline::odd_priority(&spec.id.value, word, at(line))),
        }
    }
    let mut off = None;
    if let Some((status, line)) = front.text("status") {
        if is_given_up(status) {
            off = Some(At { value: status.to_owned(), spot: at(line) });
        } else if is_done(status) || done == Some(folded(status).as_str()) {
            spec.done = Some(at(line));
        }
    }
    let parent = front.text("parent_task_id").map(|(parent, _)| TaskId::new(parent));
    Some(Item { spec, parent, role: Role::Work, off })
}

/// The text without the marks that Backlog.md finds its sections by.
fn body(text: &str) -> String {
    let is_mark = |line: &&str| line.trim().starts_with("<!--") && line.trim().ends_with("-->");
    let lines: Vec<&str> = text.lines().filter(|line| !is_mark(line)).collect();
    outline::body([lines.join("\n")])
}

/// The ids there are, by their spelling and by their number: a project may have changed its prefix, and people write
/// ids in any case.
#[derive(Default)]
struct Names {
    exact: BTreeSet<TaskId>,
    by_number: BTreeMap<String, Named>,
}

/// Who has a number.
enum Named {
    One(TaskId),
    Several,
}

impl Names {
    fn of<'a>(ids: impl Iterator<Item = &'a TaskId>) -> Self {
        let mut names = Self::default();
        for id in ids {
            names.exact.insert(id.clone());
            let named = names.by_number.entry(number(id));
            named.and_modify(|named| *named = Named::Several).or_insert_with(|| Named::One(id.clone()));
        }
        names
    }

    fn has(&self, id: &TaskId) -> bool {
        self.exact.contains(id) || self.by_number.contains_key(&number(id))
    }

    /// Makes of an id the one that is meant by it.
    fn settle(&self, id: &mut TaskId) {
        if let Some(Named::One(meant)) = self.by_number.get(&number(id)).filter(|_| !self.exact.contains(id))
        {
            *id = meant.clone();
        }
    }
}

/// The number of an id without its prefix and leading zeros: `3.1` of `TASK-003.1`.
fn number(id: &TaskId) -> String {
    let id = id.as_str().to_lowercase();
    let digits = id.find(|c: char| c.is_ascii_digit()).map_or("", |at| &id[at..]);
    let parts: Vec<&str> = digits.split('.').map(|part| part.trim_start_matches('0')).collect();
    if digits.is_empty() { id.clone() } else { parts.join(".") }
}
