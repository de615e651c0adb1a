//! The table of states: what each input makes of a task in each step, found by feeding them all to states that worlds
//! have come to. `PPE_REWRITE=1` writes the page anew.

use ppe_core::card::{Column, Seen};
use ppe_core::decide::decide;
use ppe_core::input::{Input, Observed};
use ppe_core::state::{State, Task};
use ppe_testkit::sim::inputs;
use ppe_testkit::sim::steps::{STEPS, label, representatives};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

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
fn nothing_that_a_board_shows_moves_a_task() {
    for (state, at) in representatives().into_values().flatten() {
        let mut after = state.clone();
        // There, moved by somebody, and moved again.
        for column in Column::ALL.into_iter().rev().chain(Column::ALL) {
            let card = Seen { task: state.id(at).clone(), card: "card".to_owned(), column };
            let seen = Input::Observed(Observed::Board { cards: vec![card], text_kept: Vec::new() });
            decide(&mut after, state.clock.last, seen);
            assert_eq!(after.tasks, state.tasks, "{column:?}");
        }
    }
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
