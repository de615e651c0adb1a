//! For whoever changes the core: which of many worlds fail, and why; or one world, to look at.
//!
//! `cargo run -p ppe-testkit --example worlds -- 0 2000` plays seeds 0 to 1999; with one number it prints that world's log.

use ppe_testkit::sim::{Options, Stats, run_seed};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let seeds: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let text = match seeds.as_slice() {
        [seed] => one(*seed),
        [from, to] => many(*from, *to),
        _ => "worlds SEED | worlds FROM TO\n".to_owned(),
    };
    std::io::stdout().write_all(text.as_bytes())
}

fn one(seed: u64) -> String {
    match run_seed(seed, Options::default()) {
        Ok(run) => format!("{}{:?}\n", run.log, run.stats),
        Err(failure) => format!("{failure}\n"),
    }
}

fn many(from: u64, to: u64) -> String {
    let (mut whys, mut all) = (BTreeMap::<String, Vec<u64>>::new(), Stats::default());
    for seed in from..to {
        match run_seed(seed, Options::default()) {
            Ok(run) => all.add(run.stats),
            Err(failure) => {
                let why: String = failure.why.chars().filter(|c| !c.is_ascii_digit()).take(110).collect();
                whys.entry(why).or_default().push(seed);
            }
        }
    }
    let mut text = String::new();
    for (why, seeds) in whys {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{:5}  {:?}  {why}", seeds.len(), &seeds[..seeds.len().min(4)]);
    }
    let _written = writeln!(text, "{all:?}");
    text
}
