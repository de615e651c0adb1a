//! The rules find what they are for: each planted bug is found within a number of worlds. One that is not found lacks a
//! rule, not a seed.

use ppe_core::mutant::Mutant;
use ppe_testkit::sim::{Failure, Options, run_seed};

/// The first world in which a planted bug shows.
fn first_failure(mutant: Mutant, worlds: u64) -> Option<Box<Failure>> {
    (0..worlds).find_map(|seed| run_seed(seed, Options { mutant: Some(mutant) }).err())
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        match first_failure(mutant, 1_500) {
            Some(found) => {
                let why: String = found.why.lines().next().unwrap_or("").chars().take(120).collect();
                println!("{mutant:?}: seed {}: {why}", found.seed);
            }
            None => missed.push(mutant),
        }
    }
    assert_eq!(missed, []);
}
