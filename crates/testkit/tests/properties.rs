//! What holds of every log and every state: replay, prefixes, and inputs that come too late or from nowhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use ppe_core::decide::decide;
use ppe_core::invariant::{self, check_touched};
use ppe_core::sim::Seed;
use ppe_core::state::State;
use ppe_testkit::sim::{Options, Run, inputs, records, replay, run_seed};

fn world(seed: u64) -> Run {
    run_seed(seed, Options::default()).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn every_prefix_of_a_log_folds_and_keeps_the_rules() {
    for seed in 0..400 {
        let run = world(seed);
        let mut state = State::new(run.plan.clone());
        for record in records(&run.log) {
            state.apply(&record).unwrap();
            assert_eq!(invariant::check(&state), [], "seed {seed} at {:?}", record.at);
            assert_eq!(check_touched(&state, &record), [], "seed {seed} at {:?}", record.at);
        }
    }
}

#[test]
fn a_log_leads_to_the_state_that_wrote_it() {
    for seed in 400..800 {
        let mut run = world(seed);
        let replayed = replay(&run.plan, &run.log).unwrap();
        run.state.totals.stale = replayed.totals.stale;
        assert_eq!(run.state, replayed, "seed {seed}");
    }
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    for seed in 800..900 {
        let (once, again) = (world(seed), world(seed));
        assert_eq!(once.log, again.log, "seed {seed}");
        assert_eq!(once.stats, again.stats, "seed {seed}");
    }
    assert_ne!(world(800).log, world(801).log);
}

/// States of a run at some of its records.
fn states(run: &Run, every: usize, mut look: impl FnMut(&State)) {
    let mut state = State::new(run.plan.clone());
    for (at, record) in records(&run.log).iter().enumerate() {
        state.apply(record).unwrap();
        if at % every == 0 {
            look(&state);
        }
    }
}

#[test]
fn nothing_follows_from_what_is_over() {
    let mut seed = Seed::new(1);
    for number in 900..1_050 {
        states(&world(number), 9, |state| {
            for _ in 0..30 {
                let at = usize::try_from(seed.below(state.tasks.len() as u64)).unwrap();
                let stale = inputs::stale(state, at);
                let (name, input) = seed.pick(&stale).unwrap().clone();
                let mut after = state.clone();
                let decision = decide(&mut after, state.clock.last, input);
                assert_eq!(decision.record.events, [], "world {number}: {name}");
                after.totals.stale = state.totals.stale;
                assert_eq!(after, *state, "world {number}: {name}");
            }
        });
    }
}

#[test]
fn every_input_finds_an_answer_in_every_state() {
    let mut seed = Seed::new(2);
    for number in 1_050..1_250 {
        states(&world(number), 9, |state| {
            for _ in 0..30 {
                let at = usize::try_from(seed.below(state.tasks.len() as u64)).unwrap();
                let all = inputs::about(state, at);
                let (name, input) = seed.pick(&all).unwrap().clone();
                let mut after = state.clone();
                let later = state.clock.last.plus(seed.below(10_000));
                let record = decide(&mut after, later, input).record;
                assert_eq!(invariant::check(&after), [], "world {number}: {name}: {record:?}");
                let mut replayed = state.clone();
                if !record.events.is_empty() {
                    replayed.apply(&record).unwrap();
                }
                replayed.totals.stale = after.totals.stale;
                assert_eq!(after, replayed, "world {number}: {name}");
            }
        });
    }
}
