//! The steps of a task by name, and states in which tasks are in each, from many worlds. Knows nothing of what tests make of
//! them.

use super::{Options, records, run_seed};
use ppe_core::state::{Park, Phase, Stage, State, Step};
use std::collections::{BTreeMap, BTreeSet};

/// States looked at for each step.
const KEPT: usize = 150;
/// Worlds that are looked through for them.
const WORLDS: u64 = 1_000;

/// The steps in the order of a task's life.
pub const STEPS: [&str; 36] = [
    "waiting",
    "ready",
    "starting",
    "starting, to stop",
    "working",
    "working, to stop",
    "leftovers",
    "leftovers, to stop",
    "collecting",
    "collecting, to stop",
    "verifying",
    "verifying, to stop",
    "reviewing",
    "reviewing, to stop",
    "backoff",
    "parked for room",
    "parked by the user",
    "taken",
    "parked on a question",
    "publishing",
    "published",
    "open, not approved",
    "open, lands later",
    "in the lane, queued",
    "in the lane, being built",
    "in the lane, being checked",
    "in the lane, being checked again",
    "in the lane, red, behind another",
    "in the lane, its base being checked",
    "in the lane, green, behind another",
    "in the lane, being landed",
    "held as stuck",
    "held for review",
    "closed, satisfying",
    "closed, not satisfying",
    "outside the run",
];

/// The step that a task is in.
pub fn label(state: &State, at: usize) -> &'static str {
    match &state.tasks[at].step {
        Step::Outside => "outside the run",
        Step::Waiting => "waiting",
        Step::Ready { .. } => "ready",
        Step::Running(running) => match (running.phase, running.stop.is_some()) {
            (Phase::Starting, false) => "starting",
            (Phase::Starting, true) => "starting, to stop",
            (Phase::Working, false) => "working",
            (Phase::Working, true) => "working, to stop",
            (Phase::Leftovers, false) => "leftovers",
            (Phase::Leftovers, true) => "leftovers, to stop",
            (Phase::Collecting(_), false) => "collecting",
            (Phase::Collecting(_), true) => "collecting, to stop",
            (Phase::Verifying, false) => "verifying",
            (Phase::Verifying, true) => "verifying, to stop",
            (Phase::Reviewing, false) => "reviewing",
            (Phase::Reviewing, true) => "reviewing, to stop",
        },
        Step::Backoff { .. } => "backoff",
        Step::Parked { park: Park::Room, .. } => "parked for room",
        Step::Parked { park: Park::Operator, .. } => "parked by the user",
        Step::Parked { park: Park::Taken, .. } => "taken",
        Step::Parked { park: Park::Question(_), .. } => "parked on a question",
        Step::Publishing => "publishing",
        Step::Published => "published",
        Step::Open if state.lands_later(at) => "open, lands later",
        Step::Open => "open, not approved",
        Step::InLane => lane_label(state, at),
        Step::Held { hold: ppe_core::state::Hold::Stuck, .. } => "held as stuck",
        Step::Held { .. } => "held for review",
        Step::Closed(closure) if closure.satisfies() => "closed, satisfying",
        Step::Closed(_) => "closed, not satisfying",
    }
}

fn lane_label(state: &State, at: usize) -> &'static str {
    let candidate = state.lane.chain.iter().find(|c| c.members.contains(state.id(at)));
    match candidate.map(|c| &c.stage) {
        None => "in the lane, queued",
        Some(Stage::Building) => "in the lane, being built",
        Some(Stage::Checking { run: ..=1, .. }) => "in the lane, being checked",
        Some(Stage::Checking { .. }) => "in the lane, being checked again",
        Some(Stage::Red { .. }) => "in the lane, red, behind another",
        Some(Stage::Green { .. }) => "in the lane, green, behind another",
        Some(Stage::CheckingBase { .. }) => "in the lane, its base being checked",
        Some(Stage::Landing { .. }) => "in the lane, being landed",
    }
}

/// States in which a task is in each step, from many worlds.
pub fn representatives() -> BTreeMap<&'static str, Vec<(State, usize)>> {
    let mut found: BTreeMap<&str, Vec<(State, usize)>> = BTreeMap::new();
    for seed in 0..WORLDS {
        let run = run_seed(seed, Options::default()).unwrap_or_else(|failure| panic!("{failure}"));
        let mut state = State::new(run.plan.clone());
        let mut kept: BTreeSet<&str> = BTreeSet::new();
        for record in records(&run.log) {
            state.apply(&record).expect("a log replays");
            for at in 0..state.tasks.len() {
                let of = found.entry(label(&state, at)).or_default();
                if of.len() < KEPT && kept.insert(label(&state, at)) {
                    of.push((state.clone(), at));
                }
            }
        }
    }
    found
}
