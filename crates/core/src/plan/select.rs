//! Which part of a plan a run takes up.
//!
//! Knows nothing of how a selection was typed, and of what a run did before: what is done is told.

use super::check::Plan;
use crate::ids::TaskId;
use crate::policy::Order;
use crate::rank::rank;
use crate::text::{nearest, shown};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// What the user asked for. Values of one kind add to each other, kinds narrow each other; empty is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These tasks.
    pub only: Vec<TaskId>,
    /// Tasks of these computed waves.
    pub waves: Vec<u32>,
    /// Tasks of these quarters; `Q1` names `Q1-2026` too.
    pub quarters: Vec<String>,
    /// Tasks of these modules.
    pub modules: Vec<String>,
    /// At most so many tasks that are not done, in the order in which they would start.
    pub limit: Option<usize>,
    /// Whether what the selected tasks need is taken in, instead of refused.
    pub with_deps: bool,
    /// Tasks done already: they satisfy what needs them, and cost nothing of the limit.
    pub done: BTreeSet<TaskId>,
}

/// Why a selection cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Names that the plan does not have, each with a hint.
    #[error("not in the plan: {}", .0.join("; "))]
    Unknown(Vec<String>),
    /// Tasks that need others which are neither selected nor done: (task, what it lacks).
    #[error("{}", unmet_message(.0))]
    Unmet(Vec<(TaskId, Vec<TaskId>)>),
    /// No task is in all the kinds that were asked for.
    #[error("no task of the plan is in the selection")]
    Nothing,
}

fn unmet_message(unmet: &[(TaskId, Vec<TaskId>)]) -> String {
    let of_task = |(task, lacks): &(TaskId, Vec<TaskId>)| {
        let lacks: Vec<&str> = lacks.iter().map(TaskId::as_str).collect();
        format!("{task} needs {}", lacks.join(", "))
    };
    let all: Vec<String> = unmet.iter().map(of_task).collect();
    format!("the selection leaves out what it depends on: {}", all.join("; "))
}

/// The tasks that a run takes up.
pub fn select(plan: &Plan, order: Order, selection: &Selection) -> Result<BTreeSet<TaskId>, SelectError> {
    refuse_unknown_names(plan, selection)?;
    let done: BTreeSet<usize> = selection.done.iter().filter_map(|id| plan.position(id)).collect();
    let mut chosen: BTreeSet<usize> =
        (0..plan.tasks.len()).filter(|at| is_asked_for(plan, *at, selection)).collect();
    if let Some(limit) = selection.limit {
        chosen = first_to_start(plan, order, &chosen, &done, limit);
    }
    if chosen.is_empty() {
        return Err(SelectError::Nothing);
    }
    if selection.with_deps {
        chosen = with_dependencies(plan, &chosen, &done);
    }
    let unmet = unmet(plan, &chosen, &done);
    if unmet.is_empty() {
        Ok(chosen.into_iter().map(|at| plan.id(at).clone()).collect())
    } else {
        Err(SelectError::Unmet(unmet))
    }
}

fn refuse_unknown_names(plan: &Plan, selection: &Selection) -> Result<(), SelectError> {
    let mut unknown = Vec::new();
    let ids = || plan.tasks.iter().map(|task| task.spec.id.value.as_str());
    for id in selection.only.iter().filter(|id| plan.position(id).is_none()) {
        unknown.push(with_hint("task", id.as_str(), ids()));
    }
    for wave in selection.waves.iter().filter(|wave| **wave as usize >= plan.waves.len()) {
        let last = plan.waves.len().saturating_sub(1);
        unknown.push(format!("wave {wave} (the last is {last})"));
    }
    let quarters: BTreeSet<&str> =
        plan.tasks.iter().filter_map(|task| task.spec.quarter.as_deref()).collect();
    for name in
        selection.quarters.iter().filter(|name| !quarters.iter().any(|quarter| names_quarter(name, quarter)))
    {
        unknown.push(with_list("quarter", name, &quarters));
    }
    let modules: BTreeSet<&str> = plan.tasks.iter().filter_map(|task| task.spec.module.as_deref()).collect();
    for name in
        selection.modules.iter().filter(|name| !modules.iter().any(|module| names_module(name, module)))
    {
        unknown.push(with_list("module", name, &modules));
    }
    if unknown.is_empty() { Ok(()) } else { Err(SelectError::Unknown(unknown)) }
}

fn with_hint<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("{kind} `{}` (did you mean `{near}`?)", shown(name)),
        None => format!("{kind} `{}`", shown(name)),
    }
}

fn with_list(kind: &str, name: &str, known: &BTreeSet<&str>) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("{kind} `{}` (did you mean `{near}`?)", shown(name)),
        None if known.is_empty() => format!("{kind} `{}` (no task names a {kind})", shown(name)),
        None => {
            let known: Vec<&str> = known.iter().copied().take(12).collect();
            format!("{kind} `{}` (there are {})", shown(name), known.join(", "))
        }
    }
}

fn names_quarter(name: &str, quarter: &str) -> bool {
    let (name, quarter) = (name.to_lowercase(), quarter.to_lowercase());
    quarter.strip_prefix(&name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

fn names_module(name: &str, module: &str) -> bool {
    name.to_lowercase() == module.to_lowercase()
}

fn is_asked_for(plan: &Plan, at: usize, selection: &Selection) -> bool {
    let task = &plan.tasks[at];
    let in_quarter =
        |name: &String| task.spec.quarter.as_deref().is_some_and(|quarter| names_quarter(name, quarter));
    let in_module =
        |name: &String| task.spec.module.as_deref().is_some_and(|module| names_module(name, module));
    (selection.only.is_empty() || selection.only.contains(&task.spec.id.value))
        && (selection.waves.is_empty() || selection.waves.contains(&task.wave))
        && (selection.quarters.is_empty() || selection.quarters.iter().any(in_quarter))
        && (selection.modules.is_empty() || selection.modules.iter().any(in_module))
}

/// The done ones, and the first `limit` of the others as they would start one after the other.
fn first_to_start(
    plan: &Plan,
    order: Order,
    chosen: &BTreeSet<usize>,
    done: &BTreeSet<usize>,
    limit: usize,
) -> BTreeSet<usize> {
    let ranks = rank(plan, order);
    let open = |at: &usize| chosen.contains(at) && !done.contains(at);
    let mut missing: Vec<usize> =
        plan.tasks.iter().map(|task| task.needs.iter().filter(|need| open(need)).count()).collect();
    let mut startable: BinaryHeap<Reverse<(usize, usize)>> = chosen
        .iter()
        .filter(|at| open(at) && missing[**at] == 0)
        .map(|at| Reverse((ranks[*at], *at)))
        .collect();
    let mut first: BTreeSet<usize> = chosen.intersection(done).copied().collect();
    for _ in 0..limit {
        let Some(Reverse((_, at))) = startable.pop() else { break };
        first.insert(at);
        for next in plan.tasks[at].needed_by.iter().filter(|next| open(next)) {
            missing[*next] -= 1;
            if missing[*next] == 0 {
                startable.push(Reverse((ranks[*next], *next)));
            }
        }
    }
    first
}

fn with_dependencies(plan: &Plan, chosen: &BTreeSet<usize>, done: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut all = chosen.clone();
    let mut to_visit: Vec<usize> = chosen.iter().copied().filter(|at| !done.contains(at)).collect();
    while let Some(at) = to_visit.pop() {
        let missing = plan.tasks[at].needs.iter().copied().filter(|need| !done.contains(need));
        to_visit.extend(missing.filter(|need| all.insert(*need)));
    }
    all
}

fn unmet(plan: &Plan, chosen: &BTreeSet<usize>, done: &BTreeSet<usize>) -> Vec<(TaskId, Vec<TaskId>)> {
    chosen
        .iter()
        .filter(|at| !done.contains(at))
        .map(|at| (plan.id(*at).clone(), lacks(plan, *at, chosen, done)))
        .filter(|(_, lacks)| !lacks.is_empty())
        .collect()
}

fn lacks(plan: &Plan, at: usize, chosen: &BTreeSet<usize>, done: &BTreeSet<usize>) -> Vec<TaskId> {
    let needs = plan.tasks[at].needs.iter();
    needs
        .filter(|need| !chosen.contains(need) && !done.contains(need))
        .map(|need| plan.id(*need).clone())
        .collect()
}

/// Of these tasks those that can be run without any other, and the rest, each with what it lacks: a task that is neither
/// among them nor done, or one that is left out itself.
pub fn without_waiting(
    plan: &Plan,
    tasks: &[TaskId],
    done: &BTreeSet<TaskId>,
) -> (Vec<TaskId>, Vec<(TaskId, Vec<TaskId>)>) {
    let position = |id: &TaskId| plan.position(id);
    let done: BTreeSet<usize> = done.iter().filter_map(position).collect();
    let mut in_order: Vec<usize> = tasks.iter().filter_map(position).collect();
    in_order.sort_by_key(|at| plan.tasks[*at].wave);
    let (mut runnable, mut waiting) = (BTreeSet::new(), Vec::new());
    for at in in_order {
        let lacks = lacks(plan, at, &runnable, &done);
        if lacks.is_empty() || done.contains(&at) {
            runnable.insert(at);
        } else {
            waiting.push((plan.id(at).clone(), lacks));
        }
    }
    (runnable.into_iter().map(|at| plan.id(at).clone()).collect(), waiting)
}
