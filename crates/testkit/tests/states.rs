//! The table of states: what each input makes of a task in each step, found by feeding them all to states that worlds
//! have come to. `PPE_REWRITE=1` writes the page anew.

use ppe_core::decide::decide;
use ppe_core::state::{Park, Phase, Stage, State, Step, Task};
use ppe_testkit::sim::{Options, inputs, records, run_seed};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// States looked at for each step.
const KEPT: usize = 60;
/// Worlds that are looked through for them.
const WORLDS: u64 = 600;

/// The steps in the order of a task's life.
const STEPS: [&str; 35] = [
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

fn label(state: &State, at: usize) -> &'static str {
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
fn representatives() -> BTreeMap<&'static str, Vec<(State, usize)>> {
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

fn holds_slot(task: &Task) -> bool {
    task.running().is_some()
}

/// For each step: each input, and the steps that the task may be in afterwards.
type Table = BTreeMap<&'static str, BTreeMap<&'static str, BTreeSet<&'static str>>>;

fn table(states: &BTreeMap<&'static str, Vec<(State, usize)>>) -> Table {
    let mut table = Table::new();
    for (step, of) in states {
        let row = table.entry(step).or_default();
        for (state, at) in of {
            for (name, input) in inputs::about(state, *at) {
                let mut after = state.clone();
                decide(&mut after, state.clock.last.plus(1), input);
                row.entry(name).or_default().insert(label(&after, *at));
            }
        }
    }
    table
}

fn page(states: &BTreeMap<&'static str, Vec<(State, usize)>>) -> String {
    let table = table(states);
    let mut page = String::from(
        "# What each input makes of a task\n\n\
         Written by a test (`crates/testkit/tests/states.rs`, with `PPE_REWRITE=1`), which feeds every input to states that\n\
         simulated runs have come to. Where several steps are named, the rest of the state decides: tries that are left,\n\
         slots that are free, what the measured work is worth. A task that becomes ready may start in the same moment.\n\n\
         After an input that a section does not name, the task is still in the same step. So it is after each input of\n\
         an attempt, a candidate or a question that is over.\n",
    );
    for step in STEPS {
        let Some(row) = table.get(step) else { continue };
        let slot = states[step].iter().any(|(state, at)| holds_slot(&state.tasks[*at]));
        let slot = if slot { "Holds a slot." } else { "Holds no slot." };
        write!(page, "\n## {step}\n\n{slot}\n\n| input | the task is then |\n|---|---|\n")
            .expect("a string takes text");
        let moves = row.iter().filter(|(_, after)| after.iter().any(|then| *then != step));
        for (input, after) in moves {
            let after: Vec<&str> = STEPS.into_iter().filter(|step| after.contains(step)).collect();
            writeln!(page, "| {input} | {} |", after.join(" · ")).expect("a string takes text");
        }
    }
    page
}

#[test]
fn the_table_of_states_is_as_the_code_has_it() {
    let states = representatives();
    let missing: Vec<&str> = STEPS.into_iter().filter(|step| !states.contains_key(step)).collect();
    assert_eq!(missing, [] as [&str; 0], "steps that no world came to");
    let page = page(&states);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/design/states.md");
    if std::env::var_os("PPE_REWRITE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/design/states.md is out of date: run this test with PPE_REWRITE=1");
}
