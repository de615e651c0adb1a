//! An export of beads: one issue a line, as JSON.
//!
//! Epics are groups. Of the kinds of dependencies only those that block are read. Knows nothing of the database that an
//! export was made from; it may be newer.

use super::Read;
use super::files::{Found, read_text};
use super::json::escaped_nul;
use super::outline::{self, Item, Role};
use super::place::{error, spot};
use jiff::Timestamp;
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Duration, Finding, Priority, Spot, TaskSpec};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Where the export lies, seen from the folder that was named.
const FILES: [&str; 2] = ["issues.jsonl", ".beads/issues.jsonl"];

/// An issue, as far as it matters here.
#[derive(Deserialize)]
struct Issue {
    id: String,
    title: Option<String>,
    description: Option<String>,
    design: Option<String>,
    acceptance_criteria: Option<String>,
    notes: Option<String>,
    status: Option<String>,
    priority: Option<i64>,
    issue_type: Option<String>,
    estimated_minutes: Option<u64>,
    defer_until: Option<String>,
    is_template: Option<bool>,
    ephemeral: Option<bool>,
    dependencies: Option<Vec<Dependency>>,
}

#[derive(Deserialize)]
struct Dependency {
    depends_on_id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Reads an export.
pub(super) fn read(root: &Path, findings: &mut Vec<Finding>) -> Option<Read> {
    let found = Found::first(root, &FILES)?;
    let text = read_text(&found, findings).unwrap_or_default();
    let mut items = Vec::new();
    // What is no work and blocks nobody.
    let mut passed_by = BTreeSet::new();
    let now = Timestamp::now();
    for (line, number) in text.split('\n').zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let spot = spot(&found.shown, number);
        match read_issue(line, &spot, findings) {
            Some(issue) if blocks_nobody(&issue) => {
                passed_by.insert(TaskId::new(issue.id));
            }
            Some(issue) => items.push(item(issue, &spot, now, findings)),
            None => {}
        }
    }
    for item in &mut items {
        item.spec.depends_on.retain(|need| !passed_by.contains(&need.value));
    }
    outline::inherit(&mut items, findings);
    Some(Read { tasks: outline::tasks(items, findings), name: None })
}

fn read_issue(line: &str, spot: &Spot, findings: &mut Vec<Finding>) -> Option<Issue> {
    if escaped_nul(line).is_some() {
        findings.push(error(Code::Unreadable, "holds a NUL".to_owned(), spot.clone()));
        return None;
    }
    match serde_json::from_str(line) {
        Ok(issue) => Some(issue),
        Err(wrong) => {
            // The line that JSON counts is always the first.
            let wrong = wrong.to_string().replace(" at line 1 column ", ", column ");
            findings.push(error(Code::Unreadable, format!("is no issue of beads: {wrong}"), spot.clone()));
            None
        }
    }
}

fn blocks_nobody(issue: &Issue) -> bool {
    issue.status.as_deref() == Some("tombstone")
        || issue.is_template == Some(true)
        || issue.ephemeral == Some(true)
}

fn item(issue: Issue, spot: &Spot, now: Timestamp, findings: &mut Vec<Finding>) -> Item {
    let mut spec = TaskSpec::bare(
        TaskId::new(issue.id.as_str()),
        outline::title(&issue.title.unwrap_or_default(), &issue.id),
        spot.clone(),
    );
    spec.body = outline::body([
        issue.description.unwrap_or_default(),
        outline::section("Design", &issue.design.unwrap_or_default()),
        outline::section("Acceptance criteria", &issue.acceptance_criteria.unwrap_or_default()),
        outline::section("Notes", &issue.notes.unwrap_or_default()),
    ])
    .into();
    spec.priority = match issue.priority {
        Some(0) => Priority::Critical,
        Some(1) => Priority::High,
        Some(2) | None => Priority::Medium,
        Some(_) => Priority::Low,
    };
    spec.estimate = issue.estimated_minutes.map(|minutes| Duration(minutes.saturating_mul(60)));
    let off = |why: &str| Some(At { value: why.to_owned(), spot: spot.clone() });
    let is_later = |moment: &str| moment.parse::<Timestamp>().is_ok_and(|moment| moment > now);
    let status = issue.status.as_deref().unwrap_or("open");
    let kind = issue.issue_type.as_deref().unwrap_or("task");
    let off = match (status, kind) {
        ("closed", _) => {
            spec.done = Some(spot.clone());
            None
        }
        ("deferred" | "pinned", _) => off(status),
        (_, "event" | "gate") => off(&format!("an open {kind}")),
        _ if issue.defer_until.as_deref().is_some_and(is_later) => off("deferred"),
        _ => None,
    };
    let role = if kind == "epic" { Role::Group } else { Role::Work };
    let mut item = Item { spec, parent: None, role, off };
    for dependency in issue.dependencies.unwrap_or_default() {
        depend(&mut item, dependency, spot, findings);
    }
    item
}

fn depend(item: &mut Item, dependency: Dependency, spot: &Spot, findings: &mut Vec<Finding>) {
    let other = TaskId::new(dependency.depends_on_id);
    match dependency.kind.as_deref() {
        None | Some("blocks" | "waits-for") => {
            item.spec.depends_on.push(At { value: other, spot: spot.clone() });
        }
        Some("parent-child") => item.parent = Some(other),
        Some("conditional-blocks") if item.spec.done.is_none() => {
            let message = format!(
                "{} is to run only if {other} fails (conditional-blocks), which no plan here can say",
                item.spec.id.value
            );
            findings.push(error(Code::BadValue, message, spot.clone()));
        }
        Some(_) => {}
    }
}
