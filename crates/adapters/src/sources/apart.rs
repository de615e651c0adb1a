//! Tasks that must not be at work together, made to go one after the other.
//!
//! All tasks are put in an order first, each behind what it depends on and else as they are written; then whoever must
//! wait waits for who comes first. So no circle can come of it, and no pair is asked whether one waits for the other already.

use super::outline::distinct;
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Spot, TaskSpec};
use std::collections::BTreeMap;

/// Lets no task be at work together with those that are named for it.
pub(super) fn keep_apart(tasks: &mut [TaskSpec], conflicts: &BTreeMap<TaskId, Vec<At<TaskId>>>) {
    let positions = positions(tasks);
    let mut places = vec![0; tasks.len()];
    for (place, at) in in_order(tasks).into_iter().enumerate() {
        places[at] = place;
    }
    let mut more = Vec::new();
    for (id, others) in conflicts {
        let Some(at) = positions.get(id) else { continue };
        for At { value, spot } in others {
            let Some(other) = positions.get(value).filter(|other| *other != at) else { continue };
            let (first, second) = if places[*at] < places[*other] { (at, other) } else { (other, at) };
            more.push((*second, At { value: tasks[*first].id.value.clone(), spot: spot.clone() }));
        }
    }
    add(tasks, more);
}

/// Lets each of these be at work without any other task: after all that come before it, and before all that come behind
/// it. With each goes the place that says so.
pub(super) fn let_alone(tasks: &mut [TaskSpec], alone: &BTreeMap<TaskId, Spot>) {
    let mut more = Vec::new();
    let mut last: Option<At<TaskId>> = None;
    let mut since: Vec<TaskId> = Vec::new();
    for at in in_order(tasks) {
        let id = &tasks[at].id.value;
        match alone.get(id) {
            Some(spot) if !since.is_empty() => {
                more.extend(since.drain(..).map(|value| (at, At { value, spot: spot.clone() })));
            }
            _ => more.extend(last.clone().map(|last| (at, last))),
        }
        match alone.get(id) {
            Some(spot) => last = Some(At { value: id.clone(), spot: spot.clone() }),
            None => since.push(id.clone()),
        }
    }
    add(tasks, more);
}

fn add(tasks: &mut [TaskSpec], more: Vec<(usize, At<TaskId>)>) {
    for (at, need) in more {
        tasks[at].depends_on.push(need);
    }
    for task in tasks {
        task.depends_on = distinct(std::mem::take(&mut task.depends_on).into_iter());
    }
}

fn positions(tasks: &[TaskSpec]) -> BTreeMap<TaskId, usize> {
    let mut positions = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate() {
        positions.entry(task.id.value.clone()).or_insert(at);
    }
    positions
}

/// The positions of tasks, each behind those that it depends on, and else as they are.
fn in_order(tasks: &[TaskSpec]) -> Vec<usize> {
    let positions = positions(tasks);
    let needs =
        |at: usize| tasks[at].depends_on.iter().filter_map(|need| positions.get(&need.value).copied());
    order(tasks.len(), needs)
}

/// The numbers below `count`, each behind those that it needs. In a circle somebody comes first.
fn order<I: Iterator<Item = usize>>(count: usize, needs: impl Fn(usize) -> I) -> Vec<usize> {
    let mut order = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    for from in 0..count {
        if std::mem::replace(&mut seen[from], true) {
            continue;
        }
        let mut way = vec![(from, needs(from))];
        while let Some((at, needed)) = way.last_mut() {
            if let Some(next) = needed.find(|next| !seen[*next]) {
                seen[next] = true;
                way.push((next, needs(next)));
            } else {
                order.push(*at);
                way.pop();
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::super::place::spot;
    use super::*;
    use std::cell::Cell;
    use std::sync::Arc;

    fn at(id: &str) -> At<TaskId> {
        At { value: TaskId::new(id), spot: spot(&Arc::from("x"), 9) }
    }

    /// Each with what it depends on.
    fn tasks(of: &[(&str, &str)]) -> Vec<TaskSpec> {
        let task = |(id, needs): &(&str, &str)| {
            let mut task = TaskSpec::bare(TaskId::new(*id), *id, spot(&Arc::from("x"), 1));
            task.depends_on = needs.split_whitespace().map(at).collect();
            task
        };
        of.iter().map(task).collect()
    }

    fn told(tasks: &[TaskSpec]) -> Vec<String> {
        let line = |task: &TaskSpec| {
            let needs = task.depends_on.iter().map(|need| format!(" {}", need.value));
            format!("{}:{}", task.id.value, needs.collect::<String>())
        };
        tasks.iter().map(line).collect()
    }

    #[test]
    fn what_conflicts_goes_one_after_the_other() {
        let mut all = tasks(&[("1", "3"), ("2", ""), ("3", ""), ("4", "")]);
        let conflicts =
            [("1", vec![at("3"), at("2"), at("1")]), ("2", vec![at("1")]), ("3", vec![at("nobody")])];
        keep_apart(&mut all, &conflicts.map(|(id, with)| (TaskId::new(id), with)).into());
        assert_eq!(told(&all), ["1: 3", "2: 1", "3:", "4:"]);
        let mut all = tasks(&[("1", ""), ("2", "4"), ("3", ""), ("4", "")]);
        let all_of_them =
            ["1", "2", "3", "4"].map(|id| (TaskId::new(id), ["1", "2", "3", "4"].map(at).to_vec()));
        keep_apart(&mut all, &all_of_them.into());
        assert_eq!(told(&all), ["1:", "2: 4 1", "3: 1 2 4", "4: 1"], "in the order 1, 4, 2, 3");
    }

    #[test]
    fn who_is_alone_has_all_others_before_or_behind() {
        let mut all = tasks(&[("1", ""), ("2", ""), ("3", "5"), ("4", ""), ("5", ""), ("6", "1")]);
        let alone = ["3", "4"].map(|id| (TaskId::new(id), at(id).spot));
        let_alone(&mut all, &alone.into());
        assert_eq!(told(&all), ["1:", "2:", "3: 5 1 2", "4: 3", "5:", "6: 1 4"]);
    }

    #[test]
    fn circles_are_left_for_others_to_find() {
        let mut all = tasks(&[("1", "2"), ("2", "1"), ("3", "3")]);
        keep_apart(&mut all, &[(TaskId::new("1"), vec![at("2"), at("3")])].into());
        assert_eq!(told(&all), ["1: 2", "2: 1", "3: 3 1"]);
    }

    #[test]
    fn each_dependency_of_ten_thousand_tasks_is_looked_at_once() {
        const TASKS: usize = 10_000;
        let looks = Cell::new(0);
        let needs = |at: usize| (at + 1..(at + 4).min(TASKS)).inspect(|_| looks.set(looks.get() + 1));
        assert_eq!(order(TASKS, needs), (0..TASKS).rev().collect::<Vec<_>>());
        assert_eq!(looks.get(), 3 * (TASKS - 3) + 2 + 1);
        let ids: Vec<String> = (0..TASKS).map(|n| format!("{n:05}")).collect();
        let mut all = tasks(&ids.iter().map(|id| (id.as_str(), "")).collect::<Vec<_>>());
        let conflicts =
            ids.iter().zip(&ids[1..]).map(|(id, next)| (TaskId::new(id.as_str()), vec![at(next)]));
        keep_apart(&mut all, &conflicts.collect());
        let chain = ids.iter().zip(&ids[1..]).map(|(id, next)| format!("{next}: {id}"));
        assert_eq!(told(&all)[1..], chain.collect::<Vec<_>>());
    }
}
