//! `ppe simulate`: the bounds of the example plan, lists of jobs, the same bytes for the same seed, and what is refused.

use super::place;

const WEEK_S: f64 = 5.0 * 8.0 * 3_600.0;

fn example() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/apigen/Phases").to_owned()
}

#[test]
fn the_example_plan_stays_near_its_bounds() {
    let env = place();
    for (slots, bound, most) in
        [("1", 120.0, 120.0), ("7", 17.14, 19.0), ("10", 12.0, 13.5), ("31", 10.0, 10.5)]
    {
        let report = env.ppe(&["simulate", &example(), "--slots", slots, "--json"]).exits(0).json();
        let weeks = |key: &str| report[key].as_f64().unwrap() / WEEK_S;
        assert!((weeks("lower_bound_s") - bound).abs() < 0.1, "{slots}: bound {}", weeks("lower_bound_s"));
        assert!(weeks("makespan_s") <= most + 0.01, "{slots}: makespan {}", weeks("makespan_s"));
        assert!(report["ratio"].as_f64().unwrap() >= 1.0);
        assert_eq!(report["schema"], "ppe.simulation.v1");
    }
}

#[test]
fn people_read_weeks_beside_the_bound() {
    let ended = place().ppe(&["simulate", &example(), "--slots", "1"]);
    ended.exits(0).says("Makespan       120 weeks").says("Lower bound    120 weeks");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let env = place();
    let play = |seed: &str| {
        env.ppe(&["simulate", &example(), "--spread", "40", "--seed", seed, "--json"]).exits(0).stdout.clone()
    };
    assert_eq!(play("7"), play("7"));
    assert_ne!(play("7"), play("8"));
}

#[test]
fn a_list_of_jobs() {
    let env = place();
    env.write(
        "jobs.json",
        r#"[{"id": "a", "duration": 3, "deps": []}, {"id": "b", "duration": 4, "deps": ["a"]}]"#,
    );
    let report = env.ppe(&["simulate", "jobs.json", "--slots", "40", "--json"]).exits(0).json();
    assert_eq!(report["makespan_s"], 7);
    env.write("jobs.json", r#"[{"id": "a", "duration": 3, "deps": ["z"]}]"#);
    env.ppe(&["simulate", "jobs.json"])
        .exits(3)
        .says("jobs.json: job `a` needs `z`, which is not in the list");
    env.write("jobs.json", "[{\"id\": \"a\"}]");
    env.ppe(&["simulate", "jobs.json"])
        .exits(3)
        .says("missing field `duration`")
        .says("line 1")
        .says("hint: ");
    env.ppe(&["simulate", "jobs.json", "--slots", "0"]).exits(2).says("--slots");
}

#[test]
fn a_wave_that_lands_at_once_keeps_its_dependents_waiting() {
    let env = place();
    let makespan = |strategy| {
        let args = ["simulate", &example(), "--slots", "7", "--merge-strategy", strategy, "--json"];
        env.ppe(&args).exits(0).json()["makespan_s"].as_u64().unwrap()
    };
    let [one, urgent, wave, chain] = ["independent", "priority", "batch", "speculative"].map(makespan);
    assert!(one == urgent && one == chain && one < wave, "{one} {urgent} {wave} {chain}");
    env.ppe(&["simulate", &example(), "--merge-strategy", "batch"]).exits(0).says("merged (batch)");
    env.ppe(&["simulate", &example(), "--merge-strategy", "bacth"]).exits(2).says("did you mean batch?");
}
