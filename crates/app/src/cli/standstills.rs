//! Every step of a task is held to this: past its bound it is said what the task waits for, and the command that is named
//! is one that this program reads and that the run takes. Knows nothing of how a standstill is shown.

use super::args::{Cli, Command as Word};
use super::control;
use clap::Parser;
use ppe_core::decide::{decide, stands_from};
use ppe_core::ids::Millis;
use ppe_core::input::{Command, Input, Reply};
use ppe_core::state::State;
use ppe_core::view::standstill;
use ppe_testkit::sim::steps::{STEPS, representatives};

/// The command to the run that a line is; none where it only shows something or takes the run up.
fn read(line: &str) -> Option<Command> {
    let parsed = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("`{line}`: {error}"));
    match parsed.command {
        Word::Control(command) => {
            Some(control::understand(command).unwrap_or_else(|error| panic!("`{line}`: {}", error.message)).0)
        }
        Word::Answer(args) => {
            Some(control::answer(&args).unwrap_or_else(|error| panic!("`{line}`: {}", error.message)))
        }
        Word::Doctor(_) | Word::Logs(_) | Word::Status(_) | Word::Resume(_) | Word::Plan(_) => None,
        other => panic!("`{line}` frees nobody: {other:?}"),
    }
}

fn takes(state: &State, now: Millis, command: Command) -> Reply {
    let mut state = state.clone();
    decide(&mut state, now, Input::Operator(command)).reply.expect("a command is answered")
}

#[test]
fn every_step_past_its_bound_says_what_it_waits_for_and_names_a_command_that_is_read_and_taken() {
    let states = representatives();
    let mut idle = std::collections::BTreeMap::new();
    for step in STEPS {
        let is_over = step.starts_with("closed") || step == "outside the run";
        for (state, at) in &states[step] {
            let Some(due) = stands_from(state, *at) else {
                assert!(is_over, "{step} has no bound");
                continue;
            };
            assert!(!is_over, "{step} has a bound");
            assert_eq!(standstill(state, *at, Millis(due.0 - 1)), None, "{step} stands before its bound");
            let found = standstill(state, *at, due).unwrap_or_else(|| panic!("{step}: nothing is said"));
            let (_, waits_for) = found.text.split_once("it waits for ").expect("it says what for");
            assert!(!waits_for.is_empty() && !found.command.is_empty(), "{step}: {found:?}");
            let Some(command) = read(&found.command) else { continue };
            let reply = takes(state, due, command);
            if !matches!(reply, Reply::Done(_)) {
                idle.entry((step, found.text, found.command)).or_insert(reply);
            }
        }
    }
    assert!(idle.is_empty(), "commands that free nobody: {idle:#?}");
}
