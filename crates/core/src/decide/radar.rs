//! What a look at all branches found: recorded where it differs from what was known, as much of it as anyone asks for.

use super::Decider;
use super::stack::stands_on;
use crate::event::Event;
use crate::ids::TaskId;
use crate::state::{Conflict, Touched};

/// Pairs that are remembered.
const MOST_CONFLICTS: usize = 100;
/// Files of a conflict that are remembered by name.
const MOST_CLASHES: usize = 3;
/// Files of a task that are remembered.
const MOST_TOUCHED: usize = 200;

impl Decider<'_> {
    pub(super) fn branches_seen(&mut self, conflicts: Vec<Conflict>, touched: Vec<Touched>) {
        let conflicts = self.conflicts_of_open_tasks(conflicts);
        let touched = self.news(self.touched_by_open_tasks(touched));
        if self.state.radar.conflicts != conflicts || !touched.is_empty() {
            self.emit(Event::BranchesSeen { conflicts, touched });
        }
    }

    fn conflicts_of_open_tasks(&self, mut seen: Vec<Conflict>) -> Vec<Conflict> {
        for conflict in &mut seen {
            conflict.tasks.sort_by_key(|task| self.state.position(task));
            conflict.tasks.dedup();
            conflict.files.truncate(MOST_CLASHES);
        }
        seen.retain(|conflict| {
            (1..=2).contains(&conflict.tasks.len())
                && conflict.tasks.iter().all(|task| self.is_open(task))
                && !self.is_stack(&conflict.tasks)
        });
        let place = |conflict: &Conflict| -> Vec<Option<usize>> {
            conflict.tasks.iter().map(|task| self.state.position(task)).collect()
        };
        seen.sort_by_cached_key(place);
        seen.dedup_by(|later, earlier| later.tasks == earlier.tasks);
        seen.truncate(MOST_CONFLICTS);
        seen
    }

    /// Whether one of two stands on the other: what they have in common is the other's, and the one is brought off it.
    fn is_stack(&self, tasks: &[TaskId]) -> bool {
        let [one, other] = tasks else { return false };
        let on = |task: &TaskId, other: &TaskId| {
            let (at, other) = (self.state.position(task), self.state.position(other));
            at.zip(other).is_some_and(|(at, other)| stands_on(self.state, at, other))
        };
        on(one, other) || on(other, one)
    }

    /// Files that no task names are nobody's matter.
    fn touched_by_open_tasks(&self, mut seen: Vec<Touched>) -> Vec<Touched> {
        for touched in &mut seen {
            touched.files.retain(|file| self.state.names_file(file));
            touched.files.sort_unstable();
            touched.files.dedup();
            touched.files.truncate(MOST_TOUCHED);
        }
        seen.retain(|touched| !touched.files.is_empty() && self.is_open(&touched.task));
        seen.sort_by_key(|touched| self.state.position(&touched.task));
        seen.dedup_by(|later, earlier| later.task == earlier.task);
        seen
    }

    /// What differs from what is known: a look at many branches is not recorded for the sake of one.
    fn news(&self, mut seen: Vec<Touched>) -> Vec<Touched> {
        let known = &self.state.radar.touched;
        let gone = known.keys().filter(|task| seen.iter().all(|touched| touched.task != **task));
        let gone: Vec<_> = gone.map(|task| Touched { task: task.clone(), files: Vec::new() }).collect();
        seen.retain(|touched| known.get(&touched.task) != Some(&touched.files));
        seen.extend(gone);
        seen
    }

    fn is_open(&self, task: &TaskId) -> bool {
        self.state.task(task).is_some_and(|t| t.in_run() && !t.is_closed())
    }
}
