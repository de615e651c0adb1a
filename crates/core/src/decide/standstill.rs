//! Who has stood still for longer than may be: told once for each step, and only of those that others wait behind. What
//! they wait for is put into words by the views.

use super::Decider;
use super::schedule::{HoldBack, hold_back};
use crate::event::Event;
use crate::ids::Millis;
use crate::mutant::Mutant;
use crate::state::{Park, Phase, Progress, State, Step};

/// Work takes this many times as long as what is done in a moment.
const WORK_TIMES: u64 = 4;

impl Decider<'_> {
    pub(super) fn tell_of_standstills(&mut self) {
        let due = untold(self.state).filter(|(_, due)| *due <= self.now).map(|(at, _)| at);
        for at in due.collect::<Vec<_>>() {
            self.emit(Event::StandstillTold { task: self.state.id(at).clone() });
        }
    }
}

/// When the next standstill is to be told.
pub(super) fn next_standstill(state: &State) -> Option<Millis> {
    untold(state).map(|(_, due)| due).min()
}

/// Tasks that would be told of, and when.
fn untold(state: &State) -> impl Iterator<Item = (usize, Millis)> + '_ {
    let limited = state.policy.stuck_after_ms > 0 && state.progress == Progress::Open;
    let tasks = if limited { state.tasks.len() } else { 0 };
    let heads = Heads::of(state);
    (0..tasks)
        .filter(|at| !is_told(state, *at))
        .filter(move |at| heads.has(state, *at))
        .filter_map(|at| Some((at, stands_from(state, at)?)))
}

/// From when on a task stands still if nothing happens: each step has its bound. None where none has.
pub fn stands_from(state: &State, at: usize) -> Option<Millis> {
    let bound_ms = bound_ms(state, at).filter(|bound| *bound > 0)?;
    Some(moved(state, at).plus(bound_ms))
}

/// When something last happened to a task. While no process is at work on a run, nothing can.
pub fn moved(state: &State, at: usize) -> Millis {
    let task = &state.tasks[at];
    let lane = if matches!(task.step, Step::InLane) { state.lane.moved } else { Millis(0) };
    task.moved.max(lane).max(state.clock.session)
}

/// How long a task may stay in its step. What agents, commands and other tasks take time for may last longer than what
/// we do ourselves, or a person could do at once.
fn bound_ms(state: &State, at: usize) -> Option<u64> {
    let bound = state.policy.stuck_after_ms;
    Some(match &state.tasks[at].step {
        Step::Outside | Step::Closed(_) => return None,
        Step::Running(running) => match (running.stop, running.phase) {
            (Some(_), _) | (None, Phase::Starting | Phase::Collecting(_)) => bound,
            (None, Phase::Working | Phase::Leftovers | Phase::Verifying | Phase::Reviewing) => {
                bound * WORK_TIMES
            }
        },
        Step::Waiting
        | Step::Ready { .. }
        | Step::Backoff { .. }
        | Step::Parked { park: Park::Room, .. }
        | Step::InLane => bound * WORK_TIMES,
        Step::Parked { .. } | Step::Publishing | Step::Published | Step::Open | Step::Held { .. } => bound,
    })
}

/// Those that stand for all who wait behind them.
pub(crate) struct Heads {
    ready: Option<usize>,
    lane: Option<usize>,
}

impl Heads {
    pub(crate) fn of(state: &State) -> Self {
        let carried = state.lane.chain.iter().flat_map(|candidate| &candidate.members);
        let first = carried.chain(&state.lane.queue).next();
        // Those at work stand for whoever waits for their slots.
        let behind =
            matches!(hold_back(state), Some(HoldBack::SlotsFull | HoldBack::Ramp | HoldBack::Budget));
        Self {
            ready: state.ready().min_by_key(|at| state.tasks[*at].since).filter(|_| !behind),
            lane: first.and_then(|id| state.position(id)),
        }
    }

    /// Whether a task stands for itself. What needs a person by name was told when it began to.
    pub(crate) fn has(&self, state: &State, at: usize) -> bool {
        match &state.tasks[at].step {
            Step::Ready { .. } => self.ready == Some(at),
            Step::InLane => self.lane == Some(at),
            Step::Running(_)
            | Step::Backoff { .. }
            | Step::Publishing
            | Step::Published
            | Step::Parked { park: Park::Room | Park::Operator | Park::Taken, .. } => true,
            Step::Outside
            | Step::Waiting
            | Step::Parked { park: Park::Question(_), .. }
            | Step::Open
            | Step::Held { .. }
            | Step::Closed(_) => false,
        }
    }
}

/// Whether this was told of already, in this step.
fn is_told(state: &State, at: usize) -> bool {
    state.tasks[at].told && !state.has(Mutant::StandstillRepeated)
}
