//! Tickets: issues and cards, as they were brought down from wherever they are kept.
//!
//! A ticket's text is read as the text of a task file is. Knows nothing of where tickets come from.

use super::files::{Found, plain_lines, read_text};
use super::json::escaped_nul;
use super::outline::{self, Item, Role};
use super::place::{error, spot, warning};
use super::words::priority;
use super::{Read, markdown};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Finding, Priority, Spot, TaskSpec};
use ppe_core::text::{folded, shown};
use ppe_engine::ports::{Standing, Ticket, Tickets};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Where they lie in the folder that was named.
const FILE: &str = "tickets.json";
/// How many titles are shown that name no task.
const MOST_TITLES: usize = 3;

/// Writes tickets down to be read, over those that were there.
pub fn write_tickets(tickets: &Tickets, file: &Path) -> io::Result<()> {
    let mut new = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new("/")))?;
    new.write_all(&serde_json::to_vec_pretty(tickets)?)?;
    new.persist(file).map_err(|error| error.error).map(drop)
}

/// Reads the tasks that tickets are.
pub(super) fn read(root: &Path, findings: &mut Vec<Finding>) -> Option<Read> {
    let found = Found::first(root, &[FILE])?;
    let tickets = open(&found, findings).unwrap_or_default();
    let name = Some(tickets.name).filter(|name| !name.is_empty());
    Some(Read { tasks: tasks(&tickets.tickets, findings), name })
}

fn open(found: &Found, findings: &mut Vec<Finding>) -> Option<Tickets> {
    let text = read_text(found, findings)?;
    let mut refuse = |line: usize, message: String| {
        let line = u32::try_from(line).unwrap_or(u32::MAX).max(1);
        findings.push(error(Code::Unreadable, message, spot(&found.shown, line)));
        None
    };
    if escaped_nul(&text).is_some() {
        return refuse(1, "holds a NUL".to_owned());
    }
    match serde_json::from_str(&text) {
        Ok(tickets) => Some(tickets),
        Err(wrong) => refuse(wrong.line(), format!("holds no tickets: {wrong}")),
    }
}

fn tasks(tickets: &[Ticket], findings: &mut Vec<Finding>) -> Vec<TaskSpec> {
    let mut named = Vec::with_capacity(tickets.len());
    let mut nameless = Vec::new();
    let of_titles = ids_of_titles(tickets);
    for (ticket, of_title) in tickets.iter().zip(of_titles) {
        match of_title.or(ticket.id.as_deref().map(|id| (id, ticket.title.as_str()))) {
            Some((id, title)) => named.push((ticket, TaskId::new(id), title)),
            None => nameless.push(ticket),
        }
    }
    tell_nameless(&nameless, findings);
    let ids: BTreeMap<&str, &TaskId> =
        named.iter().map(|(ticket, id, _)| (ticket.key.as_str(), id)).collect();
    let parents: BTreeSet<&str> = named.iter().filter_map(|(ticket, ..)| ticket.parent.as_deref()).collect();
    let mut items = Vec::with_capacity(named.len());
    for (ticket, id, title) in &named {
        let place = spot(&Arc::from(ticket.place.as_str()), 1);
        let id_of = |key: &str| ids.get(key).map_or_else(|| TaskId::new(key), |id| (*id).clone());
        let mut spec = TaskSpec::bare(id.clone(), outline::title(title, id.as_str()), place.clone());
        let need = |key: &String| At { value: TaskId::new(key.as_str()), spot: place.clone() };
        spec.depends_on = ticket.needs.iter().map(need).collect();
        spec.quarter = ticket.group.as_deref().map(Arc::from);
        let mut spec = described(spec, ticket, findings);
        // People name a ticket by what it is called there, whatever its task is called.
        for named in spec.depends_on.iter_mut().chain(&mut spec.blocks) {
            named.value = id_of(named.value.as_str());
        }
        // What people set there counts, and not what the text says of it.
        spec.done = (ticket.standing == Standing::Done).then(|| place.clone());
        let is_group = parents.contains(ticket.key.as_str());
        items.push(Item {
            spec,
            parent: ticket.parent.as_deref().map(id_of),
            role: if is_group { Role::Group } else { Role::Work },
            off: off(ticket, place),
        });
    }
    outline::inherit(&mut items, findings);
    outline::tasks(items, findings)
}

/// The id and the rest of each title that begins with one. Where a ticket has an id of its own, its title has to be plain
/// about it, and the only one: many a title begins with a word like `OAuth2:`.
fn ids_of_titles(tickets: &[Ticket]) -> Vec<Option<(&str, &str)>> {
    let found: Vec<_> = tickets.iter().map(|ticket| markdown::id_of_heading(&ticket.title)).collect();
    let count = |id: &str| found.iter().flatten().filter(|(other, _)| other.eq_ignore_ascii_case(id)).count();
    let is_meant = |ticket: &Ticket, id: &str| ticket.id.is_none() || (markdown::is_id(id) && count(id) == 1);
    let pairs = tickets.iter().zip(found.iter().copied());
    pairs.map(|(ticket, found)| found.filter(|(id, _)| is_meant(ticket, id))).collect()
}

/// What its text and its labels say.
fn described(spec: TaskSpec, ticket: &Ticket, findings: &mut Vec<Finding>) -> TaskSpec {
    let mut spec = markdown::described(spec, &plain_lines(ticket.text.clone()), findings);
    // Who is paid for the work is not for anybody to say who writes a ticket.
    (spec.agent, spec.model) = (None, None);
    if let Some(priority) = ticket.labels.iter().find_map(|label| priority_of(label)) {
        spec.priority = priority;
    }
    spec
}

fn off(ticket: &Ticket, spot: Spot) -> Option<At<String>> {
    match &ticket.standing {
        Standing::Off(word) => Some(At { value: word.clone(), spot }),
        Standing::Open | Standing::Done => None,
    }
}

/// The priority that a label is: `priority: high`, `P1`.
fn priority_of(label: &str) -> Option<Priority> {
    let label = folded(label);
    let word = match label.strip_prefix("prio") {
        Some(rest) => rest.trim_start_matches(char::is_alphabetic),
        None if label.len() == 2 && label.starts_with('p') => &label,
        None => return None,
    };
    priority(word)
}

/// What stands beside the tasks of a plan is no part of it; that is said, for a title may be mistyped.
fn tell_nameless(nameless: &[&Ticket], findings: &mut Vec<Finding>) {
    let Some(first) = nameless.first() else { return };
    let titles = nameless.iter().take(MOST_TITLES).map(|ticket| format!("`{}`", shown(&ticket.title)));
    let more = nameless.len().saturating_sub(MOST_TITLES);
    let more = (more > 0).then(|| format!("{more} more"));
    let titles = titles.chain(more).collect::<Vec<_>>().join(", ");
    let message = format!("no task, since the title begins with no id like `T-001:`: {titles}");
    findings.push(warning(Code::LeftOut, message, spot(&Arc::from(first.place.as_str()), 1)));
}
