//! The order in which ready tasks get slots, and the reason for each place.
//!
//! Knows nothing of which tasks are ready: a rank is a property of the plan and the chosen order.

use crate::plan::{Duration, Plan};
use crate::policy::Order;
use std::cmp::{Ordering, Reverse};

/// The rank of each task by position: 0 is started first.
pub fn rank(plan: &Plan, order: Order) -> Vec<usize> {
    let mut ranks = vec![0; plan.tasks.len()];
    for (rank, position) in ranked(plan, order).into_iter().enumerate() {
        ranks[position] = rank;
    }
    ranks
}

/// The positions of all tasks, best first.
pub fn ranked(plan: &Plan, order: Order) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..plan.tasks.len()).collect();
    positions.sort_by(|a, b| compare(plan, order, *a, *b));
    positions
}

/// Positions are in natural order of ids, so the position itself decides last.
fn compare(plan: &Plan, order: Order, a: usize, b: usize) -> Ordering {
    let priority = |at: usize| Reverse(plan.tasks[at].spec.priority);
    let path = |at: usize| Reverse(plan.tasks[at].path_s);
    match order {
        Order::Priority => (priority(a), path(a), a).cmp(&(priority(b), path(b), b)),
        Order::CriticalPath => (path(a), priority(a), a).cmp(&(path(b), priority(b), b)),
        Order::Plan => (priority(a), a).cmp(&(priority(b), b)),
    }
}

/// Why a task stands where it does, in the order's own terms.
pub fn reason(plan: &Plan, order: Order, position: usize) -> String {
    let priority = format!("{} priority", plan.tasks[position].spec.priority);
    match order {
        Order::Priority => format!("{priority}, then {}", path_in_words(plan, position)),
        Order::CriticalPath => format!("{}, then {priority}", path_in_words(plan, position)),
        Order::Plan => format!("{priority}, then its id"),
    }
}

/// Tasks of a path that are named before the rest is counted.
const NAMED: usize = 4;

fn path_in_words(plan: &Plan, position: usize) -> String {
    let path_s = Duration(plan.tasks[position].path_s);
    let path = plan.path_from(position);
    if path.len() == 1 {
        return format!("{path_s} of work and nothing waits for it");
    }
    let mut names: Vec<&str> = path.iter().take(NAMED).map(|at| plan.id(*at).as_str()).collect();
    if path.len() > NAMED {
        names.push("…");
    }
    format!("{path_s} of work on its path {}", names.join(" → "))
}
