//! How one plan differs from another. Knows nothing of which of them is right.

use super::check::{Plan, Task};
use crate::ids::TaskId;

/// What a revised plan has that another has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Tasks that only the revised plan has.
    pub new: Vec<TaskId>,
    /// Tasks that are written differently.
    pub changed: Vec<TaskId>,
    /// Tasks that the revised plan has no longer.
    pub gone: Vec<TaskId>,
}

impl Difference {
    /// Compares a revised plan with the one before; `settled` are tasks that nobody misses.
    pub fn of(before: &Plan, revised: &Plan, settled: &[TaskId]) -> Self {
        let ids = |tasks: &mut dyn Iterator<Item = &Task>| tasks.map(|t| t.spec.id.value.clone()).collect();
        let written_else = |task: &&Task| {
            let earlier = before.task(&task.spec.id.value);
            earlier.is_some_and(|earlier| earlier.spec.without_spots() != task.spec.without_spots())
        };
        let lacks = |plan: &Plan, task: &Task| plan.position(&task.spec.id.value).is_none();
        Self {
            new: ids(&mut revised.tasks.iter().filter(|task| lacks(before, task))),
            changed: ids(&mut revised.tasks.iter().filter(written_else)),
            gone: ids(&mut before
                .tasks
                .iter()
                .filter(|task| lacks(revised, task) && !settled.contains(&task.spec.id.value))),
        }
    }

    /// The differences in words, a kind each; nothing when there are none.
    pub fn lines(&self) -> Vec<String> {
        [("new", &self.new), ("changed", &self.changed), ("no longer there", &self.gone)]
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(what, ids)| format!("{what}: {}", crate::wording::list(ids)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlanSpec, Spot, TaskSpec, check};

    fn plan(line: u32, tasks: &[(&str, &str)]) -> Plan {
        let spec = |(id, title): &(&str, &str)| {
            TaskSpec::bare(TaskId::new(*id), *title, Spot { file: "plan.md".into(), line })
        };
        check(PlanSpec { name: "p".into(), tasks: tasks.iter().map(spec).collect() }, Vec::new())
            .plan
            .unwrap()
    }

    #[test]
    fn new_changed_and_gone_tasks_are_told_apart_and_settled_ones_are_not_missed() {
        let before = plan(1, &[("T-1", "One"), ("T-2", "Two"), ("T-3", "Three"), ("T-4", "Four")]);
        let revised = plan(7, &[("T-1", "One"), ("T-2", "Two, better"), ("T-5", "Five")]);
        let difference = Difference::of(&before, &revised, &[TaskId::new("T-4")]);
        assert_eq!(difference.lines(), ["new: T-5", "changed: T-2", "no longer there: T-3"]);
        assert_eq!(Difference::of(&before, &before, &[]), Difference::default());
    }
}
