//! Tasks as other programs keep them: with parents and parts, some of them put off or called off. Made into tasks of a
//! plan, which has none of that.
//!
//! Knows no program's form, and nothing of whether what comes of it is valid.

use super::files::plain_lines;
use super::place::{error, warning};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Finding, Spot, TaskSpec};
use ppe_core::wording::several;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// More dependencies than any plan has; those that follow from few words could be more than memory holds.
pub(super) const MOST_DEPENDENCIES: usize = 1_000_000;
/// Bytes of what groups say, told to all their parts together, at most.
const MOST_CONTEXT: usize = 64 << 20;
/// How many parents one above the other are looked at.
const MOST_PARENTS: usize = 100;

/// A task as its program keeps it.
pub(super) struct Item {
    /// What it says.
    pub(super) spec: TaskSpec,
    /// What it is a part of.
    pub(super) parent: Option<TaskId>,
    /// Whether it is work in itself.
    pub(super) role: Role,
    /// Why it is not to be done now, in its program's word, if it is not.
    pub(super) off: Option<At<String>>,
}

/// Whether a task is work in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is.
    Work,
    /// It is done when its parts are: whatever waits for it waits for all of them.
    Group,
}

impl Item {
    /// Work that nothing is said of besides.
    pub(super) fn work(spec: TaskSpec) -> Self {
        Self { spec, parent: None, role: Role::Work, off: None }
    }

    fn id(&self) -> &TaskId {
        &self.spec.id.value
    }

    fn is_done(&self) -> bool {
        self.spec.done.is_some()
    }
}

/// Who is a part of what.
struct Tree<'a> {
    items: &'a [Item],
    positions: BTreeMap<&'a TaskId, usize>,
}

impl<'a> Tree<'a> {
    fn of(items: &'a [Item]) -> Self {
        let mut positions = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            positions.entry(item.id()).or_insert(at);
        }
        Self { items, positions }
    }

    fn item(&self, id: &TaskId) -> Option<&'a Item> {
        self.positions.get(id).map(|at| &self.items[*at])
    }

    /// What an item is a part of, the nearest first.
    fn above(&self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        let up = |item: &&'a Item| item.parent.as_ref().and_then(|parent| self.item(parent));
        std::iter::successors(up(&item), up).take(MOST_PARENTS)
    }

    fn is_part(&self, id: &TaskId, of: &TaskId) -> bool {
        self.item(id).is_some_and(|item| self.above(item).any(|above| above.id() == of))
    }

    /// Who waits for each, by position.
    fn dependents(&self) -> Vec<Vec<usize>> {
        let mut dependents = vec![Vec::new(); self.items.len()];
        for (at, item) in self.items.iter().enumerate() {
            for need in &item.spec.depends_on {
                if let Some(need) = self.positions.get(&need.value) {
                    dependents[*need].push(at);
                }
            }
        }
        dependents
    }

    /// The work in each group.
    fn work_in_groups(&self) -> BTreeMap<&'a TaskId, Vec<&'a TaskId>> {
        let groups = self.items.iter().filter(|item| item.role == Role::Group);
        let mut work: BTreeMap<_, Vec<_>> = groups.map(|group| (group.id(), Vec::new())).collect();
        for item in self.items.iter().filter(|item| item.role == Role::Work) {
            for above in self.above(item) {
                if let Some(parts) = work.get_mut(above.id()) {
                    parts.push(item.id());
                }
            }
        }
        work
    }
}

/// Lets parts wait for whatever the tasks wait for that they are parts of.
pub(super) fn inherit(items: &mut [Item], findings: &mut Vec<Finding>) {
    let tree = Tree::of(items);
    let mut left = MOST_DEPENDENCIES;
    let mut all = Vec::with_capacity(items.len());
    for item in &*items {
        let mut inherited = Vec::new();
        for above in tree.above(item) {
            let needs = &above.spec.depends_on;
            if needs.len() > left {
                findings.push(too_many(item.id(), &above.spec.id.spot));
                return;
            }
            left -= needs.len();
            let own_part = |id: &TaskId| id == item.id() || id == above.id() || tree.is_part(id, above.id());
            inherited.extend(needs.iter().filter(|need| !own_part(&need.value)).cloned());
        }
        all.push(inherited);
    }
    for (item, more) in items.iter_mut().zip(all) {
        item.spec.depends_on = distinct(std::mem::take(&mut item.spec.depends_on).into_iter().chain(more));
    }
}

/// What is said where more dependencies follow than can be read.
pub(super) fn too_many(id: &TaskId, spot: &Spot) -> Finding {
    let message =
        format!("{id} waits for more than can be read: more than {MOST_DEPENDENCIES} dependencies follow");
    error(Code::BadValue, message, spot.clone())
}

/// Lets tasks wait for their parts, but where a part waits for the task by its own word.
pub(super) fn wait_for_parts(items: &mut [Item]) {
    let tree = Tree::of(items);
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        if let Some(parent) = item.parent.as_ref().and_then(|parent| tree.positions.get(parent)) {
            parts.entry(*parent).or_default().push(at);
        }
    }
    let dependents = tree.dependents();
    let mut more = Vec::new();
    for (parent, parts) in parts {
        let waiting = reached(&dependents, parent);
        let parts = parts.into_iter().filter(|part| !waiting.contains(part));
        more.extend(parts.map(|part| (parent, items[part].spec.id.clone())));
    }
    for (parent, part) in more {
        items[parent].spec.depends_on.push(part);
    }
}

/// All that can be reached from a position, itself included.
fn reached(ways: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if seen.insert(at) {
            open.extend(&ways[at]);
        }
    }
    seen
}

/// Each id once, where it is named first.
pub(super) fn distinct(ids: impl Iterator<Item = At<TaskId>>) -> Vec<At<TaskId>> {
    let mut seen = BTreeSet::new();
    ids.filter(|id| seen.insert(id.value.clone())).collect()
}

/// Tells parts what is said of the groups that they are in, the nearest first: often that says what it is all about.
fn tell_parts(items: &mut [Item], findings: &mut Vec<Finding>) {
    let tree = Tree::of(items);
    let mut left = MOST_CONTEXT;
    let mut contexts = Vec::with_capacity(items.len());
    for item in &*items {
        let groups = || tree.above(item).filter(|above| above.role == Role::Group);
        let size = groups().map(|group| group.spec.body.len()).sum::<usize>();
        if size > left {
            let message = "what is said of the groups that tasks are in is more than can be read".to_owned();
            findings.push(error(Code::BadValue, message, item.spec.id.spot.clone()));
            return;
        }
        left -= size;
        let heading = |group: &Item| format!("Part of {}: {}", group.id(), group.spec.title);
        contexts.push(body(groups().map(|group| section(&heading(group), &group.spec.body))));
    }
    for (item, context) in items.iter_mut().zip(contexts) {
        if !context.is_empty() {
            item.spec.body = body([item.spec.body.to_string(), context]).into();
        }
    }
}

/// The tasks of a plan: groups are replaced by what is in them, and what is not to be done now is left out with all that
/// waits for it.
pub(super) fn tasks(mut items: Vec<Item>, findings: &mut Vec<Finding>) -> Vec<TaskSpec> {
    tell_parts(&mut items, findings);
    let needs = needs_without_groups(&items, findings);
    let mut out = put_off(&items);
    tell_put_off(&items, &out, findings);
    leave_out_dependents(&items, &needs, &mut out, findings);
    let satisfied: BTreeSet<TaskId> = out.into_keys().collect();
    let kept = items.into_iter().zip(needs);
    let kept = kept.filter(|(item, _)| item.role == Role::Work && !satisfied.contains(item.id()));
    kept.map(|(item, mut needs)| {
        needs.retain(|need| !satisfied.contains(&need.value));
        TaskSpec { depends_on: needs, ..item.spec }
    })
    .collect()
}

/// What each item waits for, each group replaced by the work in it. A group without work stays: it is done by nobody.
fn needs_without_groups(items: &[Item], findings: &mut Vec<Finding>) -> Vec<Vec<At<TaskId>>> {
    let tree = Tree::of(items);
    let work = tree.work_in_groups();
    let mut left = MOST_DEPENDENCIES;
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let mut needs = Vec::new();
        for need in &item.spec.depends_on {
            let itself = [&need.value];
            let parts = match work.get(&need.value) {
                Some(_) if tree.item(&need.value).is_some_and(Item::is_done) => continue,
                Some(_) if tree.is_part(item.id(), &need.value) => continue,
                Some(parts) if !parts.is_empty() => parts.as_slice(),
                _ => itself.as_slice(),
            };
            if parts.len() > left {
                findings.push(too_many(item.id(), &need.spot));
                return items.iter().map(|_| Vec::new()).collect();
            }
            left -= parts.len();
            let at_need = |id: &&TaskId| At { value: (*id).clone(), spot: need.spot.clone() };
            needs.extend(parts.iter().filter(|id| **id != item.id()).map(at_need));
        }
        all.push(distinct(needs.into_iter()));
    }
    all
}

/// What is not to be done now by its own word, or as a part of such, or because nobody does it: each with the reason.
fn put_off(items: &[Item]) -> BTreeMap<TaskId, String> {
    let tree = Tree::of(items);
    let work = tree.work_in_groups();
    let reason = |item: &Item| {
        if item.is_done() {
            return None;
        }
        if let Some(off) = &item.off {
            return Some(format!("is {}", off.value));
        }
        if let Some((above, off)) = tree.above(item).find_map(|above| Some((above, above.off.as_ref()?))) {
            return Some(format!("is part of {}, which is {}", above.id(), off.value));
        }
        let is_empty = work.get(item.id()).is_some_and(Vec::is_empty);
        is_empty.then(|| "has no tasks".to_owned())
    };
    items.iter().filter_map(|item| Some((item.id().clone(), reason(item)?))).collect()
}

/// Says once what is left out by its own word.
fn tell_put_off(items: &[Item], out: &BTreeMap<TaskId, String>, findings: &mut Vec<Finding>) {
    let off: Vec<&Item> =
        items.iter().filter(|item| item.role == Role::Work && out.contains_key(item.id())).collect();
    let Some(first) = off.first() else { return };
    let spot = first.off.as_ref().map_or(&first.spec.id.spot, |off| &off.spot);
    let ids: Vec<TaskId> = off.iter().map(|item| item.id().clone()).collect();
    let words: BTreeSet<&str> =
        off.iter().filter_map(|item| item.off.as_ref()).map(|off| off.value.as_str()).collect();
    let words = words.into_iter().collect::<Vec<_>>().join(", ");
    let (verb, why) = if ids.len() == 1 { ("is", "its status") } else { ("are", "their status") };
    let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
    let message = format!("{} {verb} left out by {why}{words}", several(&ids));
    findings.push(warning(Code::LeftOut, message, spot.clone()));
}

/// Leaves out what waits for something left out, and says so of each.
fn leave_out_dependents(
    items: &[Item],
    needs: &[Vec<At<TaskId>>],
    out: &mut BTreeMap<TaskId, String>,
    findings: &mut Vec<Finding>,
) {
    let mut dependents: BTreeMap<&TaskId, Vec<(&Item, &At<TaskId>)>> = BTreeMap::new();
    for (item, needs) in items.iter().zip(needs) {
        for need in needs {
            dependents.entry(&need.value).or_default().push((item, need));
        }
    }
    let mut open: VecDeque<TaskId> = out.keys().cloned().collect();
    while let Some(id) = open.pop_front() {
        let why = out.get(&id).cloned().unwrap_or_default();
        for (item, need) in dependents.get(&id).into_iter().flatten() {
            if item.is_done() || item.role == Role::Group || out.contains_key(item.id()) {
                continue;
            }
            let message = format!("{} is left out: it depends on {id}, which {why}", item.id());
            findings.push(warning(Code::LeftOut, message, need.spot.clone()));
            out.insert(item.id().clone(), "is left out".to_owned());
            open.push_back(item.id().clone());
        }
    }
}

/// A title on one line; the id when there is none.
pub(super) fn title(text: &str, id: &str) -> String {
    let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() { id.to_owned() } else { title }
}

/// A text under a heading; nothing when it is empty.
pub(super) fn section(heading: &str, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!("## {heading}\n\n{text}") }
}

/// Texts one below the other, with plain line ends; those that are empty leave no gap.
pub(super) fn body(parts: impl IntoIterator<Item = String>) -> String {
    let parts = parts.into_iter().map(plain_lines).map(|part| part.trim().to_owned());
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { parts.join("\n\n") + "\n" }
}

/// What is said of a priority that is none.
pub(super) fn odd_priority(id: &TaskId, word: &str, spot: Spot) -> Finding {
    let message =
        format!("{id}: the priority `{word}` is not critical, high, medium or low; medium is assumed");
    warning(Code::BadValue, message, spot)
}

#[cfg(test)]
mod tests;
