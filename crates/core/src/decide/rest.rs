//! Whether a run has come to rest: nothing can go on unless the user, or another day, makes it.

use super::schedule::{HoldBack, hold_back, next_start};
use crate::state::{Progress, State, Step, StopMode};
use crate::wishes::intents;

/// How a run has come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Every task is closed.
    Complete,
    /// What is left needs the user.
    NeedsUser,
    /// Dispatch is paused, and nothing is at work.
    Paused,
    /// It was asked to stop, and has.
    Stopped,
}

/// How the run has come to rest; none while something is going on or will by itself.
pub fn rest(state: &State) -> Option<Rest> {
    let working = state.busy_count() > 0 || !state.lane.chain.is_empty();
    if state.progress == Progress::Complete {
        return intents(state).is_empty().then_some(Rest::Complete);
    }
    match state.stop {
        Some(StopMode::Drain | StopMode::Cancel) => return (!working).then_some(Rest::Stopped),
        Some(StopMode::Agents) => return (state.busy_count() == 0).then_some(Rest::Stopped),
        None => {}
    }
    let unanswered = state.policy.question_timeout_ms > 0 && !state.questions.is_empty();
    let waits = !state.deferred.is_empty() || state.backoff().next().is_some() || unanswered;
    if working || waits || !intents(state).is_empty() || rechecking(state) {
        return None;
    }
    match hold_back(state) {
        Some(HoldBack::Paused) if repair_behind_breaker(state) => None,
        Some(HoldBack::Paused) => Some(Rest::Paused),
        _ if next_start(state).is_some() || behind_breaker(state) => match hold_back(state) {
            Some(HoldBack::OpenChanges) => Some(Rest::NeedsUser),
            _ => None,
        },
        _ if state.ready().any(|at| state.chosen(at).is_none()) => Some(Rest::Paused),
        _ => Some(Rest::NeedsUser),
    }
}

fn rechecking(state: &State) -> bool {
    matches!(state.lane.frozen, Some(crate::state::Freeze::Rechecking(_)))
}

/// Whether the repair of a red target waits for nothing but its agent's capacity.
fn repair_behind_breaker(state: &State) -> bool {
    let at = state.open_repair().and_then(|id| state.position(id));
    state.only_red()
        && at.is_some_and(|at| matches!(state.tasks[at].step, Step::Ready { .. }) && state.behind_account(at))
}

fn behind_breaker(state: &State) -> bool {
    state.ready().any(|at| state.behind_account(at))
}
