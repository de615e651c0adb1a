//! Who starts next: readiness, waves, slots and order. Runs after every input until nothing more follows.

use super::Decider;
use super::budget::leaves_no_room;
use super::stack::{is_near, parents, start_lacks};
use super::starvation::starving;
use crate::event::Event;
use crate::ids::{Attempt, Millis};
use crate::mutant::Mutant;
use crate::policy::Waves;
use crate::question::Ask;
use crate::state::{Freeze, Kind, PauseCause, Progress, State, Step, Worker, Workspace};
use std::cmp::Reverse;

/// Why a free slot stays free although tasks may be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldBack {
    /// The run is stopping.
    Stopping,
    /// Dispatch is paused.
    Paused,
    /// All slots are held.
    SlotsFull,
    /// The last start was only just now.
    Stagger(Millis),
    /// The first tasks are to land before the full width is used.
    Ramp,
    /// What landed last was not checked as it landed.
    Unchecked,
    /// Too many changes wait for a person.
    OpenChanges,
    /// What is at work may use up the budget.
    Budget,
}

impl Decider<'_> {
    /// Everything that follows by itself from the state.
    pub(super) fn settle(&mut self) {
        if self.state.progress == Progress::Complete && self.state.open_count() == 0 {
            return self.withdraw_moot_questions();
        }
        self.resolve_judged();
        self.resume_after_machine();
        self.wake_waiting();
        self.thaw_left_lane();
        self.follow_red_target();
        self.withdraw_moot_questions();
        self.restack();
        self.queue_open_changes();
        self.preload();
        self.gate_waves();
        self.hold_spenders();
        self.dispatch();
        self.watch_budget();
        self.ask_about_starvation();
        self.choose_candidates();
        if self.state.open_count() == 0 && self.state.progress == Progress::Open {
            self.emit(Event::RunCompleted);
        }
    }

    /// Waiting tasks whose dependencies are satisfied become ready, or those that can be stacked.
    fn wake_waiting(&mut self) {
        for at in self.state.stirred() {
            self.unready(at);
            if matches!(self.state.tasks[at].step, Step::Waiting) && is_near(self.state, at) {
                let facts = &self.state.tasks[at].facts;
                let kind = match (&facts.tip, &facts.change) {
                    (Some(_), Some(_)) => Kind::Recheck,
                    (Some(_), None) => Kind::Continue,
                    (None, _) => Kind::First,
                };
                self.emit(Event::TaskReadied { task: self.state.id(at).clone(), kind });
            }
        }
    }

    /// A task that gave its slot to others returns when the queue is shorter than the slots.
    fn return_parked(&mut self) {
        if self.state.has(Mutant::ParkLosesTask) {
            return;
        }
        for at in self.state.parked_for_room().collect::<Vec<_>>() {
            if room_for_parked(self.state)
                && let Step::Parked { kind, .. } = self.state.tasks[at].step
            {
                self.emit(Event::TaskReadied { task: self.state.id(at).clone(), kind });
            }
        }
    }

    /// Once enough of a wave has closed, the best of the next are got ready.
    fn preload(&mut self) {
        for next in 1..self.state.plan.waves.len() {
            let wave = u32::try_from(next).unwrap_or(u32::MAX);
            if self.state.preloaded.contains(&wave) || !self.enough_closed(wave - 1) {
                continue;
            }
            let mut tasks: Vec<_> = self.state.plan.waves[next]
                .iter()
                .copied()
                .filter(|at| matches!(self.state.tasks[*at].step, Step::Waiting | Step::Ready { .. }))
                .filter(|at| self.state.tasks[*at].facts.workspace == Workspace::None)
                .collect();
            tasks.sort_by_key(|at| start_key(self.state, *at));
            tasks.truncate(self.state.policy.slots as usize);
            let tasks = tasks.into_iter().map(|at| self.state.id(at).clone()).collect();
            self.emit(Event::WavePreloaded { wave, tasks });
        }
    }

    fn enough_closed(&self, wave: u32) -> bool {
        let (closed, size) = self.state.wave_progress(wave);
        closed >= self.state.policy.threshold_of(size).min(size)
    }

    /// With gated waves: opens the next wave, or asks whether to.
    fn gate_waves(&mut self) {
        if self.state.policy.waves == Waves::Free {
            return;
        }
        for next in 1..self.state.plan.waves.len() {
            let wave = u32::try_from(next).unwrap_or(u32::MAX);
            if self.state.opened.contains(&wave) {
                continue;
            }
            if !self.enough_closed(wave - 1) {
                return;
            }
            match self.state.policy.waves {
                Waves::Free => {}
                Waves::Gate => self.emit(Event::WaveOpened { wave }),
                Waves::Ask => {
                    let asked = self.is_asked(|ask| matches!(ask, Ask::NextWave { .. }));
                    let settled = self.state.settled.iter().any(|(ask, _)| *ask == Ask::NextWave { wave });
                    if !asked && !settled {
                        self.ask(Ask::NextWave { wave });
                    }
                    return;
                }
            }
        }
    }

    /// Gives free slots to the best ready tasks; each start makes the queue shorter for what was parked.
    fn dispatch(&mut self) {
        loop {
            self.return_parked();
            if hold_back(self.state).is_some() {
                break;
            }
            let Some(at) = next_start(self.state) else { break };
            let Step::Ready { kind } = self.state.tasks[at].step else { break };
            let further = u32::from(!self.state.has(Mutant::AttemptReused));
            let attempt = Attempt((self.state.tasks[at].facts.attempts + further).max(1));
            let Some(Worker { agent, model }) = self.state.chosen(at) else { break };
            let (task, stack) = (self.state.id(at).clone(), parents(self.state, at));
            self.emit(Event::AttemptStarted { task, attempt, kind, agent, model, stack });
        }
    }

    fn ask_about_starvation(&mut self) {
        if self.is_asked(|ask| matches!(ask, Ask::Starvation { .. })) {
            return;
        }
        if let Some(ask) = starving(self.state, self.now) {
            self.ask(ask);
        }
    }
}

/// Whether the queue is short enough for those that gave their slot to others.
pub(crate) fn room_for_parked(state: &State) -> bool {
    let ready = || state.ready().filter(|at| start_lacks(state, *at).is_none());
    state.stop.is_none() && ready().count() < state.policy.slots as usize
}

/// Why nothing starts now, if so.
pub fn hold_back(state: &State) -> Option<HoldBack> {
    let policy = &state.policy;
    let busy = u32::try_from(state.busy_count()).unwrap_or(u32::MAX);
    let ramping = policy.ramp > 0 && state.totals.landings == 0;
    if state.stop.is_some() {
        return Some(HoldBack::Stopping);
    }
    if state.is_halted() && repair_to_start(state).is_none() {
        return Some(HoldBack::Paused);
    }
    if is_unchecked(state) && !state.has(Mutant::StartsOnUnchecked) {
        return Some(HoldBack::Unchecked);
    }
    if busy >= policy.slots + u32::from(state.has(Mutant::SlotsIgnored)) {
        return Some(HoldBack::SlotsFull);
    }
    if ramping && busy >= policy.ramp {
        return Some(HoldBack::Ramp);
    }
    if policy.open_changes > 0 && waiting_for_person(state) > policy.open_changes {
        return Some(HoldBack::OpenChanges);
    }
    if leaves_no_room(state) && !state.has(Mutant::BudgetIgnored) {
        return Some(HoldBack::Budget);
    }
    last_start(state)
        .map(|at| at.plus(policy.stagger_ms))
        .filter(|until| *until > state.clock.last)
        .map(HoldBack::Stagger)
}

/// Whether the target is being checked since nobody knows what landed on it, and not since it was red.
fn is_unchecked(state: &State) -> bool {
    let rechecked = matches!(state.lane.frozen, Some(Freeze::Rechecking(_)));
    rechecked && !state.paused.contains(&PauseCause::TargetRed)
}

/// The repair of a red target that may start although nothing else may.
fn repair_to_start(state: &State) -> Option<usize> {
    let at = state.position(state.lane.repair.as_ref()?)?;
    (state.only_red() && matches!(state.tasks[at].step, Step::Ready { .. }) && may_start(state, at))
        .then_some(at)
}

fn last_start(state: &State) -> Option<Millis> {
    state.clock.last_start.filter(|_| state.policy.stagger_ms > 0)
}

/// When the pause between two starts is over, if that is what the next start waits for.
pub(super) fn stagger_until(state: &State) -> Option<Millis> {
    match hold_back(state) {
        Some(HoldBack::Stagger(until)) if next_start(state).is_some() => Some(until),
        Some(_) | None => None,
    }
}

fn waiting_for_person(state: &State) -> u32 {
    let waiting = (0..state.tasks.len()).filter(|at| state.waits_for_person(*at));
    u32::try_from(waiting.count()).unwrap_or(u32::MAX)
}

/// Whether nothing but slots and order stands between a ready task and its start. A dependency may be open again
/// since the task became ready.
pub fn may_start(state: &State, at: usize) -> bool {
    let satisfied = start_lacks(state, at).is_none() || state.has(Mutant::ReopenedSatisfies);
    let red = state.paused.contains(&PauseCause::TargetRed) && !state.has(Mutant::RedTargetIgnored);
    let halted = red && !state.lane.is_repair(state.id(at));
    !halted && satisfied && gate_is_open(state, at) && state.chosen(at).is_some()
}

/// The best ready task that may start.
pub(crate) fn next_start(state: &State) -> Option<usize> {
    let key = |at: &usize| {
        let key = start_key(state, *at);
        if state.has(Mutant::SharingIgnored) { StartKey { shares: false, ..key } } else { key }
    };
    state.ready().filter(|at| may_start(state, *at)).min_by_key(key)
}

pub(crate) fn gate_is_open(state: &State, at: usize) -> bool {
    let wave = state.plan.tasks[at].wave;
    match state.policy.waves {
        Waves::Free => true,
        Waves::Gate | Waves::Ask => {
            wave == 0 || state.opened.contains(&wave) || state.tasks[at].facts.attempts > 0
        }
    }
}

/// Where a task stands in the order of starts: smaller is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartKey {
    /// What a person put ahead.
    preferred: Reverse<u32>,
    /// Repairs go before new tasks.
    fresh: bool,
    /// By the order's first criterion.
    first: u64,
    /// Among those that are equal so far, whoever is in nobody's way goes first.
    shares: bool,
    /// By the order's further criteria.
    then: (u64, usize),
}

impl StartKey {
    /// Whether this one goes before the other for nothing but the files that the other shares.
    pub(crate) fn is_clear_of(&self, other: &Self) -> bool {
        let equal = (self.preferred, self.fresh, self.first) == (other.preferred, other.fresh, other.first);
        equal && !self.shares && other.shares
    }
}

/// Where a task stands in the order of starts.
pub fn start_key(state: &State, at: usize) -> StartKey {
    let task = &state.tasks[at];
    let fresh = !matches!(task.step, Step::Ready { kind } if kind != Kind::First);
    let (first, then, at) = crate::rank::place(&state.plan, state.policy.order, state.priority(at), at);
    let shares = state.shared_file(at).is_some();
    StartKey { preferred: Reverse(task.facts.preferred), fresh, first, shares, then: (then, at) }
}
