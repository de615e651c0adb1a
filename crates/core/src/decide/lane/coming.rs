//! Which tasks come to the lane without anybody's help. Knows nothing of who waits for them.

use crate::decide::schedule::{HoldBack, gate_is_open, hold_back};
use crate::mutant::Mutant;
use crate::state::{State, Step};

/// Of each task, whether it comes to the lane without anybody's help.
pub(super) fn come_by_themselves(state: &State) -> Vec<bool> {
    let held_back =
        matches!(hold_back(state), Some(HoldBack::Stopping | HoldBack::Paused | HoldBack::OpenChanges));
    let mut come = vec![false; state.tasks.len()];
    for at in state.plan.waves.iter().flatten().copied() {
        let needs_come =
            state.unmet(at).all(|need| come[need] || matches!(state.tasks[need].step, Step::InLane));
        come[at] = match &state.tasks[at].step {
            // It is made ready to land as soon as those that it needs have.
            Step::Open if state.lands_later(at) => needs_come && !held_back,
            Step::Open => state.is_approved(at),
            Step::Running(_) | Step::Backoff { .. } | Step::Publishing => true,
            Step::Waiting => needs_come && !held_back && gate_is_open(state, at),
            Step::Ready { .. } => {
                let served = state.chosen(at).is_some() || state.behind_account(at);
                needs_come && !held_back && gate_is_open(state, at) && served
            }
            Step::Held { .. } | Step::Parked { .. } => state.has(Mutant::BatchWaitsForHeld),
            Step::Outside | Step::InLane | Step::Published | Step::Closed(_) => false,
        };
    }
    come
}
