//! Ten thousand adversarial worlds, each of which comes to its end with every rule kept.

use ppe_testkit::sim::{Options, Stats, run_seed};
use std::collections::{BTreeMap, BTreeSet};

fn play(from: u64, count: u64) -> Stats {
    let mut all = Stats::default();
    for seed in from..from + count {
        match run_seed(seed, Options::default()) {
            Ok(run) => all.add(run.stats),
            Err(failure) => panic!("{failure}"),
        }
    }
    all
}

#[test]
fn worlds_a() {
    let stats = play(0, 2_500);
    println!("{stats:?}");
}

/// For whoever changes the core: how many worlds fail, and why. `PPE_SEEDS=from..to cargo test survey -- --ignored`
#[test]
#[ignore = "a tool, not a test"]
fn survey() {
    let range = std::env::var("PPE_SEEDS").unwrap_or_else(|_| "0..2000".to_owned());
    let (from, to) = range.split_once("..").unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let mut kinds: std::collections::BTreeMap<String, Vec<u64>> = std::collections::BTreeMap::new();
    let mut all = Stats::default();
    for seed in from..to {
        match run_seed(seed, Options::default()) {
            Ok(run) => all.add(run.stats),
            Err(failure) => {
                let kind: String = failure.why.chars().filter(|c| !c.is_ascii_digit()).take(110).collect();
                kinds.entry(kind).or_default().push(seed);
            }
        }
    }
    for (kind, seeds) in kinds {
        println!("{:5}  {:?}  {kind}", seeds.len(), &seeds[..seeds.len().min(4)]);
    }
    println!("{all:?}");
}

/// One world, to look at. `PPE_SEED=7 cargo test one_world -- --ignored`
#[test]
#[ignore = "a tool, not a test"]
fn one_world() {
    let seed = std::env::var("PPE_SEED").map_or(0, |seed| seed.parse().unwrap());
    match run_seed(seed, Options::default()) {
        Ok(run) => println!("{}{:?}", run.log, run.stats),
        Err(failure) => println!("{failure}"),
    }
}

/// What happens in worlds, as words: each kind of event, and the kinds within it.
fn kinds(log: &str) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        for event in record["events"].as_array().unwrap() {
            let name = event["event"].as_str().unwrap();
            kinds.insert(name.to_owned());
            for field in [
                "why", "stop", "park", "wish", "closure", "leave", "work", "mode", "matter", "kind", "answer",
            ] {
                if let Some(word) = word(&event[field]) {
                    kinds.insert(format!("{name} {field} {word}"));
                }
            }
            for (field, within) in [("ask", "kind"), ("failure", "class"), ("cause", "cause")] {
                if let Some(word) = event[field][within].as_str() {
                    kinds.insert(format!("{name} {word}"));
                }
            }
        }
    }
    kinds
}

fn word(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) if !text.contains(' ') => Some(text.clone()),
        serde_json::Value::Object(one) if one.len() == 1 => one.keys().next().cloned(),
        _ => None,
    }
}

#[test]
fn kinds_of_events() {
    let mut all: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..3_000 {
        let run = run_seed(seed, Options::default()).unwrap_or_else(|failure| panic!("{failure}"));
        for kind in kinds(&run.log) {
            *all.entry(kind).or_default() += 1;
        }
    }
    println!("{all:#?}");
}
