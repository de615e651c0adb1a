//! Why a task that waits for others cannot go on by itself: something it needs, directly or through others, needs a person first.
//!
//! Looks through the dependencies once for all tasks. Knows nothing of what waits for an ordinary reason.

use crate::state::{Closure, Hold, Park, State, Step};

/// Obstacles that are named before the rest is left unsaid.
const NAMED: usize = 3;

/// For each task by position, the tasks at which its way ends, as positions in plan order; empty where nothing is in
/// its way but work that goes on.
pub(super) struct Obstacles(Vec<Vec<usize>>);

impl Obstacles {
    /// The tasks in the way of one.
    pub(super) fn of(&self, at: usize) -> &[usize] {
        &self.0[at]
    }
}

/// Finds them for all tasks that wait for others, those included that are stacked on them.
pub(super) fn find(state: &State) -> Obstacles {
    let mut roots: Vec<Vec<usize>> = vec![Vec::new(); state.tasks.len()];
    for at in state.plan.waves.iter().flatten().copied() {
        let waits = match &state.tasks[at].step {
            Step::Waiting => true,
            Step::Ready { .. } | Step::Open => state.stack(at).is_some(),
            _ => false,
        };
        if !waits {
            continue;
        }
        let mut found: Vec<usize> = Vec::new();
        for dep in state.unmet(at) {
            if why(&state.tasks[dep].step).is_some() {
                found.push(dep);
            } else {
                found.extend(&roots[dep]);
            }
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(NAMED);
        roots[at] = found;
    }
    Obstacles(roots)
}

/// What a person has to do with a task in this step, as the rest of a sentence that begins with its id.
pub(super) fn why(step: &Step) -> Option<&'static str> {
    match step {
        Step::Held { hold: Hold::NeedsReview, .. } => Some("needs review"),
        Step::Held { hold: Hold::Stuck, .. } => Some("needs manual intervention"),
        Step::Closed(Closure::Skipped(_)) => Some("was skipped"),
        Step::Closed(Closure::Cancelled) => Some("was cancelled"),
        Step::Outside => Some("is not part of this run"),
        Step::Parked { park: Park::Operator, .. } => Some("is paused"),
        Step::Parked { park: Park::Taken, .. } => Some("is taken by a person"),
        Step::Parked { park: Park::Question(_), .. } => Some("waits for an answer"),
        Step::Closed(
            Closure::Landed(_) | Closure::LandedByOthers(_) | Closure::DoneBefore | Closure::NoChange,
        )
        | Step::Parked { park: Park::Room, .. }
        | Step::Waiting
        | Step::Ready { .. }
        | Step::Running(_)
        | Step::Backoff { .. }
        | Step::Publishing
        | Step::Published
        | Step::Open
        | Step::InLane => None,
    }
}

/// `blocked: T-002 needs review`; none where nothing is in the way.
pub(super) fn text(state: &State, roots: &[usize]) -> Option<String> {
    let each: Vec<String> = roots
        .iter()
        .filter_map(|at| why(&state.tasks[*at].step).map(|why| format!("{} {why}", state.id(*at))))
        .collect();
    (!each.is_empty()).then(|| format!("blocked: {}", each.join(", ")))
}
