//! The order in which ready tasks get slots, and the reason for each place.
//!
//! Knows nothing of which tasks are ready: a rank is a property of the plan and the chosen order.

use crate::plan::{Duration, Plan, Priority};
use crate::policy::Order;

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
    positions.sort_by_key(|at| place(plan, order, plan.tasks[*at].spec.priority, *at));
    positions
}

/// Where a task of this priority stands: smaller is earlier. Positions are in natural order of ids, so the position
/// itself decides last.
pub fn place(plan: &Plan, order: Order, priority: Priority, at: usize) -> (u64, u64, usize) {
    let urgency = u64::from(u8::MAX - priority as u8);
    let path = u64::MAX - plan.tasks[at].path_s;
    match order {
        Order::Priority => (urgency, path, at),
        Order::CriticalPath => (path, urgency, at),
        Order::Plan => (urgency, 0, at),
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
