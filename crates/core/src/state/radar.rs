//! What was seen of branches before anyone merges them: which do not go together, and who has which files in hand.
//!
//! Files are numbered once for a plan, so that an overlap is found without comparing names. A recount must always agree.
//! Knows nothing of git, and takes paths as they are written.

use super::task::Step;
use crate::ids::TaskId;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Branches that do not merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Whose they are, in the order of the plan; one task alone conflicts with the target.
    pub tasks: Vec<TaskId>,
    /// The first of the files that clash; git names none for some renames of folders.
    pub files: Vec<String>,
    /// How many files clash.
    #[serde(default)]
    pub file_count: u32,
}

/// What a task's work changes; no file where it changes none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The task.
    pub task: TaskId,
    /// The files.
    pub files: Vec<String>,
}

/// What was seen at the last look at all branches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Radar {
    /// Branches that do not merge, as they stood.
    pub conflicts: Vec<Conflict>,
    /// Files that tasks change; only those that the plan names.
    pub touched: BTreeMap<TaskId, Vec<String>>,
}

impl Radar {
    /// A look found this: all conflicts, and what is different of the files.
    pub(super) fn heed(&mut self, conflicts: &[Conflict], touched: &[Touched]) {
        self.conflicts = conflicts.to_vec();
        for Touched { task, files } in touched {
            if files.is_empty() {
                self.touched.remove(task);
            } else {
                self.touched.insert(task.clone(), files.clone());
            }
        }
    }

    /// The tasks whose branches do not merge with a task's.
    pub fn rivals<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = &'a TaskId> {
        self.conflicts.iter().filter_map(move |conflict| match conflict.tasks.as_slice() {
            [one, other] if one == task => Some(other),
            [one, other] if other == task => Some(one),
            _ => None,
        })
    }

    /// Whether two tasks' branches do not merge with each other.
    pub fn conflict(&self, one: &TaskId, other: &TaskId) -> bool {
        self.rivals(one).any(|rival| rival == other)
    }
}

/// The files of a plan, and in whose hands they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    named: Arc<Named>,
    /// What tasks touch besides what they name, by position.
    touched: BTreeMap<usize, Vec<u32>>,
    /// Of each file, the tasks on their way that name or touch it, by position.
    held: BTreeMap<u32, BTreeSet<usize>>,
}

/// The files that tasks name.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    names: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
    /// Of each task by position.
    of_task: Vec<Vec<u32>>,
}

impl Named {
    fn by(plan: &Plan) -> Self {
        let mut named = Self { names: Vec::new(), numbers: BTreeMap::new(), of_task: Vec::new() };
        for task in &plan.tasks {
            let mut files: Vec<u32> = task.spec.named_files().map(|(file, _)| named.number(file)).collect();
            files.sort_unstable();
            files.dedup();
            named.of_task.push(files);
        }
        named
    }

    fn number(&mut self, file: &str) -> u32 {
        if let Some(number) = self.numbers.get(file) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = Arc::from(file);
        self.numbers.insert(name.clone(), number);
        self.names.push(name);
        number
    }
}

impl Files {
    /// Those of a plan of which no task is on its way.
    pub(super) fn of(plan: &Plan) -> Self {
        Self { named: Arc::new(Named::by(plan)), touched: BTreeMap::new(), held: BTreeMap::new() }
    }

    /// Whether the plan names a file.
    pub(super) fn knows(&self, file: &str) -> bool {
        self.named.numbers.contains_key(file)
    }

    /// Those of the same plan, with what is touched now, and with the tasks that are on their way.
    pub(super) fn recounted(&self, touched: BTreeMap<usize, &[String]>, on_way: Vec<usize>) -> Self {
        let number = |file: &String| self.named.numbers.get(file.as_str()).copied();
        let numbers = |files: &[String]| files.iter().filter_map(number).collect();
        let touched = touched.into_iter().map(|(at, files)| (at, numbers(files))).collect();
        let mut files = Self { named: self.named.clone(), touched, held: BTreeMap::new() };
        for at in on_way {
            files.take_up(at);
        }
        files
    }

    /// A task went from one step to another.
    pub(super) fn enter(&mut self, at: usize, before: &Step, after: &Step) {
        match (is_on_way(before), is_on_way(after)) {
            (false, true) => self.take_up(at),
            (true, false) => self.let_go(at),
            (true, true) | (false, false) => {}
        }
    }

    /// A file that a task names and another on its way has in hand, with that task's position.
    pub(super) fn shared(&self, at: usize) -> Option<(&str, usize)> {
        self.named.of_task[at].iter().find_map(|file| {
            let other = self.held.get(file)?.iter().find(|other| **other != at)?;
            Some((&*self.named.names[*file as usize], *other))
        })
    }

    fn in_hand(&self, at: usize) -> Vec<u32> {
        let touched = self.touched.get(&at).into_iter().flatten();
        self.named.of_task[at].iter().chain(touched).copied().collect()
    }

    fn take_up(&mut self, at: usize) {
        for file in self.in_hand(at) {
            self.held.entry(file).or_default().insert(at);
        }
    }

    fn let_go(&mut self, at: usize) {
        for file in self.in_hand(at) {
            if let Some(holders) = self.held.get_mut(&file) {
                holders.remove(&at);
                if holders.is_empty() {
                    self.held.remove(&file);
                }
            }
        }
    }
}

/// Whether a task's work is being made or on its way into the target.
pub(super) fn is_on_way(step: &Step) -> bool {
    match step {
        Step::Running(_)
        | Step::Backoff { .. }
        | Step::Publishing
        | Step::Published
        | Step::Open
        | Step::InLane => true,
        Step::Outside
        | Step::Waiting
        | Step::Ready { .. }
        | Step::Parked { .. }
        | Step::Held { .. }
        | Step::Closed(_) => false,
    }
}
