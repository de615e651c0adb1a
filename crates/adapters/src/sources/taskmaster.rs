//! Task Master's `tasks.json`: lists of tasks under tags, with sub-tasks.
//!
//! Knows nothing of how it is to be carried out. A task with sub-tasks is done by them.

use super::Read;
use super::files::Found;
use super::json::{Document, Members, Value};
use super::outline::{self, Item, Role};
use super::place::{error, warning};
use super::words::priority;
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Finding, Spot, TaskSpec};
use ppe_core::text::shown;
use std::path::Path;

/// Where the file lies, seen from the folder that was named.
const FILES: [&str; 3] = ["tasks.json", "tasks/tasks.json", ".taskmaster/tasks/tasks.json"];

/// Reads the tasks of a tag; without one, of the only tag.
pub(super) fn read(root: &Path, tag: Option<&str>, findings: &mut Vec<Finding>) -> Option<Read> {
    let found = Found::first(root, &FILES)?;
    let mut items = Vec::new();
    if let Some(document) = Document::open(&found, findings)
        && let Some(value) = document.value(findings)
        && let Some(tasks) = tasks_of(value, tag, current_tag(&found.path), findings)
    {
        for task in tasks {
            read_task(task, None, &mut items, findings);
        }
    }
    outline::inherit(&mut items, findings);
    Some(Read { tasks: outline::tasks(items, findings), name: None })
}

/// The tag that Task Master itself is at work on.
fn current_tag(file: &Path) -> Option<String> {
    let state = Found::below(file.parent()?.parent()?, "state.json");
    let document = Document::open(&state, &mut Vec::new())?;
    document.value(&mut Vec::new())?.members()?.get("currentTag")?.text()
}

/// The list of tasks: of the file as a whole, as older ones have it, or of a tag.
fn tasks_of<'a>(
    value: Value<'a>,
    tag: Option<&str>,
    current: Option<String>,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Value<'a>>> {
    let list = |members: &Members<'a>| members.get("tasks").and_then(|tasks| tasks.elements());
    let mut refuse = |message: String| {
        findings.push(error(Code::BadValue, message, value.spot()));
        None
    };
    let Some(members) = value.members() else { return refuse("is no object of tags with tasks".to_owned()) };
    if let Some(tasks) = list(&members).filter(|_| tag.is_none()) {
        return Some(tasks);
    }
    let tags = members.iter().filter_map(|(name, of_tag)| Some((name, list(&of_tag.members()?)?)));
    let mut tags: Vec<(&String, Vec<Value<'a>>)> = tags.collect();
    let names = |tags: &[(&String, Vec<Value<'a>>)]| {
        tags.iter().map(|(name, _)| shown(name)).collect::<Vec<_>>().join(", ")
    };
    if let Some(tag) = tag {
        let at = tags.iter().position(|(name, _)| name.as_str() == tag);
        return match at {
            Some(at) => Some(tags.swap_remove(at).1),
            None => refuse(format!("has no tag `{}`; there are: {}", shown(tag), names(&tags))),
        };
    }
    tags.retain(|(_, tasks)| !tasks.is_empty());
    match tags.len() {
        0 => Some(Vec::new()),
        1 => tags.pop().map(|(_, tasks)| tasks),
        _ => {
            let now =
                current.map_or_else(String::new, |tag| format!("; Task Master is at `{}`", shown(&tag)));
            let names = names(&tags);
            refuse(format!("has several tags: {names}{now}; choose one with `--tag` or `plan.tag`"))
        }
    }
}

/// `parent` is what the task is a part of.
fn read_task(value: Value<'_>, parent: Option<&TaskId>, items: &mut Vec<Item>, findings: &mut Vec<Finding>) {
    let members = value.members();
    let own_id = members.as_ref().and_then(|members| members.get("id")?.text());
    let (Some(members), Some(own_id)) = (members, own_id) else {
        findings.push(error(Code::BadId, "a task without an id".to_owned(), value.spot()));
        return;
    };
    let id = match parent {
        Some(parent) => format!("{parent}.{own_id}"),
        None => own_id,
    };
    let text = |key: &str| members.get(key).and_then(|value| value.text()).unwrap_or_default();
    let spot = members.get("id").map_or_else(|| value.spot(), |id| id.spot());
    let title = outline::title(&text("title"), &id);
    let mut spec = TaskSpec::bare(TaskId::new(id), title, spot);
    spec.depends_on = depends_on(&members, parent, findings);
    let test_strategy = outline::section("Test strategy", &text("testStrategy"));
    spec.body = outline::body([text("description"), text("details"), test_strategy]).into();
    if let Some(written) = members.get("priority") {
        let word = written.text().unwrap_or_default();
        match priority(&word) {
            Some(priority) => spec.priority = priority,
            None => findings.push(outline::odd_priority(&spec.id.value, &word, written.spot())),
        }
    }
    let standing = members.get("status").map(|status| (status.text().unwrap_or_default(), status.spot()));
    let off = standing.and_then(|(status, spot)| read_status(&status, spot, &mut spec, findings));
    let parts = members.get("subtasks").and_then(|parts| parts.elements()).unwrap_or_default();
    let role = if parts.is_empty() { Role::Work } else { Role::Group };
    let as_parent = spec.id.value.clone();
    items.push(Item { spec, parent: parent.cloned(), role, off });
    if parent.is_none() {
        for part in parts {
            read_task(part, Some(&as_parent), items, findings);
        }
    }
}

/// The dependencies. In a sub-task a bare number is a sub-task of the same task.
fn depends_on(
    members: &Members<'_>,
    parent: Option<&TaskId>,
    findings: &mut Vec<Finding>,
) -> Vec<At<TaskId>> {
    let Some(list) = members.get("dependencies") else { return Vec::new() };
    let mut ids = Vec::new();
    for value in list.elements().unwrap_or_else(|| vec![*list]) {
        let Some(id) = value.text().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()) else {
            findings.push(error(Code::BadValue, "a dependency that is no id".to_owned(), value.spot()));
            continue;
        };
        let id = match parent {
            Some(parent) if !id.contains('.') => format!("{parent}.{id}"),
            _ => id,
        };
        ids.push(At { value: TaskId::new(id), spot: value.spot() });
    }
    ids
}

/// Takes a status: what is done is marked so, what is put off is returned.
fn read_status(
    status: &str,
    spot: Spot,
    spec: &mut TaskSpec,
    findings: &mut Vec<Finding>,
) -> Option<At<String>> {
    match status {
        "done" | "completed" => spec.done = Some(spot),
        "deferred" | "cancelled" => return Some(At { value: status.to_owned(), spot }),
        "pending" | "in-progress" | "blocked" | "review" => {}
        odd => {
            let id = &spec.id.value;
            let message =
                format!("{id}: the status `{odd}` is none of Task Master's; the task counts as open");
            findings.push(warning(Code::BadValue, message, spot));
        }
    }
    None
}
