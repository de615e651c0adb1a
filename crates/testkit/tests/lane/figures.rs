//! What a landed change costs in check runs, and how long a burst of them takes. `PPE_REWRITE=1` writes the figures anew.

use crate::world::{Faults, World};
use ppe_core::policy::MergeStrategy;
use ppe_core::sim::Seed;
use std::fmt::Write as _;

/// Changes that arrive at once.
const TASKS: usize = 45;
/// Worlds behind each figure.
const WORLDS: u64 = 60;
/// Candidates that `speculative` checks at once.
const CHECK_SLOTS: u32 = 4;
const PERCENTS: [u64; 3] = [0, 5, 10];
const STRATEGIES: [(&str, MergeStrategy); 4] = [
    ("independent", MergeStrategy::Independent),
    ("priority", MergeStrategy::Priority),
    ("batch", MergeStrategy::Batch),
    ("speculative", MergeStrategy::Speculative),
];
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Mean runs for each landed change, and mean minutes until all have landed.
fn cell(strategy: MergeStrategy, percent: u64) -> (f64, f64) {
    let (mut runs, mut minutes) = (0, 0);
    for number in 0..WORLDS {
        let mut seed = Seed::new(number);
        let bad = (0..TASKS).filter(|_| seed.chance(percent)).collect();
        let faults = Faults { bad, ..Faults::default() };
        let mut world = World::new(TASKS, strategy, CHECK_SLOTS, faults, number);
        minutes += world.play();
        runs += u64::from(world.runs());
    }
    (float(runs) / float(TASKS as u64 * WORLDS), float(minutes) / float(WORLDS))
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn float(sum: u64) -> f64 {
    sum as f64
}

/// A check answers yes or no: fewer than the entropy of who is bad cannot tell them apart, and one must be green.
fn least(percent: u64) -> f64 {
    let p = float(percent) / 100.0;
    let entropy = if percent == 0 { 0.0 } else { -p * p.log2() - (1.0 - p) * (1.0 - p).log2() };
    entropy.max(1.0 / float(TASKS as u64))
}

fn table() -> String {
    let mut text = String::from("| strategy |");
    for percent in PERCENTS {
        write!(text, " {percent} % red |").expect("a string takes text");
    }
    text += "\n|---|---|---|---|\n";
    for (name, strategy) in STRATEGIES {
        write!(text, "| `{name}` |").expect("a string takes text");
        for percent in PERCENTS {
            let (runs, minutes) = cell(strategy, percent);
            write!(text, " {runs:.2} / {minutes:.0} |").expect("a string takes text");
        }
        text.push('\n');
    }
    text += "| no procedure with less |";
    for percent in PERCENTS {
        write!(text, " {:.2} |", least(percent)).expect("a string takes text");
    }
    text.push('\n');
    text
}

#[test]
fn the_figures_of_the_lane_are_as_the_code_has_them() {
    let table = table();
    println!("{table}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/design/lane.md");
    let page = std::fs::read_to_string(path).expect("docs/design/lane.md");
    let (before, rest) = page.split_once(BEGIN).expect("the beginning of the figures");
    let (written, after) = rest.split_once(END).expect("the end of the figures");
    if std::env::var_os("PPE_REWRITE").is_some() {
        std::fs::write(path, [before, BEGIN, &table, END, after].concat()).expect("the page can be written");
    } else {
        assert!(written == table, "docs/design/lane.md is out of date: run this test with PPE_REWRITE=1");
    }
}
